# SPDX-License-Identifier: MIT

"""Messages that are long in octets or in time: what is held, who waits, what a death means."""

import fcntl
import os
import re
import struct
import subprocess
import termios

import pytest

from support.mailchute import (children_of, environment, is_sanitized, needs_program,
                               process_status, split)
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

AHEAD = 256 * 1024  # octets that sendmail reads before it looks for a way
HEADER_LIMIT = 1 << 20
LINE = b"an hour of output\n"


class Caller:
    """One sendmail whose input comes as slowly as one likes."""

    def __init__(self, programs, service, *arguments):
        self.service = service
        # But the parent of the workers; a spare receive process would take us without a new one.
        self.before = wait_for(lambda: self.only_child(service), what="spares to go")
        self.process = subprocess.Popen(
            [str(programs.sendmail), "-i", *arguments], stdin=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(socket=service.socket))

    @staticmethod
    def only_child(service):
        children = children_of(service.process.pid)
        return children if len(children) == 1 else None

    def write(self, octets):
        """Returns once sendmail has read them."""
        self.process.stdin.write(octets)
        self.process.stdin.flush()
        wait_for(lambda: self.unread() == 0, what="sendmail to read its input")

    def unread(self):
        return struct.unpack("i", fcntl.ioctl(self.process.stdin, termios.FIONREAD, b"\0" * 4))[0]

    def receivers(self):
        """What the service has started since: the process that receives, workers."""
        return [pid for pid in children_of(self.service.process.pid) if pid not in self.before]

    def end(self):
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stderr

    def peaks(self):
        """VmHWM in KiB of sendmail, and of what the service has started for it."""
        pids = [self.process.pid, *self.receivers()]
        return [int(process_status(pid)["VmHWM"][0]) for pid in pids]


@pytest.fixture
def held(make_service, make_peer):
    """A service that says so once it is on the disk, and its smarthost."""
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", submit='wait = "disk"').start()
    return service, peer


# who takes long

def test_nothing_is_asked_of_the_service_before_there_is_enough_to_say(programs, held):
    service, peer = held
    caller = Caller(programs, service, "b@far.example")
    caller.write(b"Subject: cron\n\n")
    for _ in range(20):
        caller.write(LINE)
    assert caller.receivers() == []
    assert caller.end() == (0, b"")
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    assert split(peer.messages[0][2])[1] == 20 * LINE


def test_a_caller_that_takes_long_is_served(programs, held):
    """The receive process has begun, and the caller has all the time in the world."""
    service, peer = held
    caller = Caller(programs, service, "b@far.example")
    start = b"Subject: cron\n\n" + LINE * (AHEAD // len(LINE) + 1)
    caller.write(start)
    wait_for(caller.receivers, what="a receive process")
    for _ in range(50):
        caller.write(LINE)
    assert service.count() == 0 and peer.messages == []
    assert caller.end() == (0, b"")
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    assert split(peer.messages[0][2])[1] == split(start)[1] + 50 * LINE


# who dies

def test_a_sendmail_that_is_killed_in_the_middle_leaves_nothing(programs, held):
    service, peer = held
    caller = Caller(programs, service, "b@far.example")
    caller.write(b"Subject: cut\n\n" + LINE * (AHEAD // len(LINE) + 1000))
    receiver, = wait_for(caller.receivers, what="a receive process")
    caller.process.kill()
    caller.process.communicate()
    wait_for(lambda: receiver not in caller.receivers(), what="the end of the receive process")
    assert service.count() == 0 and list(service.spool.glob("*/*")) == []
    # What was sent after it finds nothing of it.
    assert service.sendmail("c@far.example", input=b"Subject: next\n\nx\n").status == 0
    wait_for(lambda: len(peer.messages) == 1, what="the next message")
    assert peer.messages[0][1] == ["c@far.example"]


def test_a_caller_that_dies_in_the_middle_has_said_all_it_could(programs, held):
    """Its end of the pipe closes as at the end of any message: what came is sent."""
    service, peer = held
    script = ("import os, signal, sys\n"
              "sys.stdout.write('Subject: half\\n\\nfirst half\\nsecond ha')\n"
              "sys.stdout.flush()\n"
              "os.kill(os.getpid(), signal.SIGKILL)\n")
    writer = subprocess.Popen(["/usr/bin/python3", "-c", script], stdout=subprocess.PIPE)
    result = service.sendmail("b@far.example", input=writer.stdout)
    writer.wait()
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    assert split(peer.messages[0][2])[1] == b"first half\nsecond ha\n"


# what is held in memory

def peaks(programs, service, body):
    """Of sendmail and of the receive process, with all but the end of the message read."""
    caller = Caller(programs, service, "b@far.example")
    caller.write(b"Subject: large\n\n" + body)
    wait_for(lambda: len(caller.receivers()) == 1, what="a receive process")
    measured = caller.peaks()
    assert caller.end() == (0, b"")
    wait_for(lambda: caller.receivers() == [] or service.count() == 0)
    return measured


@pytest.mark.parametrize("line", [b"y" * 70, b"z" * 100000, b"\xff" * 100000 + b"\r\0", b".", b""],
                         ids=["lines", "100,000 octets a line", "a bare CR each", "dots", "blank"])
def test_memory_does_not_grow_with_the_message(programs, held, line):
    if is_sanitized(programs.sendmail):
        pytest.skip("a sanitized build needs memory of its own")
    service, peer = held
    octets = line + b"\n"
    small = peaks(programs, service, octets * (1 + 2 * AHEAD // len(octets)))
    count = min(30_000_000, 3_000_000 * len(octets)) // len(octets)
    large = peaks(programs, service, octets * count)
    for one, other in zip(small, large, strict=True):
        assert other < 1.25 * one, (small, large)
    wait_for(lambda: len(peer.messages) == 2, 60, what="both messages")


# the header

def large_header(size):
    field = b"X-Filler: " + b"z" * 900 + b"\n"
    text = field * (size // (len(field) + 1))
    # Counted in wire form.
    return text + b"X: " + b"z" * (size - len(text) - text.count(b"\n") - 5) + b"\n"


@pytest.mark.parametrize("options", [["b@far.example"], ["-t"]], ids=["arguments", "-t"])
def test_a_header_beyond_the_limit_is_refused_with_a_clear_word(held, options):
    service, peer = held
    for text in (large_header(HEADER_LIMIT), b"X: " + b"z" * HEADER_LIMIT + b"\n",
                 large_header(5 * HEADER_LIMIT)):
        result = service.sendmail(*options, input=b"To: b@far.example\n" + text + b"\nbody\n")
        assert result.status == 65, result
        assert re.search(r"header is longer than (1 MiB|1048576 bytes)", result.stderr), result
        assert result.stderr.count("\n") == 1
    assert service.count() == 0 and peer.messages == []


@pytest.mark.parametrize("options", [["b@far.example"], ["-t"]], ids=["arguments", "-t"])
def test_a_header_up_to_the_limit_passes(held, options):
    service, peer = held
    to = b"To: b@far.example\n"
    result = service.sendmail(*options, input=to + large_header(HEADER_LIMIT - len(to) - 1) +
                              b"\nbody\n")
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    header, body = split(peer.messages[0][2])
    assert len(header) > HEADER_LIMIT - 2000 and body == b"body\n"


def test_no_received_field_is_added_where_that_is_not_wanted(make_service, make_peer):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", submit="received = false").start()
    text = b"Received: by x; then\nSubject: private\n\nbody\n"
    assert service.sendmail("b@far.example", input=text).status == 0
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    content = peer.messages[0][2]
    assert content.startswith(b"Received: by x; then\r\nSubject: private\r\n")
    assert content.count(b"Received:") == 1 and b"uid" not in content
    looping = b"Received: by x; then\n" * 101 + b"\nbody\n"
    result = service.sendmail("b@far.example", input=looping)
    assert result.status != 0 and "loop" in result.stderr, result


def test_ten_thousand_fields_are_kept(held):
    service, peer = held
    fields = b"".join(b"X-%d: %d\n" % (number, number) for number in range(10000))
    assert service.sendmail("b@far.example", input=fields + b"\nbody\n").status == 0
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    assert fields in peer.messages[0][2].replace(b"\r\n", b"\n")


def test_standard_input_may_be_anything(programs, held, folder):
    """A pipe, a file that is not at its beginning, a socket, nothing at all."""
    service, peer = held
    (folder / "message").write_bytes(b"skipped\nSubject: file\n\nbody\n")
    with open(folder / "message", "rb") as file:
        os.lseek(file.fileno(), 8, os.SEEK_SET)
        done = subprocess.run([str(programs.sendmail), "b@far.example"], stdin=file,
                              env=environment(socket=service.socket), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    done = subprocess.run([str(programs.sendmail), "b@far.example"], stdin=subprocess.DEVNULL,
                          env=environment(socket=service.socket), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    wait_for(lambda: len(peer.messages) == 2, what="both messages")
    assert sorted(split(message[2])[1] for message in peer.messages) == [b"", b"body\n"]
