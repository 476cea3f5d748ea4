# SPDX-License-Identifier: MIT

"""Two lines of configuration, and the mail of those who send it arrives outside of this machine."""

import os

import pytest

from support import fastcgi, smartd
from support.wait import wait_for

SMARTD = {**smartd.VARIABLES, "SMARTD_ADDRESS": "root",
          "SMARTD_MAILER": "/usr/share/smartmontools/smartd-runner"}


@pytest.fixture(scope="module")
def _machine(make_module_machine, packages):
    machine = make_module_machine()
    # mail(1) depends on a mail-transport-agent, and ours is one.
    machine.apt("install", *machine.bring(*packages.both), "bsd-mailx")
    machine.configure()
    return machine.boot()


@pytest.fixture
def machine(_machine):
    _machine.empty()
    yield _machine
    _machine.empty()


def check(message, recipients=("ops@far.example",)):
    assert sorted(message.recipients) == sorted(recipients)
    assert message.field("From") and message.field("Date") and message.field("Message-ID")


def test_no_other_mail_server_came_with_mail(machine):
    assert machine.state("mailchute-mta") == "ii"
    result = machine.run(["dpkg-query", "-W", "-f", "${Package} ${Provides}\n"])
    providers = [line.split()[0] for line in result.stdout.decode().splitlines()
                 if "mail-transport-agent" in line.split()[1:]]
    assert providers == ["mailchute-mta"]


def test_php_fpm(machine, token):
    """A request to the pool as Debian installs it, from a web server's side."""
    machine.make_folder("/run/php", "www-data")
    machine.write("/var/www/mail.php", f"<?php echo mail('b@far.example', 'from fpm', '{token}',"
                  " 'From: Web <web@there.example>', '-fweb@there.example') ? 'sent' : 'failed';")
    machine.spawn("fpm", "exec /usr/sbin/php-fpm8.* --nodaemonize")
    found = wait_for(lambda: [name for name in os.listdir(machine.path("/run/php"))
                              if name.startswith("php8") and name.endswith("-fpm.sock")],
                     what="php-fpm's socket")
    response = fastcgi.request(machine.path(f"/run/php/{found[0]}"), "/var/www/mail.php")
    assert (response.body, response.errors) == ("sent", ""), response.output
    message = machine.message()
    check(message, ["b@far.example"])
    assert (message.sender, message.body) == ("web@there.example", f"{token}\n".encode())
    assert b"(uid 33)" in message.header or b"www-data" in message.header


def test_cron(machine, token):
    machine.path("/run/crond.reboot").unlink(missing_ok=True)
    machine.path("/run/crond.pid").unlink(missing_ok=True)
    machine.write("/etc/cron.d/job", "MAILTO=root\n"
                  f"@reboot root echo {token}\n@reboot www-data echo {token}\n")
    machine.spawn("cron", ["cron", "-f"])
    for message in machine.messages(2):
        check(message)
        assert message.field("Subject").endswith(f"@box> echo {token}")
        assert message.body == f"{token}\n".encode()
    machine.path("/etc/cron.d/job").unlink()


def test_mail_root(machine, token):
    machine.run_ok(f"echo {token} | mail -s 'disk full' root")
    message = machine.message()
    check(message)
    assert message.field("Subject") == "disk full"
    assert message.body == f"{token}\n".encode()


def test_s_nail(machine, token):
    machine.run_ok(f"echo {token} | s-nail -s 'disk full' root", "daemon")
    message = machine.message()
    check(message)
    assert message.field("Subject") == "disk full"


def test_smartd(machine):
    machine.run_ok(smartd.WARNING, env=SMARTD)
    message = machine.message()
    check(message)
    assert message.field("Subject") == smartd.SUBJECT
    assert SMARTD["SMARTD_MESSAGE"].encode() in message.body


def test_doctor_finds_nothing_red(machine):
    result = machine.run(["mailchute", "doctor"])
    assert b"RED" not in result.stdout, result.stdout.decode()


def test_the_man_pages_are_there(machine):
    """Of all names that somebody types, also where links lead to them."""
    for name in ("man8/sendmail.8", "man1/mailq.1", "man1/newaliases.1", "man1/mailchute.1",
                 "man5/mailchute.conf.5"):
        result = machine.run(f"zcat /usr/share/man/{name}.gz")
        assert result.status == 0 and len(result.stdout) > 500, (name, result.stderr)
