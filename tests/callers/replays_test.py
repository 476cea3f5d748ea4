# SPDX-License-Identifier: MIT

"""Replayed: command lines of programs that are not run here, with what they pipe in."""

import pytest

EMACS = """\
From: Alice <alice@here.example>
To: b@far.example
Cc: c@far.example
Bcc: d@far.example
Subject: from Emacs
Date: Mon, 23 Nov 2026 09:00:00 +0000
Message-ID: <87one.fsf@here.example>
User-Agent: Gnus/5.13
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{body}
"""


@pytest.mark.parametrize("command", [
    pytest.param("/usr/sbin/sendmail -oi -f alice -t", id="message-mode"),
    pytest.param("/usr/sbin/sendmail -oi -f alice@here.example -oep -odi -t", id="sendmail.el"),
    pytest.param("/usr/sbin/sendmail -oi --read-envelope-from -t", id="set up for msmtp"),
])
def test_emacs_replayed(callers, body, command):
    """From a file; any output, on success too, is an error for it."""
    callers.write("/tmp/draft", EMACS.format(body=body))
    callers.run_ok(f"{command} </tmp/draft", "alice")
    message = callers.message()
    assert message.sender == "alice@here.example"
    assert sorted(message.recipients) == ["b@far.example", "c@far.example", "d@far.example"]
    assert message.fields("Bcc") == []
    assert message.field("From") == "Alice <alice@here.example>"
    assert message.field("Date") == "Mon, 23 Nov 2026 09:00:00 +0000"
    assert message.field("Message-ID") == "<87one.fsf@here.example>"
    assert message.body == body.encode() + b"\n"


def test_emacs_replayed_learns_of_a_refusal(callers):
    callers.stop_service()
    result = callers.run("/usr/sbin/sendmail -oi -f alice -t", "alice", EMACS.format(body="x"))
    assert (result.status, result.stdout) == (78, b""), result
    assert "no service answers" in result.stderr and result.stderr.count("\n") == 1, result
    callers.start_service()
    callers.no_message()


def test_cronie_replayed(callers, body):
    """The cron of others than Debian 12."""
    callers.run_ok(["/usr/sbin/sendmail", "-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f",
                    "root"], "root", "From: \"(Cron Daemon)\" <root>\nTo: root,ops@far.example\n"
                   f"Subject: Cron <root@box> job\n\n{body}")
    message = callers.message()
    assert message.sender == "root@here.example"
    assert message.recipients == ["root@here.example", "ops@far.example"]
    assert message.field("From") == '"(Cron Daemon)" <root@here.example>'
    assert message.field("To") == "root@here.example,ops@far.example"
    assert message.body == body.encode() + b"\n"


@pytest.mark.parametrize("empty", [["-f", "<>"], ["-f<>"], ["-f", ""]])
def test_answers_from_nobody_replayed(callers, token, empty):
    """As cronie 1.7 and others spell it."""
    callers.run_ok(["/usr/sbin/sendmail", "-i", *empty, "--", "b@far.example"], "alice",
                   f"From: Alice <alice@here.example>\r\nSubject: no\n\n{token}\r\n")
    message = callers.message()
    assert message.sender == ""
    assert message.field("From") == "Alice <alice@here.example>"
    assert message.body == f"{token}\n".encode()


def test_busybox_crond_replayed(callers, token):
    callers.run_ok(["sendmail", "-ti"], "root", f"To: root\nSubject: cron: job\n\n{token}\n")
    message = callers.message()
    assert message.recipients == ["root@here.example"]
    assert message.field("From") == "root <root@here.example>"
    assert message.body == f"{token}\n".encode()


def test_gitea_and_vaultwarden_replayed(callers, body):
    for command, ends in ((["-f", "app@there.example", "-i", "b@far.example"], "\n"),
                          (["-i", "-f", "app@there.example", "--", "b@far.example"], "\r\n")):
        text = f"From: App <app@there.example>\nTo: b@far.example\n\n{body}\n"
        callers.run_ok(["/usr/sbin/sendmail", *command], "nobody", text.replace("\n", ends))
    for message in callers.messages(2):
        assert message.sender == "app@there.example"
        assert message.recipients == ["b@far.example"]
        assert message.body == body.encode() + b"\n"
