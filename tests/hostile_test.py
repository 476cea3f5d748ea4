# SPDX-License-Identifier: MIT

"""A smarthost that misbehaves at each step: no message is lost, the reason is told, the
service lives on and delivers once the smarthost has come to its senses."""

import re

import pytest

from support.mailchute import needs_program
from support.peer import FAULTS
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"Subject: hostile\n\n.one\ntwo\n" + b"filler line\n" * 2000

# Where the server's "never" is about the message, not about the account or the connection.
FINAL = {("mail", "5xx"), ("rcpt", "5xx"), ("data", "5xx"), ("end", "5xx")}
# The message was taken before; or EHLO was refused and HELO was not.
HARMLESS = {("quit", fault) for fault in FAULTS["quit"] if fault != "stall"} | {("ehlo", "5xx")}
# Who goes on is right, and who gives up for now is right.
ODD = {(step, "nul") for step in FAULTS if "nul" in FAULTS[step]} | {("starttls", "injection")}
# What must be told: the server's own words.
WORDS = {
    "4xx": "peer says not now",
    "5xx": "peer says never",
    "421": "peer is closing down",
}
CASES = [(step, fault) for step in FAULTS for fault in FAULTS[step] if fault != "stall"]


def options_for(step, authority):
    options = {}
    if step in ("starttls", "handshake"):
        options["certificate"] = authority.certificate()
    if step == "auth":
        options["users"] = {"me": "secret word"}
    if step in ("data", "content"):
        # Without CHUNKING, so that DATA is what is used.
        options["extensions"] = ("PIPELINING", "8BITMIME")
    return options


def serve(make_service, peer, step, authority):
    scheme = "smtp+tls" if step in ("starttls", "handshake") else "smtp"
    variables = {"user": "me", "password": "secret word"} if step == "auth" else {}
    return make_service(url=f"{scheme}://127.0.0.1:{peer.port}",
                        smarthost=f'ca_file = "{authority.ca}" from = "a@there.example"',
                        submit='wait = "disk"', variables=variables).start()


def submit(service, recipient="b@far.example"):
    result = service.sendmail("-i", "-f", "a@there.example", recipient, input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result


@pytest.mark.parametrize("step, fault", [
    case for case in CASES if case not in FINAL | HARMLESS | ODD])
def test_the_message_waits_and_goes_later(make_service, make_peer, authority, step, fault):
    peer = make_peer(at=step, fault=fault, **options_for(step, authority))
    service = serve(make_service, peer, step, authority)
    submit(service)
    wait_for(lambda: peer.reached_fault, what=lambda: "the fault; log:\n" + service.tail())
    # The reason: the server's words, or at least who it was.
    words = WORDS.get(fault, f"127\\.0\\.0\\.1.*{peer.port}")
    shown = service.wait_for_queue(words)
    assert "b@far.example" in shown and "a@there.example" in shown
    assert service.count() == 1
    service.wait_for_log(words)
    assert "secret word" not in service.text() + shown
    service.check_runs()
    if step != "end":
        assert peer.messages == []

    peer.repair()
    service.wait_until_empty()
    assert [message[1] for message in peer.messages] == [["b@far.example"]]
    assert peer.messages[0][2].endswith(b"\r\n.one\r\ntwo\r\n" + b"filler line\r\n" * 2000)
    service.check_runs()


@pytest.mark.parametrize("step, fault", sorted(HARMLESS))
def test_what_does_not_matter(make_service, make_peer, authority, step, fault):
    peer = make_peer(at=step, fault=fault)
    service = serve(make_service, peer, step, authority)
    submit(service)
    service.wait_until_empty()
    assert len(peer.messages) == 1
    service.check_runs()


@pytest.mark.parametrize("step, fault", sorted(ODD - HARMLESS))
def test_what_is_odd(make_service, make_peer, authority, step, fault):
    peer = make_peer(at=step, fault=fault, **options_for(step, authority))
    service = serve(make_service, peer, step, authority)
    submit(service)
    wait_for(lambda: peer.reached_fault, what=lambda: "the fault; log:\n" + service.tail())
    peer.repair()
    service.wait_until_empty()
    assert peer.messages[-1][2].endswith(b"\r\n.one\r\ntwo\r\n" + b"filler line\r\n" * 2000)
    assert "\0" not in service.text()
    service.check_runs()


@pytest.mark.parametrize("step, fault", sorted(FINAL))
def test_a_final_refusal_is_told_and_not_lost(make_service, make_peer, authority, step, fault):
    peer = make_peer(at=step, fault=fault, **options_for(step, authority))
    service = serve(make_service, peer, step, authority)
    submit(service)
    service.wait_for_log(WORDS[fault])
    assert re.search(r"status=bounced", service.text()), service.tail()
    # The report of it is refused as well, so it is kept.
    service.wait_until_empty()
    kept, = (service.spool / "failed").iterdir()
    assert WORDS[fault].encode() in kept.read_bytes() and b"filler line" in kept.read_bytes()
    submit(service, "c@far.example")
    wait_for(lambda: len(list((service.spool / "failed").iterdir())) == 2, what="the second one")
    service.check_runs()


@pytest.mark.parametrize("step", [step for step in FAULTS if "stall" in FAULTS[step]])
def test_silence_stops_nobody_else(make_service, make_peer, authority, step):
    """The protocol's own time limits are minutes; meanwhile the service does its work."""
    peer = make_peer(at=step, fault="stall", **options_for(step, authority))
    service = serve(make_service, peer, step, authority)
    submit(service)
    wait_for(lambda: peer.reached_fault, what=lambda: "the fault; log:\n" + service.tail())
    submit(service, "c@far.example")
    if step != "quit":
        assert peer.messages == []
        assert service.count() == 2
        assert "b@far.example" in service.queue()
    # It can be ended while it waits, and the message is still there afterwards.
    service.terminate()
    peer.repair()
    service.start()
    service.wait_until_empty()
    assert sorted(message[1][0] for message in peer.messages)[:2] == ["b@far.example",
                                                                      "c@far.example"]


def test_a_smarthost_that_loses_each_second_connection(make_service, make_peer, authority):
    peer = make_peer(at="end", fault="close", times=3)
    service = serve(make_service, peer, "end", authority)
    for number in range(10):
        submit(service, f"r{number}@far.example")
    service.wait_until_empty(60)
    assert sorted(one for _, several, _ in peer.messages for one in several) == sorted(
        f"r{number}@far.example" for number in range(10))


def test_the_password_never_travels_in_the_clear(make_service, make_peer, authority):
    """STARTTLS is missing from the answer to EHLO, as if someone had stripped it."""
    peer = make_peer(users={"me": "secret word"})
    service = make_service(url=f"smtp+tls://127.0.0.1:{peer.port}",
                           smarthost=f'ca_file = "{authority.ca}"', submit='wait = "disk"',
                           variables={"user": "me", "password": "secret word"}).start()
    submit(service)
    service.wait_for_queue("STARTTLS")
    for session in peer.sessions:
        verbs = {line.split(b" ")[0].upper() for line in session.commands}
        assert verbs <= {b"EHLO", b"HELO", b"QUIT", b"STARTTLS"}, session.commands
