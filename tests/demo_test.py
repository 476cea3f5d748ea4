# SPDX-License-Identifier: MIT

"""The demo runs by itself, shows what it promises, leaves nothing, and can fail."""

import os
import re
import shutil
import subprocess

import pytest

from support.mailchute import BUILD, TOP, needs_program

pytestmark = needs_program("sendmail", "mailchute")

OUTSIDE = ("/etc", "/etc/mailchute", "/usr/sbin", "/usr/lib", "/usr/bin", "/usr/local/sbin",
           "/usr/local/bin", "/run", "/var/spool", "/var/spool/mailchute", "/root", "/opt")


def outside():
    """What stands in the folders of the system that a mail program would touch."""
    return {folder: sorted(os.listdir(folder)) if os.path.isdir(folder) else None
            for folder in OUTSIDE}


@pytest.fixture(scope="module")
def folder():
    made = BUILD / "demo"
    yield made
    shutil.rmtree(made / "run", ignore_errors=True)


def demo(folder, **variables):
    before = outside()
    done = subprocess.run([str(TOP / "packaging/demo")], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=500, env={**os.environ, "MAILCHUTE_DEMO": str(folder),
                                            **variables})
    assert outside() == before
    assert processes_in(folder) == []
    return done


def processes_in(folder):
    """Processes that run a program of this folder, or name it in their arguments."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    command = file.read()
            except OSError:
                continue
            if str(folder).encode() + b"/run" in command:
                found.append(command)
    return found


def test_shows_the_conversation_and_three_messages(folder):
    done = demo(folder)
    assert done.returncode == 0, done.stdout
    tokens = re.findall(r"^\S.* ((?:pipe|php|s-nail)-[0-9a-f]{16})$", done.stdout, re.MULTILINE)
    assert len(set(tokens)) == 3, done.stdout
    for token in tokens:
        assert f"  Hello. {token}\n" in done.stdout
    for line in ("S: 220 ", "C: EHLO ", "C: MAIL FROM:<web@demo.example>", "S: 250 2.0.0 kept"):
        assert f"  {line}" in done.stdout
    assert done.stdout.count("maildir/new/") == 3
    assert done.stdout.count("\n") < 200
    # Another run has other tokens.
    again = demo(folder)
    assert again.returncode == 0 and not any(token in again.stdout for token in tokens)


def test_fails_when_the_sink_is_stopped(folder):
    done = demo(folder, MAILCHUTE_DEMO_STOP="sink")
    assert done.returncode == 1, done.stdout
    assert re.search(r"demo: missing in the sink: pipe-\w+ php-\w+ s-nail-\w+", done.stdout)
    assert "Connection refused" in done.stdout
