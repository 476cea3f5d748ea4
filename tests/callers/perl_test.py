# SPDX-License-Identifier: MIT

"""Perl: MIME::Lite, Email::Sender, Mail::Mailer, and the open() of the FAQ."""

import pytest

READ = """\
use strict; use warnings;
open my $file, '<', '/tmp/body' or die; my $body = do { local $/; <$file> };
"""

MIME_LITE = READ + """\
use MIME::Lite;
my $message = MIME::Lite->new(From => 'App <app@there.example>', To => 'Bob <b@far.example>',
    Cc => 'c@far.example', Bcc => 'd@far.example', Subject => 'from MIME::Lite',
    Type => 'text/plain; charset=UTF-8', Encoding => '%s', Data => $body);
$message->send(%s) or die "not sent\\n";
"""

EMAIL_SENDER = READ + """\
use Email::Sender::Simple qw(sendmail);
use Email::Sender::Transport::Sendmail;
use Email::Simple;
my $email = Email::Simple->create(header => [From => 'App <app@there.example>',
    To => 'Bob <b@far.example>', Cc => 'c@far.example', Subject => 'from Email::Sender'],
    body => $body);
sendmail($email, { transport => Email::Sender::Transport::Sendmail->new, %s
    to => ['b@far.example', 'c@far.example', 'd@far.example'] });
"""

MAIL_MAILER = READ + """\
use Mail::Mailer;
my $mailer = Mail::Mailer->new('sendmail'%s);
$mailer->open({ From => 'App <app@there.example>', To => ['Bob <b@far.example>', 'e@far.example'],
    Cc => 'c@far.example', Bcc => 'd@far.example', Subject => 'from Mail::Mailer' });
print $mailer $body;
$mailer->close or die "not sent: $?\\n";
"""

FAQ = READ + """\
open(my $mail, '|/usr/lib/sendmail -oi -t -odq') or die "Can't fork for sendmail: $!\\n";
print $mail <<"end";
From: App <app\\@there.example>
To: Bob <b\\@far.example>
Cc: c\\@far.example
Bcc: d\\@far.example
Subject: from the FAQ

end
print $mail $body;
close($mail) or die "sendmail didn't close nicely\\n";
"""

THREE = ["b@far.example", "c@far.example", "d@far.example"]


@pytest.fixture
def perl(callers, body):
    callers.write("/tmp/body", body)

    def run(script):
        callers.write("/tmp/script.pl", script)
        return callers.run(["perl", "/tmp/script.pl"], as_user="alice")

    return run


def check_silent(result):
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


def check_message(message, sender, recipients=THREE):
    assert message.sender == sender
    assert sorted(message.recipients) == recipients
    assert message.fields("Bcc") == []
    assert message.field("From") == "App <app@there.example>"
    assert message.field("Date") and message.field("Message-ID")


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64", "binary"])
def test_mime_lite(callers, perl, body, encoding):
    check_silent(perl(MIME_LITE % (encoding, "")))
    message = callers.message()
    # Its default is -oi -oem -t, with the sender of From.
    check_message(message, "app@there.example")
    assert message.text().rstrip("\n") == body


@pytest.mark.parametrize("options", [
    "'sendmail', '/usr/lib/sendmail -t -oi -oem'", "'sendmail', SetSender => 1",
    "'sendmail', SetSender => 0",
])
def test_mime_lite_with_options(callers, perl, body, options):
    check_silent(perl(MIME_LITE % ("8bit", options)))
    message = callers.message()
    assert message.sender in ("app@there.example", "alice@here.example")
    check_message(message, message.sender)
    assert message.text().rstrip("\n") == body


@pytest.mark.parametrize("sender, given", [
    ("app@there.example", ""), ("bounce@there.example", "from => 'bounce@there.example',")])
def test_email_sender(callers, perl, body, sender, given):
    check_silent(perl(EMAIL_SENDER % given))
    message = callers.message()
    check_message(message, sender)
    assert message.body == body.encode() + b"\n"


def test_mail_mailer(callers, perl, body):
    """It passes no -i, so a lone dot ends its message, as with every sendmail; two To fields."""
    check_silent(perl(MAIL_MAILER % ""))
    message = callers.message()
    check_message(message, "alice@here.example", sorted([*THREE, "e@far.example"]))
    assert message.fields("To") == ["Bob <b@far.example>", "e@far.example"]
    assert message.body == body.encode().partition(b"\n.\n")[0] + b"\n"


def test_mail_mailer_with_i(callers, perl, body):
    check_silent(perl(MAIL_MAILER % ", '-i', '-f', 'app@there.example'"))
    message = callers.message()
    check_message(message, "app@there.example", sorted([*THREE, "e@far.example"]))
    assert message.body == body.encode() + b"\n"


def test_faq(callers, perl, body):
    check_silent(perl(FAQ))
    message = callers.message()
    check_message(message, "alice@here.example")
    assert message.body == body.encode() + b"\n"


@pytest.mark.parametrize("script, words", [
    pytest.param(MIME_LITE % ("8bit", ""), "", id="MIME::Lite"),
    pytest.param(EMAIL_SENDER % "", "error when closing pipe", id="Email::Sender"),
    pytest.param(MAIL_MAILER % "", "not sent", id="Mail::Mailer"),
    pytest.param(FAQ, "sendmail didn't close nicely", id="FAQ"),
])
def test_perl_learns_of_a_refusal(callers, perl, script, words):
    callers.stop_service()
    result = perl(script)
    assert result.status != 0 and words in result.stderr, result
    assert "no service answers" in result.stderr, result
