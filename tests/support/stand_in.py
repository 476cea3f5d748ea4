# SPDX-License-Identifier: MIT

"""What systemd does with mailchute's units, as far as maintainers' scripts and mail can tell.

It reads the installed units: it listens as the socket unit says and goes on listening while the
service restarts, starts ExecStart as User with LoadCredential's copies, ends it by SIGTERM.
systemctl in there asks us.  Of the sandbox it has what files and privileges are concerned:
ProtectSystem=strict with what is writable nevertheless, PrivateTmp, no_new_privs, no capability.
"""

import os
import signal
import socket
import subprocess
import sys
import threading

from support.mailchute import Daemon, children_of, environment, is_answering
from support.wait import wait_for

SYSTEMCTL = r"""#!/usr/bin/perl
use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Peer => "/run/stand-in.sock") or exit 1;
print $socket join("\x1f", @ARGV), "\n";
my $status = <$socket>;
print while <$socket>;
exit $status;
"""
# The descriptor becomes number 3, the first that is handed over.
THIRD = ("import os, sys; os.dup2(int(sys.argv[1]), 3); "
         "os.closerange(4, 64); os.execvp(sys.argv[2], sys.argv[2:])")
ACTIVATE = """\
mount --make-rprivate / 2>/dev/null || true
for writable in $WRITABLE; do
    [ ! -e "$writable" ] || mount --bind "$writable" "$writable"
done
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -o remount,bind,ro /
mount -o remount,bind,ro /run
unset WRITABLE
LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=submit exec "$@"
"""


def settings(text):
    """{name: [value, ...]} of all sections; an empty value forgets those before."""
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            if not value.strip():
                found[name.strip()] = []
            else:
                found.setdefault(name.strip(), []).append(value.strip())
    return found


class Running(Daemon):
    """The service's process and what it started."""

    def __init__(self, machine):
        super().__init__(machine.folder, "service")
        self.machine = machine

    @property
    def pid(self):
        return wait_for(lambda: children_of(self.process.pid), what="nsenter to fork")[0]

    def end(self):
        """SIGTERM to the main process alone (KillMode=process): who hands in a message goes on."""
        if self.is_running():
            os.kill(self.pid, signal.SIGTERM)
        try:
            self.process.wait(90)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there after SIGTERM:\n{self.tail()}") from None
        self._file.close()
        self.process = None


class Units:
    def __init__(self, machine):
        self.machine = machine
        self.asked = []
        self.faults = []
        self.listener = None
        self._lock = threading.RLock()
        self._control = None

    @property
    def service(self):
        return self.machine.service

    # what systemctl asks

    def start(self):
        machine = self.machine
        machine.make_folder("/run/systemd/system")
        # Where apt lets maintainers' scripts look.
        assert not machine.path("/usr/bin/systemctl").exists()
        machine.write("/usr/bin/systemctl", SYSTEMCTL, 0o755)
        self._control = socket.socket(socket.AF_UNIX)
        self._control.bind(str(machine.root / "run/stand-in.sock"))
        self._control.listen(16)
        threading.Thread(target=self._serve, args=(self._control,), daemon=True).start()
        if self._unit("socket"):
            self.do("start", "mailchute.socket")
            self.do("start", "mailchute.service")

    def stop(self):
        self._control.close()
        self.do("stop", "mailchute.service")
        self.do("stop", "mailchute.socket")
        assert self.faults == [], self.faults

    def _serve(self, control):
        while True:
            try:
                client = control.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client):
        with client:
            words = client.makefile().readline().rstrip("\n").split("\x1f")
            self.asked.append(words)
            try:
                status, text = self._ask([word for word in words if not word.startswith("-")])
            except Exception as error:  # maintainers' scripts see systemctl fail, and go on
                self.faults.append(f"{words}: {error!r}")
                status, text = 1, f"{error}\n"
            client.sendall(f"{status}\n{text}".encode())

    def _ask(self, words):
        verb, units = words[0] if words else "", words[1:]
        ours = [unit if "." in unit else f"{unit}.service" for unit in units
                if unit.startswith("mailchute")]
        if verb == "is-active":
            active = any(self.is_active(unit) for unit in ours)
            return (0, "active\n") if active else (3, "inactive\n")
        if verb == "is-enabled":
            return (0, "enabled\n") if ours else (1, "disabled\n")
        for unit in sorted(ours, key=lambda unit: not unit.endswith(".socket")):
            self.do(verb, unit)
        return 0, ""

    def is_active(self, unit):
        return bool(self.listener if unit.endswith(".socket") else
                    self.service and self.service.is_running())

    def do(self, verb, unit):
        """start, stop, restart and their kin."""
        verb = verb.removeprefix("condrestart") or "try-restart"
        with self._lock:
            if verb == "try-restart" and not self.is_active(unit):
                return
            kind = unit.rpartition(".")[2]
            if verb in ("stop", "restart", "try-restart"):
                getattr(self, f"_stop_{kind}", lambda: None)()
            if verb in ("start", "restart", "try-restart"):
                getattr(self, f"_start_{kind}", lambda: None)()

    # the units

    def _unit(self, kind):
        path = self.machine.path(f"/usr/lib/systemd/system/mailchute.{kind}")
        return settings(path.read_text()) if path.exists() else None

    def _start_socket(self):
        if self.listener:
            return
        unit = self._unit("socket")
        path = self.machine.path(unit["ListenStream"][0])
        if not path.parent.exists():
            path.parent.mkdir(mode=int(unit.get("DirectoryMode", ["0755"])[0], 8))
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        path.chmod(int(unit.get("SocketMode", ["0666"])[0], 8))
        self.listener.listen(int(unit.get("Backlog", ["4096"])[0]))

    def _stop_socket(self):
        if self.listener:
            self.listener.close()
            self.listener = None
            path = self.machine.path(self._unit_path())
            path.unlink(missing_ok=True)

    def _unit_path(self):
        return (self._unit("socket") or {"ListenStream": ["/run/mailchute/submit.sock"]})[
            "ListenStream"][0]

    def _credentials(self, unit, uid):
        folder = "/run/credentials/mailchute.service"
        pairs = [one.partition(":")[::2] for one in unit.get("LoadCredential", [])]
        fixed = dict(one.partition(":")[::2] for one in unit.get("SetCredential", []))
        if not pairs and not fixed:
            return {}
        self.machine.make_folder(folder)
        for name, source in pairs:
            path = self.machine.path(source)
            assert path.exists() or name in fixed, f"systemd 252 would not start it: no {source}"
            content = path.read_bytes() if path.exists() else fixed[name].encode()
            self.machine.write(f"{folder}/{name}", content, 0o400)
            os.chown(self.machine.path(f"{folder}/{name}"), uid, uid)
        return {"CREDENTIALS_DIRECTORY": folder}

    def _start_service(self):
        if self.service and self.service.is_running():
            return
        unit = self._unit("service")
        user = unit.get("User", ["root"])[0]
        uid, gid = self.machine.users[user]
        writable = [path.lstrip("-+") for line in unit.get("ReadWritePaths", [])
                    for path in line.split()]
        for name, parent in (("StateDirectory", "/var/lib"), ("LogsDirectory", "/var/log")):
            for folder in " ".join(unit.get(name, [])).split():
                mode = int(unit.get(f"{name}Mode", ["0755"])[0], 8)
                writable.append(self.machine.make_folder(f"{parent}/{folder}", user, mode))
        assert unit["ProtectSystem"] == ["strict"] and unit["PrivateTmp"] == ["yes"], unit
        variables = dict(word.strip('"').partition("=")[::2] for line in
                         unit.get("Environment", []) for word in line.split())
        env = environment(**{"USER": user, "WRITABLE": " ".join(writable),
                             **self._credentials(unit, uid)}) | variables
        words = unit["ExecStart"][0].lstrip("-@:+!").split()
        command = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups",
                   "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--", *words]
        if not self.listener:
            self._start_socket()
        self.machine.service = Running(self.machine)
        self.service.spawn([sys.executable, "-c", THIRD, str(self.listener.fileno()),
                            *self.machine.enter(["unshare", "--mount", "sh", "-ec", ACTIVATE, "sh",
                                                  *command])], env,
                           pass_fds=(self.listener.fileno(),))
        wait_for(self._answers, 30, what=lambda: f"the service to answer:\n{self.service.tail()}")

    def _stop_service(self):
        if self.service:
            self.service.end()
            self.service.check_clean()
            self.machine.service = None

    def _answers(self):
        self.service.check_runs()
        return is_answering(self.machine.path(self._unit_path()))

    def text(self):
        """What the service said."""
        return self.service.tail() if self.service else "no service runs"
