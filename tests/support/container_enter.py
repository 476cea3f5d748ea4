# SPDX-License-Identifier: MIT

"""container_enter.py SPEC COMMAND... - runs it as a container engine would; see container.py

Process 1 of a mount and process namespace that was made for it.  SPEC is a file of JSON.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

CAPABILITIES = 41
DROP_FROM_BOUND, NO_NEW_PRIVILEGES = 24, 38
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

libc = ctypes.CDLL(None, use_errno=True)


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


def prctl(option, value):
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def make_root(spec, place):
    """The layers of the image, and a last one of its own in memory."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", place)
    for name in ("upper", "work", "all"):
        (place / name).mkdir(mode=0o755)
    mount("-t", "overlay", "overlay", place / "all", "-o",
          f"lowerdir={':'.join(spec['layers'])},upperdir={place}/upper,workdir={place}/work")
    return place / "all"


def make_devices(root):
    for name in ("proc", "dev"):
        (root / name).mkdir(exist_ok=True)
    mount("-t", "proc", "proc", root / "proc")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", root / "dev")
    for name in DEVICES:
        (root / "dev" / name).touch()
        mount("--bind", f"/dev/{name}", root / "dev" / name)
    for name, target in (("fd", "/proc/self/fd"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (root / "dev" / name).symlink_to(target)


def bind(root, source, path, read_only):
    target = root / path.lstrip("/")
    if Path(source).is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount("--bind", source, target)
    if read_only:
        mount("-o", "remount,bind,ro", target)


def drop(spec):
    if spec["drop_all"]:
        for number in range(CAPABILITIES):
            # Newer ones than this kernel knows are none.
            libc.prctl(DROP_FROM_BOUND, number, 0, 0, 0)
    os.setgroups([])
    os.setresgid(*[spec["gid"]] * 3)
    os.setresuid(*[spec["uid"]] * 3)
    if spec["no_new_privileges"]:
        prctl(NO_NEW_PRIVILEGES, 1)


def main():
    spec = json.loads(Path(sys.argv[1]).read_text())
    root = make_root(spec, Path(spec["place"]))
    make_devices(root)
    socket.sethostname("container")
    for source, path, read_only in spec["mounts"]:
        bind(root, source, path, read_only)
    if spec["read_only"]:
        mount("-o", "remount,bind,ro", root)
    os.chroot(root)
    os.chdir("/")
    drop(spec)
    os.execvpe(sys.argv[2], sys.argv[2:], spec["environment"])


if __name__ == "__main__":
    main()
