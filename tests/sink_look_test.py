# SPDX-License-Identifier: MIT

"""`mailchute sink list`, `show`, `follow`: what was caught or captured."""

import re
import signal

import pytest

from support.mailchute import Daemon, environment, run


def write(maildir, name, text, part="new"):
    """As who writes a Maildir does it: whole at once."""
    for folder in ("new", "cur", "tmp"):
        (maildir / folder).mkdir(parents=True, exist_ok=True)
    (maildir / "tmp" / name).write_bytes(text)
    (maildir / "tmp" / name).rename(maildir / part / name)


def look(programs, *words, **variables):
    return run([programs.mailchute, "sink", *words], env=environment(**variables))


def test_what_was_captured_is_listed_and_shown(programs, folder):
    variables = dict(socket=folder / "none.sock", capture=folder / "m", domain="here.example")
    for name in ("b", "c"):
        assert run([programs.sendmail, "-f", "a@there.example", f"{name}@far.example"],
                   f"Subject: =?UTF-8?Q?gr=C3=BC=C3=9Fe?= {name}\n\nto {name}\n".encode(),
                   env=environment(**variables)).status == 0
    result = look(programs, "list", **variables)
    lines = result.stdout.decode().splitlines()
    assert result.status == 0 and len(lines) == 2, result
    assert re.fullmatch(r"   1  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  a@there\.example +> "
                        r"b@far\.example  \| grüße b", lines[0]), lines
    for which in ("2", "-1"):
        shown = look(programs, "show", which, **variables).stdout
        assert b"\nDelivered-To: c@far.example\n" in shown and shown.endswith(b"\n\nto c\n"), shown
        assert shown.startswith(b"X-Mailchute-Captured: ") and b"\r" not in shown
    captured = sorted((folder / "m/new").iterdir())[0]
    assert look(programs, "show", captured.name[:25], folder / "m").stdout.endswith(b"\nto b\n")
    assert look(programs, "show", "1", "--raw", folder / "m").stdout == captured.read_bytes()
    assert look(programs, "show", "--raw", "-1", folder / "m").stdout == \
        look(programs, "show", "-1", "--raw", folder / "m").stdout


def test_nothing_that_a_message_holds_reaches_the_terminal(programs, folder):
    write(folder / "m", "1", b"From: \x1b[2Jx\nSubject: =?UTF-8?Q?=1B]0;x=07?=\n\nbo\x1b[31mdy\x9b\n")
    for words in (["list"], ["show", "1"]):
        result = look(programs, *words, folder / "m")
        assert result.status == 0 and not re.search(rb"[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.stdout)
    assert rb"bo\x1b[31mdy" in result.stdout.lower()


def test_each_that_comes_is_shown_once(programs, folder):
    """Before the Maildir is there, read by another meanwhile, and with its text."""
    follower = Daemon(folder, "follow")
    follower.spawn([programs.mailchute, "sink", "follow", "--body", folder / "m"], environment())
    try:
        follower.wait_for_text("following")
        write(folder / "m", "1", b"Subject: one\n\ntext of one\n")
        follower.wait_for_text("text of one")
        (folder / "m/new/1").rename(folder / "m/cur/1:2,S")
        write(folder / "m", "2", b"Subject: two\n\ntext of two\n")
        follower.wait_for_text("text of two")
        assert len(re.findall(r"\| one$", follower.text(), re.MULTILINE)) == 1
    finally:
        follower.kill()


def test_what_is_there_already_is_not_followed(programs, folder):
    write(folder / "m", "1", b"Subject: one\n\nbody\n")
    follower = Daemon(folder, "follow")
    follower.spawn([programs.mailchute, "sink", "follow"], environment(capture=folder / "m"))
    try:
        follower.wait_for_text(f"following {folder / 'm'}")
        write(folder / "m", "2", b"Subject: two\n\nbody\n")
        follower.wait_for_text(r"\| two")
        assert "| one" not in follower.text() and "body" not in follower.text()
    finally:
        follower.kill()


def test_an_empty_one_says_so(programs, folder):
    (folder / "m/new").mkdir(parents=True)
    result = look(programs, "list", folder / "m")
    assert (result.status, result.stdout.decode()) == (0, f"no message in {folder / 'm'}\n")


@pytest.mark.parametrize("words, status, text", [
    (["list", "/nonexistent"], 66, "cannot look into the Maildir /nonexistent"),
    (["show", "1", "M"], 66, "1 is no message in"),
    (["show", "0", "M"], 66, "0 is no message in"),
    (["show", "-1", "M"], 66, "-1 is no message in"),
    (["show", "1", "M", "M"], 64, "one Maildir"),
    (["show"], 64, "which message"),
    (["list", "--unknown"], 64, "--unknown"),
    (["nonsense"], 64, "no such verb"),
])
def test_says_what_is_wrong(programs, folder, words, status, text):
    (folder / "m/new").mkdir(parents=True)
    result = look(programs, *[folder / "m" if word == "M" else word for word in words])
    assert result.status == status and text in result.stderr, result
    assert result.stderr.count("\n") == 1
