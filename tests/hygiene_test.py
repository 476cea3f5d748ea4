# SPDX-License-Identifier: MIT

"""The state that callers leave sendmail in: descriptors, signals, limits, surroundings (the
whole cross product, by each way), every kind of input, and outputs that nobody reads."""

import contextlib
import errno
import fcntl
import itertools
import os
import pty
import resource
import signal
import socket
import subprocess
import threading

import pytest

from support.mailchute import (end_processes, environment, is_sanitized, needs_program,
                               process_status, processes, run, sanitizer)
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")

# Makes itself into the caller that its words describe, and becomes the program behind "--".
LAUNCH = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

static void limit(const char *word, int is_hard)
{
	char *end;
	int which = (int)strtol(word, &end, 10);
	struct rlimit limit;

	getrlimit(which, &limit);
	limit.rlim_cur = strtoul(end + 1, NULL, 10);
	if (is_hard)
		limit.rlim_max = limit.rlim_cur;
	if (setrlimit(which, &limit) < 0)
		_exit(121);
}

static void apply(const char *word)
{
	sigset_t all;

	if (strcmp(word, "ignore") == 0) {
		for (int number = 1; number < 65; number++)
			signal(number, SIG_IGN);
	} else if (strcmp(word, "block") == 0) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
	} else if (strcmp(word, "timers") == 0) {
		struct itimerval soon = { { 2, 0 }, { 2, 0 } };

		for (int which = 0; which < 3; which++)
			setitimer(which, &soon, NULL);
	} else if (strncmp(word, "leak:", 5) == 0) {
		for (int fd = 3, last = atoi(word + 5); fd <= last; fd++)
			if (fcntl(fd, F_GETFD) < 0 && open("/", O_RDONLY) < 0)
				break;
	} else if (strcmp(word, "gone") == 0) {
		char path[] = "/tmp/gone-XXXXXX";

		if (mkdtemp(path) == NULL || chdir(path) < 0 || rmdir(path) < 0)
			_exit(122);
	} else if (strncmp(word, "cd:", 3) == 0) {
		if (chdir(word + 3) < 0)
			_exit(122);
	} else if (strcmp(word, "umask") == 0) {
		umask(0777);
	} else if (strncmp(word, "close:", 6) == 0) {
		for (const char *p = word + 6; *p != '\0'; p++)
			close(*p - '0');
	} else if (strncmp(word, "soft:", 5) == 0) {
		limit(word + 5, 0);
	} else if (strncmp(word, "hard:", 5) == 0) {
		limit(word + 5, 1);
	} else if (strcmp(word, "empty") == 0) {
		environ = NULL;
	} else if (strncmp(word, "uid:", 4) == 0) {
		int id = atoi(word + 4);

		if (setgroups(0, NULL) < 0 || setgid(id) < 0 || setuid(id) < 0)
			_exit(123);
	} else {
		_exit(124);
	}
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		apply(argv[i]);
	execve(argv[i + 1], argv + i + 1, environ != NULL ? environ : (char *[]){ NULL });
	_exit(125);
}
"""

OTHER_UID = 12345

SIGNALS = {"default": [], "ignored": ["ignore"], "blocked": ["block"],
           "ignored and blocked": ["ignore", "block"]}
CLOSED = ["".join(some) for count in range(4) for some in itertools.combinations("012", count)]
SURROUNDINGS = {
    "none": [],
    "cwd removed": ["gone"],
    "cwd unreadable": ["cd:/proc/self"],
    "umask 777": ["umask"],
    "timers": ["timers"],
    "30 leaked": ["leak:33"],
    "900 leaked": ["leak:903"],
    # What the dynamic linker needs.
    "one descriptor left": [f"soft:{resource.RLIMIT_NOFILE}:30", "leak:28"],
    "4 descriptors": [f"soft:{resource.RLIMIT_NOFILE}:4"],
    "no files": [f"hard:{resource.RLIMIT_FSIZE}:0"],
    "no core": [f"hard:{resource.RLIMIT_CORE}:0"],
    "small stack": [f"soft:{resource.RLIMIT_STACK}:262144"],
    "little time": [f"soft:{resource.RLIMIT_CPU}:1"],
    "all of it": ["gone", "umask", "timers", "leak:903", f"hard:{resource.RLIMIT_CORE}:0",
                  f"soft:{resource.RLIMIT_STACK}:262144", f"soft:{resource.RLIMIT_CPU}:1"],
}
# Enough for sendmail, not for a service, nor for a sanitizer.
TINY = {
    "32 MiB": [f"hard:{resource.RLIMIT_AS}:{32 << 20}"],
    "4 descriptors for good": [f"hard:{resource.RLIMIT_NOFILE}:4"],
    "one second": [f"hard:{resource.RLIMIT_CPU}:1"],
    "no locked memory": [f"hard:{resource.RLIMIT_MEMLOCK}:0"],
}


@pytest.fixture(scope="module")
def launch(tmp_path_factory):
    """(words of LAUNCH) before a command line."""
    program = tmp_path_factory.mktemp("launch") / "launch"
    done = subprocess.run(["cc", "-x", "c", "-", "-O1", "-o", str(program)], input=LAUNCH,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for path in (program, *program.parents[:3]):
        path.chmod(path.stat().st_mode | 0o055)
    return lambda words, command: [program, *words, "--", *command]


def body_of(message):
    return message[2].replace(b"\r\n", b"\n").partition(b"\n\n")[2]


def check_messages(peer, sent):
    """sent: {recipient: body}; each arrived once."""
    wait_for(lambda: len(peer.messages) >= len(sent), 60,
             what=lambda: f"{len(sent)} messages, {len(peer.messages)} came")
    came = sorted((to, body_of(message)) for message in peer.messages for to in message[1])
    assert came == sorted(sent.items())


# by a service

@pytest.fixture
def service(make_service, make_peer):
    peer = make_peer()
    made = make_service(url=f"smtp://127.0.0.1:{peer.port}", submit='wait = "disk"').start()
    made.peer = peer
    return made


def surroundings(programs):
    return {**SURROUNDINGS, **({} if is_sanitized(programs.sendmail) else TINY)}


@pytest.mark.parametrize("signals", SIGNALS.values(), ids=list(SIGNALS))
def test_every_state_with_a_service(programs, launch, service, signals):
    sent = {}
    for number, (closed, odd) in enumerate(itertools.product(
            CLOSED, surroundings(programs).items())):
        name, words = odd
        recipient = f"r{number}@far.example"
        content = f"{number} {name}\n".encode()
        result = run(launch([*words, f"close:{closed}", *signals],
                            [programs.sendmail, "-f", "a@there.example", recipient]),
                     b"Subject: s\n\n" + content, env=environment(socket=service.socket))
        assert repr(result) == "<exit 0, stdout b'', stderr ''>", (closed, name, result)
        sent[recipient] = b"" if "0" in closed else content
    assert len(sent) >= 100
    check_messages(service.peer, sent)


def test_a_timer_that_still_runs_ends_nothing(programs, launch, service):
    """Nor does a limit of time, or of files: while it waits for its input, all is calm."""
    process = subprocess.Popen([str(word) for word in launch(["timers"], [
        programs.sendmail, "-fa@there.example", "b@far.example"])], stdin=subprocess.PIPE,
        env=environment(socket=service.socket))

    def is_calm():
        ignored = int(process_status(process.pid)["SigIgn"][0], 16)
        return all(ignored & 1 << number - 1 for number in (
            signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGPIPE, signal.SIGXFSZ,
            signal.SIGXCPU))

    wait_for(is_calm, what="the signals to be ignored")
    process.communicate(b"\ntext\n", timeout=30)
    assert process.returncode == 0
    check_messages(service.peer, {"b@far.example": b"text\n"})


@pytest.mark.parametrize("signals", SIGNALS.values(), ids=list(SIGNALS))
def test_every_other_mode(programs, launch, service, signals):
    """None of them reads a message, waits, or needs an output to say its status by."""
    for mode, closed in itertools.product((["-bp"], ["-q"], ["-bi"], ["-bd"], ["--help"],
                                           ["--version"], ["-bV"]), CLOSED):
        result = run(launch([f"close:{closed}", *signals], [programs.sendmail, *mode]),
                     env=service.environment())
        assert (result.status, result.stderr) == (0, ""), (mode, closed, result)
        said = b"" if "1" in closed or mode in (["-q"], ["-bi"]) else {
            "-bp": b"Mail queue is empty\n", "-bd": b"already", "--help": b"usage: sendmail",
            "--version": b"mailchute ", "-bV": b"mailchute "}[mode[0]]
        assert said in result.stdout, (mode, closed, result)
        if not said:
            assert result.stdout == b"", (mode, closed, result)
    for mode, closed in itertools.product((["-Z"], ["-bt"], ["-q", "a@b.c"]), CLOSED):
        result = run(launch([f"close:{closed}", *signals], [programs.sendmail, *mode]))
        assert (result.status, result.stdout) == (64, b""), (mode, closed, result)
        assert result.stderr.count("\n") == ("2" not in closed)


@needs_root
def test_who_has_no_name_and_no_environment(programs, launch, service, folder):
    """The socket is the compiled one then, which is not ours; so it says that nothing is there."""
    if any(os.path.exists(path) for path in ("/run/mailchute/submit.sock", "/etc/mailchute")):
        pytest.skip("mailchute is installed here, and would send it")
    private = folder / "private"
    private.mkdir(mode=0o700)
    for closed, words in itertools.product(CLOSED, ([], ["ignore", "block"])):
        result = run(launch([f"cd:{private}", f"uid:{OTHER_UID}", "empty", *words,
                             f"close:{closed}"], [programs.sendmail, "b@far.example"]),
                     b"\ntext\n", env=environment())
        assert result.status == 78, (closed, result)
        assert result.stderr.count("\n") == ("2" not in closed), result
        assert result.stdout == b""


@needs_root
def test_no_process_may_be_started(programs, launch, service):
    words = [f"uid:{OTHER_UID}", f"hard:{resource.RLIMIT_NPROC}:0"]
    command = launch(words, [programs.sendmail, "-f", "a@there.example", "b@far.example"])
    calm = sanitizer("detect_leaks=0")  # it would start a thread
    result = run(command, b"\ntext\n", env=environment(socket=service.socket, **calm))
    assert repr(result) == "<exit 0, stdout b'', stderr ''>"
    check_messages(service.peer, {"b@far.example": b"text\n"})
    # Without a service there is no way, and that is said.
    result = run(command, b"\ntext\n", env=environment(socket=service.folder / "none", **calm))
    assert result.status == 71 and result.stderr.count("\n") == 1, result
    assert "nothing was sent" in result.stderr


# by a child of our own

@pytest.mark.parametrize("way", ["spool", "direct"])
@pytest.mark.parametrize("signals", SIGNALS.values(), ids=list(SIGNALS))
def test_every_state_without_a_service(programs, launch, folder, make_peer, way, signals):
    peer = make_peer()
    spool = folder / "spool"
    marker = folder / "leaked"
    marker.touch()
    leaked = os.open(marker, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    variables = environment(socket=folder / "none", url=f"smtp://127.0.0.1:{peer.port}",
                            spool=spool, domain="here.example", mode=way)
    sent = {}
    try:
        for number, (closed, odd) in enumerate(itertools.product(
                ["", "0", "12", "012"], SURROUNDINGS.items())):
            name, words = odd
            recipient = f"r{number}@far.example"
            content = f"{number} {name}\n".encode()
            result = run(launch([*words, f"close:{closed}", *signals],
                                [programs.sendmail, "-f", "a@there.example", recipient]),
                         b"Subject: s\n\n" + content, env=variables, pass_fds=[leaked])
            if name == "no files" and way == "direct":
                # Where even memory counts as a file there is no place for a message.
                assert result.status == 69, result
                assert "2" in closed or "ulimit -f" in result.stderr
                continue
            assert repr(result) == "<exit 0, stdout b'', stderr ''>", (closed, name, result)
            sent[recipient] = b"" if "0" in closed else content
            for pid in processes(["serve --on-demand", str(spool)]):
                check_is_nobodys(pid, marker)
        check_messages(peer, sent)
    finally:
        os.close(leaked)
        end_processes(["serve --on-demand", str(spool)])
        wait_for(lambda: not processes(["serve --on-demand", str(spool)]), what="its end")


def test_a_service_that_was_started_from_a_terminal(programs, folder, make_peer):
    """The terminal's end is no business of it."""
    peer = make_peer()
    spool = folder / "spool"
    variables = environment(socket=folder / "none", url=f"smtp://127.0.0.1:{peer.port}",
                            spool=spool, domain="here.example", mode="spool")

    def on_demand():
        return processes(["serve --on-demand", str(spool)])

    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(programs.sendmail, ["sendmail", "-fa@there.example", "b@far.example"], variables)
    try:
        os.write(terminal, b"\ntext\n.\n")
        status = os.waitpid(pid, 0)[1]
        assert status == 0, os.read(terminal, 4096)
        assert on_demand()
        for service in on_demand():
            check_is_nobodys(service, "")
        os.close(terminal)
        # Had it been of that terminal, this would be its end.
        assert run([programs.sendmail, "-fa@there.example", "c@far.example"], b"\nmore\n",
                   env=variables).status == 0
        check_messages(peer, {"b@far.example": b"text\n", "c@far.example": b"more\n"})
    finally:
        for service in on_demand():
            with contextlib.suppress(ProcessLookupError):
                os.kill(service, signal.SIGKILL)


def check_is_nobodys(pid, leaked):
    """A service holds nothing of its caller: descriptors, folder, umask, terminal, group."""
    status = process_status(pid)
    try:
        opened = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        with open(f"/proc/{pid}/stat") as stat:
            words = stat.read().rsplit(")", 1)[1].split()
        cwd = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return  # a receive process has ended
    assert str(leaked) not in opened and "/" not in opened, opened
    assert not any(name.startswith(("pipe:", "/dev/pts/")) for name in opened), opened
    assert cwd in ("/", "/proc") or "spool" in cwd, cwd
    assert int(words[2]) != os.getpgrp() and int(words[3]) != os.getsid(0)
    assert words[4] == "0", "a controlling terminal"
    assert status["Umask"] == ["0077"]
    # All that may be ignored is what process_reset_signals, and a service, ignore.
    allowed = {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT,
               signal.SIGTERM}
    ignored = int(status["SigIgn"][0], 16)
    for number in range(1, 65):
        if number in (32, 33):  # libc keeps them for itself
            continue
        assert number in allowed or not ignored & (1 << number - 1), number


# what the input is

def feed(fd, content):
    """Writes in the background, in two parts, however small the pipe is."""
    def write():
        for part in (content[:10], content[10:]):
            while part:
                try:
                    part = part[os.write(fd, part):]
                except OSError as error:
                    if error.errno != errno.EAGAIN:
                        raise
        os.close(fd)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def as_pipe(content, folder, blocking=True):
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, blocking)
    return read_end, feed(write_end, content)


def as_slow_pipe(content, folder):
    """One that nobody may wait at by read(2)."""
    return as_pipe(content, folder, blocking=False)


def as_socket(content, folder, kind=socket.SOCK_STREAM, blocking=True):
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    theirs.setblocking(blocking)
    return theirs.detach(), feed(ours.detach(), content)


def as_slow_socket(content, folder):
    return as_socket(content, folder, blocking=False)


def as_file(content, folder):
    (folder / "input").write_bytes(content)
    return os.open(folder / "input", os.O_RDONLY), None


def as_file_to_its_middle(content, folder):
    fd = os.open(folder / "input", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"To: not@far.example\nnot this\n\n")
    begin = os.lseek(fd, 0, os.SEEK_CUR)
    os.write(fd, content)
    os.lseek(fd, begin, os.SEEK_SET)
    return fd, None


def as_fifo(content, folder):
    os.mkfifo(folder / "fifo")
    read_end = os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(read_end, True)
    return read_end, feed(os.open(folder / "fifo", os.O_WRONLY), content)


@pytest.mark.parametrize("size", [40, 300_000], ids=["short", "streamed"])
@pytest.mark.parametrize("make", [as_pipe, as_slow_pipe, as_socket, as_slow_socket, as_file,
                                  as_file_to_its_middle, as_fifo])
def test_every_kind_of_input(programs, service, folder, make, size):
    body = (b"x" * 60 + b"\n") * (size // 60) + b"the end\n"
    fd, thread = make(b"Subject: s\nTo: b@far.example\n\n" + body, folder)
    try:
        result = run([programs.sendmail, "-t", "-f", "a@there.example"], stdin=fd, input=None,
                     env=environment(socket=service.socket))
    finally:
        os.close(fd)
        if thread:
            thread.join()
    assert repr(result) == "<exit 0, stdout b'', stderr ''>"
    check_messages(service.peer, {"b@far.example": body})


def is_asleep(process):
    assert process.poll() is None, process.communicate()
    return process_status(process.pid).get("State", [""])[0] == "S"


@pytest.mark.parametrize("make", [os.pipe, lambda: [one.detach() for one in socket.socketpair()]],
                         ids=["pipe", "socket"])
def test_an_input_that_does_not_wait_is_waited_for(programs, service, make):
    """Who made it non-blocking, and shares it with us, did so for himself."""
    read_end, write_end = make()
    os.set_blocking(read_end, False)
    process = subprocess.Popen([str(programs.sendmail), "-fa@there.example", "b@far.example"],
                               stdin=read_end, stderr=subprocess.PIPE,
                               env=environment(socket=service.socket))
    os.close(read_end)
    for part in (b"Subject: s\n\n", b"one\n", b"two\n"):
        wait_for(lambda: is_asleep(process), what="a wait for input")
        os.write(write_end, part)
    wait_for(lambda: is_asleep(process), what="a wait for input")
    os.close(write_end)
    assert (process.communicate(timeout=30)[1], process.returncode) == (b"", 0)
    check_messages(service.peer, {"b@far.example": b"one\ntwo\n"})


@pytest.mark.parametrize("open_input", [
    lambda folder: os.open(folder, os.O_RDONLY),
    lambda folder: os.open(folder / "output", os.O_WRONLY | os.O_CREAT),
    lambda folder: os.pipe()[1],
], ids=["a folder", "a file to write", "the wrong end of a pipe"])
def test_what_cannot_be_read(programs, service, folder, open_input):
    fd = open_input(folder)
    result = run([programs.sendmail, "b@far.example"], stdin=fd, input=None,
                 env=environment(socket=service.socket))
    os.close(fd)
    assert (result.status, result.stdout) == (74, b"")
    assert "standard input" in result.stderr and result.stderr.count("\n") == 1
    assert "nothing was sent" in result.stderr
    assert service.peer.messages == [] and service.count() == 0


def in_terminal(programs, service, words, typed, stderr=None):
    """(exit status, what was shown); typed when it waits for it."""
    pid, terminal = pty.fork()
    if pid == 0:
        if stderr is not None:
            os.dup2(stderr, 2)
        os.execve(programs.sendmail, ["sendmail", "-f", "a@there.example", *words],
                  environment(socket=service.socket))
    shown = b""

    def read():
        nonlocal shown
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # nobody has it open any more
            return False
        return True

    while stderr is None and b"\n" not in shown and read():
        pass
    os.write(terminal, typed)
    while read():
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("words, typed, said", [
    (["b@far.example"], b"Subject: s\n\ntext\n.\n", b"end it with . or ^D"),
    (["b@far.example"], b"Subject: s\n\ntext\n\x04", b"end it with . or ^D"),
    (["-i", "b@far.example"], b"Subject: s\n\ntext\n\x04", b"end it with ^D"),
])
def test_a_terminal_is_told_that_it_is_read(programs, service, words, typed, said):
    status, shown = in_terminal(programs, service, words, typed)
    assert status == 0
    assert shown.startswith(b"sendmail: reading the message from the terminal, " + said + b"\n")
    check_messages(service.peer, {"b@far.example": b"text\n"})


def test_a_terminal_that_nobody_looks_at_is_told_nothing(programs, service, folder):
    with open(folder / "stderr", "wb") as stderr:
        status, shown = in_terminal(programs, service, ["b@far.example"], b"\ntext\n.\n",
                                    stderr.fileno())
    assert status == 0 and b"reading" not in shown
    assert (folder / "stderr").read_bytes() == b""


def test_a_usage_error_does_not_wait_for_the_terminal(programs, service):
    status, shown = in_terminal(programs, service, [], b"")
    assert status == 64 and b"no recipients" in shown and b"reading" not in shown


# where the output goes

def full_pipe(blocking):
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(write_end, False)
    os.write(write_end, b"x" * 4096)
    os.set_blocking(write_end, blocking)
    return write_end, read_end


def unread_pipe():
    read_end, write_end = os.pipe()
    os.close(read_end)
    return write_end, None


OUTPUTS = {
    "a pipe that nobody reads any more": unread_pipe,
    "a full pipe": lambda: full_pipe(True),
    "a full pipe that does not wait": lambda: full_pipe(False),
    "a full disk": lambda: (os.open("/dev/full", os.O_WRONLY), None),
    "read-only": lambda: (os.open("/dev/null", os.O_RDONLY), None),
}


@pytest.mark.parametrize("signals", [[], ["ignore"], ["block"]],
                         ids=["default", "ignored", "blocked"])
@pytest.mark.parametrize("make", OUTPUTS.values(), ids=list(OUTPUTS))
def test_an_output_that_takes_nothing(programs, launch, service, make, signals):
    """No signal and no wait for a reader; the status says what happened all the same."""
    fd, reader = make()
    variables = environment(socket=service.socket)
    sender = [programs.sendmail, "-f", "a@there.example"]

    def status(words, input):
        process = subprocess.Popen([str(word) for word in launch(signals, words)], env=variables,
                                   stdin=subprocess.PIPE, stdout=fd, stderr=fd)
        process.communicate(input, timeout=30)
        return process.returncode

    try:
        assert status([*sender, "b@far.example"], b"\ntext\n") == 0
        if reader is None:  # else it takes its time
            assert status([*sender, "c@@far.example"], b"\ntext\n") == 65
        assert status([*sender, "-Z"], b"\ntext\n") == 64
    finally:
        os.close(fd)
        if reader is not None:
            os.close(reader)
    check_messages(service.peer, {"b@far.example": b"text\n"})


def test_an_output_file_that_may_not_grow(programs, launch, service, folder):
    with open(folder / "output", "wb") as output:
        process = subprocess.run([str(word) for word in launch(
            [f"hard:{resource.RLIMIT_FSIZE}:0"], [programs.sendmail, "-Z"])], stderr=output)
    assert process.returncode == 64
