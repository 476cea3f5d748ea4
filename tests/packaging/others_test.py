# SPDX-License-Identifier: MIT

"""Installed over another mail-transport-agent, and back to it, by real transactions of apt."""

import os

import pytest

OTHERS = ["ssmtp", "msmtp-mta"]
if os.environ.get("MAILCHUTE_FULL"):
    OTHERS += ["postfix", "exim4-daemon-light"]
NAMES = ("/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/bin/mailq", "/usr/bin/newaliases")


@pytest.fixture(params=OTHERS)
def other(request):
    return request.param


@pytest.fixture
def machine(make_machine, other):
    machine = make_machine()
    machine.install(other)
    assert machine.path("/usr/sbin/sendmail").exists()
    return machine


def programs(machine):
    """What stands behind each name in the end."""
    return {name: machine.run(["readlink", "-f", name]).stdout.decode().strip() for name in NAMES}


def check_that_it_is_ours(machine, token):
    assert set(programs(machine).values()) == {"/usr/sbin/sendmail.mailchute"}
    machine.configure()
    machine.boot()
    machine.run_ok(["sendmail", "root"], "www-data", f"Subject: {token}\n\nx\n")
    machine.arrived(token)


def test_over_another(machine, other, packages, token):
    text = machine.install_both(packages)
    assert f"Removing {other} " in text, text
    assert machine.state(other) in ("rc", "un")
    check_that_it_is_ours(machine, token)


def test_beside_another(machine, other, packages):
    """mailchute alone, without its links, takes nothing away: to be set up and tried first."""
    before = programs(machine)
    machine.install(packages.mailchute)
    assert machine.state(other) == "ii"
    assert programs(machine) == before
    machine.configure()
    machine.boot()
    machine.run_ok(["/usr/sbin/sendmail.mailchute", "root"], "www-data", "Subject: tried\n\nx\n")
    machine.arrived("Subject: tried")


def test_and_back(machine, other, packages):
    before = programs(machine)
    machine.install_both(packages)
    machine.install(other)
    assert (machine.state("mailchute-mta"), machine.state(other)) == ("un", "ii")
    # What can be kept is: the queue, and the way to send it.
    assert machine.state("mailchute") == "ii"
    assert programs(machine) == before
    result = machine.run("dpkg --audit && apt-get check -qq")
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


def test_back_again(machine, other, packages, token):
    machine.install_both(packages)
    machine.install(other)
    machine.install(packages.mta)
    check_that_it_is_ours(machine, token)


def test_its_settings_are_taken_over(make_machine, packages):
    """What ssmtp leaves behind is where the relay, root's address and the sender's domain stand."""
    machine = make_machine()
    machine.install("ssmtp")
    machine.write("/etc/ssmtp/ssmtp.conf", f"root=ops@far.example\nmailhub=127.0.0.1:{machine.sink.port}"
                  "\nrewriteDomain=there.example\nFromLineOverride=YES\n", 0o640)
    machine.install_both(packages)
    machine.boot()
    result = machine.run(["mailchute", "import", "--write"])
    # It ends with what doctor says, which may have an advice.
    assert result.status in (0, 1), result.stdout.decode()
    machine.run_ok(["sendmail", "root"], "www-data", "Subject: taken over\n\nx\n")
    message = machine.message()
    assert (message.recipients, message.field("Subject")) == (["ops@far.example"], "taken over")
