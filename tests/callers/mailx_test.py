# SPDX-License-Identifier: MIT

"""mail(1): bsd-mailx, through which most monitoring sends, and s-nail."""

import pytest


@pytest.fixture
def text(body):
    """With a newline at its end, as an editor or echo leaves it."""
    return body + "\n"


@pytest.fixture
def dead_letter(callers):
    """Where both leave what could not be sent."""
    yield "/home/alice/dead.letter"
    callers.path("/home/alice/dead.letter").unlink(missing_ok=True)


def check_silent(result):
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


def check_complete(message, recipients):
    assert sorted(message.recipients) == recipients
    assert message.fields("Bcc") == []
    assert message.field("From") and message.field("Date") and message.field("Message-ID")


# bsd-mailx

def test_bsd_mailx(callers, text):
    check_silent(callers.run(["mail", "-s", "from mail", "-c", "c@far.example", "-b",
                              "d@far.example", "b@far.example"], "alice", text))
    message = callers.message()
    check_complete(message, ["b@far.example", "c@far.example", "d@far.example"])
    assert message.sender == "alice@here.example"
    assert message.field("From") == "Alice Example <alice@here.example>"
    assert message.field("Subject") == "from mail"
    assert message.body == text.encode()


def test_bsd_mailx_with_a_sender(callers, token):
    check_silent(callers.run(["mail", "-s", "s", "-r", "icinga@there.example", "-a",
                              "X-Alert: yes", "b@far.example"], input=token + "\n"))
    message = callers.message()
    check_complete(message, ["b@far.example"])
    assert message.sender == "icinga@there.example"
    assert message.field("X-Alert") == "yes"
    assert message.body == f"{token}\n".encode()


def test_bsd_mailx_to_root(callers, token):
    """As cron jobs, smartd and needrestart do."""
    check_silent(callers.run(f"echo {token} | mail -s 'disk full' root"))
    message = callers.message()
    check_complete(message, ["root@here.example"])
    assert message.field("To") == "root@here.example"
    assert message.body == f"{token}\n".encode()


def test_bsd_mailx_without_a_body(callers):
    callers.run(["mail", "-s", "nothing to say", "b@far.example"], input=b"")
    message = callers.message()
    check_complete(message, ["b@far.example"])
    assert message.body.strip() == b""


def test_bsd_mailx_learns_of_a_refusal(callers, dead_letter):
    callers.stop_service()
    result = callers.run(["mail", "-s", "s", "b@far.example"], "alice", "x\n")
    assert result.status == 1, result
    assert "no service answers" in result.stderr
    assert "Can't send mail: sendmail process failed with error code 78" in result.stderr
    callers.start_service()
    callers.no_message()


def test_bsd_mailx_saves_what_was_refused(callers, dead_letter, token):
    callers.stop_service()
    callers.run(["mail", "-s", "s", "b@far.example"], "alice", token + "\n")
    assert token.encode() in callers.read(dead_letter)


def test_bsd_mailx_learns_of_a_bad_recipient(callers, dead_letter, token):
    """The good ones get it, and the caller is told."""
    result = callers.run(["mail", "-s", "s", "b@far.example", "a@b@c", "root"], "alice", token)
    assert result.status == 1 and '"a@b@c"' in result.stderr, result
    message = callers.message()
    assert sorted(message.recipients) == ["b@far.example", "root@here.example"]
    assert message.body == f"{token}\n".encode()


@pytest.mark.parametrize("rc, sender", [
    ("set from=rc@there.example\n", "rc@there.example"),
    ("alias team b@far.example c@far.example\nset indentprefix=x\n", "alice@here.example")])
def test_bsd_mailx_with_settings(callers, token, rc, sender):
    callers.write("/home/alice/.mailrc", rc)
    check_silent(callers.run(["mail", "-s", "s", "team" if "team" in rc else "root"], "alice",
                             token + "\n"))
    callers.path("/home/alice/.mailrc").unlink()
    message = callers.message()
    assert message.sender == sender
    check_complete(message, ["b@far.example", "c@far.example"] if "team" in rc else
                   ["root@here.example"])


def test_bsd_mailx_in_verbose_mode(callers, token):
    """-v goes on to sendmail, whose words are then welcome."""
    result = callers.run(["mail", "-v", "-s", "s", "b@far.example"], "alice", token + "\n")
    assert result.status == 0, result
    message = callers.message()
    check_complete(message, ["b@far.example"])
    assert message.body == f"{token}\n".encode()


# s-nail

def s_nail(callers, *arguments, input):
    return callers.run(["s-nail", "-:/", "-S", "v15-compat", "-S", "sendwait", *arguments],
                       "alice", input, {"LC_ALL": "C.UTF-8"})


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_s_nail(callers, text, encoding):
    check_silent(s_nail(callers, "-S", f"mime-encoding={encoding}", "-s", "from s-nail", "-r",
                        "me@there.example", "-c", "c@far.example", "-b", "d@far.example",
                        "b@far.example", input=text))
    message = callers.message()
    check_complete(message, ["b@far.example", "c@far.example", "d@far.example"])
    assert message.sender == "me@there.example"
    assert "me@there.example" in message.field("From")
    assert message.field("Subject") == "from s-nail"
    # Where a line could be taken for an mbox's separator, s-nail itself marks it.
    marked = encoding != "quoted-printable"
    assert message.text() == (text.replace("\nFrom ", "\n>From ") if marked else text)


def test_s_nail_without_a_sender(callers, token):
    check_silent(s_nail(callers, "-s", "s", "root", input=token + "\n"))
    message = callers.message()
    check_complete(message, ["root@here.example"])
    assert message.sender == "alice@here.example"
    assert message.body == f"{token}\n".encode()


def test_s_nail_with_an_attachment(callers, token):
    callers.write("/tmp/attached.bin", bytes(range(256)) * 40)
    check_silent(s_nail(callers, "-s", "s", "-a", "/tmp/attached.bin", "b@far.example",
                        input=token + "\n"))
    parts = callers.message().parsed().walk()
    assert [part.get_payload(decode=True) for part in parts
            if part.get_filename() == "attached.bin"] == [bytes(range(256)) * 40]


def test_s_nail_learns_of_a_refusal(callers, dead_letter, token):
    callers.stop_service()
    result = s_nail(callers, "-s", "s", "b@far.example", input=token + "\n")
    assert result.status == 4, result
    assert "no service answers" in result.stderr and "message not sent" in result.stderr
    assert token.encode() in callers.read(dead_letter)
    callers.start_service()
    callers.no_message()
