# SPDX-License-Identifier: MIT

"""A real mail server out of packages that were unpacked, never installed (tests/support/unpack).

It runs in a chroot of its own inside a mount and process namespace: its users,
its configuration, its queue and what it took are all in one folder, and when the
fixture's process ends the kernel ends all of it.
"""

import os
import signal
import socket
import subprocess
from pathlib import Path

from support.postfix import ENTER, UNPACKED
from support.wait import free_port, wait_for

BOX = 5000  # the uid and gid of whoever owns the mailbox


def why_not(name):
    """Why this server cannot run here, or None."""
    if not (UNPACKED / f"{name}.done").exists():
        return f"{name} is not unpacked; run tests/run, or tests/support/unpack build/unpacked"
    if os.geteuid() != 0:
        return f"{name} needs root for a namespace and a chroot of its own"
    test = subprocess.run(["unshare", "--mount", "--propagation", "unchanged", "--pid", "--fork",
                           "true"], capture_output=True)
    if test.returncode != 0:
        return "no namespaces here: " + test.stderr.decode(errors="replace").strip()
    return None


class Chroot:
    """A server's root and its process; start(), stop(), again at the same port.

    The one who derives says: packages (the folder in build/unpacked), users
    (name, uid), command(), and configures what it needs in configure().
    """

    packages = None
    users = ()
    folders = ("usr", "lib", "lib64")
    user = "relay@smarthost.test"
    password = "correct horse"
    host = "127.0.0.1"

    def __init__(self, folder, authority, certificate="right"):
        self.root = Path(folder)
        self.authority = authority
        self.ca = authority.ca
        self.port = free_port()
        self.mailbox = self.root / "var/mail/box"
        self._process = None
        self._make_root()
        self.use_certificate(certificate)
        self.configure()

    def configure(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def _make_root(self):
        for name in (*self.folders, "dev", "tmp", "run", "var/run", "var/log", "var/mail", "etc/tls"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)
        (self.root / "tmp").chmod(0o1777)
        self.make_folder("var/mail/box", BOX)
        for device in ("null", "urandom", "random"):
            (self.root / "dev" / device).touch()
        users = [("root", 0), *self.users, ("nobody", 65534), ("box", BOX)]
        self.write("etc/passwd", "".join(f"{name}:x:{uid}:{uid}::/var/mail/box:/bin/sh\n"
                                         for name, uid in users))
        self.write("etc/group", "".join(f"{name}:x:{uid}:\n" for name, uid in users))
        self.write("etc/shadow", "".join(f"{name}:*:1:0:99999:7:::\n" for name, _ in users))
        self.write("etc/nsswitch.conf", "hosts: files\npasswd: files\ngroup: files\n")
        self.write("etc/hosts", "127.0.0.1 localhost smarthost.test\n")
        self.write("etc/services", "smtp 25/tcp\nsubmission 587/tcp\n")

    def write(self, name, text, mode=0o644, owner=0):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.chown(path, owner, owner)
        path.chmod(mode)

    def make_folder(self, name, owner=0, mode=0o755):
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, owner, owner)
        path.chmod(mode)

    def certificate(self, kind):
        return self.authority.certificate(kind)

    def use_certificate(self, kind):
        """Shows this certificate from the next start on."""
        for source, name in zip(self.certificate(kind), ("certificate", "key")):
            self.write(f"etc/tls/{name}.pem", Path(source).read_text(),
                       0o600 if name == "key" else 0o644)

    def start(self):
        assert self._process is None
        command = ["unshare", "--mount", "--propagation", "unchanged", "--pid", "--fork",
                   "--kill-child", "sh", "-c", self._enter(), "sh", str(self.root),
                   str(UNPACKED / self.packages), str(os.getpid()), *self.command()]
        self._output = open(self.root / "var/log/output", "ab")
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._output,
                                         stderr=self._output, start_new_session=True)
        wait_for(self._answers, what=lambda: f"{self.packages}; its log:\n{self.log_text()}")
        return self

    def _enter(self):
        return ENTER.replace("usr lib lib64", " ".join(self.folders))

    def _answers(self):
        assert self._process.poll() is None, f"{self.packages} ended:\n{self.log_text()}"
        try:
            with socket.create_connection((self.host, self.port), timeout=10) as probe:
                return probe.recv(4) == b"220 "
        except OSError:
            return False

    def stop(self):
        if self._process is None:
            return
        # unshare takes the whole process namespace with it.
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._output.close()
        self._process = None
        wait_for(self._is_gone, what=f"the port of {self.packages} to close")

    def _is_gone(self):
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) != 0

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log_text(self):
        logs = sorted(path for path in (self.root / "var/log").rglob("*") if path.is_file())
        return "".join(path.read_text(errors="replace") for path in logs)

    def files(self):
        """The files of what was delivered."""
        new = self.mailbox / "new"
        return list(new.iterdir()) if new.exists() else []

    def empty(self):
        """Forgets what was delivered."""
        for path in self.files():
            path.unlink()
