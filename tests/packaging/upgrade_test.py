# SPDX-License-Identifier: MIT

"""From the version before to this one: queue and configuration stay, and no mail is lost."""

import re
import threading

import pytest

from support.wait import wait_for

SOON = 'queue { retry = { "200ms" } }\n'


@pytest.fixture
def machine(make_machine, previous):
    """With the version before."""
    machine = make_machine()
    machine.install_both(previous)
    machine.configure(SOON)
    return machine


def subjects(machine):
    found = [re.search(rb"^Subject: (.*?)\r?$", octets, re.MULTILINE)[1].decode()
             for octets in machine.sink.messages()]
    return sorted(found)


def send(machine, subject, as_user="www-data"):
    machine.run_ok(["sendmail", "root"], as_user, f"Subject: {subject}\n\nx\n")


def upgrade(machine, packages, *options):
    text = machine.apt(*options, "install", *machine.bring(*packages.both))
    assert [machine.version(one) for one in ("mailchute", "mailchute-mta")] == \
        [packages.version] * 2, text
    return text


def test_the_queue_of_a_service_that_does_not_run(machine, packages):
    """As in a container, or while an image is made: no systemd, no service."""
    machine.boot()
    machine.sink.kill()
    for number in range(3):
        send(machine, f"waits {number}")
    wait_for(lambda: machine.count() == 3, what="the queue")
    machine.shut_down()
    config = machine.read("/etc/mailchute/mailchute.conf")
    upgrade(machine, packages)
    assert machine.read("/etc/mailchute/mailchute.conf") == config
    assert machine.count() == 3
    machine.sink.start()
    machine.boot()
    wait_for(lambda: len(machine.sink.messages()) >= 3, 60, what="the mail")
    assert subjects(machine) == ["waits 0", "waits 1", "waits 2"]


def test_the_queue_of_a_service_that_runs(machine, packages):
    machine.boot()
    machine.sink.kill()
    send(machine, "waits")
    wait_for(lambda: machine.count() == 1, what="the queue")
    before = machine.service.pid
    upgrade(machine, packages)
    assert machine.units.is_active("mailchute.service"), machine.units.asked
    assert machine.service.pid != before, "the new version does not run"
    assert machine.count() == 1
    machine.sink.start()
    machine.arrived("Subject: waits")
    wait_for(lambda: machine.count() == 0, what="an empty queue")


class Senders:
    """Users who send all the time; each is told whether his mail was taken."""

    def __init__(self, machine, count=3):
        self.machine, self.taken, self.refused = machine, [], []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,), daemon=True)
                         for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _send(self, who):
        number = 0
        while not self._stop.is_set():
            subject = f"from {who} number {number}"
            number += 1
            result = self.machine.run(["sendmail", "root"], "www-data",
                                      f"Subject: {subject}\n\nx\n")
            (self.taken if result.status == 0 else self.refused).append((subject, result))

    def wait_for(self, more):
        enough = len(self.taken) + more
        wait_for(lambda: self.refused or len(self.taken) >= enough, 60, what="mail to be taken")

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_mail_in_flight_while_the_service_is_replaced(machine, packages):
    """Who sends in that moment is not refused either: the socket stays, and he waits there."""
    machine.boot()
    senders = Senders(machine)
    try:
        senders.wait_for(5)
        before = machine.service.pid
        upgrade(machine, packages)
        assert machine.service.pid != before, "nothing was replaced"
        senders.wait_for(5)
    finally:
        senders.stop()
    assert senders.refused == []
    taken = sorted(subject for subject, _ in senders.taken)
    wait_for(lambda: machine.count() == 0, 60, what="an empty queue")
    # Where the service ended between the smarthost's answer and its note of it one may come twice.
    arrived = subjects(machine)
    assert sorted(set(arrived)) == taken
    assert len(arrived) - len(taken) <= 2, "more than was on its way came twice"


def test_a_configuration_of_ones_own_is_kept(machine, packages):
    """The version before had another example file, so dpkg would ask; the old one is the answer."""
    config = machine.read("/etc/mailchute/mailchute.conf")
    machine.write("/etc/mailchute/conf.d/mine.conf", 'log { to = "stderr" }\n')
    machine.write("/etc/mailchute/secrets.ini", "[test]\npassword = x\n", 0o640)
    upgrade(machine, packages)
    assert machine.read("/etc/mailchute/mailchute.conf") == config
    assert b"smarthost" in machine.read("/etc/mailchute/mailchute.conf.dpkg-dist")
    assert machine.read("/etc/mailchute/conf.d/mine.conf") == b'log { to = "stderr" }\n'
    assert machine.read("/etc/mailchute/secrets.ini") == b"[test]\npassword = x\n"


def test_a_configuration_that_nobody_touched_follows(make_machine, previous, packages):
    machine = make_machine()
    machine.install_both(previous)
    upgrade(machine, packages)
    text = machine.read("/etc/mailchute/mailchute.conf")
    assert b"in the version before" not in text and b"smarthost" in text
    left = machine.run("find /etc/mailchute -name '*.dpkg-*'")
    assert left.stdout == b"", left


def test_secrets_that_were_taken_away_do_not_come_back(machine, packages):
    machine.path("/etc/mailchute/secrets.ini").unlink()
    upgrade(machine, packages)
    assert not machine.path("/etc/mailchute/secrets.ini").exists()


def test_one_after_the_other(machine, packages):
    """Each package alone: between the two steps mail is taken all the same."""
    machine.boot()
    machine.install(packages.mailchute)
    send(machine, "between")
    machine.install(packages.mta)
    send(machine, "after")
    machine.arrived("Subject: between")
    machine.arrived("Subject: after")


def test_and_back_to_the_version_before(machine, packages, previous):
    upgrade(machine, packages)
    config = machine.read("/etc/mailchute/mailchute.conf")
    upgrade(machine, previous, "--allow-downgrades")
    assert machine.read("/etc/mailchute/mailchute.conf") == config
    machine.boot()
    send(machine, "back")
    machine.arrived("Subject: back")
