# SPDX-License-Identifier: MIT

"""own_mounts.py [--pids] COMMAND... - runs it where what it mounts is seen by nobody else

--pids: and where the command is process 1, with a /proc of its own; its end is all others' end.

Also in a chroot, whose / may be no mount point.  Needs root.
"""

import ctypes
import os
import sys

NEW_MOUNTS = 0x00020000
BIND = 1 << 12
RECURSIVE = 1 << 14
PRIVATE = 1 << 18
DETACH = 2

PROC = 'mount -t proc proc /proc && exec "$@"'


def _check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _shows_outside(libc, outside, folder):
    """Is a mount of ours seen there?"""
    def count():
        outside.seek(0)
        return outside.read().count(f"{folder} ")

    before = count()
    _check(libc.mount(folder.encode(), folder.encode(), None, BIND, None))
    after = count()
    _check(libc.umount2(folder.encode(), DETACH))
    return after != before


def own_mounts():
    """From here on what this process and its children mount is theirs alone, or OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Opened here, it goes on telling of the mounts that we leave.
    with open("/proc/self/mountinfo") as outside:
        _check(libc.unshare(NEW_MOUNTS))
        if libc.mount(b"none", b"/", None, RECURSIVE | PRIVATE, None) == 0:
            return libc
        if any(_shows_outside(libc, outside, folder) for folder in ("/run", "/tmp")):
            raise OSError("what is mounted here would show outside")
    return libc


def why_not():
    """Why a test cannot have mounts of its own; None: it can."""
    if os.geteuid() != 0:
        return "needs root for mounts of its own"
    child = os.fork()
    if child == 0:
        try:
            own_mounts()
        except OSError:
            os._exit(1)
        os._exit(0)
    return "no mounts of one's own here" if os.waitpid(child, 0)[1] != 0 else None


def command(*words, pids=False):
    """The words as a command that runs so."""
    return [sys.executable, "-B", __file__, *(["--pids"] if pids else []), *map(str, words)]


def main(words):
    try:
        own_mounts()
    except OSError as error:
        sys.exit(f"own_mounts: {error}")
    if words[0] == "--pids":
        words = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", PROC, "sh", *words[1:]]
    os.execvp(words[0], words)


if __name__ == "__main__":
    main(sys.argv[1:])
