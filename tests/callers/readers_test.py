# SPDX-License-Identifier: MIT

"""What people read and write mail with: mutt and neomutt, nmh, GNU's mail, alpine; and swaks."""

from pathlib import Path

import pytest

THREE = ["b@far.example", "c@far.example", "d@far.example"]


@pytest.fixture
def home(callers):
    """alice's, empty again at the end."""
    yield "/home/alice"
    callers.run_ok("find /home/alice -mindepth 1 -delete")


def check_complete(message, sender="alice@here.example", recipients=THREE):
    assert message.sender == sender
    assert sorted(message.recipients) == recipients
    assert message.fields("Bcc") == []
    assert message.field("From") and message.field("Date") and message.field("Message-ID")


# mutt and neomutt

SETTINGS = ["set sendmail='/usr/sbin/sendmail -oem -oi'", "set send_charset=utf-8", "set copy=no"]


@pytest.fixture(params=["mutt", "neomutt"])
def mutt(callers, home, request):
    def run(arguments, text, settings=()):
        options = [word for line in [*SETTINGS, *settings] for word in ("-e", line)]
        return callers.run([request.param, "-n", "-F", "/dev/null", *options, *arguments], "alice",
                           text, {"LC_ALL": "C.UTF-8"})

    return run


def check_silent(result):
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


@pytest.mark.parametrize("settings, sender", [
    ([], "alice@here.example"),
    (["set use_8bitmime=yes", "set allow_8bit=yes"], "alice@here.example"),
    (["set allow_8bit=no"], "alice@here.example"),
    (["set dsn_notify='failure,delay'", "set dsn_return=hdrs"], "alice@here.example"),
    (["set use_envelope_from=yes", "set from='Me <me@there.example>'"], "me@there.example"),
    (["set write_bcc=yes"], "alice@here.example"),
    (["set sendmail='/usr/sbin/sendmail -t -oi'"], "alice@here.example"),
], ids=lambda value: value[-1] if isinstance(value, list) and value else "")
def test_mutt(callers, mutt, body, settings, sender):
    check_silent(mutt(["-s", "from mutt", "-c", "c@far.example", "-b", "d@far.example",
                       "b@far.example"], body, settings))
    message = callers.message()
    check_complete(message, sender)
    assert message.field("From").endswith(f"<{sender}>")
    assert message.field("To") == "b@far.example" and message.field("Cc") == "c@far.example"
    assert message.field("Subject") == "from mutt"
    assert message.text().rstrip("\n") == body


def test_mutt_with_attachments(callers, mutt, token):
    """An 8-bit text and what is no text at all."""
    callers.write("/tmp/a.txt", "gr\u00fc\u00dfe\n.\nFrom here\n")
    callers.write("/tmp/a.bin", bytes(range(256)) * 40)
    check_silent(mutt(["-s", "s", "-a", "/tmp/a.txt", "/tmp/a.bin", "--", "b@far.example"], token))
    message = callers.message()
    check_complete(message, recipients=["b@far.example"])
    parts = {part.get_filename(): part.get_payload(decode=True)
             for part in message.parsed().walk() if not part.is_multipart()}
    assert parts.pop("a.txt") == "gr\u00fc\u00dfe\n.\nFrom here\n".encode()
    assert parts.pop("a.bin") == bytes(range(256)) * 40
    assert [part.strip() for part in parts.values()] == [token.encode()]


def test_mutt_learns_of_a_refusal(callers, mutt):
    """It would put sendmail's words on its screen."""
    callers.stop_service()
    result = mutt(["-s", "s", "b@far.example"], "x")
    assert result.status == 1 and b"Could not send the message" in result.stdout, result
    assert "child exited 78" in result.stderr and "no service answers" in result.stderr, result
    callers.start_service()
    callers.no_message()


# nmh

DRAFT = """\
From: Alice <alice@here.example>
To: Bob <b@far.example>
cc: c@far.example
{more}Subject: from nmh
--------
{body}
"""


@pytest.fixture
def nmh(callers, home):
    def send(way, text):
        callers.write(f"{home}/.mh_profile", "Path: Mail\n", owner="alice")
        callers.make_folder(f"{home}/Mail", "alice")
        callers.write(f"{home}/draft", text, owner="alice")
        return callers.run(["send", "-mts", way, f"{home}/draft"], "alice", cwd=home,
                           env={"PATH": "/usr/bin/mh:/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8"})

    return send


WAYS = ["sendmail/pipe", "sendmail/smtp"]


@pytest.mark.parametrize("way", WAYS)
def test_nmh(callers, nmh, body, way):
    check_silent(nmh(way, DRAFT.format(more="", body=body)))
    message = callers.message()
    check_complete(message, recipients=["b@far.example", "c@far.example"])
    assert message.field("From") == "Alice <alice@here.example>"
    assert message.field("Subject") == "from nmh"
    assert message.text().rstrip("\n") == body


@pytest.mark.parametrize("way", WAYS)
def test_nmh_with_a_blind_copy(callers, nmh, token, way):
    """It sends a message of its own to him, with no recipient field but Bcc."""
    check_silent(nmh(way, DRAFT.format(more="Bcc: d@far.example\n", body=token)))
    open_copy, blind = sorted(callers.messages(2), key=lambda message: message.recipients)
    check_complete(open_copy, recipients=["b@far.example", "c@far.example"])
    check_complete(blind, recipients=["d@far.example"])
    for message in (open_copy, blind):
        assert token.encode() in message.body
        assert b"d@far.example" not in message.content


@pytest.mark.parametrize("way", WAYS)
def test_nmh_with_bare_names(callers, nmh, token, way):
    check_silent(nmh(way, f"From: alice\nTo: root\ncc: www-data\n\n{token}\n"))
    message = callers.message()
    check_complete(message, recipients=["root@here.example", "www-data@here.example"])
    assert message.field("From") == "alice@here.example"
    assert message.field("To") == "root@here.example"
    assert message.field("cc") == "www-data@here.example"


@pytest.mark.parametrize("way", WAYS)
def test_nmh_learns_of_a_refusal(callers, nmh, way):
    """Through a pipe it does not look at the status, but shows the words."""
    callers.stop_service()
    result = nmh(way, DRAFT.format(more="", body="x"))
    assert "no service answers" in result.stderr, result
    assert way == "sendmail/pipe" or result.status != 0
    callers.start_service()
    callers.no_message()


# GNU's mail, which closes stdout and stderr of sendmail

@pytest.mark.parametrize("options, sender", [([], "alice@box.here.example"),
                                             (["-r", "me@there.example"], "me@there.example")])
def test_mailutils(callers, home, body, options, sender):
    """For itself a lone dot is the end, too, unless told otherwise."""
    callers.run_ok(["mail.mailutils", "-E", "unset dot", *options, "-s", "from GNU", "-a",
                    "Cc: c@far.example", "-a", "Bcc: d@far.example", "b@far.example"], "alice",
                   body + "\n")
    message = callers.message()
    check_complete(message, sender)
    assert message.field("From").endswith(sender)
    assert message.field("Subject") == "from GNU"
    assert message.body == body.encode() + b"\n"


def test_mailutils_with_an_attachment(callers, home, token):
    callers.write("/tmp/a.bin", bytes(range(256)) * 40)
    callers.run_ok(["mail.mailutils", "-s", "s", "-A", "/tmp/a.bin", "root"], "alice", token)
    message = callers.message()
    assert message.recipients == ["root@here.example"]
    assert [part.get_payload(decode=True) for part in message.parsed().walk()
            if part.get_filename() == "a.bin"] == [bytes(range(256)) * 40]


def test_mailutils_learns_of_a_refusal(callers, home):
    callers.stop_service()
    result = callers.run(["mail.mailutils", "-s", "s", "b@far.example"], "alice", "x\n")
    assert result.status == 1 and "cannot send message" in result.stderr, result
    callers.start_service()
    callers.no_message()


# alpine, on a terminal

# Types for a person: waits for these words on the screen, then types those; "--"; the command.
TYPIST = """\
import os, pty, sys
words = sys.argv[1:]
end = words.index("--")
steps = list(zip(words[:end:2], words[1:end:2]))
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(words[end + 1], words[end + 1:])
screen = seen = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    piece = piece.replace(b"\\0", b"")
    screen, seen = screen + piece, seen + piece
    if steps and steps[0][0].encode() in screen:
        screen = b""
        os.write(terminal, steps.pop(0)[1].encode())
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
if status != 0 or steps:
    sys.exit(f"exit {status}, not done: {steps}\\n{seen[-3000:]}")
"""
# Asked what is set up for the first time only, it takes the default.
ALPINE = """\
user-domain=here.example
personal-name=Alice
customized-hdrs=Bcc: d@far.example
posting-character-set=UTF-8
default-fcc=""
feature-list=enable-exit-via-lessthan-command,quell-user-lookup-in-passwd-file
"""


@pytest.fixture
def alpine(callers, home):
    def send(*options, steps=()):
        terminal = next(folder for folder in ("/usr/lib/terminfo", "/usr/share/terminfo")
                        if Path(folder, "v/vt100").exists())
        callers.write("/tmp/terminfo/v/vt100", Path(terminal, "v/vt100").read_bytes())
        callers.write(f"{home}/.pinerc", ALPINE, owner="alice")
        callers.write("/tmp/typist.py", TYPIST)
        # ^X: send it.
        steps = ["Message Text", "\x18", "Send message?", "y", *steps]
        return callers.run(["python3", "/tmp/typist.py", *steps, "--", "alpine", *options],
                           "alice", cwd=home, env={"TERM": "vt100", "TERMINFO": "/tmp/terminfo",
                                                   "LC_ALL": "C.UTF-8"})

    return send


@pytest.mark.parametrize("path", [
    ["-sendmail-path=/usr/sbin/sendmail -oem -t -oi"],
    pytest.param([], id="its default, -bs -odb -oem"),
])
def test_alpine(callers, alpine, token, path):
    url = (f"mailto:Bob%20%3Cb@far.example%3E?cc=c@far.example&subject=a%20mail"
           f"&body={token}%0D%0A.%0D%0A..%0D%0AFrom%20here%0D%0Agr%C3%BCn")
    result = alpine(*path, "-url", url)
    assert result.status == 0, result
    message = callers.message()
    check_complete(message)
    assert message.field("From") == "Alice <alice@here.example>"
    assert message.field("To") == "Bob <b@far.example>"
    assert message.field("Subject") == "a mail"
    assert message.text().rstrip("\n") == f"{token}\n.\n..\nFrom here\ngr\u00fcn"


def test_alpine_with_bare_names(callers, alpine):
    assert alpine("root, mailchute").status == 0
    message = callers.message()
    check_complete(message, recipients=["d@far.example", "mailchute@here.example",
                                        "root@here.example"])
    assert message.field("To") == "root@here.example, mailchute@here.example"


def test_alpine_learns_of_a_refusal(callers, alpine):
    callers.stop_service()
    # ^C: give up.
    result = alpine("root", steps=["failure: 421 4.3.5 box", "\x03", "abandon",
                                   "c"])
    assert result.status == 0, result
    callers.start_service()
    callers.no_message()


# swaks

@pytest.fixture
def swaks(callers, home):
    def send(*arguments):
        return callers.run(["swaks", "--pipe", "/usr/sbin/sendmail -bs", "--from",
                            "me@there.example", "--to", "b@far.example,c@far.example", *arguments],
                           "alice")

    return send


@pytest.mark.parametrize("options", [[], ["--pipeline"], ["--force-getpwuid"]])
def test_swaks(callers, swaks, body, options):
    result = swaks("--body", body, *options)
    assert result.status == 0, result
    message = callers.message()
    check_complete(message, "me@there.example", ["b@far.example", "c@far.example"])
    assert message.body.rstrip(b"\n") == body.encode()


def test_swaks_learns_of_a_refusal(callers, swaks):
    callers.stop_service()
    result = swaks("--body", "x")
    assert result.status != 0 and "no service answers" in result.stderr, result
    callers.start_service()
    callers.no_message()
