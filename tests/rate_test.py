# SPDX-License-Identifier: MIT

"""A smarthost with a rate is never sent more than that, whatever happens to the messages.

Only the upper bound is looked at: how fast this machine is makes no difference to it.
"""

import time

import pytest

from support.mailchute import needs_program
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"Subject: rate\n\ntext\n"
TICK = 0.001  # what the service's clock tells


def moments_of_mail(peer):
    return sorted(moment for session in list(peer.sessions)
                  for moment, command in zip(list(session.moments), list(session.commands))
                  if command.upper().startswith(b"MAIL "))


def check(moments, start, burst, a_second):
    for count, moment in enumerate(moments, 1):
        assert count <= burst + (moment - start + TICK) * a_second, (
            f"{count} after {moment - start} s: {[one - start for one in moments]}")


def submit(service, count):
    for number in range(count):
        result = service.sendmail("-f", "a@there.example", f"b{number}@far.example", input=MESSAGE)
        assert (result.status, result.stderr) == (0, "")


def serve(make_service, peer, rate, variables=None):
    # Nobody waits for the outcome, and what is put off is tried again at once.
    return make_service(url=f"smtp+notls://127.0.0.1:{peer.port}", smarthost=rate,
                        submit='wait = "disk"', queue='retry = { "1ms" }',
                        variables=variables).start()


@pytest.mark.parametrize("rate, burst, a_second", [
    ('rate = "600/min" burst = 3', 3, 10),
    ('rate = "10/s"', 1, 10),
    ('rate = "36000/h" burst = 5 window = 1', 5, 10),
])
def test_no_more_than_the_rate(make_service, make_peer, rate, burst, a_second):
    # All wait at once, with two connections half made and the bucket full again.
    peer = make_peer(hold="greeting")
    service = serve(make_service, peer, rate)
    submit(service, 12)
    start = time.monotonic()
    peer.release()
    service.wait_until_empty()
    moments = moments_of_mail(peer)
    assert len(moments) == 12 == len(peer.messages)
    check(moments, start, burst, a_second)


@pytest.mark.parametrize("at, fault", [("mail", "4xx"), ("rcpt", "4xx"), ("rcpt", "5xx"),
                                       ("end", "4xx"), ("end", "5xx"), ("rcpt", "close"),
                                       ("end", "421")])
def test_what_fails_has_used_its_token(make_service, make_peer, at, fault):
    peer = make_peer(hold="greeting", at=at, fault=fault)
    service = serve(make_service, peer, 'rate = "600/min" burst = 3')
    submit(service, 12)
    start = time.monotonic()
    peer.release()
    wait_for(lambda: len(moments_of_mail(peer)) >= 12, what="12 tries")
    check(moments_of_mail(peer), start, 3, 10)


def test_a_connection_that_fails_uses_none(make_service, make_peer):
    peer = make_peer(at="greeting", fault="5xx")
    # The first token would be the last for an hour.
    service = serve(make_service, peer, 'rate = "1/h" burst = 2')
    submit(service, 1)
    wait_for(lambda: len(peer.sessions) >= 5, what="5 connections")
    peer.repair()
    submit(service, 1)
    service.wait_until_empty()
    assert len(moments_of_mail(peer)) == 2
    # Whoever has none is taken all the same, and shown in the queue.
    submit(service, 3)
    assert service.count() == 3
    assert len(moments_of_mail(peer)) == 2


def test_the_rate_may_stand_in_the_environment(make_service, make_peer):
    peer = make_peer(hold="greeting")
    service = serve(make_service, peer, "", variables={"MAILCHUTE_RATE": "1200/min"})
    submit(service, 12)
    start = time.monotonic()
    peer.release()
    service.wait_until_empty()
    assert len(moments_of_mail(peer)) == 12
    check(moments_of_mail(peer), start, 1, 20)
