# SPDX-License-Identifier: MIT

"""The service under a service manager: sd_notify, the watchdog, reload; and as a container's first
process."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from support import own_mounts
from support.mailchute import children_of, needs_program, process_status, processes_of
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a namespace of its own")

MESSAGE = b"Subject: life\n\ntext\n"


class Manager:
    """What a service manager hears."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.heard = []

    def listen(self, timeout=0.0):
        """All that has been said until now, one dictionary a datagram."""
        self.socket.settimeout(timeout or 0.0001)
        try:
            while True:
                lines = self.socket.recv(4096).decode().split("\n")
                self.heard.append(dict(line.split("=", 1) for line in lines if line))
                self.socket.settimeout(0.0001)
        except OSError:
            return self.heard

    def wait_for(self, name, value=None, after=0, timeout=30):
        """The number behind the first notice from this one on that says so."""
        def find():
            for number, notice in enumerate(self.listen(0.05)[after:], after):
                if name in notice and (value is None or re.search(value, notice[name])):
                    return number + 1
            return 0
        return wait_for(find, timeout, what=lambda: f"{name}={value} in {self.heard[after:]}")


@pytest.fixture
def manager(folder):
    return Manager(folder / "notify")


@pytest.fixture
def make_managed(make_service, manager):
    """A service that knows the manager, with these variables; not started."""
    def make(url, **variables):
        return make_service(url=url, variables={"NOTIFY_SOCKET": manager.path, **variables})
    return make


def submit(service, recipient="b@far.example"):
    result = service.sendmail("-f", "a@there.example", recipient, input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result


def test_ready_reloading_and_stopping_are_told(make_managed, make_peer, manager):
    service = make_managed(f"smtp://127.0.0.1:{make_peer().port}").start()
    said = manager.wait_for("READY", "^1$")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    service.signal(signal.SIGHUP)
    said = manager.wait_for("RELOADING", "^1$", after=said)
    now = int(manager.heard[said - 1]["MONOTONIC_USEC"])
    assert before <= now <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    said = manager.wait_for("READY", "^1$", after=said)
    service.signal(signal.SIGTERM)
    manager.wait_for("STOPPING", "^1$", after=said)
    assert service.process.wait(20) == 0
    assert not any("WATCHDOG" in notice for notice in manager.listen())


def test_a_bad_reload_is_over_too_and_says_so(make_managed, make_peer, manager):
    service = make_managed(f"smtp://127.0.0.1:{make_peer().port}").start()
    said = manager.wait_for("READY")
    good = service.config.read_text()
    for bad, words in ((good + "nonsense {\n", r"stays in force: .*mailchute\.conf.* line \d+"),
                       (re.sub("smarthost .*", "", good), "stays in force: .*no smarthost")):
        service.config.write_text(bad)
        service.signal(signal.SIGHUP)
        said = manager.wait_for("READY", after=manager.wait_for("RELOADING", after=said))
        assert re.search(words, service.text()), service.tail()
        said = manager.wait_for("STATUS", "the new configuration is bad", after=said)
        service.config.write_text(good)
        service.signal(signal.SIGHUP)
        said = manager.wait_for("STATUS", "^the queue is empty$", after=said)
        service.output.write_text("")
    submit(service)
    service.wait_until_empty()


def test_a_service_without_settings_says_so_until_it_has_some(make_managed, make_peer, manager):
    service = make_managed(f"smtp://127.0.0.1:{make_peer().port}")
    good = service.config.read_text()
    service.config.write_text("nonsense {\n")
    service.start()
    said = manager.wait_for("STATUS", "^no mail can be taken: .*mailchute.conf")
    service.signal(signal.SIGHUP)
    service.wait_for_log("still no mail can be taken: .*mailchute.conf")
    service.config.write_text(good)
    service.signal(signal.SIGHUP)
    manager.wait_for("STATUS", "^the queue is empty", after=said)
    submit(service)
    service.wait_until_empty()


def test_the_status_tells_what_waits_and_what_is_down(make_managed, make_peer, manager):
    peer = make_peer()
    port = peer.port
    peer.stop()
    service = make_managed(f"smtp://127.0.0.1:{port}").start()
    said = manager.wait_for("STATUS", "^the queue is empty$")
    submit(service)
    said = manager.wait_for("STATUS", "^1 message waiting, 0 being delivered; .*: test", after=said)
    peer.start()
    assert peer.port == port
    said = manager.wait_for("STATUS", "^the queue is empty", after=said)
    assert len(peer.messages) == 1


def test_the_watchdog_is_fed_by_the_loop_alone(make_managed, make_peer, manager):
    service = make_managed(f"smtp://127.0.0.1:{make_peer().port}", WATCHDOG_USEC=100000).start()
    said = manager.wait_for("READY")
    for _ in range(3):
        said = manager.wait_for("WATCHDOG", "^1$", after=said)
    # A loop that hangs says nothing, whoever of its children lives on.
    service.signal(signal.SIGSTOP)
    wait_for(lambda: process_status(service.process.pid)["State"][0] == "T", what="it to stand")
    said = len(manager.listen())
    assert children_of(service.process.pid)
    assert manager.listen(0.3)[said:] == []
    service.signal(signal.SIGCONT)
    manager.wait_for("WATCHDOG", "^1$", after=said)


def test_a_manager_that_does_not_listen_holds_nothing_up(make_managed, make_peer, manager):
    peer = make_peer()
    service = make_managed(f"smtp://127.0.0.1:{peer.port}", WATCHDOG_USEC=2000).start()
    for number in range(30):
        submit(service, f"b{number}@far.example")
    service.wait_until_empty()
    assert len(peer.messages) == 30
    manager.wait_for("WATCHDOG", after=len(manager.listen()))


def test_the_watchdog_is_fed_while_the_queue_is_flushed(make_managed, make_peer, manager):
    peer = make_peer(at="greeting", fault="stall")
    service = make_managed(f"smtp://127.0.0.1:{peer.port}", WATCHDOG_USEC=100000).start()
    for number in range(20):
        submit(service, f"b{number}@far.example")
    assert service.admin("queue", "flush").status == 0
    said = len(manager.listen())
    for _ in range(3):
        said = manager.wait_for("WATCHDOG", after=said)


@pytest.mark.parametrize("variables", [{"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"},
                                       {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}])
def test_a_watchdog_for_somebody_else_is_not_fed(make_managed, make_peer, manager, variables):
    service = make_managed(f"smtp://127.0.0.1:{make_peer().port}", **variables).start()
    manager.wait_for("READY")
    submit(service)
    service.wait_until_empty()
    assert not any("WATCHDOG" in notice for notice in manager.listen(0.3))


def test_another_spool_counts_from_the_next_start_on(make_service, make_peer, folder):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}")
    service.variables["MAILCHUTE_SPOOL"] = ""
    service.start()
    old, new = service.spool, folder / "another"
    service.config.write_text(service.config.read_text().replace(str(old), str(new)))
    service.signal(signal.SIGHUP)
    service.wait_for_log("read anew")
    assert re.search(rf'"{new}".*counts from the next start.*{old}', service.text())
    submit(service)
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    assert not new.exists() and (old / "submit.sock").exists()


@needs_root
def test_as_the_first_process_of_a_container(make_service, make_peer, programs):
    """It reaps what others leave behind, and SIGTERM ends it, although it is process 1."""
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}")
    service.spawn(own_mounts.command(programs.mailchute, "serve", pids=True),
                  service.environment())
    wait_for(service.answers, 30, what=lambda: f"the service:\n{service.tail()}")
    first, = children_of(service.process.pid)
    assert process_status(first)["NSpid"][1] == "1"
    submit(service)
    service.wait_until_empty()
    wait_for(lambda: len(children_of(first)) <= 2, what="the receive process to end")
    before = children_of(first)
    # An orphan of somebody else, who came in by nsenter as kubectl exec does.
    done = subprocess.run(["nsenter", "-t", str(first), "-p", sys.executable, "-c",
                           "import os, signal\n"
                           "if os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)"], timeout=60)
    assert done.returncode == 0
    orphan = wait_for(lambda: [pid for pid in children_of(first) if pid not in before],
                      what="the orphan")[-1]
    os.kill(orphan, signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{orphan}"), what="the orphan to be reaped")
    submit(service)
    wait_for(lambda: len(peer.messages) == 2, what="the second message")
    os.kill(first, signal.SIGTERM)
    service.process.wait(20)
    wait_for(lambda: not processes_of(service.process.pid), what="the end of all")
    assert "ended" in service.text()
