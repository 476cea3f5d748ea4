# SPDX-License-Identifier: MIT

"""Which smarthost a message goes to, and who takes over while one is down."""

import os
import re

import pytest

from support.mailchute import fields, needs_program
from support.peer import Conversation, Peer
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"From: Somebody <somebody@there.example>\nSubject: which way\n\ntext\n"
SLOW = 'retry = { "1h" }'
QUICK = 'retry = { "100ms" }'


def block(name, peer, options=""):
    return f'smarthost "{name}" {{ url = "smtp+notls://127.0.0.1:{peer.port}" {options} }}\n'


def serve(make_service, peers, routes, queue=SLOW, submit='wait = "disk"', variables=None,
          **options):
    """The smarthosts "a", "b"..., each with a from of its own."""
    blocks = "".join(block(name, peer, f'from = "{name}@from.example" {options.get(name, "")}')
                     for name, peer in zip("abcdef", peers))
    return make_service(submit=submit, queue=queue, variables=variables,
                        extra=blocks + routes).start()


def send(service, *recipients, sender="x@there.example", message=MESSAGE):
    result = service.sendmail("-f", sender, *recipients, input=message)
    assert (result.status, result.stderr) == (0, "")


def recipients_of(peer):
    return sorted(name for _, names, _ in peer.messages for name in names)


def stop_and_keep_port(peer):
    peer.stop()
    return peer


def test_by_sender_recipient_and_user(make_service, make_peer):
    a, b, c, d = make_peer(), make_peer(), make_peer(), make_peer()
    service = serve(make_service, [a, b, c, d], f"""
        route "news" {{ from = {{ "*@news.example" }} via = {{ "b" }} }}
        route "team" {{ to = {{ "team.example", "boss@else.example" }} via = {{ "c" }} }}
        route "me"   {{ user = {{ "{os.getuid()}" }} to = {{ "mine.example" }} via = {{ "d" }} }}
        route "you"  {{ user = {{ "{os.getuid() + 1}" }} via = {{ "b" }} }}
        """)
    send(service, "one@far.example")
    send(service, "two@team.example", sender="x@news.example")
    send(service, "three@team.example")
    send(service, "Boss@Else.Example")
    send(service, "four@mine.example")
    service.wait_until_empty()
    assert recipients_of(a) == ["one@far.example"]
    assert recipients_of(b) == ["two@team.example"]
    assert recipients_of(c) == ["Boss@Else.Example", "three@team.example"]
    assert recipients_of(d) == ["four@mine.example"]


def test_without_a_sender_the_from_field_counts(make_service, make_peer):
    a, b = make_peer(), make_peer()
    service = serve(make_service, [a, b],
                    'route "news" { from = { "there.example" } via = { "b" } }')
    send(service, "one@far.example", sender="<>")
    send(service, "two@far.example", sender="<>", message=b"From: x@else.example\n\n")
    service.wait_until_empty()
    assert recipients_of(b) == ["one@far.example"]
    assert recipients_of(a) == ["two@far.example"]


def test_one_message_two_smarthosts(make_service, make_peer):
    a, b = make_peer(), make_peer()
    service = serve(make_service, [a, b], 'route "b" { to = { "b.example" } via = { "b" } }')
    send(service, "1@a.example", "2@b.example", "3@a.example", "4@b.example")
    service.wait_until_empty()
    assert recipients_of(a) == ["1@a.example", "3@a.example"]
    assert recipients_of(b) == ["2@b.example", "4@b.example"]
    assert len(a.messages) == len(b.messages) == 1
    assert len(re.findall("status=sent", service.text())) == 4


def test_the_outcome_is_that_of_all_smarthosts(make_service, make_peer):
    never = "550 5.1.1 peer knows nobody of that name"
    a, b = make_peer(refuse={"1@a.example": never}), make_peer(refuse={"2@b.example": never})
    service = serve(make_service, [a, b], 'route "b" { to = { "b.example" } via = { "b" } }',
                    submit='wait = "outcome" wait_limit = "30s"')
    result = service.sendmail("-f", "x@there.example", "1@a.example", "2@b.example", input=MESSAGE)
    assert result.status == 67, result
    assert "550 5.1.1" in result.stderr
    assert service.count() == 0
    result = service.sendmail("-f", "x@there.example", "1@a.example", "3@b.example", input=MESSAGE)
    assert (result.status, result.stderr) == (0, "")
    wait_for(lambda: "3@b.example" in recipients_of(b), what="the good one")


def test_one_report_for_both(make_service, make_peer):
    never = "550 5.1.1 peer knows nobody of that name"
    a, b = make_peer(refuse={"1@a.example": never}), make_peer(refuse={"2@b.example": never})
    service = serve(make_service, [a, b], 'route "b" { to = { "b.example" } via = { "b" } }')
    send(service, "1@a.example", "2@b.example")
    service.wait_until_empty()
    reports = a.messages
    assert [names for _, names, _ in reports] == [["x@there.example"]]
    assert reports[0][2].count(b"Final-Recipient:") == 2
    assert not b.messages


def test_one_smarthost_is_down_and_the_other_not(make_service, make_peer):
    a, b = make_peer(), make_peer()
    stop_and_keep_port(a)
    service = serve(make_service, [a, b], 'route "b" { to = { "b.example" } via = { "b" } }', QUICK)
    send(service, "1@a.example", "2@b.example")
    wait_for(lambda: b.messages, what="the one for b")
    a.start()
    service.wait_until_empty()
    assert recipients_of(a) == ["1@a.example"]
    assert recipients_of(b) == ["2@b.example"]


def test_a_sender_who_is_refused_here_is_taken_there(make_service, make_peer):
    never = "550 5.7.60 not allowed to send as this one"
    a, b = make_peer(), make_peer(refuse={"0@b.example": never, "1@b.example": never})
    service = serve(make_service, [a, b], 'route "b" { to = { "b.example" } via = { "b" } }')
    send(service, "0@b.example")
    service.wait_for_log(r"smarthost=b .*state=sender_refused")
    send(service, "1@b.example", "2@a.example")
    wait_for(lambda: recipients_of(a) == ["2@a.example"], what="the one for a")
    assert not b.messages
    service.wait_for_queue("2 Requests")


FALLBACK = 'route "all" { via = { "a", "b" } }'


def test_the_fallback_takes_over_with_its_own_sender(make_service, make_peer):
    a, b = make_peer(), make_peer()
    stop_and_keep_port(a)
    service = serve(make_service, [a, b], FALLBACK)
    local = b"From: me@client\nSubject: mine\n\ntext\n"
    send(service, "1@far.example", sender="me@client", message=local)
    send(service, "2@far.example", sender="x@there.example")
    service.wait_until_empty()
    mine = next(one for one in b.messages if one[1] == ["1@far.example"])
    assert mine[0].upper().startswith(b"MAIL FROM:<B@FROM.EXAMPLE>")
    assert fields(mine[2], "From") == ["b@from.example"]
    theirs = next(one for one in b.messages if one[1] == ["2@far.example"])
    assert theirs[0].upper().startswith(b"MAIL FROM:<X@THERE.EXAMPLE>")
    assert len(b.messages) == 2


@pytest.mark.parametrize("at, fault", [("greeting", "close"), ("greeting", "421"),
                                       ("greeting", "5xx"), ("ehlo", "reset"),
                                       ("mail", "421"), ("rcpt", "421")])
def test_the_fallback_takes_over_in_the_same_attempt(make_service, make_peer, at, fault):
    a, b = make_peer(at=at, fault=fault), make_peer()
    service = serve(make_service, [a, b], FALLBACK)
    for number in range(10):
        send(service, f"{number}@far.example")
    service.wait_until_empty()
    assert len(b.messages) == 10
    assert not a.messages


def test_a_refused_login_is_for_the_fallback(make_service, make_peer, tmp_path):
    a, b = make_peer(users={"me": "right"}), make_peer()
    secrets = tmp_path / "secrets.ini"
    secrets.write_text('[a]\nuser = "me"\npassword = "wrong"\n')
    secrets.chmod(0o600)
    service = serve(make_service, [a, b], FALLBACK,
                    variables={"CREDENTIALS_DIRECTORY": tmp_path})
    send(service, "1@far.example")
    service.wait_until_empty()
    assert len(b.messages) == 1
    assert any(command.startswith(b"AUTH ") for command in a.sessions[0].commands)


def test_the_first_is_back(make_service, make_peer):
    a, b = make_peer(), make_peer()
    stop_and_keep_port(a)
    service = serve(make_service, [a, b], FALLBACK, QUICK)
    send(service, "1@far.example")
    service.wait_until_empty()
    assert recipients_of(b) == ["1@far.example"]
    a.start()

    def goes_to_the_first():
        send(service, "2@far.example")
        service.wait_until_empty()
        return a.messages

    wait_for(goes_to_the_first, what="a message at the first")
    # From then on all of them do.
    before = len(b.messages)
    for number in range(5):
        send(service, f"{number}@again.example")
    service.wait_until_empty()
    assert len(b.messages) == before


@pytest.mark.parametrize("at, fault", [("rcpt", "5xx"), ("end", "5xx"), ("rcpt", "4xx"),
                                       ("end", "4xx"), ("end", "close")])
def test_the_fallback_does_not_see_what_the_first_has_seen(make_service, make_peer, at, fault):
    a, b = make_peer(at=at, fault=fault), make_peer()
    service = serve(make_service, [a, b], FALLBACK, 'retry = { "1h" } bounce = ""')
    send(service, "1@far.example")
    service.wait_for_log("to=<1@far.example>.*status=(deferred|bounced)")
    if fault == "5xx":
        service.wait_until_empty()
    else:
        # In doubt or put off: it is for the first, also when that is down.
        service.wait_for_queue("1@far.example")
    assert not b.messages


def test_in_doubt_waits_for_the_first(make_service, make_peer):
    a, b = make_peer(at="end", fault="close"), make_peer()
    service = serve(make_service, [a, b], FALLBACK, QUICK)
    send(service, "1@far.example")
    service.wait_for_log("possible duplicate")
    stop_and_keep_port(a)
    # The fallback is in use meanwhile.
    send(service, "2@far.example")
    wait_for(lambda: recipients_of(b) == ["2@far.example"], what="2 at the fallback")
    a.repair()
    a.start()
    service.wait_until_empty()
    assert recipients_of(b) == ["2@far.example"]
    assert recipients_of(a) == ["1@far.example"]


def test_shares_by_weight(make_service, make_peer):
    a, b = make_peer(), make_peer()
    service = serve(make_service, [a, b], 'route "all" { via = { "a:3", "b:1" } }')
    for number in range(200):
        send(service, f"{number}@far.example")
    service.wait_until_empty()
    # 150 and 50; by pure chance one of a million such draws is outside of these.
    assert 115 <= len(a.messages) <= 182, (len(a.messages), len(b.messages))
    assert len(a.messages) + len(b.messages) == 200
    assert len(set(recipients_of(a)) | set(recipients_of(b))) == 200


def test_who_bears_a_weight_takes_over_for_the_other(make_service, make_peer):
    a, b = make_peer(), make_peer()
    stop_and_keep_port(a)
    service = serve(make_service, [a, b], 'route "all" { via = { "a:3", "b:1" } }')
    for number in range(20):
        send(service, f"{number}@far.example")
    service.wait_until_empty()
    assert len(b.messages) == 20


def test_all_were_down_and_the_fallback_is_back(make_service, make_peer):
    a, b = make_peer(), make_peer()
    stop_and_keep_port(a)
    stop_and_keep_port(b)
    service = serve(make_service, [a, b], FALLBACK)
    for number in range(6):
        send(service, f"{number}@far.example")
    service.wait_for_log("smarthost=b state=down")
    wait_for(lambda: service.count() == 6, what="all in the queue")
    b.start()
    # One of them asks, and the others follow.
    assert service.admin("queue", "flush").status == 0
    service.wait_until_empty()
    assert len(b.messages) == 6


class ReservedConversation(Conversation):
    def answer(self, step, *lines):
        if step != "mail":
            return super().answer(step, *lines)
        self.say("550 5.4.5 daily sending quota exceeded")
        return False


class Reserved(Peer):
    conversation = ReservedConversation


def test_enough_of_us_for_today(make_service, make_peer):
    with Reserved() as a:
        b = make_peer()
        service = serve(make_service, [a, b], FALLBACK)
        send(service, "1@far.example", "2@far.example")
        send(service, "3@far.example")
        service.wait_until_empty()
        assert recipients_of(b) == ["1@far.example", "2@far.example", "3@far.example"]


def test_explain_tells_the_route(make_service, make_peer):
    a, b = make_peer(), make_peer()
    service = serve(make_service, [a, b],
                    'route "news" { from = { "*@news.example" } via = { "b", "a" } }\n'
                    'route "shares" { to = { "s.example" } via = { "a:3", "b:1" } }\n')
    told = service.sendmail("-bv", "-f", "x@news.example", "1@far.example").stdout.decode()
    assert re.search(r'smarthost "b", by route "news" in line \d+ \(', told), told
    assert '    while it is down: "a"' in told, told
    assert f"host 127.0.0.1, user 1@far.example" in told
    told = service.sendmail("-bv", "-f", "x@far.example", "1@far.example").stdout.decode()
    assert 'smarthost "a", the first smarthost, for no route matches' in told, told
    told = service.admin("explain", "1@s.example").stdout.decode()
    assert re.search(r'smarthost "a", by route "shares" in line \d+, where 3 of 4 messages go',
                     told), told


def test_the_queue_tells_of_all_smarthosts(make_service, make_peer):
    a, b, c = make_peer(), make_peer(), make_peer()
    for peer in a, b, c:
        stop_and_keep_port(peer)
    service = serve(make_service, [a, b, c], 'route "b" { to = { "b.example" } via = { "b" } }')
    send(service, "1@a.example", "2@b.example")
    service.wait_for_log("smarthost=b state=down")
    queue_id = re.search(r"^\w{20,}", service.queue(), re.MULTILINE).group()
    assert re.search(r"^Smarthost: +a, b$", service.queue("show", queue_id), re.MULTILINE)
    assert service.admin("queue", "hold", "--smarthost", "c").status == 66
    assert queue_id in service.queue("hold", "--smarthost", "b")


def test_a_route_to_nowhere_is_refused(make_service, make_peer):
    a = make_peer()
    service = make_service(extra=block("provider", a) + 'route "r" { via = { "provder" } }')
    told = service.admin("explain", "1@s.example")
    assert told.status == 78
    assert 'via = "provder": there is no such smarthost' in told.stderr, told
    assert '"provider"' in told.stderr


def test_without_a_queue(make_service, make_peer):
    a, b, c = make_peer(), make_peer(refuse={"4@b.example": "550 5.1.1 nobody"}), make_peer()
    stop_and_keep_port(c)
    service = make_service(submit='mode = "direct"', extra=block("a", a) + block("b", b)
                           + block("c", c)
                           + 'route "b" { to = { "b.example" } via = { "b" } }\n'
                             'route "c" { to = { "c.example" } via = { "c", "a" } }\n'
                             'route "d" { to = { "d.example" } via = { "c" } }\n')

    def sendmail(*recipients):
        return service.sendmail("-f", "x@there.example", *recipients, input=MESSAGE,
                                env=service.environment())

    result = sendmail("1@a.example", "2@b.example", "3@c.example")
    assert (result.status, result.stderr) == (0, "")
    assert recipients_of(a) == ["1@a.example", "3@c.example"]
    assert recipients_of(b) == ["2@b.example"]
    result = sendmail("5@a.example", "4@b.example", "6@d.example")
    assert result.status == 67
    assert "sent to 5@a.example, but not to 4@b.example, 6@d.example: " in result.stderr
    result = sendmail("6@d.example")
    assert result.status in (68, 69), result
    assert "nothing was kept" in result.stderr


def test_nobody_waits_for_the_rate_of_anothers_smarthost(make_service, make_peer):
    a, b = make_peer(), make_peer()
    service = serve(make_service, [a, b], 'route "b" { to = { "b.example" } via = { "b" } }\n'
                    'route "first" { via = { "a" } }', a='rate = "1/h"')
    # Those at the smarthost with the rate stand first in each message.
    for number in range(100):
        send(service, f"{number}@a.example", f"{number}@b.example")
    wait_for(lambda: len(b.messages) == 100, what="all at the one without a rate")
    wait_for(lambda: service.count() == 99, what="the end of the one that is done")
    assert len(a.messages) == 1


def test_who_waits_at_a_door_bothers_no_other(make_service, make_peer):
    # Those for b are put off again and again while the rate of a lets one through at a time.
    a, b = make_peer(), make_peer(at="rcpt", fault="4xx")
    service = serve(make_service, [a, b], 'route "b" { to = { "b.example" } via = { "b" } }\n',
                    a='rate = "20/s"')
    for number in range(20):
        send(service, f"{number}@b.example", f"{number}@a.example")
    wait_for(lambda: len(a.messages) == 20, what="all at the one with the rate")
    tries = sum(command.startswith(b"RCPT ") for session in b.sessions
                for command in session.commands)
    assert 20 <= tries <= 40
