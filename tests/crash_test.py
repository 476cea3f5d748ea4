# SPDX-License-Identifier: MIT

"""The service dies at any moment by SIGKILL; the next start goes on, and nobody's mail is lost."""

import random
import signal
import subprocess
import time

import pytest

from support.mailchute import end_group, environment, needs_program, processes_of
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"Subject: crash\n\n" + b"x" * 60 + b"\n" * 200


def serve(make_service, port):
    return make_service(url=f"smtp://127.0.0.1:{port}", submit='wait = "disk"').start()


def submit(service, recipient):
    result = service.sendmail("-f", "a@there.example", recipient, input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result


def recipients(peer):
    return sorted(one for _, several, _ in peer.messages for one in several)


@pytest.mark.parametrize("step", ["connect", "greeting", "ehlo", "mail", "rcpt", "content", "end"])
def test_killed_while_the_smarthost_is_silent(make_service, make_peer, step):
    peer = make_peer(at=step, fault="stall")
    service = serve(make_service, peer.port)
    submit(service, "b@far.example")
    wait_for(lambda: peer.reached_fault, what=lambda: "the fault; log:\n" + service.tail())
    service.kill()
    peer.repair()
    service.start()
    service.wait_until_empty()
    assert recipients(peer) == ["b@far.example"]


def test_killed_after_the_answer_and_before_any_attempt(make_service, make_peer):
    """The smarthost is down; what was acknowledged is on disk."""
    peer = make_peer()
    peer.stop()
    service = serve(make_service, peer.port)
    names = [f"r{number}@far.example" for number in range(20)]
    for name in names:
        submit(service, name)
        if name == names[10]:
            service.kill()
            service.start()
    service.kill()
    peer.start()
    service.start()
    service.wait_until_empty()
    assert recipients(peer) == sorted(names)


@pytest.mark.parametrize("is_alone", [False, True], ids=["whole group", "one process"])
def test_killed_again_and_again_under_load(make_service, make_peer, is_alone):
    """Whoever got exit 0 is delivered; whoever did not may be; nobody without a submission."""
    peer = make_peer()
    service = serve(make_service, peer.port)
    chance = random.Random(1)
    accepted, tried = set(), set()
    for turn in range(12):
        callers = {}
        for number in range(4):
            name = f"t{turn}n{number}@far.example"
            tried.add(name)
            callers[name] = subprocess.Popen(
                [str(service.programs.sendmail), "-f", "a@there.example", name],
                env=environment(socket=service.socket), stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            callers[name].stdin.write(MESSAGE)
            callers[name].stdin.close()
        # The moment of the kill is what is swept here, not waited for.
        time.sleep(chance.uniform(0, 0.03))
        group = service.kill_alone() if is_alone else service.kill()
        service.start()
        if is_alone:
            wait_for(lambda: not processes_of(group), 60,
                     what=lambda: f"the end of what the dead service left: {processes_of(group)}")
        for name, caller in callers.items():
            try:
                if caller.wait(60) == 0:
                    accepted.add(name)
            except subprocess.TimeoutExpired:
                end_group(caller)
                raise AssertionError("a caller hangs after the service was killed") from None
    service.wait_until_empty(60)
    got = set(recipients(peer))
    assert accepted - got == set(), "accepted and lost"
    assert got - tried == set()
    assert accepted, "not one was accepted"


def test_a_stopped_service_leaves_nothing_behind(make_service, make_peer):
    peer = make_peer()
    service = serve(make_service, peer.port)
    submit(service, "b@far.example")
    service.wait_until_empty()
    group = service.process.pid
    assert service.process.poll() is None
    service.signal(signal.SIGTERM)
    assert service.process.wait(20) == 0, service.text()
    # Workers and receive processes go with it.
    wait_for(lambda: not processes_of(group), what=lambda: f"the end of {processes_of(group)}")
    service.kill()


def test_a_second_service_does_not_touch_the_spool_of_the_first(make_service, make_peer):
    peer = make_peer()
    service = serve(make_service, peer.port)
    second = make_service(url=f"smtp://127.0.0.1:{peer.port}", spool=service.spool)
    second.spawn([second.programs.mailchute, "serve"], second.environment())
    status = second.process.wait(30)
    assert status not in (0, None), second.text()
    assert "spool" in second.text()
    submit(service, "b@far.example")
    service.wait_until_empty()
