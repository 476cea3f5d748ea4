# SPDX-License-Identifier: MIT

"""Mail whose answer nobody can have any more: in doubt (RFC 1047), sent again, and told so."""

import os
import signal
import socket
import threading

import pytest

from support.mailchute import children_of, needs_program
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

DOUBT = r"to=<b@far.example>.*status=deferred \(in doubt, possible duplicate: "


def end_worker(service):
    """A worker is a child of the process that makes them."""
    workers = [worker for child in children_of(service.process.pid) for worker in children_of(child)]
    assert len(workers) == 1, workers
    os.kill(workers[0], signal.SIGKILL)


def end_service(service):
    service.terminate()
    service.start()


@pytest.mark.parametrize("end", [end_worker, end_service])
def test_a_content_without_its_answer(make_service, make_peer, end):
    peer = make_peer(hold="end")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}",
                           queue='retry = { "1s" }').start()
    result = service.sendmail("-f", "a@there.example", "b@far.example", input=b"Subject: s\n\nx\n")
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: peer.reached_hold, what=lambda: "the content; log:\n" + service.tail())
    end(service)
    service.wait_for_text(DOUBT)
    peer.release()
    service.wait_until_empty()
    service.wait_for_text(r"to=<b@far.example>.*status=sent ")


def submit_too_much(service):
    """10,000 recipients of the greatest length, with originals, and 1.9 MB of header."""
    names = [b"RCPT TO:<%05d%s@%s> ORCPT=rfc822;%s\r\n" %
             (number, b"l" * 749, b".".join([b"d" * 60] * 4), b"o" * 480)
             for number in range(10000)]
    header = b"X-P: " + b"p" * 900 + b"\r\n"
    to = b"To: " + b",\r\n ".join([b"a," * 480 + b"a"] * 135) + b"\r\n"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(service.socket))
        replies = client.makefile("rb")
        writer = threading.Thread(target=client.sendall, args=(
            b"EHLO x\r\nMAIL FROM:<x@there.example>\r\n" + b"".join(names) + b"DATA\r\n",))
        writer.start()
        finals = (line for line in replies if line[3:4] == b" ")
        assert all(next(finals).startswith(b"2") for _ in range(3 + len(names)))
        assert next(finals).startswith(b"354")
        writer.join()
        client.sendall(header * 880 + to + b"\r\nhello\r\n.\r\n")
        assert next(finals).startswith(b"250")


def test_the_largest_envelope_harms_no_other(make_service, make_peer):
    """It is handed to a worker that others are using."""
    peer = make_peer(hold="end")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()

    def submit(recipient):
        result = service.sendmail("-f", "a@there.example", recipient,
                                  input=b"Subject: s\n\nx\n")
        assert (result.status, result.stderr) == (0, ""), result

    submit("b@far.example")
    wait_for(lambda: peer.reached_hold, what=lambda: "the content; log:\n" + service.tail())
    submit_too_much(service)
    submit("c@far.example")
    peer.release()
    service.wait_until_empty(60)
    assert sorted(len(several) for _, several, _ in peer.messages) == [1, 1, 10000]
    assert not {"doubt", "deferred"} & set(service.text().split())
