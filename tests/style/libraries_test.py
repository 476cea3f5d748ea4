# SPDX-License-Identifier: MIT

"""sendmail runs as whoever calls it, everywhere: libc alone, no set-id bit."""

import subprocess

from support.mailchute import needs_program

# A C library and what the kernel brings (names of glibc and of musl).
LIBC = ("linux-vdso.so", "linux-gate.so", "libc.so", "ld-linux", "/ld-musl", "libc.musl")
# Names that begin so come from the libraries that mailchute links and sendmail must not.
FOREIGN = ("SSL_", "EVP_", "X509_", "gsasl_", "cfg_", "iniparser_", "seccomp_")


def foreign(listing):
    return [line.strip() for line in listing.splitlines()
            if line.strip() and not any(name in line for name in LIBC)
            and "statically linked" not in line]


def libraries(program):
    done = subprocess.run(["ldd", str(program)], capture_output=True, text=True)
    return done.stdout + done.stderr


def foreign_symbols(program):
    done = subprocess.run(["nm", "--dynamic", "--undefined-only", str(program)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = [line.split()[-1] for line in done.stdout.splitlines()]
    return [name for name in names if name.startswith(FOREIGN)]


@needs_program("sendmail")
def test_sendmail_links_libc_only(programs):
    listing = libraries(programs.sendmail)
    assert "lib" in listing
    assert foreign_symbols(programs.sendmail) == []
    # A sanitizer brings its own, and is linked without --as-needed.
    if "libasan" not in listing:
        assert foreign(listing) == []


@needs_program("sendmail", "mailchute")
def test_nothing_has_a_set_id_bit(programs):
    seen = [path for path in programs.folder.rglob("*") if path.is_file()]
    assert programs.sendmail in seen and programs.mailchute in seen
    assert [path for path in seen if path.stat().st_mode & 0o6000] == []


def test_a_program_with_more_than_libc_is_found():
    assert any("libssl" in line for line in foreign(libraries("/usr/bin/openssl")))
    assert "SSL_new" in [name.split("@")[0] for name in foreign_symbols("/usr/bin/openssl")]


def test_libc_alone_is_no_fault():
    assert foreign(libraries("/usr/bin/true")) == []
    assert foreign_symbols("/usr/bin/true") == []
