# SPDX-License-Identifier: MIT

"""submit { timeout }: nobody who hands mail in is kept for ever, whatever hangs.

What is asserted is what became of the mail; that a call ends at all is the rest.
"""

import socket
import threading

import pytest

from support.mailchute import end_processes, environment, needs_program, run
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"From: x@there.example\nSubject: budget\n\ntext\n"
LIMITS = 'timeout = "4s" wait_limit = "1h" wait = "outcome"'


class Hanging:
    """A service that greets, tells of a limit of 1 s, and then only reads, or not even that."""

    def __init__(self, path, reads):
        self.reads = reads
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(20)
        self.connections = []
        self.received = b""
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                connection = self.listener.accept()[0]
                self.connections.append(connection)
                threading.Thread(target=self.serve, args=[connection], daemon=True).start()
        except OSError:
            pass

    def serve(self, connection):
        try:
            connection.sendall(b"220 hanging\r\n")
            connection.recv(100)
            connection.sendall(b"250-hanging\r\n250-PIPELINING\r\n250-CHUNKING\r\n"
                               b"250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 XMAILCHUTE 1\r\n")
            while self.reads:
                octets = connection.recv(65536)
                if not octets:
                    return
                self.received += octets
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def make_hanging(folder):
    made = []

    def make(**options):
        path = folder / f"hanging{len(made)}.sock"
        made.append(Hanging(path, **options))
        return path, made[-1]

    yield make
    for one in made:
        one.close()


def test_a_service_that_hangs_before_its_answer(programs, make_hanging):
    path, hanging = make_hanging(reads=True)
    result = run([programs.sendmail, "b@far.example"], MESSAGE, env=environment(socket=path))
    # It has all of the mail.
    assert b"BDAT" in hanging.received and b"text" in hanging.received
    assert result.status == 74 and "may have been queued" in result.stderr, result


@pytest.mark.parametrize("lines", [20000, 100000], ids=["whole", "streamed"])
def test_a_service_that_hangs_while_it_should_read(programs, make_hanging, lines):
    path, hanging = make_hanging(reads=False)
    hanging.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    result = run([programs.sendmail, "b@far.example"], MESSAGE + b"a line of it\n" * lines,
                 env=environment(socket=path))
    assert result.status not in (0, 75) and result.stderr.count("\n") == 1, result
    assert hanging.received == b""


def test_who_waits_for_the_outcome_waits_no_longer_than_for_a_relay(make_service, make_peer):
    peer = make_peer(at="end", fault="stall")
    service = make_service(f"smtp://127.0.0.1:{peer.port}", submit=LIMITS).start()
    result = service.sendmail("b@far.example", input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result
    # It is queued, and nothing of it was lost with the caller.
    assert service.count() == 1 and peer.messages == []
    wait_for(lambda: any(one.reached_fault for one in peer.sessions), what="the stall")


def test_the_same_by_a_spool_of_ones_own(programs, folder, make_peer):
    peer = make_peer(at="mail", fault="stall")
    config = folder / "own.conf"
    spool = folder / "spool"
    config.write_text(f'smarthost "test" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
                      f'submit {{ {LIMITS} }}\n'
                      f'queue {{ dir = "{spool}" }}\nidentity {{ domain = "here.example" }}\n')
    variables = environment(config=config, spool=spool, socket=folder / "none.sock")
    try:
        result = run([programs.sendmail, "b@far.example"], MESSAGE, env=variables)
        assert (result.status, result.stderr) == (0, ""), result
        counted = run([programs.mailchute, "queue", "--count"], env=variables)
        assert counted.stdout.strip() == b"1", counted
    finally:
        end_processes(["serve", str(spool)])


def test_two_ways_have_the_time_of_one(programs, folder, make_peer):
    """The service in the spool is silent, then the smarthost is: nobody waits for both in full."""
    peer = make_peer(at="greeting", fault="stall")
    spool = folder / "spool"
    spool.mkdir(mode=0o700)
    config = folder / "own.conf"
    config.write_text(f'smarthost "test" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
                      'submit { timeout = "2s" }\n'
                      f'queue {{ dir = "{spool}" }}\nidentity {{ domain = "here.example" }}\n')
    variables = environment(config=config, spool=spool, socket=folder / "none.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(spool / "submit.sock"))
        silent.listen(20)
        result = run([programs.sendmail, "b@far.example"], MESSAGE, env=variables)
    assert result.status == 69 and "within" in result.stderr, result
    # On a slow machine nothing of it may be left for the second.
    if "has not answered" in result.stderr:
        wait_for(lambda: len(peer.sessions) == 1, what="the one session")
