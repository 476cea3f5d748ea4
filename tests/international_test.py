# SPDX-License-Identifier: MIT

"""UTF-8 in addresses and header at real servers: with SMTPUTF8 where there is any (RFC 6531).

A header with raw UTF-8 asks for it, too, and goes as it is where it is missing:
nobody loses mail for that.  An address can go without it only in A-labels.
"""

import json
import re

import pytest

from support import aiosmtpd_server, chroot
from support.aiosmtpd_server import AioSmtpd
from support.dovecot import Dovecot
from support.exim import Exim
from support.mailchute import needs_program
from support.opensmtpd import OpenSMTPD
from support.postfix import ADDED, Postfix, why_not
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")


class RealPostfix(Postfix):
    def files(self):
        return list((self.mailbox / "new").glob("*"))

    def delivered(self):
        for message in self.messages():
            trace = ADDED.match(message).group()
            recipient = re.search(rb"^Delivered-To: (.*)$", trace, re.MULTILINE).group(1)
            yield recipient.decode(), message[len(trace):]


def make_old_postfix(folder, authority):
    return RealPostfix(folder, authority, extra="smtputf8_enable = no")


def make_old_exim(folder, authority):
    return Exim(folder, authority, extra="smtputf8_advertise_hosts =")


SERVERS = {
    "postfix": (RealPostfix, why_not),
    "exim": (Exim, lambda: chroot.why_not("exim")),
    "aiosmtpd": (AioSmtpd, aiosmtpd_server.why_not),
    "old postfix": (make_old_postfix, why_not),
    "old exim": (make_old_exim, lambda: chroot.why_not("exim")),
    "opensmtpd": (OpenSMTPD, lambda: chroot.why_not("opensmtpd")),
    "dovecot": (Dovecot, lambda: aiosmtpd_server.why_not() or chroot.why_not("dovecot")),
}
WITH_SMTPUTF8 = ("postfix", "exim", "aiosmtpd")
WITHOUT = ("old postfix", "old exim", "opensmtpd", "dovecot")


@pytest.fixture(scope="module")
def server(request, tmp_path_factory, authority):
    make, reason = SERVERS[request.param]
    if reason():
        pytest.skip(reason())
    made = make(tmp_path_factory.mktemp(request.param.replace(" ", "-")), authority)
    try:
        yield made.start()
    finally:
        made.stop()


def on(names):
    return pytest.mark.parametrize("server", names, indirect=True)


@pytest.fixture
def service(server, make_service):
    if isinstance(server, OpenSMTPD):
        return make_service(url=f"smtp://{server.host}:{server.port}").start()
    return make_service(url=f"smtp+tls://{server.host}:{server.port}",
                        smarthost=f'ca_file = "{server.ca}"', submit='wait = "disk"',
                        variables={"user": server.user, "password": server.password}).start()


def message(subject, encoding="utf-8", body="some text"):
    return (f"From: Alice <alice@sender.example>\nTo: b@far.example\nSubject: {subject}\n"
            "Date: Tue, 01 Jan 2019 00:00:00 +0000\nMessage-ID: <1@sender.example>\n"
            "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
            f"Content-Transfer-Encoding: 8bit\n\n{body}\n").encode(encoding)


def submit(service, sender, recipients, content):
    result = service.sendmail("-i", "-f", sender, *recipients, input=content)
    assert (result.status, result.stderr) == (0, ""), result


def delivered(server):
    return [(recipient, content.replace(b"\r\n", b"\n"))
            for recipient, content in server.delivered()]


def wait_for_all(server, recipients):
    """{recipient: content} of these; each came once."""
    def all_there():
        found = [pair for pair in delivered(server) if pair[0] in recipients]
        return found if len(found) >= len(recipients) else None

    found = wait_for(all_there, what=lambda: f"{recipients}, not {delivered(server)}")
    assert sorted(recipient for recipient, _ in found) == sorted(recipients)
    return dict(found)


def was_asked(server, recipient):
    """The message for this recipient came with SMTPUTF8 (RFC 6531, 4.3: "with UTF8SMTP")."""
    for path in server.files():
        text = path.read_bytes()
        if isinstance(server, AioSmtpd):
            envelope = json.loads(text.partition(b"\n")[0])
            if recipient in envelope["recipients"]:
                return "SMTPUTF8" in envelope["options"]
        elif re.search(rb"^(Delivered-To|Envelope-to): " + re.escape(recipient.encode()) + rb"$",
                       text, re.MULTILINE):
            words = re.search(rb"^Received: [^;]*by smarthost\.test[^;]*with (\S+)", text,
                              re.MULTILINE).group(1)
            return b"utf8" in words.lower()
    raise AssertionError(f"no message for {recipient}")


# name, sender, recipient, content, whether SMTPUTF8 is needed
KINDS = {
    "nothing": ("a@sender.example", "r1@far.example", message("plain"), False),
    "8-bit text": ("a@sender.example", "r2@far.example", message("x", body="Grüße"), False),
    "header in Latin-1": ("a@sender.example", "r6@far.example", message("Grüße", "latin-1"),
                          False),
    # From here on Exim says utf8 of every message of the connection: 4.96 forgets to unsay it.
    "recipient": ("a@sender.example", "bücher@far.example", message("x"), True),
    "domain": ("a@sender.example", "r3@bücher.example", message("x"), True),
    "sender": ("grün@sender.example", "r4@far.example", message("x"), True),
    "header": ("a@sender.example", "r5@far.example", message("Grüße – 日本 😀"), True),
    "all": ("grün@grün.example", "ü@bücher.example", message("Grüße", body="日本"), True),
}


@on(WITH_SMTPUTF8)
def test_smtputf8_where_it_is_needed_and_nowhere_else(server, service):
    for sender, recipient, content, _ in KINDS.values():
        submit(service, sender, [recipient], content)
    service.wait_until_empty()
    assert "status=bounced" not in service.text()
    found = wait_for_all(server, [recipient for _, recipient, _, _ in KINDS.values()])
    for name, (sender, recipient, content, is_needed) in KINDS.items():
        assert found[recipient] == content, name
        assert was_asked(server, recipient) == is_needed, name


@on(WITH_SMTPUTF8)
def test_recipients_of_all_kinds_in_one_message(server, service):
    recipients = ["s1@far.example", "s2@bücher.example", "größe@far.example"]
    submit(service, "a@sender.example", recipients, message("many"))
    service.wait_until_empty()
    assert set(wait_for_all(server, recipients).values()) == {message("many")}


@on(WITHOUT)
def test_a_header_goes_as_it_is(server, service):
    recipients = ["t1@far.example", "t2@far.example"]
    contents = [message("Grüße – 日本 😀"), message("Grüße", "latin-1")]
    for recipient, content in zip(recipients, contents):
        submit(service, "a@sender.example", [recipient], content)
    service.wait_until_empty()
    assert wait_for_all(server, recipients) == dict(zip(recipients, contents))


@on(WITHOUT)
def test_who_cannot_be_written_fails_alone(server, service):
    submit(service, "a@grün.example", ["u1@bücher.example", "größe@far.example", "u2@far.example"],
           message("some"))
    service.wait_for_log("to=<größe@far.example>.*status=bounced .*does not offer SMTPUTF8, which "
                         "the address <größe@far.example> asks for")
    found = wait_for_all(server, ["u1@xn--bcher-kva.example", "u2@far.example"])
    assert set(found.values()) == {message("some")}
    assert service.text().count("status=bounced") == 1


@on(WITHOUT)
def test_a_sender_that_cannot_be_written(server, service):
    submit(service, "grün@sender.example", ["v1@far.example"], message("lost"))
    service.wait_for_log("status=bounced .*does not offer SMTPUTF8, which the address "
                         "<grün@sender.example> asks for")
    assert [pair for pair in delivered(server) if pair[0] == "v1@far.example"] == []
