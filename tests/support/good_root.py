# SPDX-License-Identifier: MIT

"""A machine on which all is well with mailchute, in a folder; each test breaks one thing of it.

`good_root.py JOB` runs in mount and process namespaces of its own as process 1 of that
machine (own_mounts.py --pids) and does what the JSON in the file JOB says.  Needs root.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.own_mounts import BIND, RECURSIVE, command, own_mounts  # noqa: E402
from support.wait import wait_for  # noqa: E402

SERVICE = 801  # the uid and gid of mailchute
WEB = 33
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
NEW_NETWORK = 0x40000000
READ_ONLY = 1
REMOUNT = 32

CONFIG = """\
identity {{ ehlo = "host.example.com" domain = "example.com" }}
smarthost "provider" {{ url = "smtp+tls://smarthost.test:{port}" from = "alerts@example.com"
    ca_file = "/etc/mailchute/ca.pem" {smarthost} }}
alias "root" {{ to = {{ "me@example.com" }} }}
log {{ to = "stderr" }}
{extra}
"""
SECRETS = """\
[provider]
user = "relay@example.com"
password = "correct horse"
"""


class GoodRoot:
    """The folder, before anything is broken."""

    def __init__(self, folder, programs, authority, port=587):
        self.root = Path(folder)
        self.authority = authority
        self.port = port
        self._install(programs)
        for name in ("proc", "tmp", "dev", "run", "sys", "etc/mailchute/conf.d"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "dev/null").touch()
        (self.root / "dev/urandom").touch()
        self.write("etc/passwd", f"root:x:0:0:root:/root:/bin/sh\n"
                   f"www-data:x:{WEB}:{WEB}::/:/bin/sh\nmailchute:x:{SERVICE}:{SERVICE}::/:/bin/sh\n")
        self.write("etc/group", f"root:x:0:\nwww-data:x:{WEB}:\nmailchute:x:{SERVICE}:\n")
        self.write("etc/nsswitch.conf", "hosts: files\npasswd: files\ngroup: files\n")
        self.write("etc/hosts", "127.0.0.1 localhost smarthost.test\n")
        self.write("etc/aliases", "postmaster: root\nnobody: /dev/null\n")
        self.write("etc/mailchute/ca.pem", Path(authority.ca).read_text())
        self.write("etc/ssl/certs/ca-certificates.crt", Path(authority.ca).read_text())
        self.configure()
        self.write("etc/mailchute/secrets.ini", SECRETS, 0o640, 0, SERVICE)
        self.write("etc/php/8.2/cli/php.ini", "[PHP]\nengine = On\nsome line without a value\n"
                   "error_reporting = E_ALL & ~E_DEPRECATED\n"
                   "sendmail_path = \"/usr/sbin/sendmail -t -i\" ; as it was\n")
        self.write("etc/mail.rc", "set ask\nset sendmail=/usr/sbin/sendmail\n")
        spool = self.root / "var/spool/mailchute"
        spool.mkdir(parents=True)
        os.chown(spool, SERVICE, SERVICE)
        spool.chmod(0o700)

    def _install(self, programs):
        # No unit: where there is one, a service that does not run is a fault.
        shutil.copytree(programs.folder, self.root, symlinks=True,
                        ignore=shutil.ignore_patterns("systemd"))
        self.root.chmod(0o755)
        for name in ("bin", "sbin", "lib"):
            (self.root / name).symlink_to(f"usr/{name}")
        (self.root / "lib64").mkdir()
        (self.root / "usr/lib/x86_64-linux-gnu").mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/sh", self.root / "bin/sh")

    def configure(self, smarthost="", extra=""):
        self.write("etc/mailchute/mailchute.conf",
                   CONFIG.format(port=self.port, smarthost=smarthost, extra=extra))

    def path(self, name):
        return self.root / name.lstrip("/")

    def write(self, name, text, mode=0o644, owner=0, group=None):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.chown(path, owner, owner if group is None else group)
        path.chmod(mode)

    def replace(self, name, old, new):
        text = self.path(name).read_text()
        assert old in text, (name, old)
        self.path(name).write_text(text.replace(old, new))

    def run(self, *arguments, program="/usr/bin/mailchute", first=(), environment=None,
            serves=False, daemon=None, read_only=False, network=False, listens=(), uid=0,
            process_one=None, tmpfs=(), path=PATH, then=(), until=None, refuses=False, fill=None,
            service=None, output=subprocess.PIPE,
            timeout=60):
        """The exit status and what it printed, to standard output (unless that is output) and error.

        first: commands that run before; serves: a service runs, with these variables of
        service, too; then: commands behind that,
        until: (command, words in its output); refuses: who listens there says no; daemon: a
        process of this name too; listens: ports, with a network of its own; process_one: its
        environment.
        """
        environment = {"PATH": path, **(environment or {})}
        job = {"root": str(self.root), "arguments": [program, *map(str, arguments)],
               "first": [list(map(str, one)) for one in first], "environment": environment,
               "serves": serves, "daemon": daemon, "read_only": read_only, "network": network,
               "listens": list(listens), "uid": uid, "tmpfs": list(tmpfs),
               "then": [list(map(str, one)) for one in then], "until": until, "refuses": refuses,
               "fill": fill, "service": service or {}}
        file = self.root.parent / f"{self.root.name}.job"
        kept = {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS",
                                                    "MAILCHUTE_SANDBOX") if name in os.environ}
        job["environment"].update(kept)
        file.write_text(json.dumps(job))
        done = subprocess.run(command(sys.executable, "-B", __file__, file, pids=True),
                              env={"PATH": os.environ["PATH"], **kept, **(process_one or {})},
                              stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE,
                              timeout=timeout)
        return done.returncode, (done.stdout or b"").decode(), done.stderr.decode()


# ---- inside


def _mount(libc, source, target, flags, kind=None, data=None):
    if libc.mount(source.encode(), str(target).encode(), kind and kind.encode(), flags,
                  data and data.encode()) != 0:
        raise OSError(f"cannot mount {target}")


def _enter(job):
    libc = own_mounts()
    root = Path(job["root"])
    _mount(libc, str(root), root, BIND | RECURSIVE)
    for name in ("usr/lib/x86_64-linux-gnu", "lib64", "dev/null", "dev/urandom"):
        _mount(libc, "/" + name, root / name, BIND | RECURSIVE)
    _mount(libc, "proc", root / "proc", 0, "proc")
    for name in job["tmpfs"]:
        status = os.stat(root / name)
        _mount(libc, "tmpfs", root / name, 0, "tmpfs", "size=512k")
        os.chown(root / name, status.st_uid, status.st_gid)
        os.chmod(root / name, status.st_mode & 0o7777)
    if job["network"]:
        libc.unshare(NEW_NETWORK)
        _raise_loopback()
    if job["read_only"]:
        _mount(libc, "none", root, REMOUNT | BIND | READ_ONLY)
    os.chroot(root)
    os.chdir("/")


def _raise_loopback():
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS, UP


def _start(words, environment, **options):
    with open("/tmp/output", "ab") as output:
        return subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                stderr=output, **options)


def _run_all(commands, environment):
    for words in commands:
        if words[0] == "chmod":
            os.chmod(words[2], int(words[1], 8))
        else:
            subprocess.run(words, env=environment, input=b"Subject: x\n\nx\n", timeout=30,
                           stdout=subprocess.DEVNULL)


def _output(words, environment):
    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    return (done.stdout + done.stderr).decode(errors="replace")


def _fill(name):
    with open("/" + name, "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass


def _refuse(path):
    """Listens there, and says no to whoever comes."""
    Path(path).parent.mkdir(exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()
    if os.fork() == 0:
        while True:
            client = listener.accept()[0]
            client.sendall(b"554 5.3.2 not today\r\n")
            client.close()


def _answers(path):
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
            return probe.recv(4) == b"220 "
    except OSError:
        return False


def main(file):
    job = json.loads(Path(file).read_text())
    environment = job["environment"]
    _enter(job)
    _run_all(job["first"], environment)
    if job["fill"]:
        _fill(job["fill"])
    if job["serves"]:
        Path("/run/mailchute").mkdir(exist_ok=True)
        os.chown("/run/mailchute", SERVICE, SERVICE)
        _start(["/usr/bin/mailchute", "serve"], {**environment, **job["service"]})
        wait_for(lambda: _answers("/run/mailchute/submit.sock"),
                 what=lambda: "the service to answer: " + Path("/tmp/output").read_text())
    _run_all(job["then"], environment)
    if job["until"]:
        words, text = job["until"]
        wait_for(lambda: text in _output(words, environment),
                 what=lambda: f"{text}: {_output(words, environment)}")
    if job["refuses"]:
        _refuse("/run/mailchute/submit.sock")
    if job["daemon"]:
        pipe = os.pipe()
        if os.fork() == 0:
            Path("/proc/self/comm").write_text(job["daemon"])
            os.write(pipe[1], b"x")
            signal.pause()
        os.read(pipe[0], 1)
    listeners = []
    for port in job["listens"]:
        listeners.append(socket.create_server(("127.0.0.1", port)))
    identity = {"user": job["uid"], "group": job["uid"], "extra_groups": []} if job["uid"] else {}
    done = subprocess.run(job["arguments"], env=environment, stdin=subprocess.DEVNULL, **identity)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main(sys.argv[1])
