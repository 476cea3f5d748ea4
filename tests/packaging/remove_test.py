# SPDX-License-Identifier: MIT

"""What is removed keeps queue and configuration; what is purged leaves nothing."""

import pytest

from support.wait import wait_for

# What dpkg, apt and passwd(5)'s own keepers write for any package.
NOT_OURS = ("/var/lib/dpkg", "/var/cache", "/var/log", "/var/lib/apt", "/var/lib/pam",
            "/etc/ld.so.cache", "/etc/passwd", "/etc/passwd-", "/etc/group", "/etc/group-",
            "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/subuid",
            "/etc/subuid-", "/etc/subgid", "/etc/subgid-", "/etc/.pwd.lock")
BOTH = ("mailchute", "mailchute-mta")
SPOOL = "/var/spool/mailchute"
WAITS = f"messages that wait in {SPOOL}"


def names(machine, *but):
    return machine.files(*NOT_OURS, *but)


def use(machine):
    """Something of all that a life leaves behind: mail that waits, some that failed, a log."""
    machine.configure('log { to = "/var/log/mailchute/log" }\nqueue { retry = { "200ms" } }\n')
    machine.boot()
    machine.sink.kill()
    machine.run_ok(["sendmail", "root"], input="Subject: waits\n\nx\n")
    wait_for(lambda: machine.count() == 1, what="the queue")
    assert machine.path("/var/log/mailchute/log").stat().st_size > 0


@pytest.fixture
def machine(make_machine, packages):
    """With all that the packages need, and without them."""
    return make_machine()


@pytest.mark.parametrize("running", [True, False])
def test_remove_keeps_the_queue_and_the_configuration(machine, packages, running):
    machine.install_both(packages)
    use(machine)
    config = machine.read("/etc/mailchute/mailchute.conf")
    if not running:
        machine.shut_down()
    said = machine.apt("remove", *BOTH)
    assert f"mailchute: {WAITS}: 1; purging mailchute deletes them\n" in said, said
    if running:
        assert not machine.units.is_active("mailchute.service")
        assert not machine.units.is_active("mailchute.socket")
    assert machine.run("command -v sendmail mailq newaliases mailchute").status != 0
    assert not machine.path("/run/mailchute/submit.sock").exists()
    assert machine.read("/etc/mailchute/mailchute.conf") == config
    assert machine.path("/etc/mailchute/secrets.ini").exists()
    # Who comes back finds his mail.
    machine.shut_down()
    machine.install_both(packages)
    machine.sink.start()
    machine.boot()
    machine.arrived("Subject: waits")


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("command", [["purge", *BOTH], ["purge", "mailchute"]],
                         ids=["both", "one, which takes the other along"])
def test_purge_leaves_nothing(machine, packages, running, command):
    before = names(machine)
    machine.install_both(packages)
    use(machine)
    machine.write("/etc/mailchute/conf.d/more.conf", 'log { to = "stderr" }\n')
    if not running:
        machine.shut_down()
    said = machine.apt(*command)
    assert f"mailchute: deleting {SPOOL}, and messages that wait there: 1\n" in said, said
    if running:
        assert not machine.units.is_active("mailchute.socket")
    machine.shut_down()
    after = names(machine)
    assert (sorted(after - before), sorted(before - after)) == ([], [])
    assert not machine.path("/run/mailchute").exists()
    assert not machine.path("/var/log/mailchute").exists()
    assert [machine.state(name)[0] for name in BOTH] in (["u", "u"], ["p", "p"])
    assert "mailchute" not in machine.users
    assert "mailchute" not in machine.read("/etc/group").decode(), "a group without its user"


def test_purge_of_a_queue_that_is_a_volume(machine, packages):
    """What is mounted there cannot be removed; the package is gone all the same."""
    machine.install_both(packages)
    machine.run_ok(f"mount -t tmpfs tmpfs {SPOOL} && chown mailchute: {SPOOL} && touch {SPOOL}/mail")
    machine.apt("purge", *BOTH)
    assert [machine.state(name)[0] for name in BOTH] in (["u", "u"], ["p", "p"])
    assert machine.run(["ls", "-A", SPOOL]).stdout == b""


@pytest.mark.parametrize("script", ["prerm remove", "postrm purge"])
def test_what_cannot_be_said_stops_nothing(machine, packages, script):
    machine.install_both(packages)
    machine.write(f"{SPOOL}/queue/{'A' * 25}", "mail")
    assert WAITS.split(" in ")[0] in machine.run(f"/var/lib/dpkg/info/mailchute.{script}").stderr
    machine.write(f"{SPOOL}/queue/{'A' * 25}", "mail")
    result = machine.run(f"/var/lib/dpkg/info/mailchute.{script} 2>/dev/full")
    assert result.status == 0, result
    assert machine.path(SPOOL).exists() == (script == "prerm remove")


def test_purge_after_remove(machine, packages):
    before = names(machine)
    machine.install_both(packages)
    # Nothing waits, and nothing is said of it.
    said = machine.apt("remove", *BOTH) + machine.apt("purge", *BOTH)
    assert "messages that wait" not in said, said
    after = names(machine)
    assert (sorted(after - before), sorted(before - after)) == ([], [])


def test_installed_again_after_purge(machine, packages):
    machine.install_both(packages)
    machine.apt("purge", *BOTH)
    machine.install_both(packages)
    machine.configure()
    machine.boot()
    machine.run_ok(["sendmail", "root"], "nobody", "Subject: again\n\nx\n")
    machine.arrived("Subject: again")
