# SPDX-License-Identifier: MIT

"""Installed on the smallest Debian and not configured: nothing breaks, and all say what to write."""

import re
import stat

import pytest

MAIL = b"Subject: x\n\nx\n"
LINE = 'smarthost "provider" { url = "smtp+tls://smtp.example.com:587"'
# What a program says to the socket.
ASK = """
use IO::Socket::UNIX;
my $service = IO::Socket::UNIX->new(Peer => "/run/mailchute/submit.sock") or die $!;
print scalar <$service>;
print $service "EHLO x\\r\\nMAIL FROM:<a\\@here.example>\\r\\nQUIT\\r\\n";
print while <$service>;
"""


@pytest.fixture(scope="module")
def bare(make_module_machine, packages):
    machine = make_module_machine("bare")
    machine.install_both(packages)
    return machine


def owner_and_mode(machine, name):
    status = machine.path(name).lstat()
    names = {ids: user for user, ids in machine.users.items()}
    groups = {int(line.split(":")[2]): line.split(":")[0]
              for line in machine.read("/etc/group").decode().splitlines()}
    users = {uid: user for (uid, _), user in names.items()}
    return f"{users[status.st_uid]}:{groups[status.st_gid]} {stat.S_IMODE(status.st_mode):04o}"


def test_both_are_installed(bare):
    assert [bare.state(name) for name in ("mailchute", "mailchute-mta")] == ["ii", "ii"]


def test_dpkg_finds_nothing_wrong(bare):
    result = bare.run("dpkg --audit && dpkg --verify mailchute mailchute-mta && apt-get check -qq")
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


@pytest.mark.parametrize("name, expected", [
    ("/etc/mailchute", "root:root 0755"),
    ("/etc/mailchute/mailchute.conf", "root:root 0644"),
    ("/etc/mailchute/secrets.ini", "root:mailchute 0640"),
    ("/var/spool/mailchute", "mailchute:mailchute 0700"),
])
def test_who_may_read(bare, name, expected):
    assert owner_and_mode(bare, name) == expected


def test_nothing_is_set_id(bare):
    result = bare.run("for name in $(dpkg -L mailchute mailchute-mta); do "
                      "find $name -maxdepth 0 -type f -perm /6000; done")
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


def test_the_user_cannot_log_in(bare):
    line = next(line for line in bare.read("/etc/passwd").decode().splitlines()
                if line.startswith("mailchute:"))
    assert line.endswith(":/var/spool/mailchute:/usr/sbin/nologin"), line


@pytest.mark.parametrize("program", [
    ["/usr/sbin/sendmail", "-t"], ["/usr/lib/sendmail", "root"],
    ["/usr/sbin/sendmail.mailchute", "root"],
])
@pytest.mark.parametrize("as_user", ["root", "nobody"])
def test_sendmail_says_what_to_write(bare, program, as_user):
    result = bare.run(program, as_user, b"To: root\n" + MAIL)
    assert result.status == 78, result
    assert "/etc/mailchute/mailchute.conf" in result.stderr and LINE in result.stderr, result


def test_its_other_names(bare):
    for name in ("mailq", "sendmail -bp", "mailchute queue"):
        result = bare.run(name)
        assert (result.status, result.stdout) == (0, b"Mail queue is empty\n"), (name, result)
    for name in ("newaliases", "sendmail -bi"):
        bare.run_ok(name)
    version = bare.version("mailchute").encode()
    assert bare.run(["mailchute", "--version"]).stdout.strip().endswith(version)


def test_doctor_says_what_to_write(bare):
    result = bare.run(["mailchute", "doctor"])
    assert result.status == 2 and "smarthost" in result.stdout.decode(), result


def test_the_service_says_what_to_write(bare):
    """It runs, and refuses for now: who comes later will find it."""
    bare.boot()
    try:
        result = bare.run(["sendmail", "root"], "nobody", MAIL)
        assert result.status == 78 and LINE in result.stderr, result
        reply = bare.run(["perl", "-e", ASK], "nobody").stdout.decode()
        assert re.search("^451 4.3.5 .*" + re.escape(LINE), reply, re.MULTILINE), reply
        assert bare.units.is_active("mailchute.service")
        # And as soon as there are two lines it takes mail, without a restart.
        bare.configure()
        bare.run_ok(["sendmail", "root"], "nobody", MAIL)
        bare.arrived("Delivered-To: ops@far.example")
    finally:
        bare.shut_down()


def test_without_mta_there_is_no_sendmail(make_machine, packages):
    """mailchute alone leaves the place to another."""
    machine = make_machine("bare")
    machine.install(packages.mailchute)
    assert machine.run("command -v sendmail mailq newaliases").status != 0
    assert not machine.path("/usr/lib/sendmail").exists()
    result = machine.run(["/usr/sbin/sendmail.mailchute", "root"], input=MAIL)
    assert result.status == 78 and LINE in result.stderr, result
