# SPDX-License-Identifier: MIT

"""The service under runit, s6 and OpenRC, by the very files of packaging/: nobody loses mail.

The supervisors are Debian's, unpacked; what Void, Artix or Alpine do around them is not here.
"""

import os
import signal

import pytest

from support.mailchute import Sink, fields, is_answering, split
from support.own_mounts import why_not
from support.supervised import PACKAGING, UID, Machine, fetch
from support.wait import free_port, wait_for

MESSAGE = b"To: someone@far.example\nSubject: %s\n\ntext\n"
KINDS = ("runit", "s6", "openrc")


@pytest.fixture(scope="module")
def supervisors():
    reason = why_not() or fetch("supervisors")
    if reason:
        pytest.skip(reason)


class Supervised(Machine):
    """What all three can: up, down, reload; each says how."""

    def install_all(self):
        raise NotImplementedError

    def send(self, subject, uid=33):
        """By a user of the machine, who knows nothing of all this."""
        result = self.run("sendmail", "-t", uid=uid, input=MESSAGE % subject)
        assert (result.status, result.stderr) == (0, ""), (result, self.text())

    def queue_count(self):
        return int(self.must("mailchute", "queue", "--count"))

    def wait_until_up(self, but_not=None):
        found = wait_for(lambda: (self.service() or (but_not,))[0] != but_not and self.service(),
                         what=lambda: f"the service:\n{self.log_text()}")
        wait_for(self.answers, what=lambda: f"the service to answer:\n{self.log_text()}")
        return found

    def answers(self):
        return is_answering(self.folder / "run/mailchute/submit.sock")

    def log_text(self):
        log = self.folder / self.log
        return self.text() + (log.read_text() if log.exists() else "")

    def wait_until_down(self):
        wait_for(lambda: self.service() is None, what=lambda: f"no service:\n{self.text()}")


class Runit(Supervised):
    log = "var/log/mailchute/current"

    def begin(self):
        self.install("runit/mailchute", "etc/sv/mailchute")
        (self.folder / "etc/service").mkdir()
        (self.folder / "etc/service/mailchute").symlink_to("/etc/sv/mailchute")
        self.start("runsvdir", "-P", "/etc/service")

    def up(self):
        self.must("sv", "-w", "20", "start", "/etc/sv/mailchute")
        assert self.answers()

    def down(self):
        self.must("sv", "-w", "20", "stop", "/etc/sv/mailchute")

    def reload(self):
        self.must("sv", "hup", "/etc/sv/mailchute")


class S6(Supervised):
    log = "var/log/mailchute/current"

    def begin(self):
        self.install("s6/mailchute", "etc/s6/mailchute")
        self.install("s6/mailchute-log", "etc/s6/mailchute/log")
        self.start("s6-svscan", "/etc/s6")
        wait_for(lambda: self.run("s6-svok", "/etc/s6/mailchute").status == 0,
                 what=lambda: f"s6-supervise:\n{self.text()}")
        # Ready, not only started: what s6-rc waits for.
        self.must("s6-svwait", "-U", "-t", "20000", "/etc/s6/mailchute")

    def up(self):
        self.must("s6-svc", "-wU", "-T", "20000", "-u", "/etc/s6/mailchute")
        assert self.answers()

    def down(self):
        self.must("s6-svc", "-wD", "-T", "20000", "-d", "/etc/s6/mailchute")

    def reload(self):
        self.must("s6-svc", "-h", "/etc/s6/mailchute")


class OpenRC(Supervised):
    log = "var/log/mailchute.log"

    def begin(self):
        self.install("openrc/mailchute.initd", "etc/init.d/mailchute")
        (self.folder / "etc/init.d/mailchute").chmod(0o755)
        self.install("openrc/mailchute.confd", "etc/conf.d/mailchute")
        with open(self.folder / "etc/conf.d/mailchute", "a") as file:
            file.write('error_log="/var/log/mailchute.log"\n')
        self.write(self.log, "")
        os.chown(self.folder / self.log, UID, UID)
        # Debian's asks PAM, and there is no shadow(5) for our user.
        (self.folder / "etc/pam.d").mkdir()
        self.write("etc/pam.d/supervise-daemon",
                   "account required pam_permit.so\nsession required pam_permit.so\n")
        # What openrc makes when a machine starts.
        for name in ("exclusive", "started", "starting", "stopping", "inactive", "wasinactive",
                     "failed", "hotplugged", "daemons", "options", "scheduled", "tmp"):
            (self.folder / "run/openrc" / name).mkdir(parents=True)
        self.write("run/openrc/softlevel", "default\n")
        # Takes up who is left behind, as an init does.
        self.start("sh", "-c", "while :; do sleep 1; done")
        self.up()

    def up(self):
        self.must("rc-service", "mailchute", "start")
        assert self.answers()

    def down(self):
        self.must("rc-service", "mailchute", "stop")

    def reload(self):
        self.must("rc-service", "mailchute", "reload")


@pytest.fixture(params=[Runit, S6, OpenRC], ids=KINDS)
def machine(request, supervisors, programs, folder):
    """Running, with the service; its smarthost is one that a test may start at machine.port."""
    port = free_port()
    made = request.param(programs, folder, f"smtp://127.0.0.1:{port}")
    made.port = port
    try:
        made.begin()
        made.wait_until_up()
        yield made
    finally:
        made.stop()


@pytest.fixture
def sink(machine, programs, folder):
    """Not yet started, at the port that the machine knows."""
    place = folder / "sink"
    place.mkdir()
    made = Sink(programs, place)
    made.port = machine.port
    yield made
    made.kill()


def subjects(sink, count):
    return sorted(fields(message, "Subject")[0] for message in sink.wait_for_messages(count))


def test_mail_that_waits_outlives_the_service(machine, sink):
    """Down and up, killed, settings read anew: each message arrives, and once."""
    first, uid = machine.service()
    assert uid == UID
    assert [(path.stat().st_mode & 0o7777, path.stat().st_uid)
            for path in (machine.folder / "run/mailchute", machine.folder / "var/spool/mailchute")
            ] == [(0o755, UID), (0o700, UID)]

    machine.send(b"one")
    wait_for(lambda: machine.queue_count() == 1)
    machine.down()
    machine.wait_until_down()
    machine.up()
    second, _ = machine.wait_until_up()
    assert second != first
    assert machine.queue_count() == 1

    # It dies, and is there again without anybody's doing.
    machine.send(b"two")
    os.kill(second, signal.SIGKILL)
    third, uid = machine.wait_until_up(but_not=second)
    assert uid == UID

    machine.reload()
    machine.send(b"three")
    assert machine.service()[0] == third
    log = machine.folder / machine.log
    wait_for(lambda: "configuration read anew" in log.read_text(),
             what=lambda: f"a word of the settings:\n{log.read_text()}")

    sink.start()
    machine.must("sendmail", "-q")
    wait_for(lambda: machine.queue_count() == 0, what=lambda: log.read_text())
    assert subjects(sink, 3) == ["one", "three", "two"]
    assert split(sink.messages()[0])[1] == b"text\n"
    machine.down()


@pytest.mark.parametrize("path", sorted(
    str(path.relative_to(PACKAGING)) for kind in KINDS for path in (PACKAGING / kind).rglob("*")
    if path.name in ("run", "check", "finish") or path.suffix in (".initd", ".confd")))
def test_each_script_can_be_run(path):
    file = PACKAGING / path
    assert os.access(file, os.X_OK) == (file.suffix not in (".initd", ".confd"))
