# SPDX-License-Identifier: MIT

"""The wall clock jumps, and mail neither waits for longer nor is given up for that."""

import mmap
import struct
import subprocess
from pathlib import Path

import pytest

from support.mailchute import needs_program, sanitizer
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"Subject: clock\n\ntext\n"
HOUR = 3600
DAY = 24 * HOUR
YEAR = 365 * DAY

@pytest.fixture
def clock(folder):
    """A function that sets how far the service's wall clock is wrong, and its variables."""
    path, shim = folder / "offset", folder / "clock.so"
    done = subprocess.run(["cc", "-shared", "-fPIC", f'-DOFFSET="{path}"', "-o", str(shim),
                           str(Path(__file__).parent / "support/clock.c")],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    path.write_bytes(bytes(8))
    with open(path, "r+b") as file:
        memory = mmap.mmap(file.fileno(), 8)

    def set_clock(seconds):
        memory[:] = struct.pack("q", seconds)

    set_clock.variables = {"LD_PRELOAD": shim, **sanitizer("verify_asan_link_order=0")}
    return set_clock


@pytest.fixture
def make_clocked(make_service, make_peer, clock):
    """A service with that clock and a peer that does not want b@far.example yet."""
    def make(queue):
        peer = make_peer(refuse={"b@far.example": "451 4.3.0 not yet"})
        service = make_service(url=f"smtp://127.0.0.1:{peer.port}", queue=queue,
                               variables=clock.variables)
        service.peer = peer
        return service
    return make


def submit(service, *recipients):
    result = service.sendmail("-f", "a@there.example", *recipients, input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result


def pass_another(service):
    """A message comes and goes, so that the service has looked at its clock."""
    before = len(service.peer.messages)
    submit(service, "other@far.example")
    wait_for(lambda: len(service.peer.messages) > before, what=lambda: service.tail())


def attempts(service):
    return sum(command.startswith(b"RCPT TO:<b@far") for session in service.peer.sessions
               for command in session.commands)


@pytest.mark.parametrize("jump", [DAY, 10 * YEAR, -DAY, -20 * YEAR])
def test_a_jump_is_no_reason_to_try_to_warn_or_to_give_up(make_clocked, clock, jump):
    service = make_clocked('retry = { "1h" } lifetime = "5h" warn = "4h"').start()
    submit(service, "b@far.example")
    service.wait_for_queue("1 attempt")
    clock(jump)
    pass_another(service)
    service.wait_for_log("the clock has jumped")
    pass_another(service)
    assert attempts(service) == 1
    clock(0)
    pass_another(service)
    pass_another(service)
    assert attempts(service) == 1
    # Only what the administrator wants is tried now.
    assert service.admin("queue", "flush").status == 0
    service.wait_for_queue("2 attempts")
    assert service.count() == 1
    assert all(b"clock" in message[2] for message in service.peer.messages), "a report"


@pytest.mark.parametrize("jump", [DAY, 10 * YEAR])
def test_nothing_is_given_up_for_a_jump(make_clocked, clock, jump):
    """Although it is tried again and again after it."""
    service = make_clocked('retry = { "200ms" } lifetime = "5h" warn = "4h"').start()
    submit(service, "b@far.example")
    service.wait_for_queue(r"\b[1-9]\d* attempt")
    clock(jump)
    tried = attempts(service)
    wait_for(lambda: attempts(service) >= tried + 4, 60, what=lambda: service.tail())
    assert service.count() == 1 and service.peer.messages == []


@pytest.mark.parametrize("jump", [DAY, 10 * YEAR, -DAY])
def test_nor_for_one_while_it_is_tried(make_service, make_peer, clock, jump):
    peer = make_peer(at="rcpt", fault="4xx", hold="rcpt")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", variables=clock.variables,
                           queue='retry = { "1h" } lifetime = "5h" warn = "4h"').start()
    submit(service, "b@far.example")
    wait_for(lambda: peer.reached_hold, what=lambda: service.tail())
    clock(jump)
    peer.release()
    service.wait_for_queue("1 attempt")
    assert service.count() == 1
    service.wait_for_log("jumped")
    # The next one is an hour away by either clock.
    clock(0)
    assert service.sendmail("c@far.example", input=MESSAGE).status == 0
    service.wait_for_queue("1 attempt(?s:.*)1 attempt")
    peer.repair()
    assert service.admin("queue", "flush").status == 0
    service.wait_until_empty()
    assert sorted(message[1] for message in peer.messages) == [["b@far.example"],
                                                               ["c@far.example"]]


@pytest.mark.parametrize("jump", [-DAY, -20 * YEAR])
def test_nothing_waits_longer_when_the_clock_goes_back(make_clocked, clock, jump):
    service = make_clocked('retry = { "200ms" }').start()
    submit(service, "b@far.example")
    service.wait_for_queue(r"\b[1-9]\d* attempt")
    clock(jump)
    tried = attempts(service)
    wait_for(lambda: attempts(service) >= tried + 3, 60, what=lambda: service.tail())
    service.peer.refuse = {}
    service.wait_until_empty()
    assert len(service.peer.messages) == 1


@pytest.mark.parametrize("jump", [-DAY, -20 * YEAR])
def test_nor_when_it_was_set_back_while_there_was_no_service(make_clocked, clock, jump):
    # The next step lies far ahead: the long one must not stand for the short one.
    service = make_clocked('retry = { "1s", "20h" }').start()
    submit(service, "b@far.example")
    service.wait_for_queue(r"\b[1-9]\d* attempt")
    service.kill()
    clock(jump)
    service.peer.refuse = {}
    service.start()
    service.wait_until_empty(60)
    assert len(service.peer.messages) == 1


def test_what_is_kept_as_failed_is_not_too_old_for_a_jump(make_service, make_peer, clock):
    peer = make_peer(refuse={"b@far.example": "550 5.1.1 never"})
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", variables=clock.variables).start()
    failed = service.spool / "failed"

    def pass_others():
        # Whatever is done with the last one has been done then.
        for _ in range(2):
            before = len(peer.messages)
            result = service.sendmail("-f", "a@there.example", "c@far.example", input=MESSAGE)
            assert (result.status, result.stderr) == (0, ""), result
            wait_for(lambda: len(peer.messages) > before, what=lambda: service.tail())

    for count in (1, 2):
        result = service.sendmail("-f", "", "b@far.example", input=MESSAGE)
        assert (result.status, result.stderr) == (0, ""), result
        wait_for(lambda: "kept in" in service.text() and len(list(failed.glob("*"))) == count,
                 what=lambda: service.tail())
        pass_others()
        clock(10 * YEAR)
        pass_others()
    assert len(list(failed.glob("*"))) == 2, service.tail()


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
def test_what_came_by_a_clock_that_was_ahead_is_given_up_in_time(make_clocked, clock, restarts):
    clock(10 * YEAR)
    service = make_clocked('retry = { "200ms" } lifetime = "2s" warn = "1s" bounce = ""').start()
    submit(service, "b@far.example")
    # Nor is it any more in the queue, perhaps.
    service.wait_for_log("status=deferred")
    if restarts:
        service.kill()
    clock(0)
    if restarts:
        service.start()
    service.wait_until_empty(60)
    assert "not delivered within 2s" in service.text()
