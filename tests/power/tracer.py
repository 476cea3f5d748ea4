# SPDX-License-Identifier: MIT

"""Stops a program and all that it starts at each system call (ptrace(2)), by ctypes.

    tracer = Tracer(command, environment)
    for stop in tracer.stops():         until all of it has ended
        stop.pid, stop.call, stop.is_entry, stop.arguments, stop.result
        tracer.skip(stop, result)       at an entry: the call is not made and gives this

Between two stops that stops() gives, the process goes on; the others run freely until they
are at a system call of theirs, where they wait until they have been given in their turn.
"""

import ctypes
import os
import signal
import struct

TRACEME, PEEKUSER, POKEUSER, CONT, KILL, SYSCALL = 0, 3, 6, 7, 8, 24
SETOPTIONS, GETEVENTMSG, GET_SYSCALL_INFO = 0x4200, 0x4201, 0x420e
TRACESYSGOOD, FORK, VFORK, CLONE, EXEC, EXITKILL = 1, 2, 4, 8, 16, 1 << 20
WALL = 0x40000000
# Where struct user keeps them on x86-64.
RAX, ORIGINAL_RAX = 80, 120

# x86-64.  What is not here is no change of a file system and no sync.
NAMES = {
    0: "read", 1: "write", 2: "open", 3: "close", 7: "poll", 17: "pread64", 18: "pwrite64",
    20: "writev", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg",
    42: "connect", 59: "execve", 61: "wait4", 73: "flock", 74: "fsync", 75: "fdatasync",
    76: "truncate", 77: "ftruncate", 82: "rename", 83: "mkdir", 86: "link", 87: "unlink",
    90: "chmod", 91: "fchmod", 157: "prctl", 162: "sync", 232: "epoll_wait", 257: "openat", 258: "mkdirat",
    263: "unlinkat", 264: "renameat", 265: "linkat", 268: "fchmodat", 271: "ppoll",
    277: "sync_file_range", 285: "fallocate", 288: "accept4", 296: "pwritev", 306: "syncfs",
    316: "renameat2", 326: "copy_file_range",
}
SYNCS = ("fsync", "fdatasync", "syncfs", "sync", "sync_file_range")
# What others may be in the middle of while the state of the disk is looked at.
WAITING = ("read", "poll", "ppoll", "accept", "accept4", "sendto", "recvfrom", "sendmsg",
           "recvmsg", "connect", "wait4", "epoll_wait", "flock", "prctl", "other")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def is_possible():
    return os.uname().machine == "x86_64"


def _ptrace(request, pid, address=0, data=0):
    result = _libc.ptrace(request, pid, address, data)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace {request}: {os.strerror(number)}")
    return result


def read_string(pid, address):
    """A name among the arguments of a call."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        # Up to the end of the page, which is there when its begin is.
        return memory.read(4096 - address % 4096).split(b"\0")[0].decode(errors="replace")


class Stop:
    __slots__ = ("pid", "call", "is_entry", "arguments", "result", "status")

    def __init__(self, pid, call="", is_entry=False, arguments=(), result=0, status=None):
        self.pid, self.call, self.is_entry = pid, call, is_entry
        self.arguments, self.result, self.status = arguments, result, status


class Tracer:
    def __init__(self, command, environment, output, source="/dev/null"):
        self.calls = {}  # pid: the Stop at whose call it is
        self.parents = {}  # pid: who forked it
        self._skipped = {}
        self.root = os.fork()
        if self.root == 0:
            try:
                os.setsid()
                os.dup2(os.open(source, os.O_RDONLY), 0)
                file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                os.dup2(file, 1)
                os.dup2(file, 2)
                _ptrace(TRACEME, 0)
                os.execve(command[0], command, environment)
            finally:
                os._exit(127)
        self.alive = {self.root}
        _, status = os.waitpid(self.root, WALL)
        if not os.WIFSTOPPED(status):
            raise OSError(f"cannot run {command[0]}")
        _ptrace(SETOPTIONS, self.root, 0,
                TRACESYSGOOD | FORK | VFORK | CLONE | EXEC | EXITKILL)
        _ptrace(SYSCALL, self.root)

    def is_quiet(self, pid):
        """No other process is inside of a call that may change the file system."""
        return all(stop.call in WAITING for other, stop in self.calls.items()
                   if other != pid and stop.is_entry)

    def skip(self, stop, result):
        try:
            _ptrace(POKEUSER, stop.pid, ORIGINAL_RAX, -1)
        except ProcessLookupError:
            return
        self._skipped[stop.pid] = result

    def stops(self):
        """Each is let go when the next one is asked for; one that ended has a status."""
        while self.alive:
            try:
                pid, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                self.alive.discard(pid)
                self.calls.pop(pid, None)
                yield Stop(pid, status=status)
                continue
            self.alive.add(pid)
            number = os.WSTOPSIG(status)
            passed = 0
            try:
                if number == signal.SIGTRAP | 0x80:
                    yield self._look(pid)
                elif status >> 16:
                    self._note_child(pid)
                elif number != signal.SIGSTOP:
                    # A new process begins with a SIGSTOP that nobody sent.
                    passed = number
                _ptrace(SYSCALL, pid, 0, passed)
            except ProcessLookupError:
                pass

    def _note_child(self, pid):
        message = ctypes.c_ulong()
        _ptrace(GETEVENTMSG, pid, 0, ctypes.addressof(message))
        # An exec gives its own number.
        if message.value != pid:
            self.parents[message.value] = pid
            self.alive.add(message.value)

    def _look(self, pid):
        room = ctypes.create_string_buffer(88)
        _ptrace(GET_SYSCALL_INFO, pid, 88, ctypes.addressof(room))
        if room.raw[0] == 1:
            number, *arguments = struct.unpack_from("=7Q", room.raw, 24)
            stop = Stop(pid, NAMES.get(number, "other"), True, arguments)
            self.calls[pid] = stop
            return stop
        before = self.calls.pop(pid, None)
        result = struct.unpack_from("=q", room.raw, 24)[0]
        if pid in self._skipped:
            result = self._skipped.pop(pid)
            _ptrace(POKEUSER, pid, RAX, result)
        return Stop(pid, before.call if before else "other", False,
                    before.arguments if before else (), result)

    def finish(self):
        """Kills what is left."""
        for pid in list(self.alive):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while self.alive:
            try:
                pid, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                break
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                self.alive.discard(pid)
                continue
            self.alive.add(pid)
            try:
                os.kill(pid, signal.SIGKILL)
                _ptrace(CONT, pid)
            except (ProcessLookupError, OSError):
                pass
        self.alive.clear()
