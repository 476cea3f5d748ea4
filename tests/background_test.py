# SPDX-License-Identifier: MIT

"""sendmail -bd, -bD and -q15m: boot scripts and entrypoints start the service by them."""

import contextlib
import os
import resource
import signal
import socket

import pytest

from support.mailchute import environment, needs_program, process_status, processes, run
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


@pytest.fixture
def service(make_service, make_peer):
    """Nothing runs; what was started in its name is ended."""
    peer = make_peer()
    made = make_service(url=f"smtp://127.0.0.1:{peer.port}")
    made.peer = peer
    yield made
    for pid in pids(made):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def pids(service):
    return processes(["mailchute serve", f"MAILCHUTE_SOCKET={service.socket}"])


def start(service, *words, **options):
    options.setdefault("env", service.environment())
    return run([service.programs.sendmail, *words], **options)


def services(service):
    """The first process of each: the others are its children."""
    found = {pid: int(process_status(pid).get("PPid", [0])[0]) for pid in pids(service)}
    return [pid for pid, parent in found.items() if parent and parent not in found]


def the_service(service):
    alone, = services(service)
    return alone


@pytest.mark.parametrize("words", [["-bd"], ["-bd", "-q15m"], ["-q15m"], ["-q", "1h"],
                                   ["-L", "sm-mta", "-bd", "-q15m"], ["-bl"]])
def test_it_listens_when_it_was_started(service, words):
    assert repr(start(service, *words)) == "<exit 0, stdout b'', stderr ''>"
    result = service.sendmail("-f", "a@there.example", "b@far.example", input=b"\ntext\n")
    assert (result.status, result.stderr) == (0, "")
    service.wait_until_empty()
    assert [message[1] for message in service.peer.messages] == [["b@far.example"]]


def test_a_second_one_says_that_the_first_is_there(service):
    assert start(service, "-bd").status == 0
    before = services(service)
    result = start(service, "-bd")
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == f"mailchute: a service listens at {service.socket} already\n".encode()
    # What became of the second is gone in a moment.
    wait_for(lambda: services(service) == before,
             what=lambda: f"{before} alone, not {services(service)}")
    assert len(before) == 1
    # In the foreground there is nothing to be done but to say so.
    result = start(service, "-bD")
    assert result.status == 69 and "another service owns the spool" in result.stderr
    assert f"process {the_service(service)} on {os.uname().nodename}" in result.stderr, result


def test_one_in_the_foreground(service):
    service.spawn([service.programs.sendmail, "-bD", "-q15m"], service.environment())
    wait_for(service.answers, 30, what=lambda: f"the service to listen:\n{service.tail()}")
    assert service.terminate() == 0


def test_why_it_could_not_be_started_is_told(service):
    service.config.write_text(service.config.read_text() + "smarthos {}\n")
    # It listens, so that clients are told, too, and goes on when that is mended.
    assert start(service, "-bd").status == 0
    result = service.sendmail("b@far.example", input=b"\n")
    assert result.status == 78 and "smarthos" in result.stderr
    for pid in pids(service):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not pids(service), what="the end of the service")
    service.configure(url="smtp://127.0.0.1:9")
    service.spool.write_text("a file")
    result = start(service, "-bd")
    assert result.status != 0 and result.stderr.count("\n") == 1, result
    assert str(service.spool) in result.stderr
    wait_for(lambda: not pids(service), what=lambda: f"the end of {pids(service)}")


@needs_root
def test_only_root_and_the_owner_of_the_spool_start_one(service):
    service.spool.mkdir(mode=0o700)
    for words in (["-bd"], ["-q15m"], ["-bD"]):
        result = start(service, *words, user=12345, group=12345, extra_groups=[])
        assert result.status == 77 and result.stderr.count("\n") == 1, result
    for path in (service.folder, service.spool):
        os.chown(path, 12345, 12345)
    assert start(service, "-bd", user=12345, group=12345, extra_groups=[]).status == 0
    assert process_status(the_service(service))["Uid"] == ["12345"] * 4


def test_nothing_of_who_started_it_stays(service, folder):
    leaked = folder / "leaked"
    cwd = folder / "cwd"
    leaked.touch()
    cwd.mkdir()

    def prepare():
        os.dup2(os.open(leaked, os.O_RDWR), 7)
        os.dup2(7, 700)
        os.umask(0o777)
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 1000)
        resource.setrlimit(resource.RLIMIT_CPU, (1000, resource.RLIM_INFINITY))

    # As communicate() waits for the end of both pipes, one that kept them would hang this.
    result = start(service, "-bd", preexec_fn=prepare, cwd=cwd, close_fds=False)
    assert repr(result) == "<exit 0, stdout b'', stderr ''>"
    pid = the_service(service)
    for each in [pid, *pids(service)]:
        try:
            opened = [os.readlink(f"/proc/{each}/fd/{fd}") for fd in os.listdir(f"/proc/{each}/fd")]
            cwd, umask = os.readlink(f"/proc/{each}/cwd"), process_status(each)["Umask"]
        except (OSError, KeyError):
            # One that served who looked whether it listens may end.
            assert each != pid
            continue
        assert not any(name.startswith("pipe:") or name == str(leaked) for name in opened), opened
        assert (cwd, umask) == ("/", ["0077"])
    with open(f"/proc/{pid}/stat") as stat:
        words = stat.read().rsplit(")", 1)[1].split()
    assert words[4] == "0", "a controlling terminal"
    assert int(words[2]) not in (os.getpgrp(), 0) and int(words[3]) != os.getsid(0)
    ignored = int(process_status(pid)["SigIgn"][0], 16)
    assert not ignored & (1 << signal.SIGTERM - 1)
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not pids(service), what="its end by SIGTERM")


def test_from_a_terminal(service):
    """It outlives the terminal, whose end is a SIGHUP to all that belong to it."""
    import pty
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(service.programs.sendmail, ["sendmail", "-bd"], service.environment())
    assert os.waitpid(pid, 0)[1] == 0
    os.close(terminal)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(service.socket))
        assert client.recv(4) == b"220 "
    with open(f"/proc/{the_service(service)}/stat") as stat:
        assert stat.read().rsplit(")", 1)[1].split()[4] == "0"


@pytest.mark.parametrize("words", [["-bd", "b@far.example"], ["-q15m", "-t"], ["-bD", "b"]])
def test_who_means_to_send_is_told_so(service, words):
    result = start(service, *words, input=b"\ntext\n")
    assert result.status == 64 and "nothing was sent" in result.stderr
    wait_for(lambda: not pids(service), what=lambda: f"the end of {pids(service)}")
