# SPDX-License-Identifier: MIT

"""Small file systems on loop devices, and what a power cut leaves of them.

The image of a disk is a sparse file in memory.  Disk.cut() copies it as it is: what has
reached the device is kept, nothing else.  Nothing is synced or unmounted for it.
"""

import ctypes
import fcntl
import os
import shutil
import stat
import struct
import subprocess
import threading
import time
from pathlib import Path

MIB = 1024 * 1024
BLOCK = 256 * 1024
# name: (size, command, what it is mounted as, options).  Nothing is written by itself
# while a run lasts: the journal is committed by a sync, or never.
KINDS = {
    "ext4": (24 * MIB, ["mkfs.ext4", "-q", "-F"], "ext4", "commit=900"),
    "xfs": (300 * MIB, ["mkfs.xfs", "-q", "-f"], "xfs", "nouuid"),
    "btrfs": (128 * MIB, ["mkfs.btrfs", "-q", "-f", "-m", "single", "-d", "single"], "btrfs",
              "commit=900"),
    "ext2": (24 * MIB, ["mkfs.ext2", "-q", "-F"], "ext2", ""),
    "overlay": (24 * MIB, ["mkfs.ext4", "-q", "-F"], "ext4", "commit=900"),
}

LOOP_SET_FD, LOOP_CLR_FD, LOOP_SET_STATUS64, LOOP_CTL_GET_FREE = 0x4c00, 0x4c01, 0x4c04, 0x4c82
AUTOCLEAR = 4

_libc = ctypes.CDLL(None, use_errno=True)
_loops = threading.Lock()


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind, options=""):
    _check(_libc.mount(str(source).encode(), str(target).encode(), kind.encode(), 0,
                       options.encode() or None), f"mount {kind}")


def unmount(target):
    for _ in range(200):
        if _libc.umount2(str(target).encode(), 0) == 0:
            return
        time.sleep(0.005)
    _check(_libc.umount2(str(target).encode(), 2), f"umount {target}")


def sync_all(descriptor):
    """All of the file system of this file."""
    _check(_libc.syncfs(descriptor), "syncfs")


def own_mounts():
    """From here on what we mount is ours alone."""
    _check(_libc.unshare(0x00020000), "unshare")
    # Fails in a chroot that is no mount point; there the unmounting must do.
    _libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None)


def attach(image):
    """The loop device of this image; it is let go when it is unmounted."""
    with _loops:
        file = os.open(image, os.O_RDWR | os.O_CLOEXEC)
        try:
            for _ in range(100):
                control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
                number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
                os.close(control)
                path = f"/dev/loop{number}"
                if not os.path.exists(path):
                    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, number))
                device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.ioctl(device, LOOP_SET_FD, file)
                except OSError:
                    # Another was faster.
                    os.close(device)
                    continue
                status = bytearray(232)
                struct.pack_into("=I", status, 52, AUTOCLEAR)
                fcntl.ioctl(device, LOOP_SET_STATUS64, bytes(status))
                return path, device
            raise OSError("no free loop device")
        finally:
            os.close(file)


def copy_sparse(source, target):
    """What is there, as it is; holes and zeros stay holes."""
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    size = os.fstat(reader).st_size
    os.ftruncate(writer, size)
    offset = 0
    try:
        while True:
            try:
                offset = os.lseek(reader, offset, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(reader, offset, os.SEEK_HOLE)
            while offset < end:
                octets = os.pread(reader, min(BLOCK, end - offset), offset)
                if octets.count(0) != len(octets):
                    os.pwrite(writer, octets, offset)
                offset += len(octets)
    finally:
        os.close(reader)
        os.close(writer)


def make_image(kind, path):
    size, command, _, _ = KINDS[kind]
    raw = Path(str(path) + ".raw")
    with open(raw, "wb") as file:
        file.truncate(size)
    done = subprocess.run([*command, str(raw)], capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    # A log of zeros becomes a hole.
    copy_sparse(raw, path)
    raw.unlink()


class Disk:
    """A mounted image; .top is where the files are."""

    def __init__(self, kind, image, place):
        self.kind, self.image, self.place = kind, Path(image), Path(place)
        self.below = self.place / "disk"
        self.top = self.place / "over" if kind == "overlay" else self.below
        self.below.mkdir(parents=True, exist_ok=True)
        self.top.mkdir(exist_ok=True)
        _, _, self.type, self.options = KINDS[kind]
        self.written = None

    def __enter__(self):
        if self.kind == "ext2":
            # As at every boot; what it mends is no fault.
            subprocess.run(["e2fsck", "-y", str(self.image)], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        path, device = attach(self.image)
        self.stat = f"/sys/block/{Path(path).name}/stat"
        try:
            mount(path, self.below, self.type, self.options)
        finally:
            os.close(device)
        if self.kind == "overlay":
            try:
                self._lay_over()
            except OSError:
                unmount(self.below)
                raise
        return self

    def _lay_over(self):
        for name in ("lower", "upper", "work"):
            (self.below / name).mkdir(exist_ok=True)
        mount("overlay", self.top, "overlay",
              ",".join(f"{option}={self.below}/{name}" for option, name in
                       (("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work"))))

    def __exit__(self, *_):
        if self.kind == "overlay":
            unmount(self.top)
        unmount(self.below)

    def _state(self):
        """(octets written, requests under way) of the device."""
        with open(self.stat) as file:
            words = file.read().split()
        return int(words[6]), int(words[8])

    def cut(self, path):
        """Copies what a cut now would leave; False when that is the same as last time."""
        before = self._state()
        if before == self.written:
            return False
        while True:
            copy_sparse(self.image, path)
            after = self._state()
            if after == before and after[1] == 0:
                self.written = after
                return True
            before = after


def usable(folder):
    """Those that this kernel can mount; of the others it is said why not."""
    found = []
    for kind in KINDS:
        image = Path(folder) / kind
        make_image(kind, image)
        try:
            with Disk(kind, image, Path(folder) / "probe"):
                found.append(kind)
        except OSError as error:
            print(f"power: {kind} is left out: {error.strerror}", flush=True)
        image.unlink()
    return found


def why_not():
    """Why this machine cannot do it; None when it can."""
    if os.geteuid() != 0:
        return "needs root for loop devices"
    for _, command, _, _ in KINDS.values():
        if shutil.which(command[0]) is None:
            return f"there is no {command[0]}"
    if not os.path.exists("/dev/loop-control"):
        try:
            os.mknod("/dev/loop-control", stat.S_IFCHR | 0o600, os.makedev(10, 237))
        except OSError as error:
            return f"no /dev/loop-control: {error.strerror}"
    try:
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(control, LOOP_CTL_GET_FREE)
        os.close(control)
    except OSError as error:
        return f"no loop devices: {error.strerror}"
    if not os.path.isdir("/sys/block"):
        return "no /sys, which counts what a device has written"
    return None
