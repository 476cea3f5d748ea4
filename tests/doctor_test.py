# SPDX-License-Identifier: MIT

"""mailchute doctor: on a good machine all is green; each thing that is broken makes its own
line and no other, with what to write.

Every id that the sources know as yellow or red stands in a row here, or the last test fails.
"""

import json
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from support.good_root import SERVICE, WEB, GoodRoot
from support.mailchute import is_sanitized, needs_program
from support.own_mounts import why_not
from support.peer import Peer
from support.wait import wait_for

SOURCES = Path(__file__).resolve().parent.parent / "src/doctor"
MISSING = why_not()
pytestmark = [needs_program("mailchute", "sendmail"),
              pytest.mark.skipif(MISSING is not None, reason=str(MISSING))]
ID = "20261123T100000000000000x"


@pytest.fixture
def good(tmp_path, programs, authority):
    return GoodRoot(tmp_path / "root", programs, authority)


class Found:
    """What doctor said."""

    def __init__(self, status, stdout, stderr):
        self.status, self.text = status, stdout + stderr
        assert stderr == "", stderr
        self.findings = json.loads(stdout)["findings"]
        self.bad = [one for one in self.findings if one["level"] != "green"]

    def ids(self, level=None):
        return [one["id"] for one in self.findings if level in (None, one["level"])]

    def one(self, name):
        return next(one for one in self.findings if one["id"] == name)


def doctor(good, *arguments, **options):
    return Found(*good.run("doctor", "--json", *arguments, **options))


# ---- offline

def break_nothing(good):
    pass


def remove(name):
    return lambda good: good.path(name).unlink()


def stranger(name, text="#!/bin/sh\n"):
    def change(good):
        good.path(name).unlink(missing_ok=True)
        good.write(name, text, 0o755)
    return change


def mode(name, bits, owner=None, group=None):
    def change(good):
        if owner is not None:
            os.chown(good.path(name), owner, owner if group is None else group)
        good.path(name).chmod(bits)
    return change


def setting(smarthost="", extra=""):
    return lambda good: good.configure(smarthost, extra)


def write(name, text, *more):
    return lambda good: good.write(name, text, *more)


def replace(name, old, new):
    return lambda good: good.replace(name, old, new)


CONF = "etc/mailchute/mailchute.conf"
URL = "/run/secrets/mailchute_url"

def spool(name):
    return f"var/spool/mailchute/{name}"


def queue_mail(good):
    """One message that waits; the service that took it is gone with its namespace."""
    good.run("queue", "--count", first=[["/usr/sbin/sendmail", "-odq", "me@example.com"]])
    files = list(good.path(spool("queue")).iterdir())
    assert len(files) == 1, files
    return files[0]


def grow_old(good):
    file = queue_mail(good)
    file.rename(file.parent / ("01M" + file.name[3:]))


def hold(good):
    queue_mail(good)
    good.run("queue", "hold", "--all")


def copy_to(folder):
    def change(good):
        file = queue_mail(good)
        target = good.path(spool(folder))
        target.mkdir(exist_ok=True)
        os.chown(target, SERVICE, SERVICE)
        target.chmod(0o700)
        file.rename(target / file.name)
    return change


def damage(good):
    """What has been attempted was whole once."""
    good.run("queue", "--count", first=[["/usr/sbin/sendmail", "-odi", "me@example.com"]])
    file, = good.path(spool("queue")).iterdir()
    target = good.path(spool("corrupt"))
    target.mkdir(exist_ok=True)
    os.chown(target, SERVICE, SERVICE)
    file.rename(target / file.name)


def without_conf(good):
    good.path(CONF).unlink()


CONTAINER = {"MAILCHUTE_URL": "smtp+tls://smarthost.test:587", "MAILCHUTE_USER": "relay",
             "MAILCHUTE_PASSWORD": "x", "MAILCHUTE_FROM": "alerts@example.com",
             "MAILCHUTE_ROOT": "me@example.com", "MAILCHUTE_DOMAIN": "example.com"}
NO_PASSWORD = {name: CONTAINER[name] for name in CONTAINER if name != "MAILCHUTE_PASSWORD"}

# name: (what breaks it, the level, the id, in the text, in the next step, options of the run)
OFFLINE = {
    "no sendmail": (remove("usr/sbin/sendmail"), "red", "program.sendmail",
                    "there is no /usr/sbin/sendmail", "ln -s", {}),
    "another sendmail": (stranger("usr/sbin/sendmail"), "red", "program.sendmail",
                         "/usr/sbin/sendmail is another program", "dpkg -S /usr/sbin/sendmail",
                         {}),
    "no mailq": (remove("usr/bin/mailq"), "yellow", "program.link", "/usr/bin/mailq is missing",
                 "ln -sf ../sbin/sendmail /usr/bin/mailq", {}),
    "another newaliases": (stranger("usr/bin/newaliases"), "yellow", "program.link",
                           "/usr/bin/newaliases is another program", "ln -sf", {}),
    "set-uid": (mode("usr/sbin/sendmail", 0o4755), "red", "program.set_id",
                "/usr/sbin/sendmail has a set-id bit", "chmod ug-s /usr/sbin/sendmail", {}),
    "another in PATH": (stranger("usr/local/bin/sendmail"), "yellow", "program.path",
                        "another sendmail, /usr/local/bin/sendmail", "ln -sf",
                        {"path": "/usr/local/bin:/usr/sbin:/usr/bin"}),
    "Exim runs": (break_nothing, "yellow", "program.other_mailer", "Exim is running too",
                  "systemctl disable --now exim4", {"daemon": "exim4"}),
    "a fault in the settings": (setting(extra="bounce = 3"), "red", "settings.fault",
                                "mailchute.conf", "", {}),
    "a fault in a drop-in": (write("etc/mailchute/conf.d/a.conf", 'queue { lifetme = "5d" }\n'),
                             "red", "settings.fault", "a.conf line 1", "", {}),
    "no smarthost": (write(CONF, 'identity { ehlo = "a.example.com" domain = "example.com" }\n'
                           'alias "root" { to = { "me@example.com" } }\n'), "red",
                     "settings.nowhere", "no smarthost is configured", "smarthost", {}),
    "no such smarthost": (break_nothing, "red", "settings.name",
                          'no smarthost "other"', "provider", {"arguments": ["other"]}),
    "a password cut by #": (replace("etc/mailchute/secrets.ini", '"correct horse"', "a#b"), "red",
                            "settings.secret", "secrets.ini line 3", "", {}),
    "a secret for all": (mode("etc/mailchute/secrets.ini", 0o644), "red", "settings.secret",
                         "secrets.ini", "chmod", {}),
    "no CA file": (remove("etc/mailchute/ca.pem"), "red", "settings.tls", "/etc/mailchute/ca.pem",
                   "", {}),
    "never TLS": (replace(CONF, "smtp+tls:", "smtp+notls:"), "yellow", "settings.cleartext",
                  "never uses TLS", "smtp+tls://smarthost.test:587", {}),
    "never TLS at an address": (replace(CONF, "smtp+tls://smarthost.test",
                                        "smtp+notls://[2001:db8::1]"), "yellow",
                                "settings.cleartext", "never uses TLS",
                                "smtp+tls://[2001:db8::1]:587", {}),
    "no from": (lambda good: (good.replace(CONF, 'from = "alerts@example.com"', ""),
                              good.replace("etc/mailchute/secrets.ini", "relay@example.com",
                                           "relay")),
                "yellow", "settings.from", '"provider" has no from',
                'smarthost "provider" { from = "you@example.com" }', {}),
    "rewrite without a from": (lambda good: (good.replace(CONF, 'from = "alerts@example.com"',
                                                          'from_policy = "rewrite"'),
                                             good.replace("etc/mailchute/secrets.ini",
                                                          "relay@example.com", "relay")),
                               "yellow", "settings.from", 'so from_policy = "rewrite" has nobody '
                               "to put there", 'smarthost "provider" { from = "you@', {}),
    "capture": (setting(extra='capture = "/var/spool/mailchute/captured"'), "yellow",
                "settings.capture", "CAPTURE ON: all mail is kept in /var/spool", "remove capture",
                {}),
    "a bare ehlo": (replace(CONF, 'ehlo = "host.example.com"', 'ehlo = "3f2a91c0d4e5"'), "yellow",
                    "identity.ehlo", "3f2a91c0d4e5", 'identity { ehlo = "', {}),
    "a bare domain": (replace(CONF, 'domain = "example.com"', 'domain = "box"'), "yellow",
                      "identity.domain", "name@box", 'identity { domain = "example.com" }', {}),
    "a line of aliases": (write("etc/aliases", "postmaster: root\nroot you@example.com\n"),
                          "yellow", "aliases.fault", "/etc/aliases line 2", "name: you@", {}),
    "aliases in a loop": (write("etc/aliases", "a: b\nb: a, c\nc: you@example.com\nb2: c\na2: b\n"),
                          "yellow", "aliases.way", 'alias "a" (/etc/aliases line 1) is in a loop: '
                          "a -> b -> a", "let one of them name an address", {}),
    "a list for all": (lambda good: (good.write("etc/list", "you@example.com\n", 0o666),
                                     good.write("etc/aliases", "all: :include:/etc/list\n")),
                       "yellow", "aliases.way", "/etc/list may be written by others (mode 0666)",
                       "chmod go-w /etc/list", {}),
    "aliases that go in a circle": (write("etc/aliases", "postmaster: root\na: b\nb: a\n"),
                                    "yellow", "aliases.way", "", "", {}),
    "aliases is a folder": (lambda good: (good.path("etc/aliases").unlink(),
                                          good.path("etc/aliases").mkdir()),
                            "red", "aliases.file", "/etc/aliases", "", {}),
    "root goes nowhere": (replace(CONF, 'alias "root" { to = { "me@example.com" } }', ""),
                          "yellow", "aliases.root", "root@example.com",
                          'alias "root" { to = { "you@example.com" } }', {}),
    "root stays here": (replace(CONF, '"me@example.com"', '"root@localhost"'), "yellow",
                        "aliases.root", "no alias sends it to a person", 'alias "root"', {}),
    "settings for all to write": (mode(CONF, 0o666), "red", "files.writable",
                                  "mailchute.conf is 0666 root:root",
                                  "chmod o-w /etc/mailchute/mailchute.conf", {}),
    "a drop-in for all to write": (lambda good: good.write("etc/mailchute/conf.d/a.conf", "",
                                                           0o666),
                                   "red", "settings.fault", "conf.d/a.conf", "chmod o-w", {}),
    "settings of another": (mode(CONF, 0o644, WEB), "yellow", "files.owner",
                            "mailchute.conf is 0644 www-data:www-data",
                            "chown root /etc/mailchute/mailchute.conf", {}),
    "secrets not for the service": (mode("etc/mailchute/secrets.ini", 0o600, 0), "red",
                                    "files.secrets", "mailchute (801) cannot read",
                                    "chgrp 801 /etc/mailchute/secrets.ini && chmod 640", {}),
    "a CA not for the service": (mode("etc/mailchute/ca.pem", 0o600, 0), "red", "files.tls",
                                 "mailchute (801) cannot read /etc/mailchute/ca.pem: it is 0600 "
                                 "root:root", "chmod a+r /etc/mailchute/ca.pem", {}),
    "a CA in a closed folder": (lambda good: (good.write("root/ca.pem", good.path(
                                    "etc/mailchute/ca.pem").read_text()),
                                    good.path("root").chmod(0o700),
                                    good.replace(CONF, "/etc/mailchute/ca.pem", "/root/ca.pem")),
                                "red", "files.tls", "cannot read /root/ca.pem: the folder /root is "
                                "0700 root:root", "install -m 644 /root/ca.pem /etc/mailchute/",
                                {}),
    "a section that is nobody's": (replace("etc/mailchute/secrets.ini", "[provider]",
                                           "[provdier]"),
                                   "yellow", "settings.section", "section [provdier] of",
                                   "name it [provider]", {}),
    "clear_env": (without_conf, "yellow", "container.environment",
                  "MAILCHUTE_PASSWORD is set for process 1 but not for this one",
                  "/run/secrets/smtp_password",
                  {"environment": NO_PASSWORD, "process_one": {"MAILCHUTE_PASSWORD": "x"}}),
    "installed, not running": (write("usr/lib/systemd/system/mailchute.socket", ""), "red",
                               "service.down", "installed and does not answer", "mailchute serve",
                               {}),
    "a service is wanted": (setting(extra='submit { mode = "service" }'), "red",
                            "service.required", "allows no other way", "mailchute serve", {}),
    "a service that refuses": (break_nothing, "red", "service.answer", "not today", "",
                               {"refuses": True}),
    "a socket not for all": (break_nothing, "yellow", "service.socket_mode", "is 0600",
                             "chmod 666 /run/mailchute/submit.sock",
                             {"serves": True,
                              "then": [["chmod", "600", "/run/mailchute/submit.sock"]]}),
    "old mail": (grow_old, "yellow", "queue.old", "1 message waits", "mailchute queue", {}),
    "held mail": (hold, "yellow", "queue.held", "1 message is held", "release", {}),
    "corrupt": (copy_to("corrupt"), "yellow", "queue.corrupt", "/corrupt: 1, not whole", "ls -l", {}),
    "damaged": (damage, "red", "queue.damaged", "/corrupt: 1, whole once", "ls -l", {}),
    "failed": (copy_to("failed"), "yellow", "queue.failed", "1 message in", "ls -l", {}),
    "in memory": (queue_mail, "yellow", "queue.medium", "/var/spool/mailchute",
                  "queue { dir", {"tmpfs": ["var/spool/mailchute"],
                                  "first": [["/usr/sbin/sendmail", "-odq", "me@example.com"]]}),
    "a spool for all": (mode(spool(""), 0o777), "red", "queue.spool", "/var/spool/mailchute",
                        "", {}),
    "PHP calls another": (replace("etc/php/8.2/cli/php.ini", "/usr/sbin/sendmail -t -i",
                                  "/usr/bin/msmtp -t"), "red", "php.sendmail_path",
                          "no program here", 'sendmail_path = "/usr/sbin/sendmail -t -i"', {}),
    "a drop-in of PHP": (write("etc/php/8.2/cli/conf.d/90-x.ini", "sendmail_path=/bin/sh -t\n"),
                         "red", "php.sendmail_path", "90-x.ini line 1", "sendmail_path", {}),
    "PHP may not": (write("etc/php/8.2/cli/conf.d/90-x.ini", "disable_functions = exec, mail\n"),
                    "yellow", "php.disabled", "disable_functions has mail", "remove mail", {}),
    "no shell": (remove("bin/sh"), "red", "php.shell", "no /bin/sh", "shell", {}),
    "mail.rc": (write("etc/mail.rc", "set sendmail=/usr/bin/msmtp\n"), "yellow",
                "callers.mailrc", "/etc/mail.rc line 1", "set sendmail=/usr/sbin/sendmail", {}),
}


def check(found, level, name, text, next_step):
    assert [(one["level"], one["id"]) for one in found.bad] == [(level, name)], found.text
    one = found.bad[0]
    assert text in one["text"] + one.get("means", ""), one
    assert next_step in one.get("next", ""), one
    assert one.get("next"), one
    assert found.status == {"yellow": 1, "red": 2}[level]


@pytest.mark.parametrize("case", OFFLINE)
def test_what_is_broken_is_said_and_nothing_else(good, case):
    change, level, name, text, next_step, options = OFFLINE[case]
    options = dict(options)
    change(good)
    check(doctor(good, *options.pop("arguments", ()), **options), level, name, text, next_step)


@pytest.mark.parametrize("options", [
    {}, {"serves": True}, {"serves": True, "uid": WEB}, {"read_only": True},
    {"serves": True, "arguments": ["--as", "www-data"]}, {"arguments": ["--quick"]},
    {"arguments": ["provider"]},
], ids=["alone", "service", "as another", "read-only", "--as", "--quick", "one smarthost"])
def test_a_good_machine_is_green(good, options):
    options = dict(options)
    found = doctor(good, *options.pop("arguments", ()), **options)
    assert found.bad == [], found.text
    assert found.status == 0


def test_a_good_container_is_green(good):
    """By variables alone; they are those of process 1, too."""
    without_conf(good)
    shutil.rmtree(good.path("var/spool"))
    for options in ({}, {"uid": 1000640000}, {"read_only": True}):
        found = doctor(good, environment=CONTAINER, process_one=CONTAINER, **options)
        assert found.bad == [], found.text
        assert found.status == 0


@pytest.mark.parametrize("kind, level, words", [("soon", "yellow", "ends in"),
                                                ("expired", "red", "ended")])
def test_our_own_certificate_is_watched(good, authority, kind, level, words):
    certificate, key = authority.certificate(kind)
    good.write("etc/mailchute/own.pem", certificate.read_text())
    good.write("etc/mailchute/own.key", key.read_text(), 0o640, 0, SERVICE)
    good.configure('client_cert = "/etc/mailchute/own.pem" client_key = "/etc/mailchute/own.key" '
                   'auth = "plain"')
    check(doctor(good), level, "settings.client_cert", words, "/etc/mailchute/own.pem")


def test_the_line_to_change_is_named(good):
    good.replace(CONF, "smtp+tls:", "smtp+notls:")
    found = doctor(good)
    assert found.bad[0]["next"].endswith("(/etc/mailchute/mailchute.conf line 2)")


def test_a_full_disk_is_red(good):
    """Below the reserve no mail is taken; the small disk is memory here, which is said, too."""
    found = doctor(good, tmpfs=["var/spool/mailchute"], fill="var/spool/mailchute/full",
                   first=[["/usr/sbin/sendmail", "-odq", "me@example.com"]])
    assert [one["id"] for one in found.bad] == ["queue.space", "queue.medium"], found.text
    assert found.status == 2


def test_a_refused_login_is_red_while_mail_waits(good, authority):
    with Peer(certificate=authority.certificate(), users={"relay@example.com": "another"}) as peer:
        good.port = peer.port
        good.configure()
        send = [["/usr/sbin/sendmail", "-odq", "me@example.com"],
                ["/usr/bin/mailchute", "queue", "flush"]]
        found = doctor(good, serves=True, then=send,
                       until=(["/usr/bin/mailchute", "queue"], "refuses the login"))
    check(found, "red", "queue.paused", "smarthost provider refuses the login",
          "mailchute doctor --online")
    assert "535" in found.bad[0]["text"]
    # Each in its place, and once.
    one = found.bad[0]
    assert one["code"] == "MC-AUTH-01" and "means" in one, one
    assert "mailchute secret set provider" in one["next"], one
    for words in ("means:", "fix:", "MC-AUTH-01", one["means"], "secret set"):
        assert words not in one["text"], one


def test_a_smarthost_that_is_down_is_yellow_while_mail_waits(good):
    good.replace(CONF, "smarthost.test:587", "smarthost.test:1")
    found = doctor(good, serves=True, then=[["/usr/sbin/sendmail", "-odq", "me@example.com"],
                                            ["/usr/bin/mailchute", "queue", "flush"]],
                   until=(["/usr/bin/mailchute", "queue"], "is down"))
    check(found, "yellow", "queue.paused", "smarthost provider is down", "--online")


def test_a_user_without_a_name_is_told_who_his_mail_is_from(good):
    found = doctor(good, serves=True, uid=4711)
    assert found.bad == [], found.text
    user = found.one("identity.user")["text"]
    assert "uid 4711 (no name in /etc/passwd; mail is from alerts@example.com)" in user


def test_who_clears_the_environment_is_named(good):
    """Everything is gone: that nothing is configured, and why."""
    without_conf(good)
    found = doctor(good, process_one=CONTAINER)
    bad = [(one["level"], one["id"]) for one in found.bad]
    assert ("red", "settings.nowhere") in bad and ("yellow", "container.environment") in bad
    assert "MAILCHUTE_URL is set for process 1" in found.one("container.environment")["text"]


@pytest.mark.parametrize("words", [
    {"MAILCHUTE_URL": "smtp+tls://user:word@smarthost.test:587"},
    {"MAILCHUTE_URL": "smtp+tls://smarthost.test:587"}], ids=["login", "no login"])
def test_the_variable_alone_is_a_whole_set_up(good, words):
    """But for the address that mail is from, which most providers want."""
    without_conf(good)
    shutil.rmtree(good.path("var/spool"))
    found = doctor(good, environment={**words, "MAILCHUTE_FROM": "a@example.com"})
    assert found.bad == [], found.text
    assert "MAILCHUTE_ROOT=" in found.one("aliases.root")["text"]
    check(doctor(good, environment=words), "yellow", "settings.from", "has no from",
          "MAILCHUTE_FROM=you@example.com")


@pytest.mark.parametrize("host, user, password, text", [
    ("smtp.gmail.com", "me@gmail.com", "my own word", "an app password has 16 letters"),
    ("smtp.gmail.com", "me", "abcd efgh ijkl mnop", 'your full address, not "me"'),
    ("smtp.sendgrid.net", "me@example.com", "SG.abc", 'the word apikey, not "me@example.com"'),
    ("smtp.sendgrid.net", "apikey", "abc", "begins with SG."),
    ("smtp.gmail.com", "me@gmail.com", "abcd efgh ijkl mnop", None),
    ("smtp.sendgrid.net", "apikey", "SG.abc", None),
])
def test_a_login_of_the_wrong_kind_is_seen_before_it_is_refused(good, host, user, password, text):
    good.replace(CONF, "smarthost.test", host)
    good.write("etc/mailchute/secrets.ini",
               f'[provider]\nuser = "{user}"\npassword = "{password}"\n', 0o640, 0, SERVICE)
    found = doctor(good)
    if text is None:
        assert found.bad == [], found.text
    else:
        check(found, "yellow", "settings.login", text, "mailchute secret set provider")
        assert password not in found.text


def test_settings_that_a_caller_may_not_read_are_no_fault_where_a_service_has_them(good):
    good.path(CONF).chmod(0o640)
    found = doctor(good, serves=True, uid=WEB)
    assert found.bad == [], found.text
    assert "need not be" in found.one("settings.elsewhere")["text"]
    check(doctor(good, uid=WEB), "red", "settings.fault", "mailchute.conf", "")


def test_the_clients_of_a_sidecar_need_its_socket_alone(good):
    good.path(CONF).rename(good.path("etc/other.conf"))
    options = {"serves": True, "service": {"MAILCHUTE_CONFIG": "/etc/other.conf"}}
    found = doctor(good, **options)
    assert found.bad == [], found.text
    assert "the service has its own" in found.one("settings.elsewhere")["text"]
    assert "a service takes mail" in found.one("service.way")["text"]


def test_a_service_without_settings_takes_no_mail(good):
    """As right after the packages are installed."""
    good.write(CONF, 'identity { ehlo = "a.example.com" domain = "example.com" }\n'
                     'alias "root" { to = { "me@example.com" } }\n')
    found = doctor(good, serves=True)
    check(found, "red", "settings.nowhere", "no smarthost", "mailchute setup")
    assert "takes mail" not in found.text


def test_an_older_set_up_is_offered(good):
    good.write(CONF, 'identity { ehlo = "a.example.com" domain = "example.com" }\n'
               'alias "root" { to = { "me@example.com" } }\n')
    good.write("etc/ssmtp/ssmtp.conf", "mailhub=mail.example.com\n")
    good.write("usr/sbin/ssmtp", "", 0o755)
    found = doctor(good)
    check(found, "red", "settings.nowhere", "no smarthost", "mailchute import ssmtp")
    assert "/usr/sbin/ssmtp" in found.one("program.others")["text"]


def test_all_faults_of_all_files_are_said(good):
    good.replace(CONF, "from =", "form =")
    good.write("etc/mailchute/conf.d/a.conf", 'queue { lifetime = "soon" }\n')
    found = doctor(good)
    texts = [one["text"] for one in found.bad]
    assert [one["id"] for one in found.bad] == ["settings.fault"] * 2, texts
    assert "mailchute.conf" in texts[0] and "a.conf line 1" in texts[1]


def test_lines_are_for_people(good):
    good.path("usr/bin/mailq").unlink()
    status, stdout, _ = good.run("doctor")
    lines = stdout.splitlines()
    assert status == 1
    at = next(i for i, line in enumerate(lines) if line.startswith("YELLOW"))
    assert lines[at].split() == ["YELLOW", "program.link", "/usr/bin/mailq", "is", "missing"]
    assert lines[at + 1] == "  fix:     ln -sf ../sbin/sendmail /usr/bin/mailq"
    assert lines[-1] == "0 red, 1 yellow"
    assert "\033" not in stdout


def test_no_password_is_ever_shown(good):
    for arguments in ([], ["--json"], ["--online"]):
        _, stdout, stderr = good.run("doctor", *arguments)
        assert "correct horse" not in stdout + stderr


@pytest.mark.parametrize("arguments", [["--nonsense"], ["a", "b"], ["--as"]])
def test_a_wrong_call_is_told(good, arguments):
    status, stdout, stderr = good.run("doctor", *arguments)
    assert (status, stdout) == (64, "")
    assert stderr.startswith("mailchute: doctor")


def test_only_root_looks_as_another(good):
    status, _, stderr = good.run("doctor", "--as", "root", uid=WEB)
    assert status != 0 and "sudo mailchute doctor --as root" in stderr
    status, _, stderr = good.run("doctor", "--as", "nobody-there")
    assert status == 67 and "no user nobody-there" in stderr


# ---- online

def online(good, peer=None, smarthost="", extra="", **options):
    if peer is not None:
        good.port = peer.port
    good.configure(smarthost, extra)
    return doctor(good, "--online", **options)


USERS = {"relay@example.com": "correct horse"}


def test_a_good_smarthost_is_green_and_gets_nothing(good, authority):
    with Peer(certificate=authority.certificate(), users=USERS) as peer:
        found = online(good, peer)
        assert found.bad == [], found.text
        texts = {one["id"]: one["text"] for one in found.findings}
        assert "smarthost.test port" in texts["online.address"]
        assert "127.0.0.1" in texts["online.address"]
        assert "TLSv1.3" in texts["online.tls"]
        assert "smarthost.test <- mailchute test authority" in texts["online.tls"]
        assert "SIZE 50000000, PIPELINING, CHUNKING" in texts["online.capabilities"]
        assert "AUTH" in texts["online.capabilities"]
        assert "login as relay@example.com accepted" in texts["online.login"]
        assert "sender alerts@example.com accepted" in texts["online.sender"]
        # The other connection was made for its own sake.
        wait_for(lambda: len(peer.sessions) == 2 and any(
            b"QUIT" in one.commands for one in peer.sessions), what="two connections and a QUIT")
        said = [[line.split(b" ")[0] for line in one.commands] for one in peer.sessions]
        assert sorted(said) == [[], [b"EHLO", b"STARTTLS", b"EHLO", b"AUTH", b"MAIL", b"RCPT",
                                     b"RSET", b"QUIT"]]
        assert peer.messages == []


# name: (the peer's options, the settings' change, level, id, in the text, in the next step)
PEERS = {
    "another name": ({"certificate": "other"}, {}, "red", "online.tls", "other.example",
                     'tls_name = "other.example"'),
    "expired": ({"certificate": "expired"}, {}, "red", "online.tls", "expired", ""),
    "ends soon": ({"certificate": "soon"}, {}, "yellow", "online.certificate", "the certificate ends on 20",
                  "smarthost.test to renew it"),
    "wrong password": ({"users": {"relay@example.com": "another"}}, {}, "red", "online.login",
                       "535 5.7.8", "secrets.ini"),
    "no greeting": ({"at": "greeting", "fault": "5xx"}, {}, "red", "online.greeting",
                    "554", ""),
    "refused sender": ({"at": "mail", "fault": "5xx"}, {}, "red", "online.sender",
                       "refuses the sender alerts@example.com: 554",
                       'smarthost "provider" { from = "'),
    "sender not now": ({"at": "mail", "fault": "4xx"}, {}, "yellow", "online.sender",
                       "refuses the sender alerts@example.com: 4", ""),
    "refused recipient": ({"refuse": {"alerts@example.com": "550 5.1.1 nobody"}}, {}, "yellow",
                          "online.recipient", "550 5.1.1 nobody", ""),
    "relay denied": ({"refuse": {"alerts@example.com": "554 5.7.1 Relay access denied"}}, {},
                     "yellow", "online.recipient", "Relay access denied", ""),
    "lost at MAIL": ({"at": "mail", "fault": "close"}, {}, "red", "online.sender", "", ""),
}


@pytest.mark.parametrize("case", PEERS)
def test_a_broken_smarthost_is_said_and_nothing_else(good, authority, case):
    peer, change, level, name, text, next_step = PEERS[case]
    options = {"certificate": "right", "users": USERS, **peer}
    options["certificate"] = authority.certificate(options["certificate"])
    with Peer(**options) as running:
        check(online(good, running, **change), level, name, text, next_step)


def test_who_offers_no_tls_is_yellow(good):
    good.path("etc/mailchute/secrets.ini").unlink()
    with Peer() as peer:
        good.port = peer.port
        good.configure()
        good.replace(CONF, "smtp+tls:", "smtp:")
        check(doctor(good, "--online"), "yellow", "online.cleartext", "offers no TLS",
              "smtp+tls://smarthost.test:587")


def test_an_address_that_does_not_answer_is_yellow(good, authority):
    good.write("etc/host.conf", "multi on\n")
    for address, advice in (("127.0.0.9", "tell whoever runs smarthost.test"),
                            ("::1", 'smarthost "provider" { ip = "4" }')):
        good.write("etc/hosts", f"127.0.0.1 localhost smarthost.test\n{address} smarthost.test\n")
        with Peer(certificate=authority.certificate(), users=USERS) as peer:
            check(online(good, peer), "yellow", "online.address",
                  f"{address}: Connection refused", advice)


def test_a_host_that_does_not_exist_is_red(good):
    good.replace(CONF, "smarthost.test", "smarthost.invalid")
    check(doctor(good, "--online"), "red", "online.dns", "smarthost.invalid", "")


def test_a_blocked_port_is_red_and_the_open_one_is_told(good):
    found = doctor(good, "--online", network=True, listens=[465])
    check(found, "red", "online.connect", "smarthost.test:587",
          'url = "smtps://smarthost.test:465"')


def test_nobody_there_is_red(good):
    check(doctor(good, "--online", network=True), "red", "online.connect", "Connection refused", "")


def test_a_clock_of_the_last_century_is_told(good, authority, programs):
    if is_sanitized(programs.mailchute):
        pytest.skip("a sanitized build wants its own library to be the first")
    shim = good.path("usr/lib/clock.so")
    good.path("offset").write_bytes(struct.pack("=q", -50 * 365 * 86400))
    subprocess.run(["cc", "-shared", "-fPIC", '-DOFFSET="/offset"', "-o", str(shim),
                    str(Path(__file__).parent / "support/clock.c")], check=True)
    with Peer(users=USERS, certificate=authority.certificate()) as peer:
        found = online(good, peer, environment={"LD_PRELOAD": "/usr/lib/clock.so"})
    bad = [(one["level"], one["id"]) for one in found.bad]
    assert bad[0] == ("yellow", "online.clock"), found.text
    assert "certificates look wrong" in found.bad[0]["text"]
    assert "timedatectl" in found.bad[0]["next"]
    assert bad[1:] == [("red", "online.tls")]


def test_one_smarthost_alone_is_asked(good, authority):
    with Peer(certificate=authority.certificate(), users=USERS) as peer:
        good.port = peer.port
        good.configure(extra='smarthost "gone" { url = "smtp+tls://gone.invalid:587" '
                       'from = "a@example.com" }')
        found = doctor(good, "--online", "provider")
    assert found.bad == [], found.text
    assert "gone" not in found.text


# ---- all

# Faults of our own machinery, which no change of a machine brings about.
MACHINERY = {"online.worker"}


def test_every_yellow_and_red_line_is_broken_on_purpose():
    known = set()
    for source in SOURCES.glob("*.c"):
        text = source.read_text()
        for match in re.finditer(r"FINDING_(?:YELLOW|RED)[^;]*?\);", text, re.DOTALL):
            known.update(re.findall(r'"([a-z]+\.[a-z_]+)"', match.group(0)))
    tests = Path(__file__).read_text()
    assert len(known) > 30
    lacking = {name for name in known - MACHINERY if f'"{name}"' not in tests}
    assert lacking == set()


def test_the_manual_knows_every_line():
    manual = (Path(__file__).resolve().parent.parent /
              "packaging/man/mailchute-doctor.1").read_text()
    known = set()
    for source in SOURCES.glob("*.c"):
        known.update(re.findall(r'"((?:program|settings|identity|files|aliases|container|service|'
                                r'queue|php|callers|online)\.[a-z_]+)"', source.read_text()))
    assert {name for name in known if name not in manual} == set()
