# SPDX-License-Identifier: MIT

"""What a service must bear: huge headers, slow smarthosts, its own end and that of its
processes, a disk that takes no mark, clients that say nothing."""

import contextlib
import os
import signal
import subprocess

import pytest

from support.mailchute import (children_of, environment, needs_program, process_status,
                               processes_of, sanitizer)
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to look into processes")

MESSAGE = b"Subject: robust\n\ntext\n"
# All of it fits into what the kernel keeps for a connection; or not.
SHORT = MESSAGE + b"a line of a short message\n" * 8000
LONG = MESSAGE + b"a line of a long message\n" * 200000
LONG_HEADER = b"".join(b"X-Filler-%d: %s\n" % (number, b"z" * 900) for number in range(950))
OTHER_UID = 12345


def submit(service, *arguments, input=MESSAGE, **options):
    result = service.sendmail("-f", "a@there.example", *arguments, input=input, **options)
    assert (result.status, result.stderr) == (0, ""), result


def recipients(peer):
    return sorted(one for _, several, _ in peer.messages for one in several)


# what is large

@pytest.mark.parametrize("names, header", [
    (["b@far.example"], LONG_HEADER),
    ([f"recipient-{number:05d}-{'x' * 40}@far.example" for number in range(5000)], b""),
], ids=["900 KB of header", "5000 recipients"])
def test_a_smarthost_that_is_silent_before_a_large_message(make_service, make_peer, names,
                                                          header):
    """The worker reads no request yet, and the service does not wait for it."""
    peer = make_peer(at="greeting", fault="stall")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    submit(service, *names, input=header + MESSAGE)
    wait_for(lambda: peer.reached_fault, what=lambda: "the fault; log:\n" + service.tail())
    submit(service, "c@far.example", timeout=15)
    assert service.count() == 2
    service.kill()
    peer.repair()
    service.start()
    service.wait_until_empty()
    assert recipients(peer) == sorted([*names, "c@far.example"])


# what cannot be read

def test_a_service_without_a_readable_configuration_waits_for_one(make_service, make_peer):
    """It takes no mail and says why; it is there when the configuration is."""
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}")
    text = service.config.read_text()
    service.config.unlink()
    service.config.mkdir()
    service.start()
    result = service.sendmail("-f", "a@there.example", "b@far.example", input=MESSAGE)
    assert result.status == 78 and "mailchute.conf" in result.stderr, result
    service.check_runs()
    service.config.rmdir()
    service.config.write_text(text)
    submit(service, "c@far.example")
    service.wait_until_empty()
    assert recipients(peer) == ["c@far.example"]


# the service ends

@pytest.mark.parametrize("content", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_no_worker_outlives_its_service(make_service, make_peer, end, content):
    """One that went on would send what the next service sends again."""
    peer = make_peer(hold="content")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    submit(service, "b@far.example", input=content)
    wait_for(lambda: peer.reached_hold, what=lambda: "the content; log:\n" + service.tail())
    group = service.process.pid
    if end == signal.SIGKILL:
        service.kill_alone()
    else:
        service.signal(end)
        assert service.process.wait(20) == 0, service.tail()
    try:
        wait_for(lambda: not processes_of(group), what=lambda: f"the end of {processes_of(group)}")
    finally:
        for pid in processes_of(group):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    service.kill()
    peer.release()
    wait_for(lambda: peer.sessions[0].has_ended, what="the end of the first session")
    assert peer.messages == []
    service.start()
    service.wait_until_empty()
    assert recipients(peer) == ["b@far.example"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_the_end_of_a_whole_group_is_an_orderly_one(make_service, make_peer, number):
    """A terminal's ^C, and systemd's stop, which means every process of the service."""
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    group = service.process.pid
    # Only the service itself minds the signal.
    os.kill(children_of(group)[0], number)
    submit(service, "b@far.example")
    wait_for(lambda: peer.messages, what=lambda: "the message; log:\n" + service.tail())
    service.wait_until_empty()
    os.killpg(group, number)
    assert service.process.wait(20) == 0, service.tail()
    wait_for(lambda: not processes_of(group), what=lambda: f"the end of {processes_of(group)}")


def test_the_end_of_the_process_that_makes_workers_is_the_end_of_the_service(make_service,
                                                                           make_peer):
    peer = make_peer(at="greeting", fault="stall")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    submit(service, "b@far.example")
    wait_for(lambda: peer.reached_fault, what=lambda: "the fault; log:\n" + service.tail())
    os.kill(children_of(service.process.pid)[0], signal.SIGKILL)
    try:
        status = service.process.wait(20)
    except subprocess.TimeoutExpired:
        raise AssertionError("still there:\n" + service.tail()) from None
    assert status > 0
    assert "parent of the delivery workers is gone" in service.text(), service.tail()
    service.kill()
    peer.repair()
    service.start()
    service.wait_until_empty()
    assert recipients(peer) == ["b@far.example"]


@needs_root
def test_what_a_caller_is_told_about_a_refusal_is_so(programs, make_service, make_peer, folder):
    """The service is told to end while a refusal is on its way to the caller."""
    peer = make_peer(at="rcpt", fault="5xx", hold="rcpt")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}",
                           submit='wait = "outcome" wait_limit = "1m"',
                           variables=sanitizer("detect_leaks=0")).start()
    caller = subprocess.Popen([str(programs.sendmail), "b@far.example"], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment(socket=service.socket))
    caller.stdin.write(MESSAGE)
    caller.stdin.close()
    caller.stdin = None
    wait_for(lambda: peer.reached_hold, what=lambda: "RCPT; log:\n" + service.tail())
    wait_for(lambda: len(children_of(service.process.pid)) == 2, what="one client alone")
    receiver = children_of(service.process.pid)[-1]
    os.kill(receiver, signal.SIGSTOP)
    peer.release()
    service.wait_for_log("peer says never")
    # Once it has removed its socket it stands still for a moment, and so the refusal is passed
    # on after it has looked at its clients, and before it lets them go.
    tracer = subprocess.Popen(["strace", "-o", str(folder / "trace"), "-p",
                               str(service.process.pid), "-e", "trace=unlink,unlinkat",
                               "-e", "inject=unlink,unlinkat:delay_exit=1000000"],
                              stderr=subprocess.DEVNULL)
    wait_for(lambda: process_status(service.process.pid)["TracerPid"] != ["0"], what="strace")
    service.signal(signal.SIGTERM)
    wait_for(lambda: not service.socket.exists(), what="the socket to be removed")
    os.kill(receiver, signal.SIGCONT)
    _, stderr = caller.communicate(timeout=30)
    assert service.process.wait(30) == 0, service.tail()
    tracer.wait(30)
    if caller.returncode == 0:
        assert (stderr, service.count()) == (b"", 1)
    else:
        assert b"peer says never" in stderr
        assert service.count() == 0, "told as refused, and kept"


# the disk takes no mark

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
	static ssize_t (*real)(int, const void *, size_t, off64_t);

	if (real == NULL)
		real = dlsym(RTLD_NEXT, "pwrite64");
	if (count == 1 && access(FLAG, F_OK) == 0) {
		errno = ENOSPC;
		return -1;
	}
	return real(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
	return pwrite64(fd, bytes, count, offset);
}
"""


@pytest.fixture
def no_marks(folder):
    """(the variables of a service, a file): while the file is there, one octet is too much."""
    flag, shim = folder / "full", folder / "shim.so"
    done = subprocess.run(["cc", "-x", "c", "-", "-shared", "-fPIC", f'-DFLAG="{flag}"',
                           "-o", str(shim), "-ldl"], input=SHIM, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    flag.touch()
    return {"LD_PRELOAD": shim, **sanitizer("verify_asan_link_order=0")}, flag


def test_a_mark_that_cannot_be_written_sends_nothing_twice(make_service, make_peer, no_marks):
    variables, flag = no_marks
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", variables=variables).start()
    # Another service with the same steps of retry is the clock.
    later = make_peer(refuse={"never@far.example": "451 4.3.0 not yet"})
    clock = make_service(url=f"smtp://127.0.0.1:{later.port}").start()
    submit(service, "b@far.example")
    wait_for(lambda: peer.messages, what="the message")
    submit(clock, "never@far.example")
    clock.wait_for_queue(r"\b6 attempts")
    assert len(peer.messages) == 1
    assert service.count() == 1
    service.check_runs()
    assert "No space left" in service.text()
    flag.unlink()
    service.wait_until_empty(60)
    assert len(peer.messages) == 1


# whose processes

@needs_root
def test_root_serves_the_spool_of_another_as_that_one(make_service, make_peer):
    peer = make_peer(hold="content")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}")
    service.spool.mkdir(mode=0o700)
    for path in (service.folder, service.spool):
        os.chown(path, OTHER_UID, OTHER_UID)
    service.start()
    submit(service, "b@far.example", input=LONG)
    wait_for(lambda: peer.reached_hold, what=lambda: "the content; log:\n" + service.tail())
    group = processes_of(service.process.pid)
    # The service, the process that makes workers, and a worker.
    assert len(group) >= 3
    for pid in group:
        status = process_status(pid)
        if not status:
            continue
        for name in ("Uid", "Gid", "Groups"):
            assert set(status[name]) == {str(OTHER_UID)}, (pid, name, status[name])
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[name][0], 16) == 0, (pid, name, status[name])
    peer.release()
    service.wait_until_empty()


# the log

def log_into_a_file(service):
    log = service.folder / "mail.log"
    service.config.write_text(service.config.read_text().replace('"stderr"', f'"{log}"'))
    return log


@needs_root
def test_a_broken_configuration_costs_no_descriptors(make_service, make_peer):
    peer = make_peer()
    service = make_service()
    log_into_a_file(service)
    service.start()

    def open_files():
        return len(os.listdir(f"/proc/{service.process.pid}/fd"))

    def refuse():
        result = service.sendmail("b@far.example", input=MESSAGE)
        assert result.status == 78 and result.stderr.count("\n") == 1, result
        wait_for(lambda: len(children_of(service.process.pid)) == 1, what="no client")

    refuse()
    before = open_files()
    for _ in range(50):
        refuse()
    wait_for(lambda: open_files() <= before,
             what=lambda: f"{before} open files, there are {open_files()}")
    service.configure(url=f"smtp://127.0.0.1:{peer.port}")
    log_into_a_file(service)
    submit(service, "b@far.example")
    service.wait_until_empty()
    assert recipients(peer) == ["b@far.example"]


def test_the_log_file_is_opened_anew_at_a_reload(make_service, make_peer):
    """As logrotate wants it."""
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}")
    log = log_into_a_file(service)
    service.start()
    submit(service, "one@far.example")
    service.wait_until_empty()
    assert "one@far.example" in log.read_text()
    log.rename(service.folder / "mail.log.1")
    service.signal(signal.SIGHUP)
    wait_for(log.exists, what="a new log file")
    submit(service, "two@far.example")
    service.wait_until_empty()
    wait_for(lambda: "two@far.example" in log.read_text(), what="a line in the new log file")
    assert "two@far.example" not in (service.folder / "mail.log.1").read_text()


# when

def test_queueing_alone_leaves_the_first_attempt_to_the_first_step(make_service, make_peer):
    peer = make_peer()
    url = f"smtp://127.0.0.1:{peer.port}"
    service = make_service(url=url, queue='retry = { "1h" }').start()
    submit(service, "-odq", "later@far.example")
    submit(service, "now@far.example")
    wait_for(lambda: peer.messages and service.count() == 1, what="the message that may go")
    assert recipients(peer) == ["now@far.example"]
    assert "later@far.example" in service.queue()
    # Nor does a restart forget it.
    service.kill()
    service.start()
    submit(service, "again@far.example")
    wait_for(lambda: len(peer.messages) == 2 and service.count() == 1, what="the next message")
    assert recipients(peer) == ["again@far.example", "now@far.example"]

    soon = make_service(url=url).start()
    submit(soon, "-odq", "soon@far.example")
    soon.wait_until_empty()
    assert "soon@far.example" in recipients(peer)
