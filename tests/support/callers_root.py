# SPDX-License-Identifier: MIT

"""A whole Debian with the programs that call sendmail, and mailchute installed in it.

Its packages were unpacked, never installed (tests/support/unpack).  It runs in mount,
process and host name namespaces of its own; what is written there goes to memory and
is gone at the end.  The network is ours, so the service inside relays to a sink out here.
"""

import email
import email.policy
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

from support.mailchute import (Daemon, children_of, environment, fields, is_answering,
                               process_status, run)
from support.postfix import UNPACKED
from support.wait import wait_for

ROOT = UNPACKED / "callers"
USERS = {"root": (0, 0), "daemon": (1, 1), "www-data": (33, 33), "mailchute": (990, 990),
         "logcheck": (992, 992), "alice": (1001, 1001), "nobody": (65534, 65534)}

# What a kernel and an init would have in there: the end of a shell script that has made $root.
FURNISH = """\
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full urandom random tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm" "$root/run/lock"
chmod 1777 "$root/dev/shm" "$root/run/lock"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
hostname box
# Its init: who ignores SIGCHLD has no children to reap.
exec chroot "$root" perl -e '$SIG{CHLD} = "IGNORE"; $| = 1; print "ready\n"; sleep 1000 while 1'
"""

# Reads: folder for the mount points, the installed mailchute, what else it needs, the packages.
ENTER = """\
set -eu
root=$1 programs=$2 more=$3 packages=$4
outside=$5
mount --make-rprivate / 2>/dev/null || {
    # In a chroot / may be no mount point.  What we mount must not show outside all the same.
    mount --bind "$root" "$root"
    if grep -qF " $root " "/proc/$outside/mountinfo"; then
        umount "$root"
        echo "mounts made here would show outside" >&2
        exit 1
    fi
}
mount -t tmpfs -o mode=755 tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/all"
chmod 755 "$root/upper"
mount -t overlay overlay "$root/all" \\
    -o "lowerdir=$more:$programs:$packages,upperdir=$root/upper,workdir=$root/work"
root=$root/all
""" + FURNISH

CONFIG = """\
identity {{ ehlo = "client.test" domain = "here.example" }}
smarthost "test" {{ url = "{url}" }}
# So that a service that is not there is an error, told to the caller.
submit {{ mode = "service" {submit} }}
queue {{ retry = {{ "200ms" }} }}
log {{ to = "stderr" }}
{extra}
"""


def why_not():
    """Why callers cannot run here, or None."""
    if os.geteuid() != 0:
        return "callers need root for namespaces and a root of their own"
    if not (UNPACKED / "callers.done").exists():
        return "callers are not unpacked; run tests/run, or tests/support/unpack build/unpacked"
    test = subprocess.run(["unshare", "--mount", "--propagation", "unchanged", "--pid", "--uts",
                           "--fork", "true"], capture_output=True)
    if test.returncode != 0:
        return "no namespaces here: " + test.stderr.decode(errors="replace").strip()
    return None


class Message:
    """What the smarthost got: envelope, header (LF) and body (as it came, but LF)."""

    def __init__(self, octets):
        lone = re.search(rb"(?<!\r)\n|\r(?!\n)", octets)
        assert not lone, f"a bare CR or LF at {lone.start()}: {octets}"
        self.raw = octets
        self.recipients = []
        text = octets.replace(b"\r\n", b"\n")
        sender, text = text.split(b"\n", 1)
        self.sender = re.fullmatch(rb"Return-Path: <(.*)>", sender)[1].decode()
        while text.startswith(b"Delivered-To: "):
            recipient, text = text.split(b"\n", 1)
            self.recipients.append(recipient.removeprefix(b"Delivered-To: ").decode())
        #: without the envelope
        self.content = text
        header, _, self.body = text.partition(b"\n\n")
        self.header = header + b"\n"

    def fields(self, name):
        """The values of all fields of this name, unfolded."""
        return fields(self.content, name)

    def field(self, name):
        """The value of the one field of this name."""
        values = self.fields(name)
        assert len(values) == 1, f"{len(values)} fields {name}:\n{self.header.decode()}"
        return values[0]

    def parsed(self):
        """As Python's parser understands it."""
        return email.message_from_bytes(self.content, policy=email.policy.default)

    def text(self):
        """The text as its reader sees it: decoded where it was encoded for transport."""
        part = self.parsed().get_body(("plain",))
        octets = part.get_payload(decode=True) if part["Content-Transfer-Encoding"] else self.body
        return octets.decode().replace("\r\n", "\n")

    def __repr__(self):
        return f"<from {self.sender} to {self.recipients}\n{self.content.decode(errors='replace')}>"


class Syslog:
    """/dev/log in there; what was written to it."""

    def __init__(self, path):
        self.lines = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        os.chmod(path, 0o666)
        self._socket.settimeout(0.1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while not self._stopping.is_set():
            try:
                self.lines.append(self._socket.recv(65536).decode(errors="replace"))
            except TimeoutError:
                pass

    def text(self):
        return "\n".join(self.lines)

    def stop(self):
        self._stopping.set()
        self._thread.join()
        self._socket.close()


class InnerDaemon(Daemon):
    """A program that runs in there until it is stopped."""

    def __init__(self, callers, name, command, as_user, env, cwd):
        super().__init__(callers.folder, name)
        self.spawn(callers.enter(command, as_user, cwd), env)

    @property
    def pid(self):
        """Its process, as we see it."""
        return wait_for(lambda: children_of(self.process.pid), what="nsenter to fork")[0]


class Callers:
    """start(), then run() what calls sendmail, then messages()."""

    users = USERS
    #: what of its init's is entered
    namespaces = ("--mount", "--pid", "--uts")

    def __init__(self, programs, sink, folder):
        self.programs = programs
        self.sink = sink
        self.folder = Path(folder)
        self.service = None
        self.syslog = None
        self._daemons = []
        self._process = None

    # life

    def start(self):
        mounts, more = self.folder / "root", self.folder / "more"
        mounts.mkdir()
        more.mkdir()
        self._copy_libraries(more)
        self._begin(["unshare", "--mount", "--propagation", "unchanged", "--pid", "--uts", "--fork",
                     "--kill-child", "sh", "-c", ENTER, "sh", str(mounts),
                     str(self.programs.folder), str(more), str(ROOT), str(os.getpid())])
        self.write("/etc/nsswitch.conf", "hosts: files\npasswd: files\ngroup: files\n")
        self.write("/etc/aliases", "")
        self.make_folder("/var/spool/mailchute", "mailchute", 0o700)
        self.make_folder("/run/mailchute", "mailchute", 0o755)
        self.configure()
        self.start_service()
        return self

    def _begin(self, words):
        """By a command that makes the root and ends in FURNISH."""
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, start_new_session=True)
        if self._process.stdout.readline() != b"ready\n":
            raise AssertionError(self._process.communicate()[1].decode(errors="replace"))
        self._inside = children_of(self._process.pid)[0]
        self.root = Path(f"/proc/{self._inside}/root")
        self.syslog = Syslog(self.root / "dev/log")
        self.write("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 box.here.example box\n")
        self.write("/etc/hostname", "box\n")
        self.write("/etc/mailname", "here.example\n")

    def _copy_libraries(self, more):
        """What the build is linked with and the packages have not got (a sanitizer's library)."""
        for program in (self.programs.sendmail, self.programs.mailchute):
            text = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
            for path in re.findall(r"=> (/\S+)", text):
                real = Path(path).resolve()
                name = str(real.parent).removeprefix("/").removeprefix("usr/")
                target = more / "usr" / name / Path(path).name
                if not (ROOT / "usr" / name / Path(path).name).exists() and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(real, target)

    def stop(self):
        if self._process is not None:
            self._end_strays()
        self.stop_service()
        if self.syslog is not None:
            self.syslog.stop()
        if self._process is not None:
            # unshare takes the whole process namespace with it.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def configure(self, submit="", extra=""):
        """Writes mailchute.conf; the service reads it when it starts."""
        self.make_folder("/etc/mailchute")
        self.write("/etc/mailchute/mailchute.conf",
                   CONFIG.format(url=self.sink.url, submit=submit, extra=extra))

    def start_service(self):
        assert self.service is None
        self.service = InnerDaemon(self, "service", ["/usr/bin/mailchute", "serve"], "root",
                                   environment(), "/")
        wait_for(self._answers, 30, what=lambda: f"the service to listen:\n{self.service.tail()}")

    def _answers(self):
        self.service.check_runs()
        return is_answering(self.root / "run/mailchute/submit.sock")

    def stop_service(self):
        """As `systemctl stop` does; later calls find nobody."""
        if self.service is None:
            return
        self.service.kill()
        self.service.check_clean()
        self.service = None

    # files in there; names are those that a program inside sees

    def path(self, name):
        """The same file as we see it; no good where a link with an absolute target is on the way."""
        return self.root / str(name).removeprefix("/")

    def write(self, name, content, mode=0o644, owner="root"):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.chown(path, *self.users[owner])
        path.chmod(mode)
        return name

    def make_folder(self, name, owner="root", mode=0o755):
        path = self.path(name)
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, *self.users[owner])
        path.chmod(mode)
        return name

    def read(self, name):
        return self.path(name).read_bytes()

    # programs in there

    def enter(self, command, as_user="root", cwd="/"):
        """The command line that runs this in there; a string is for its sh."""
        words = ["sh", "-c", command] if isinstance(command, str) else [str(w) for w in command]
        uid, gid = self.users[as_user]
        change = [] if uid == 0 else ["setpriv", f"--reuid={uid}", f"--regid={gid}",
                                      "--init-groups", "--"]
        return ["nsenter", "--target", str(self._inside), *self.namespaces, "--root",
                f"--wd={self.root}{cwd}", *change, *words]

    def environment(self, as_user="root", **variables):
        home = {"root": "/root", "alice": "/home/alice", "www-data": "/var/www"}
        return environment(HOME=home.get(as_user, "/"), USER=as_user, LOGNAME=as_user, **variables)

    def run(self, command, as_user="root", input=b"", env=None, cwd="/", timeout=60, **options):
        """Runs it to its end: .status, .stdout, .stderr."""
        given = self.environment(as_user, **(env or {}))
        return run(self.enter(command, as_user, cwd), input, timeout, env=given, **options)

    def run_ok(self, command, *positional, **named):
        """run(), and it succeeds in silence."""
        result = self.run(command, *positional, **named)
        assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
        return result

    def spawn(self, name, command, as_user="root", env=None, cwd="/"):
        """A daemon; its output is in .text(), it is killed at the end of the fixture."""
        given = self.environment(as_user, **(env or {}))
        (self.folder / f"{name}.log").unlink(missing_ok=True)
        self._daemons.append(InnerDaemon(self, name, command, as_user, given, cwd))
        return self._daemons[-1]

    # what came of it

    def count(self):
        result = self.run(["mailchute", "queue", "--count"])
        assert result.status == 0, result
        return int(result.stdout)

    def messages(self, count=1, timeout=30):
        """Waits for so many messages and an empty queue; there are no more than these."""
        wait_for(lambda: len(self.sink.messages()) >= count, timeout,
                 what=lambda: f"{count} messages in the sink, {len(self.sink.messages())} are "
                 f"there; {self._service_tail()}")
        wait_for(lambda: self.count() == 0, timeout,
                 what=lambda: f"an empty queue; {self._service_tail()}")
        found = [Message(octets) for octets in self.sink.messages()]
        assert len(found) == count, found
        return found

    def _service_tail(self):
        return f"the service:\n{self.service.tail()}" if self.service else "no service runs"

    def message(self):
        """The only one."""
        return self.messages(1)[0]

    def no_message(self):
        assert self.count() == 0
        assert self.sink.messages() == []

    def processes(self):
        """What runs in there, by our numbers, but for its init and the service."""
        namespace = os.readlink(f"/proc/{self._inside}/ns/pid")
        keep = {self._process.pid, self.service and self.service.process.pid}
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{name}/ns/pid") == namespace and \
                        os.getpgid(int(name)) not in keep and \
                        process_status(name).get("State", "Z")[0] != "Z":
                    found.append(int(name))
            except OSError:
                pass
        return found

    def _end_strays(self):
        """What tests left behind, wherever it put itself."""
        for daemon in self._daemons:
            daemon.kill()
        self._daemons.clear()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: not self.processes(), what="what tests left behind to end")

    def empty(self):
        """Forgets what the sink caught; back to a running service."""
        self._end_strays()
        if self.service is None:
            self.start_service()
        self.service.check_runs()
        self.syslog.lines.clear()
        new = self.sink.maildir / "new"
        for path in new.iterdir() if new.exists() else ():
            path.unlink()
