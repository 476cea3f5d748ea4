# SPDX-License-Identifier: MIT

"""A spool on file systems that lack something, or that do not keep what is written."""

import ctypes
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest

from support.mailchute import (end_processes, environment, fields, is_sanitized, needs_program, run,
                               split)
from support.own_mounts import why_not

pytestmark = [needs_program("sendmail", "mailchute"),
              pytest.mark.skipif(bool(why_not()), reason=why_not() or "")]

IN_MEMORY = "in memory: mail does not survive a reboot"
_libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def mount(own_mounts):
    """mount(kind, place, options): unmounted at the end."""
    made = []

    def make(kind, place, options="defaults"):
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", kind, "-o", options, kind, str(place)], check=True)
        made.append(place)

    yield make
    for place in reversed(made):
        subprocess.run(["umount", "--lazy", str(place)], stderr=subprocess.DEVNULL)


@pytest.fixture
def overlay(mount, folder):
    """overlay(options): a spool on an overlay whose upper directory lies beside it."""
    def make(upper, options=""):
        for name in ("lower", "work"):
            (upper.parent / name).mkdir(parents=True, exist_ok=True)
        upper.mkdir()
        over = folder / "over"
        mount("overlay", over, f"lowerdir={upper.parent / 'lower'},upperdir={upper},"
              f"workdir={upper.parent / 'work'}{options}")
        return over

    return make


def deliver(service, sink, count=3):
    """Mail goes through, and the spool is clean behind it."""
    for number in range(count):
        result = service.sendmail("-f", "a@there.example", "b@far.example",
                                  input=b"Subject: odd %d\n\ntext %d\n" % (number, number))
        assert (result.status, result.stderr) == (0, ""), result
    bodies = sorted(split(one)[1] for one in sink.wait_for_messages(count))
    assert bodies == [b"text %d\n" % number for number in range(count)]
    service.wait_until_empty()
    assert os.listdir(service.spool / "queue") == []
    assert not (service.spool / "corrupt").exists()


def test_a_disk_is_not_talked_about(service):
    assert "survive" not in service.text()


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_memory_is_said_once(make_service, sink, mount, folder, kind):
    mount(kind, folder / "memory", "mode=0755" if kind == "tmpfs" else "defaults")
    service = make_service(url=sink.url, spool=folder / "memory/spool")
    # What nobody can be told of is kept there, too, though ramfs has no size.
    failed = service.spool / "failed" / ("0000000001" + "0" * 15)
    failed.parent.mkdir(parents=True, mode=0o700)
    service.spool.chmod(0o700)
    failed.write_bytes(b"failed")
    service.start()
    deliver(service, sink)
    assert failed.exists()
    assert service.text().count(IN_MEMORY) == 1, service.text()
    # Neither a client nor a reload says it again.
    service.signal(1)
    service.wait_for_text("read anew")
    assert service.text().count(IN_MEMORY) == 1, service.text()


def test_memory_below_an_overlay_is_said(make_service, sink, mount, overlay, folder):
    mount("tmpfs", folder / "memory", "mode=0755")
    over = overlay(folder / "memory/upper")
    service = make_service(url=sink.url, spool=over / "spool").start()
    deliver(service, sink)
    assert service.text().count(IN_MEMORY) == 1, service.text()


def test_an_overlay_on_a_disk(make_service, sink, overlay, folder):
    over = overlay(folder / "disk/upper")
    service = make_service(url=sink.url, spool=over / "spool").start()
    deliver(service, sink)
    assert "survive" not in service.text()


def test_an_overlay_that_syncs_nothing_is_said(make_service, sink, overlay, folder):
    over = overlay(folder / "disk/upper", ",volatile")
    service = make_service(url=sink.url, spool=over / "spool").start()
    deliver(service, sink)
    assert service.text().count("which syncs nothing") == 1, service.text()


# ---- what a file system, or the machine, may lack ----

X86_64 = 0xc000003e
OPENAT, RENAMEAT2, LINKAT, FLOCK = 257, 316, 265, 73
O_TMPFILE = 0o20000000
NOT_SUPPORTED, INVALID, NOT_PERMITTED, NO_LOCKS = 95, 22, 1, 37


def refuse(*rules):
    """For preexec_fn: these calls fail from now on (seccomp(2)), for all children too.

    A rule is (call, errno) or (call, errno, bit): only with this bit in the third argument.
    """
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, X86_64), (0x06, 0, 0, 0x7fff0000)]
    for call, number, *bit in rules:
        code = [(0x06, 0, 0, 0x00050000 | number)]
        if bit:
            # The argument, and back to the next rule when the bit is not set.
            code = [(0x20, 0, 0, 32), (0x45, 0, 1, bit[0]), *code]
        program += [(0x20, 0, 0, 0), (0x15, 0, len(code), call), *code]
    program.append((0x06, 0, 0, 0x7fff0000))

    def load():
        octets = b"".join(struct.pack("=HBBI", *one) for one in program)
        room = ctypes.create_string_buffer(octets)
        filter = struct.pack("=H6xQ", len(program), ctypes.addressof(room))
        # PR_SET_SECCOMP, SECCOMP_MODE_FILTER; as root without no_new_privs.
        assert _libc.prctl(22, 2, filter, 0, 0) == 0

    return load


def start_lacking(service, *rules, **options):
    """The service, where these calls fail."""
    if os.uname().machine != "x86_64":
        pytest.skip("the filter is written for x86-64")
    spawn = service.spawn
    service.spawn = lambda *words, **more: spawn(*words, preexec_fn=refuse(*rules), **more,
                                                 **options)
    return service.start()


LACKING = {
    "O_TMPFILE": [(OPENAT, NOT_SUPPORTED, O_TMPFILE)],
    "O_TMPFILE and RENAME_NOREPLACE": [(OPENAT, INVALID, O_TMPFILE), (RENAMEAT2, INVALID)],
    "these and hard links": [(OPENAT, NOT_SUPPORTED, O_TMPFILE), (RENAMEAT2, INVALID),
                             (LINKAT, NOT_PERMITTED)],
}


@pytest.mark.parametrize("lack", LACKING)
def test_a_file_system_without(make_service, sink, lack):
    service = start_lacking(make_service(url=sink.url), *LACKING[lack])
    deliver(service, sink)


@pytest.mark.parametrize("lack", LACKING)
def test_a_damaged_file_is_put_aside_without(make_service, sink, lack):
    """The move to corrupt/ has its fallbacks, too."""
    service = make_service(url=sink.url)
    queue = service.spool / "queue"
    queue.mkdir(parents=True)
    service.spool.chmod(0o700)
    queue.chmod(0o700)
    name = "0" * 25
    (queue / name).write_bytes(b"damaged")
    start_lacking(service, *LACKING[lack])
    service.wait_for_text("put aside")
    assert (service.spool / "corrupt" / name).read_bytes() == b"damaged"


def test_a_file_system_without_locks_takes_no_mail_and_says_why(make_service):
    service = make_service(url="smtp://127.0.0.1:1")
    service.spawn([service.programs.mailchute, "serve"], service.environment(),
                  preexec_fn=refuse((FLOCK, NO_LOCKS)))
    assert service.process.wait(30) not in (0, None)
    assert "lock" in service.text() and str(service.spool) in service.text(), service.text()


def test_a_machine_without_proc(make_service, sink, folder):
    """As in a chroot that nobody has completed: an empty directory is at /proc."""
    def hide():
        clone_newns = 0x00020000
        assert _libc.unshare(clone_newns) == 0
        assert _libc.mount(b"none", b"/proc", b"tmpfs", 0, None) == 0

    service = make_service(url=sink.url)
    spawn = service.spawn
    service.spawn = lambda *words, **more: spawn(*words, preexec_fn=hide, **more)
    service.start()
    deliver(service, sink)
    # At its end LeakSanitizer could not do without, nor be told so.
    if not is_sanitized(service.programs.mailchute):
        assert service.terminate() == 0


def test_a_spool_that_cannot_be_written(make_service, sink, mount, folder):
    """The service says which, and does not start; who hands in mail is told that none is there."""
    mount("tmpfs", folder / "memory", "mode=0755")
    service = make_service(url=sink.url, spool=folder / "memory/spool").start()
    deliver(service, sink, 1)
    service.terminate()
    subprocess.run(["mount", "-o", "remount,ro", str(folder / "memory")], check=True)
    service.spawn([service.programs.mailchute, "serve"], service.environment())
    assert service.process.wait(30) not in (0, None)
    service.kill()
    assert f"{service.spool}/lock: Read-only file system" in service.text(), service.text()


def test_a_read_only_root_and_a_user_without_a_name(programs, sink, own_mounts, folder):
    """security.md R13: as a container gives it; what can be written is in memory, in /run."""
    # Not in the folder, which is removed with all that is below it.
    root = Path(tempfile.mkdtemp(prefix="chute-root-"))
    for words in (["--bind", "/", root], ["-o", "remount,bind,ro", root],
                  ["--bind", "/dev", root / "dev"], ["--bind", "/proc", root / "proc"],
                  ["-t", "tmpfs", "-o", "mode=0755", "tmpfs", root / "run"]):
        subprocess.run(["mount", *map(str, words)], check=True)
    try:
        place = root / "run" / folder.name
        place.mkdir()
        os.chown(place, 1000680000, 0)
        for program in (programs.sendmail, programs.mailchute):
            shutil.copy(program, place)
        (place / "conf").write_text(
            f'smarthost "test" {{ url = "{sink.url}" }}\n'
            f'identity {{ ehlo = "client.test" domain = "here.example" }}\n'
            f'submit {{ mode = "spool" wait = "disk" }}\n'
            f'queue {{ dir = "/run/{folder.name}/spool" }}\n')
        within = Path("/run") / folder.name
        result = run(["chroot", "--userspec=1000680000:0", "--groups=0", root, within / "sendmail",
                      "b@far.example"], b"Subject: odd\n\ntext\n",
                     env=environment(config=within / "conf"))
        assert (result.status, result.stderr) == (0, ""), result
        message, = sink.wait_for_messages(1)
        assert fields(message, "From") == ["uid-1000680000@here.example"]
    finally:
        end_processes([f"{folder.name}/conf"])
        subprocess.run(["umount", "--lazy", "--recursive", str(root)], check=True)
        root.rmdir()
