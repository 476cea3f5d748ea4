# SPDX-License-Identifier: MIT

"""All of src/ compiled against musl, as Alpine has it, and a sendmail of it, linked and run.

Debian has musl and a compiler for it, but none of the libraries: their headers, which are the same,
stand in for them, and mailchute itself is not linked.  sendmail needs libc alone.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.mailchute import TOP, environment, fields, run, split

BUILD = TOP / "build/musl"
INCLUDE = BUILD / "include"
HEADERS = ("asm-generic", "confuse.h", "gsasl*.h", "idn2.h", "iniparser", "linux", "seccomp*.h",
           "openssl/*.h", "*-linux-gnu/asm", "*-linux-gnu/openssl/*.h")
#: that sendmail is made of
FOLDERS = ("sendmail", "smtp_client", "net", "smtp", "message", "base")
MESSAGE = b"From: a@here.example\nTo: b@far.example\nSubject: musl\n\n.\ntext\n"

if shutil.which("musl-gcc") is None:
    if os.environ.get("MAILCHUTE_NO_SKIPS"):
        pytest.fail("no musl-gcc; tests/packages packaging installs it", pytrace=False)
    pytest.skip("no musl-gcc; tests/packages packaging installs it", allow_module_level=True)


def checked(*words):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-8000:]


def link_headers():
    """What the system has beside glibc's own headers, which must not be seen."""
    shutil.rmtree(INCLUDE, ignore_errors=True)
    for pattern in HEADERS:
        for path in sorted(Path("/usr/include").glob(pattern)):
            parts = path.relative_to("/usr/include").parts
            link = INCLUDE.joinpath(*(parts[1:] if parts[0].endswith("-linux-gnu") else parts))
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)


def sources():
    return sorted(path for path in (TOP / "src").glob("**/*.c") if path.name != "main.c")


@pytest.fixture(scope="session")
def build():
    """Every folder's library; any warning is an error."""
    link_headers()
    checked("cmake", "--preset", "release", "-S", TOP, "-B", BUILD, "-DMAILCHUTE_WERROR=ON",
            "-DCMAKE_C_COMPILER=musl-gcc", f"-DCMAKE_C_FLAGS=-isystem {INCLUDE}",
            "-DCMAKE_C_FLAGS_RELEASE=-O1", "-DBUILD_TESTING=OFF", f"-DOPENSSL_INCLUDE_DIR={INCLUDE}",
            f"-DINIPARSER_INCLUDE={INCLUDE}/iniparser", "-DINIPARSER_LIBRARY=iniparser")
    folders = {str(path.parent.relative_to(TOP / "src")) for path in sources()}
    checked("cmake", "--build", BUILD, "--target",
            *sorted(folder.replace("/", "_") for folder in folders))
    return BUILD


@pytest.fixture(scope="session")
def musl(build, programs, tmp_path_factory):
    """A root with the static sendmail and its links; mailchute in there is the system's own."""
    root = programs.folder / "musl"
    for name in ("sbin", "bin"):
        (root / name).mkdir(parents=True)
    libraries = [build / f"src/lib{folder}.a" for folder in FOLDERS]
    checked("musl-gcc", "-static", "-I", TOP / "src", TOP / "src/sendmail/main.c", *libraries,
            "-o", root / "sbin/sendmail")
    for name in ("mailq", "newaliases"):
        (root / "bin" / name).symlink_to("../sbin/sendmail")
    (root / "bin/mailchute").symlink_to(programs.mailchute)
    return root


def test_every_source_compiles(build):
    commands = json.loads((build / "compile_commands.json").read_text())
    compiled = {Path(each["file"]): each for each in commands}
    for path in sources():
        words = compiled[path]["command"].split()
        assert words[0].endswith("/musl-gcc") and "-Werror" in words and "-Wconversion" in words
        target = Path(compiled[path]["directory"], words[words.index("-o") + 1])
        assert target.exists(), path


def test_no_header_of_the_other_libc_was_seen(build):
    text = (build / ".ninja_deps").read_bytes()
    assert b"/musl/" in text or b"linux-musl/" in text
    assert re.findall(rb"/usr/include/(?:features|stdio|bits/[a-z]+)\.h", text) == []


def test_sendmail_is_static(musl):
    output = subprocess.run(["readelf", "-lW", musl / "sbin/sendmail"], capture_output=True,
                            text=True, check=True).stdout
    assert " LOAD " in output and " INTERP " not in output


def arrived(sink):
    (message,) = sink.wait_for_messages(1)
    assert split(message)[1] == b".\ntext\n"
    assert fields(message, "Subject") == ["musl"]


def test_to_a_service(musl, service, sink):
    result = run([musl / "sbin/sendmail", "-t", "-i"], MESSAGE, env=environment(socket=service.socket))
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    arrived(sink)


@pytest.mark.parametrize("variables", [{"mode": "direct"}, {"mode": "spool", "idle": "100ms"}],
                         ids=["direct", "spool"])
def test_to_a_mailchute_that_it_starts(musl, sink, folder, variables):
    environ = environment(url=sink.url, socket=folder / "none.sock", spool=folder / "spool",
                          **variables)
    result = run([musl / "sbin/sendmail", "-t", "-i"], MESSAGE, env=environ)
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    arrived(sink)


def test_a_session_on_stdio(musl, service, sink):
    session = (b"EHLO x\r\nMAIL FROM:<a@here.example>\r\nRCPT TO:<b@far.example>\r\nDATA\r\n"
               b"Subject: musl\r\n\r\n..\r\ntext\r\n.\r\nQUIT\r\n")
    result = run([musl / "sbin/sendmail", "-bs"], session, env=environment(socket=service.socket))
    assert result.status == 0 and b"\r\n221 " in result.stdout, result
    arrived(sink)


def test_by_its_other_names(musl, service):
    environ = environment(socket=service.socket)
    assert run([musl / "bin/mailq"], env=environ).stdout == b"Mail queue is empty\n"
    assert run([musl / "bin/newaliases"], env=environ).status == 0


def test_a_failure_is_told(musl, folder):
    result = run([musl / "sbin/sendmail", "-t", "-i"], MESSAGE,
                 env=environment(mode="service", socket=folder / "none.sock"))
    assert result.status == 78 and f"at {folder}/none.sock, " in result.stderr, result
