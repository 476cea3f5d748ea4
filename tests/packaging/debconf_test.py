# SPDX-License-Identifier: MIT

"""The two questions: answered before the installation, afterwards, badly, or not at all."""

import pytest

WRITTEN = "/etc/mailchute/conf.d/debconf.conf"


@pytest.fixture
def machine(make_machine):
    return make_machine()


def answer(machine, smarthost, root):
    machine.run_ok(["debconf-set-selections"],
                   input=f"mailchute mailchute/smarthost string {smarthost}\n"
                         f"mailchute mailchute/root string {root}\n")


def check_works(machine, to="ops@far.example"):
    machine.boot()
    machine.run_ok(["sendmail", "root"], "www-data", "Subject: answered\n\nx\n")
    message = machine.message()
    assert message.recipients == [to]
    machine.shut_down()


def test_answers_are_a_configuration_that_works(machine, packages):
    answer(machine, machine.sink.url, "ops@far.example")
    machine.install_both(packages)
    assert machine.path(WRITTEN).stat().st_mode & 0o777 == 0o644
    check_works(machine)


def test_no_answers_leave_nothing(machine, packages):
    text = machine.install_both(packages)
    assert not machine.path(WRITTEN).exists(), text
    assert machine.run("ls /etc/mailchute/conf.d").stdout == b""


@pytest.mark.parametrize("smarthost, url", [
    ("smtp.example.com", "smtp+tls://smtp.example.com"),
    ("smtp.example.com:587", "smtp+tls://smtp.example.com:587"),
    ("smtp.example.com:465", "smtps://smtp.example.com:465"),
    ("smtps://smtp.example.com", "smtps://smtp.example.com"),
])
def test_a_name_is_spoken_to_with_tls(machine, packages, smarthost, url):
    answer(machine, smarthost, "")
    machine.install_both(packages)
    assert f'"{url}"' in machine.read(WRITTEN).decode()
    text = machine.run(["mailchute", "config"]).stdout.decode()
    assert url in text, text


@pytest.mark.parametrize("smarthost, root", [
    ('x"} smarthost "y', "ops@far.example"), ("smtp://me:word@smtp.example.com", ""),
    ("${HOME}", ""), ("nonsense://x", ""), ("", "nobody-knows"), ("", "ops@far.example\\"),
])
def test_a_bad_answer_breaks_nothing(machine, packages, smarthost, root):
    answer(machine, smarthost, root)
    text = machine.install_both(packages)
    assert "cannot be taken" in text, text
    assert not machine.path(WRITTEN).exists()
    assert machine.run("ls -A /etc/mailchute/conf.d").stdout == b""
    result = machine.run(["mailchute", "config"])
    assert result.status == 0, result
    # Nor does it stay in debconf's database, which everybody can read: it may hold a password.
    shown = machine.run(["debconf-show", "mailchute"]).stdout.decode()
    assert smarthost == "" or smarthost not in shown, shown


def test_a_password_is_not_repeated(machine, packages):
    answer(machine, "smtp://me:hunter2@smtp.example.com", "")
    assert "hunter2" not in machine.install_both(packages)


def test_an_upgrade_asks_nothing_and_changes_nothing(machine, packages, previous):
    answer(machine, machine.sink.url, "old@far.example")
    machine.install_both(previous)
    text = machine.read(WRITTEN).replace(b"old@", b"new@")
    machine.write(WRITTEN, text)
    machine.install_both(packages)
    assert machine.read(WRITTEN) == text
    check_works(machine, "new@far.example")


def reconfigure(machine, change="", frontend="editor", umask="022"):
    """change: what sed does to the answers in debconf's editor, which is a program here."""
    machine.write("/tmp/editor", f"#!/bin/sh\ntouch /tmp/asked\nsed -i '{change}' \"$1\"\n", 0o755)
    result = machine.run(f"umask {umask}; dpkg-reconfigure mailchute",
                         env={"DEBIAN_FRONTEND": frontend, "VISUAL": "/tmp/editor",
                              "EDITOR": "/tmp/editor"})
    assert result.status == 0, result
    return result.stdout.decode() + result.stderr


def test_an_upgrade_asks_nothing_that_was_not_asked_before(machine, packages, previous):
    """Nobody was there when it was installed; now somebody is, whose answer would not count."""
    machine.install_both(previous)
    machine.write("/tmp/editor", "#!/bin/sh\ntouch /tmp/asked\n", 0o755)
    result = machine.run(["dpkg", "-i", *machine.bring(*packages.both)],
                         env={"DEBIAN_FRONTEND": "editor", "VISUAL": "/tmp/editor",
                              "EDITOR": "/tmp/editor"})
    assert result.status == 0, result
    assert not machine.path("/tmp/asked").exists(), result


@pytest.mark.parametrize("frontend", ["noninteractive", "editor"])
def test_what_was_changed_by_hand_is_not_overwritten(machine, packages, frontend):
    answer(machine, "smtp.example.com", "old@far.example")
    machine.install_both(packages)
    text = machine.read(WRITTEN) + b'queue { lifetime = "9d" }\n'
    machine.write(WRITTEN, text)
    said = reconfigure(machine, "s/old@far/new@far/", frontend)
    assert machine.read(WRITTEN) == text, said
    assert "changed by hand" in said, said


def test_asked_again_by_who_keeps_his_files_to_himself(machine, packages):
    """All users read the settings, whatever the umask of who calls."""
    answer(machine, machine.sink.url, "old@far.example")
    machine.install_both(packages)
    reconfigure(machine, "s/old@far/new@far/", umask="077")
    assert machine.path(WRITTEN).stat().st_mode & 0o777 == 0o644
    check_works(machine, "new@far.example")


def test_what_was_deleted_does_not_come_back(machine, packages, previous):
    answer(machine, "smtp.example.com", "old@far.example")
    machine.install_both(previous)
    machine.path(WRITTEN).unlink()
    machine.install_both(packages)
    assert not machine.path(WRITTEN).exists()


def test_asked_again(machine, packages):
    """dpkg-reconfigure: other answers."""
    answer(machine, machine.sink.url, "old@far.example")
    machine.install_both(packages)
    said = reconfigure(machine, "s/old@far/new@far/")
    assert b"new@far" in machine.read(WRITTEN), said
    check_works(machine, "new@far.example")


def test_purge_forgets_the_answers(machine, packages):
    answer(machine, machine.sink.url, "ops@far.example")
    machine.install_both(packages)
    machine.apt("purge", "mailchute", "mailchute-mta")
    assert machine.run(["debconf-show", "mailchute"]).stdout == b""
    assert not machine.path("/etc/mailchute").exists()
