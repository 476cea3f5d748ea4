# SPDX-License-Identifier: MIT

"""What gets a message and sends another: procmail, vacation, maildrop, Dovecot's Sieve, rmail."""

import pytest

from support.wait import wait_for

MESSAGE = """\
From bob@far.example  Mon Nov 23 09:00:00 2026
From: Bob <bob@far.example>
To: alice@here.example
Subject: lunch?
Message-ID: <one@far.example>
Date: Mon, 23 Nov 2026 09:00:00 +0000

{body}

"""

PROCMAILRC = """\
SHELL=/bin/sh
LOGFILE=/home/alice/log
DEFAULT=/home/alice/inbox

{recipes}
"""

# The recipe in procmailex(5).
VACATION = """\
SHELL=/bin/sh

:0 Whc: vacation.lock
* $^To:.*\\<$\\LOGNAME\\>
* !^FROM_DAEMON
* !^X-Loop: alice@here\\.example
| formail -rD 8192 vacation.cache

  :0 ehc
  | (formail -rA"Precedence: junk" \\
       -A"X-Loop: alice@here.example" ; \\
     echo "I received your mail,"; \\
     echo "but I won't be back until Monday."; \\
     cat /tmp/body \\
    ) | $SENDMAIL -t
"""

FORWARD = """\
:0 c
! other@far.example third@far.example

:0
! -f$LOGNAME@there.example last@far.example
"""


@pytest.fixture
def home(callers):
    """alice's, empty again at the end."""
    yield "/home/alice"
    callers.run_ok("find /home/alice -mindepth 1 -delete")


def check_complete(message, sender, recipients):
    assert message.sender == sender
    assert message.recipients == recipients
    assert message.field("From") and message.field("Date") and message.field("Message-ID")


def check_forwarded(message, body):
    """Everything is as it came, but for the mbox's line."""
    assert message.field("From") == "Bob <bob@far.example>"
    assert message.field("To") == "alice@here.example"
    assert message.field("Message-ID") == "<one@far.example>"
    assert message.field("Date") == "Mon, 23 Nov 2026 09:00:00 +0000"
    assert message.fields("From ") == [] and b"\n>From " not in b"\n" + message.header
    assert message.body.rstrip(b"\n") == body.encode()


# procmail

@pytest.fixture
def procmail(callers, home, body):
    callers.write("/tmp/body", body)

    def run(recipes):
        callers.write(f"{home}/.procmailrc", PROCMAILRC.format(recipes=recipes), owner="alice")
        callers.run_ok(["procmail", "-f-"], "alice", MESSAGE.format(body=body), cwd=home)

    return run


def test_procmail_answers(callers, procmail, body):
    """The recipe passes no -i, so a lone dot ends its message, as with every sendmail."""
    procmail(VACATION)
    message = callers.message()
    check_complete(message, "alice@here.example", ["bob@far.example"])
    assert message.field("From") == "Alice Example <alice@here.example>"
    assert message.field("To").endswith("bob@far.example")
    assert message.field("Subject") == "Re: lunch?"
    assert message.field("In-Reply-To") == "<one@far.example>"
    assert message.field("Precedence") == "junk"
    assert message.field("X-Loop") == "alice@here.example"
    expected = f"I received your mail,\nbut I won't be back until Monday.\n{body}"
    assert message.body == expected.encode().partition(b"\n.\n")[0] + b"\n"


def test_procmail_forwards(callers, procmail, body):
    """It runs sendmail -oi, adds the flags of the recipe, and waits for none."""
    procmail(FORWARD)
    first, last = sorted(callers.messages(2), key=lambda message: message.sender)
    check_complete(first, "alice@here.example", ["other@far.example", "third@far.example"])
    check_complete(last, "alice@there.example", ["last@far.example"])
    check_forwarded(first, body)
    check_forwarded(last, body)


def test_procmail_keeps_what_cannot_be_forwarded(callers, procmail, home, token):
    """With w it waits and looks, and goes on to the inbox; without, it would be lost (:0)."""
    callers.stop_service()
    procmail(":0 w\n| $SENDMAIL -oi other@far.example\n")
    assert token.encode() in callers.read(f"{home}/inbox")
    assert b"no service answers" in callers.read(f"{home}/log")
    callers.start_service()
    callers.no_message()


# formail

def test_formail(callers, body):
    """It starts one sendmail for each message of an mbox, and keeps the mbox's lines."""
    body = body.replace("From", ">From")
    callers.run_ok(["formail", "-s", "sendmail", "-oi", "-f", "list@there.example",
                    "d@far.example"], "alice", MESSAGE.format(body=body) * 3)
    for message in callers.messages(3):
        check_complete(message, "list@there.example", ["d@far.example"])
        check_forwarded(message, body)


def test_formail_resends(callers, body):
    """With the Resent- fields of a mail program; it marks a line From in the text."""
    callers.run_ok("formail -i'Resent-From: Alice <alice>' -i'Resent-To: d@far.example'"
                   " -i'Resent-Bcc: e@far.example' | sendmail -oi -t", "alice",
                   MESSAGE.format(body=body))
    message = callers.message()
    check_complete(message, "alice@here.example", ["d@far.example", "e@far.example"])
    check_forwarded(message, body.replace("From", ">From"))
    assert message.field("Resent-From") == "Alice <alice@here.example>"
    assert message.field("Resent-To") == "d@far.example"
    assert message.fields("Resent-Bcc") == []
    assert message.field("Resent-Date") and message.field("Resent-Message-ID")


def test_formail_learns_of_a_refusal(callers, token):
    callers.stop_service()
    result = callers.run(["formail", "-s", "sendmail", "-oi", "d@far.example"], "alice",
                         MESSAGE.format(body=token))
    assert result.status != 0 and "no service answers" in result.stderr, result
    callers.start_service()
    callers.no_message()


# vacation

@pytest.fixture
def vacation(callers, home, token):
    """As the .forward of alice runs it."""
    callers.write(f"{home}/.vacation.msg",
                  f"Subject: away (was: $SUBJECT)\n\nI am away.\n{token}\n", owner="alice")
    callers.run_ok(["vacation", "-i"], "alice", cwd=home)
    return lambda *options: callers.run_ok(["vacation", *options, "alice"], "alice",
                                           MESSAGE.format(body="hello"), cwd=home)


@pytest.mark.parametrize("options, sender", [([], "alice@here.example"), (["-z"], "")])
def test_vacation(callers, vacation, token, options, sender):
    """-z: from nobody, so that no answer comes to the answer."""
    vacation(*options)
    message = callers.message()
    check_complete(message, sender, ["bob@far.example"])
    assert message.field("To") == "bob@far.example"
    assert message.field("Subject") == "away (was: lunch?)"
    assert message.field("From") == (sender or "MAILER-DAEMON@here.example")
    assert message.body == f"I am away.\n{token}\n".encode()


def test_vacation_answers_once(callers, vacation):
    vacation()
    callers.message()
    vacation()
    wait_for(lambda: not callers.processes(), what="vacation's sendmail to end")
    callers.message()


def test_vacation_while_the_service_is_gone(callers, vacation):
    """It neither waits for sendmail nor looks."""
    callers.stop_service()
    callers.run(["vacation", "alice"], "alice", MESSAGE.format(body="hello"), cwd="/home/alice")
    wait_for(lambda: not callers.processes(), what="its sendmail to end")
    callers.start_service()
    callers.no_message()


# maildrop, and its mailbot

MAILFILTER = """\
cc "| mailbot -A 'From: Alice <alice@here.example>' -t /tmp/reply /usr/sbin/sendmail -t -oi -f ''"
to "!other@far.example third@far.example"
"""


@pytest.fixture
def maildrop(callers, home, body):
    callers.write(f"{home}/.mailfilter", MAILFILTER, 0o600, "alice")
    callers.write("/tmp/reply", body + "\n")
    return lambda: callers.run(["maildrop", f"{home}/.mailfilter"], "alice",
                               MESSAGE.format(body=body), cwd=home)


def test_maildrop(callers, maildrop, body):
    """What is forwarded comes from him who sent it, or from nobody; an answer comes from nobody."""
    assert maildrop().status == 0
    messages = sorted(callers.messages(2), key=lambda message: message.recipients)
    check_complete(messages[0], "", ["bob@far.example"])
    assert messages[0].field("From") == "Alice <alice@here.example>"
    assert messages[0].field("Subject") == "Re: lunch?"
    assert messages[0].text().rstrip("\n").endswith(body)
    check_complete(messages[1], "", ["other@far.example", "third@far.example"])
    check_forwarded(messages[1], body)


def test_maildrop_learns_of_a_refusal(callers, maildrop):
    """It ends with the status of sendmail, so that the mail stays with him who called it."""
    callers.stop_service()
    result = maildrop()
    assert result.status == 78 and "no service answers" in result.stderr, result
    callers.start_service()
    callers.no_message()


# Dovecot's delivery agent with Sieve

DOVECOT = """\
mail_location = maildir:/home/alice/mail
protocols =
ssl = no
postmaster_address = postmaster@here.example
sendmail_path = /usr/sbin/sendmail
log_path = /home/alice/log
protocol lda {
  mail_plugins = sieve
}
plugin {
  sieve = file:/home/alice/rules.sieve
}
"""


@pytest.fixture
def sieve(callers, home, body):
    def deliver(rules, sender="bob@far.example"):
        callers.make_folder(f"{home}/mail", "alice")
        callers.write(f"{home}/dovecot.conf", DOVECOT)
        callers.write(f"{home}/rules.sieve", rules, owner="alice")
        return callers.run(["/usr/lib/dovecot/dovecot-lda", "-c", f"{home}/dovecot.conf", "-f",
                            sender, "-a", "alice@here.example"], "alice",
                           MESSAGE.format(body=body), cwd=home)

    return deliver


@pytest.mark.parametrize("sender", ["bob@far.example", ""])
def test_sieve_redirects(callers, sieve, body, sender):
    """With the sender that the message came with, nobody included."""
    result = sieve('redirect "other@far.example";\n', sender)
    assert result.status == 0, (result, callers.read("/home/alice/log"))
    message = callers.message()
    check_complete(message, sender, ["other@far.example"])
    check_forwarded(message, body)


def test_sieve_answers(callers, sieve, token):
    result = sieve('require "vacation";\nvacation :days 1 :addresses ["alice@here.example"]'
                   f' "{token}\n.\nend";\n')
    assert result.status == 0, (result, callers.read("/home/alice/log"))
    message = callers.message()
    check_complete(message, "", ["bob@far.example"])
    assert message.field("From") == "<alice@here.example>"
    assert message.field("Auto-Submitted") == "auto-replied (vacation)"
    assert message.body.rstrip(b"\n") == f"{token}\n.\nend".encode()


def test_sieve_rejects(callers, sieve, token):
    """Its lines end in CR LF here and in LF there."""
    result = sieve(f'require "reject";\nreject "{token}\n.\nend";\n')
    assert result.status == 0, (result, callers.read("/home/alice/log"))
    message = callers.message()
    check_complete(message, "", ["bob@far.example"])
    assert message.field("From") == "Postmaster <postmaster@here.example>"
    parts = list(message.parsed().walk())
    assert [part.get_content_type() for part in parts] == [
        "multipart/report", "text/plain", "message/disposition-notification", "text/plain",
        "message/rfc822", "text/plain"]
    assert parts[1].get_content().endswith(f":\n{token}\n.\nend")
    assert parts[-2].get_content()["Message-ID"] == "<one@far.example>"


def test_sieve_learns_of_a_refusal(callers, sieve, home):
    """The mail stays where it was: it is kept, or the delivery is to be tried again."""
    callers.stop_service()
    result = sieve('redirect "other@far.example";\n')
    kept = list(callers.path(f"{home}/mail/new").glob("*"))
    assert kept or result.status == 75, result
    assert b"failed to redirect message to <other@far.example>" in callers.read(f"{home}/log")
    callers.start_service()
    callers.no_message()


# rmail, to which UUCP hands what it got

@pytest.mark.parametrize("line, sender", [
    ("From carol Mon Nov 23 09:00:00 2026 remote from host1", "host1!carol@here.example"),
    ("From carol@there.example Mon Nov 23 09:00:00 2026 remote from host1",
     "host1!carol@there.example"),
])
def test_rmail(callers, body, line, sender):
    """It reads the From_ lines, and calls sendmail with -G -oee -odi -oi -p and -f."""
    callers.run_ok(["rmail", "b@far.example", "c@far.example"], "daemon",
                   line + "\n" + MESSAGE.format(body=body).partition("\n")[2])
    message = callers.message()
    check_complete(message, sender, ["b@far.example", "c@far.example"])
    check_forwarded(message, body)


def test_rmail_learns_of_a_refusal(callers):
    callers.stop_service()
    result = callers.run(["rmail", "b@far.example"], "daemon", "From a Mon Nov 23 09:00:00 2026\n"
                         "Subject: s\n\nx\n")
    assert "no service answers" in result.stderr, result
    assert "sendmail: terminated with 78 (non-zero) status" in result.stderr
    callers.start_service()
    callers.no_message()
