# SPDX-License-Identifier: MIT

"""sendmail runs as whoever calls it, everywhere: libc alone, no set-id bit."""

import subprocess

from support.mailchute import needs_program

# Nothing of ours: a C library and what the kernel brings (names of glibc and of musl).
LIBC = ("linux-vdso.so", "linux-gate.so", "libc.so", "ld-linux", "/ld-musl", "libc.musl")
# What a sanitizer build adds to every program.
SANITIZERS = ("libasan.so", "libubsan.so", "libm.so", "libgcc_s.so", "libstdc++.so", "libpthread",
              "libdl.so", "librt.so")


def foreign(listing, is_sanitized):
    allowed = LIBC + (SANITIZERS if is_sanitized else ())
    return [line.strip() for line in listing.splitlines()
            if line.strip() and not any(name in line for name in allowed)
            and "statically linked" not in line]


def libraries(program):
    done = subprocess.run(["ldd", str(program)], capture_output=True, text=True)
    return done.stdout + done.stderr


@needs_program("sendmail")
def test_sendmail_links_libc_only(programs):
    listing = libraries(programs.sendmail)
    assert "lib" in listing
    assert foreign(listing, "libasan" in listing) == []


@needs_program("sendmail", "mailchute")
def test_nothing_has_a_set_id_bit(programs):
    seen = [path for path in programs.folder.rglob("*") if path.is_file()]
    assert programs.sendmail in seen and programs.mailchute in seen
    assert [path for path in seen if path.stat().st_mode & 0o6000] == []


def test_a_program_with_more_than_libc_is_found():
    listing = libraries("/usr/bin/openssl")
    assert any("libssl" in line for line in foreign(listing, False))
    assert any("libssl" in line for line in foreign(listing, True))


def test_libc_alone_is_no_fault():
    assert foreign(libraries("/usr/bin/true"), False) == []
