# SPDX-License-Identifier: MIT

"""Proves the fixture: the scripted peer is right without a fault, and wrong with one."""

import smtplib
import socket
import ssl

import pytest

from support.peer import FAULTS, Peer

MESSAGE = "Subject: x\r\n\r\n.dot\r\n"


def send(peer, context=None):
    timeout = 1 if peer.fault == "stall" else 20
    with smtplib.SMTP("127.0.0.1", peer.port, timeout=timeout) as client:
        if context:
            client.starttls(context=context)
        if peer.users:
            client.login("me", "secret")
        client.sendmail("a@here.example", ["b@far.example"], MESSAGE)


def test_is_a_correct_server_without_a_fault(authority):
    context = ssl.create_default_context(cafile=str(authority.ca))
    with Peer(certificate=authority.certificate(), users={"me": "secret"}) as peer:
        send(peer, context)
        assert peer.messages[0][1:] == (["b@far.example"], MESSAGE.encode())
        assert peer.sessions[0].is_tls
        assert peer.sessions[0].log_in == ("me", "secret")
        assert peer.sessions[0].commands[-1].upper() == b"QUIT"


def test_takes_chunks():
    with Peer() as peer, socket.create_connection(("127.0.0.1", peer.port), timeout=5) as client:
        client.sendall(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@far.example>\r\n"
                       b"BDAT 3\r\na\r\nBDAT 4 LAST\r\n.\r\n\nQUIT\r\n")
        while client.recv(4096):
            pass
        assert peer.messages[0][2] == b"a\r\n.\r\n\n"


@pytest.mark.parametrize("step, fault", [
    (step, fault) for step in FAULTS for fault in FAULTS[step] if step != "quit"])
def test_commits_the_fault_at_its_step(step, fault, authority):
    context = None
    options = {}
    if step in ("starttls", "handshake"):
        context = ssl.create_default_context(cafile=str(authority.ca))
        options["certificate"] = authority.certificate()
    if step == "auth":
        options["users"] = {"me": "secret"}
    with Peer(at=step, fault=fault, extensions=(), endless=1 << 20, **options) as peer:
        try:
            send(peer, context)
            sent = True
        except (OSError, smtplib.SMTPException, ValueError):
            sent = False
        assert peer.reached_fault
        # EHLO refused makes smtplib say HELO, it believes a NUL, and an injected
        # reply is not its concern.
        if not sent:
            assert not peer.messages
        else:
            assert (step, fault) in LENIENT


LENIENT = ([("ehlo", fault) for fault in ("4xx", "5xx", "wrong-class", "nul", "garbage")] +
           [("greeting", "nul"), ("auth", "nul"), ("mail", "nul"), ("rcpt", "nul"),
            ("data", "nul"), ("end", "nul"), ("starttls", "nul"),
            ("starttls", "injection")])


def test_recovers_after_so_many_times():
    with Peer(at="mail", fault="close", times=1) as peer:
        with pytest.raises(smtplib.SMTPException):
            send(peer)
        send(peer)
        assert len(peer.messages) == 1
