# SPDX-License-Identifier: MIT

"""A message for more recipients than the server takes in one transaction (RFC 5321, 4.5.3.1.10)."""

import re
import signal

import pytest

from support import chroot
from support.exim import Exim
from support.mailchute import needs_program
from support.peer import Peer
from support.postfix import Postfix, why_not
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

OFFERS = ("PIPELINING", "CHUNKING", "8BITMIME", "SIZE 50000000")
LOCKSTEP = ("8BITMIME",)


class Beyond(dict):
    """Refuses each RCPT of a transaction behind so many."""

    def __init__(self, limit, reply):
        super().__init__()
        self.limit, self.reply, self.peer = limit, reply, None
        self.refusals = 0

    def __bool__(self):
        return True

    def __contains__(self, address):
        for session in self.peer.sessions:
            # The line being answered; its address is in one session alone.
            if session.commands and f"<{address}>".encode() in session.commands[-1]:
                return sizes(session)[-1] > self.limit
        return False

    def __getitem__(self, address):
        self.refusals += 1
        return self.reply


def limited(limit, reply, **options):
    beyond = Beyond(limit, reply)
    beyond.peer = Peer(refuse=beyond, **options)
    return beyond.peer


def sizes(session):
    """How many recipients each transaction was begun with, the probe's aside."""
    counts = []
    for line in session.commands:
        if line.upper().startswith(b"MAIL"):
            counts.append(0)
        elif line.upper().startswith(b"RCPT"):
            counts[-1] += 1
    return [count for count in counts if count]


def addresses(count, message=0):
    return [f"r{number}@m{message}.example" for number in range(count)]


def serve(make_service, peer, **options):
    return make_service(url=f"smtp+notls://127.0.0.1:{peer.port}",
                        submit='wait = "disk"', **options).start()


def submit(service, recipients, body=b"hello\n"):
    result = service.sendmail("-i", "-f", "a@there.example", *recipients,
                              input=b"Subject: many\n\n" + body)
    assert (result.status, result.stderr) == (0, ""), result


def taken(peer):
    """The recipients of each message that arrived."""
    return [recipients for _, recipients, _ in peer.messages]


def check_all_once(peer, service, recipients):
    service.wait_until_empty()
    assert sorted(sum(taken(peer), [])) == sorted(recipients)
    text = service.text()
    assert text.count("status=sent") == len(recipients), text
    assert "status=deferred" not in text and "status=bounced" not in text, text
    for recipient in recipients:
        assert text.count(f"to=<{recipient}>") == 1


@pytest.mark.parametrize("offers", (OFFERS, LOCKSTEP), ids=("pipelining", "lockstep"))
def test_a_limit_that_is_said(make_service, offers):
    with Peer(extensions=(*offers, "LIMITS RCPTMAX=2")) as peer:
        service = serve(make_service, peer)
        recipients = addresses(7)
        submit(service, recipients)
        check_all_once(peer, service, recipients)
        assert taken(peer) == [recipients[0:2], recipients[2:4], recipients[4:6], recipients[6:]]
        assert [sizes(session) for session in peer.sessions] == [[2, 2, 2, 1]]
        assert len({content for _, _, content in peer.messages}) == 1


@pytest.mark.parametrize("offers", (OFFERS, LOCKSTEP), ids=("pipelining", "lockstep"))
@pytest.mark.parametrize("reply", ("452 4.5.3 too many recipients", "452 Too many recipients",
                                   "552 too many recipients", "552 5.5.3 two are enough"))
def test_a_limit_that_is_shown(make_service, offers, reply):
    with limited(2, reply, extensions=offers) as peer:
        service = serve(make_service, peer)
        recipients = addresses(7)
        submit(service, recipients)
        check_all_once(peer, service, recipients)
        assert taken(peer) == [recipients[0:2], recipients[2:4], recipients[4:6], recipients[6:]]
        # Refused once, and never again in this session.
        assert peer.refuse.refusals == 5
        assert [sizes(session) for session in peer.sessions] == [[7, 2, 2, 1]]
        more = addresses(3, message=1)
        submit(service, more)
        check_all_once(peer, service, recipients + more)
        if len(peer.sessions) == 1:
            assert sizes(peer.sessions[0])[4:] == [2, 1]


def test_many_recipients_of_a_large_message(make_service):
    body = b"".join(b"line %d of many\n" % number for number in range(100000))
    with limited(60, "452 4.5.3 too many recipients") as peer:
        service = serve(make_service, peer)
        recipients = addresses(200)
        submit(service, recipients, body)
        check_all_once(peer, service, recipients)
        assert [len(part) for part in taken(peer)] == [60, 60, 60, 20]
        assert len({content for _, _, content in peer.messages}) == 1
        assert peer.messages[0][2].endswith(body.replace(b"\n", b"\r\n"))


def test_a_backlog(make_service):
    recipients = []
    with limited(2, "452 4.5.3 too many recipients", hold="greeting") as peer:
        service = serve(make_service, peer)
        for number in range(40):
            recipients.append(addresses(1 + number % 5, message=number))
            submit(service, recipients[-1])
        peer.release()
        service.wait_until_empty(60)
        check_all_once(peer, service, sum(recipients, []))
        assert max(len(part) for part in taken(peer)) == 2


def test_a_full_mailbox_is_put_off_alone(make_service):
    with Peer(refuse={"full@m0.example": "452 mailbox full"}) as peer:
        service = serve(make_service, peer)
        submit(service, ["full@m0.example", *addresses(2)])
        service.wait_for_text(r"to=<full@m0.example>.*status=deferred .*452 mailbox full")
        assert taken(peer) == [addresses(2)]
        peer.refuse = {}
        service.wait_until_empty()
        assert taken(peer) == [addresses(2), ["full@m0.example"]]


def test_one_that_is_never_taken_does_not_spin(make_service):
    with Peer(refuse={"full@m0.example": "452 4.5.3 not this one"}) as peer:
        service = serve(make_service, peer, queue='retry = { "1h" }')
        submit(service, [*addresses(2), "full@m0.example"])
        service.wait_for_text(r"to=<full@m0.example>.*status=deferred .*not this one")
        assert taken(peer) == [addresses(2)]
        assert [sizes(session) for session in peer.sessions] == [[3, 1]]
        assert service.count() == 1


def test_a_service_that_ends_leaves_the_rest_to_the_next(make_service):
    recipients = [addresses(3, message=number) for number in range(10)]
    with Peer(extensions=(*OFFERS, "LIMITS RCPTMAX=2"), hold="end") as peer:
        service = serve(make_service, peer)
        for one in recipients:
            submit(service, one)
        wait_for(lambda: peer.reached_hold, 30)
        service.signal(signal.SIGTERM)
        peer.release()
        service.terminate()
        service.start()
        service.wait_until_empty(60)
        assert sorted(sum(taken(peer), [])) == sorted(sum(recipients, []))
        assert not re.search("possible duplicate", service.text())


class LimitedPostfix(Postfix):
    """Says "452 4.5.3 Error: too many recipients"."""

    def __init__(self, folder, authority):
        super().__init__(folder, authority, extra="smtpd_recipient_limit = 3\n")

    def accepted(self):
        return self.log_text().count(" from=<a@there.example>, size=")


class LimitedExim(Exim):
    """Says "452 too many recipients"."""

    def write(self, name, text, *rest):
        super().write(name, text.replace("recipients_max = 0", "recipients_max = 3"), *rest)


REAL = {"postfix": (LimitedPostfix, why_not), "exim": (LimitedExim, lambda: chroot.why_not("exim"))}


@pytest.mark.parametrize("name", REAL)
def test_a_real_server(make_service, authority, tmp_path, name):
    make, reason = REAL[name]
    if reason():
        pytest.skip(reason())
    server = make(tmp_path / name, authority)
    try:
        server.start()
        service = make_service(
            url=f"smtp+tls://{server.host}:{server.port}", submit='wait = "disk"',
            smarthost=f'ca_file = "{server.ca}"',
            variables={"user": server.user, "password": server.password}).start()
        recipients = addresses(10)
        submit(service, recipients)
        service.wait_until_empty()
        text = service.text()
        assert text.count("status=sent") == 10 and text.count("status=") == 10, text
        assert server.accepted() == 4
    finally:
        server.stop()
