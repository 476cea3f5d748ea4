# SPDX-License-Identifier: MIT

"""How many connections are open to a smarthost, and what goes through them."""

import time

import pytest

from support.mailchute import needs_program
from support.peer import Conversation, Gone, Peer
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"Subject: one of many\n\ntext\n"
LINGER = 5  # seconds, of a connection that has nothing to do (src/service/workers_slot.h)
SLOW = 'retry = { "1h" }'  # whoever is put off does not come back in this test


class CrowdedConversation(Conversation):
    def answer(self, step, *lines):
        if step == "greeting":
            self.is_one_too_many = self.peer.count_present() > self.peer.room
        if step == self.peer.refuses_at and self.is_one_too_many:
            self.peer.turned_away += 1
            self.say("421 4.7.0 too many connections from your host")
            self.let_read()
            raise Gone
        return super().answer(step, *lines)


class Crowded(Peer):
    """Takes so many connections at once, and says 421 at this step to any further one."""

    conversation = CrowdedConversation

    def __init__(self, room=50, refuses_at="greeting", **options):
        super().__init__(**options)
        self.room, self.refuses_at = room, refuses_at
        self.most = self.turned_away = 0

    def count_present(self):
        with self._lock:
            present = len(self._open)
            self.most = max(self.most, present)
        return present


@pytest.fixture
def make_crowded():
    peers = []

    def make(*arguments, **options):
        peers.append(Crowded(*arguments, **options).start())
        return peers[-1]

    yield make
    for peer in peers:
        peer.stop()


def serve(make_service, peer, smarthost="", **options):
    # Nobody waits for the outcome.
    options.setdefault("queue", SLOW)
    return make_service(url=f"smtp+notls://127.0.0.1:{peer.port}", smarthost=smarthost,
                        submit='wait = "disk"', **options).start()


def submit(service, count):
    for number in range(count):
        result = service.sendmail("-f", "a@there.example", f"b{number}@far.example", input=MESSAGE)
        assert (result.status, result.stderr) == (0, "")


def was_deferred(service):
    return "status=deferred" in service.text()


@pytest.mark.parametrize("setting, most", [("", 2), ("connections = 1", 1), ("connections = 4", 4)])
def test_a_deep_queue_opens_as_many_as_are_allowed(make_service, make_crowded, setting, most):
    # One message at a time, none of which is answered: each connection is full with two.
    peer = make_crowded(hold="mail")
    service = serve(make_service, peer, f"window = 1 {setting}")
    submit(service, 16)
    wait_for(lambda: peer.count_present() == most, what=f"{most} connections")
    wait_for(lambda: all(session.reached_hold for session in peer.sessions), what="MAIL in each")
    peer.release()
    service.wait_until_empty()
    assert peer.most == most == len(peer.sessions)
    assert len(peer.messages) == 16
    assert not was_deferred(service)


def test_a_shallow_queue_opens_one(make_service, make_crowded):
    # As many as the one takes at once.
    peer = make_crowded(hold="mail")
    service = serve(make_service, peer, "connections = 8")
    submit(service, 30)
    wait_for(lambda: peer.reached_hold, what="MAIL")
    peer.release()
    service.wait_until_empty()
    assert len(peer.sessions) == 1
    assert len(peer.messages) == 30


@pytest.mark.parametrize("refuses_at", ["greeting", "mail"])
def test_a_smarthost_that_takes_one(make_service, make_crowded, refuses_at):
    peer = make_crowded(room=1, refuses_at=refuses_at, hold="rcpt")
    service = serve(make_service, peer, "window = 1 connections = 4")
    submit(service, 24)
    wait_for(lambda: peer.turned_away, what="a connection too many")
    service.wait_for_log("takes no more than 1 connection,")
    peer.release()
    service.wait_until_empty()
    assert len(peer.messages) == 24
    assert not was_deferred(service), service.tail()
    assert "bounced" not in service.text()
    # It is not asked again and again, but by those that stood before the first was refused.
    assert peer.turned_away == 1 or (refuses_at == "mail" and peer.turned_away <= 3)
    assert all(message[1] for message in peer.messages)


def test_a_connection_lingers_for_the_next_message(make_service, make_crowded):
    peer = make_crowded()
    service = serve(make_service, peer)
    for number in range(1, 6):
        submit(service, 1)
        wait_for(lambda: len(peer.messages) == number, what=f"message {number}")
        service.wait_until_empty()
    # On a machine that takes so long between two messages there may be a second one.
    for before, after in zip(peer.sessions, peer.sessions[1:]):
        last = [moment for moment, command in zip(before.moments, before.commands)
                if command != b"QUIT"][-1]
        assert after.moments[0] - last >= LINGER, (before.commands, after.commands)


def test_a_deep_queue_leaves_room_for_other_smarthosts(make_service, make_crowded):
    # It holds all that it has, and messages to it stand before the one to the other.
    peer, other = make_crowded(hold="mail"), make_crowded()
    service = make_service(
        url=f"smtp+notls://127.0.0.1:{peer.port}", smarthost="window = 1 connections = 20",
        submit='wait = "disk"', queue=SLOW,
        extra=f'smarthost "other" {{ url = "smtp+notls://127.0.0.1:{other.port}" }}\n'
              'route "others" { to = { "other.example" } via = { "other" } }\n').start()
    submit(service, 60)
    wait_for(lambda: peer.count_present() == 19, what="19 connections")
    assert service.sendmail("-f", "a@there.example", "x@other.example",
                            input=MESSAGE).status == 0
    wait_for(lambda: len(other.messages) == 1, what="the message to the other")
    assert peer.most == 19
    peer.release()
    service.wait_until_empty()
    assert len(peer.messages) == 60


def test_a_rate_holds_over_all_connections(make_service, make_crowded):
    peer = make_crowded(hold="end")
    service = serve(make_service, peer, 'rate = "10/s" burst = 4 connections = 4')
    start = time.monotonic()
    submit(service, 24)
    wait_for(lambda: len(peer.sessions) >= 3, what="three connections")
    peer.release()
    service.wait_until_empty()
    moments = sorted(moment for session in peer.sessions
                     for moment, command in zip(session.moments, session.commands)
                     if command.startswith(b"MAIL "))
    assert len(moments) == len(peer.messages) == 24
    # Nothing but the upper bound: how fast this machine is makes no difference to it.
    for count, moment in enumerate(moments, 1):
        assert count <= 4 + (moment - start + 0.001) * 10, (count, moment - start)


def test_more_smarthosts_than_connections_take_turns(make_service, make_crowded):
    # Each holds what it gets; each slot is one message full.
    peers = [make_crowded(hold="mail") for _ in range(23)]
    names = [f"s{number}" for number in range(len(peers))]
    extra = "".join(f'smarthost "{name}" {{ url = "smtp+notls://127.0.0.1:{peer.port}"\n'
                    f' window = 1 }}\nroute "{name}" {{ to = {{ "{name}.example" }}'
                    f' via = {{ "{name}" }} }}\n' for name, peer in zip(names, peers))
    service = make_service(submit='wait = "disk"', queue=SLOW, extra=extra).start()
    for turn in range(4):
        for name in names:
            assert service.sendmail("-f", "a@there.example", f"b{turn}@{name}.example",
                                    input=MESSAGE).status == 0
    wait_for(lambda: sum(peer.reached_hold for peer in peers) == 20, what="20 connections")
    for peer in peers:
        peer.release()
    service.wait_until_empty()
    assert [len(peer.messages) for peer in peers] == [4] * len(peers)
