# SPDX-License-Identifier: MIT

"""A smarthost with a rate is never sent more than that, whatever happens to the messages.

Only the upper bound is looked at: how fast this machine is makes no difference to it.
"""

import signal
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


def serve_routes(make_service, peers, routes, rate="", variables=None):
    blocks = "".join(f'smarthost "{name}" {{ url = "smtp+notls://127.0.0.1:{peer.port}" {rate} }}\n'
                     for name, peer in zip("ab", peers))
    return make_service(extra=blocks + routes, submit='wait = "disk"',
                        queue='retry = { "1ms" }', variables=variables).start()


@pytest.mark.parametrize("rate", ["", 'rate = "100/s" burst = 2'], ids=["alone", "with another"])
def test_a_route_with_a_rate(make_service, make_peer, rate):
    """Its messages wait; those of others pass them."""
    peer = make_peer()
    service = serve_routes(make_service, [peer], """
        route "news" { from = { "*@there.example" } via = { "a" } rate = "600/min" burst = 3 }
        """, rate)
    start = time.monotonic()
    submit(service, 12)
    for number in range(5):
        assert service.sendmail("-f", "x@else.example", f"c{number}@far.example",
                                input=MESSAGE).status == 0
    service.wait_until_empty()
    # Where many go at once there may be a probe of the window (RFC 3030): a MAIL without a RCPT.
    news = sorted(moment for session in peer.sessions
                  for moment, command, following in zip(session.moments, session.commands,
                                                        session.commands[1:])
                  if command.upper().startswith(b"MAIL FROM:<A@THERE")
                  and following.upper().startswith(b"RCPT "))
    assert len(news) == 12 and len(peer.messages) == 17
    check(news, start, 3, 10)


def test_those_of_a_slow_route_are_in_nobodys_way(make_service, make_peer):
    peers = [make_peer(), make_peer()]
    service = serve_routes(make_service, peers, """
        route "news" { from = { "*@there.example" } via = { "a", "b" } rate = "1/h" burst = 2 }
        """)
    submit(service, 6)
    for number in range(5):
        assert service.sendmail("-f", "x@else.example", f"c{number}@far.example",
                                input=MESSAGE).status == 0
    wait_for(lambda: len(peers[0].messages) == 7, what="two of the route and five others")
    # The other smarthost of the route does not take over: it is the route that has to wait.
    wait_for(lambda: service.count() == 4, what="four that wait")
    assert peers[1].messages == []
    # Without a rate they go.
    service.configure(extra=service.config.read_text().partition("smarthost")[1] +
                      service.config.read_text().partition("smarthost")[2].replace(
                          'rate = "1/h" burst = 2', ""), submit='wait = "disk"')
    service.signal(signal.SIGHUP)
    service.wait_until_empty()
    assert len(peers[0].messages) == 11


def test_a_connection_that_fails_uses_none_of_its_route(make_service, make_peer):
    peer = make_peer(at="greeting", fault="5xx")
    service = serve_routes(make_service, [peer], """
        route "news" { via = { "a" } rate = "1/h" burst = 1 }
        """)
    submit(service, 1)
    wait_for(lambda: len(peer.sessions) >= 5, what="5 connections")
    peer.repair()
    service.wait_until_empty()
    assert len(moments_of_mail(peer)) == 1
