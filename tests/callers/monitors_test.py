# SPDX-License-Identifier: MIT

"""What watches a machine and tells root: sudo, smartd, logwatch, fail2ban, and more."""

import pytest

from support import smartd
from support.wait import wait_for


def check_complete(message, sender, recipients):
    assert message.sender == sender
    assert sorted(message.recipients) == sorted(recipients)
    assert message.field("From") and message.field("Date") and message.field("Message-ID")


# sudo

@pytest.fixture
def sudo(callers):
    """alice asks for what she may not have, under these rules; sudo itself says no."""
    def run(rules="", asks_for_password=False):
        callers.write("/etc/sudoers.d/test", rules, 0o440)
        if asks_for_password:
            callers.write("/etc/pam.d/sudo", "auth required pam_deny.so\n"
                          "account required pam_permit.so\nsession required pam_permit.so\n")
        result = callers.run(["sudo", "-S", "id"], "alice", "wrong\n" * 3)
        assert (result.status, result.stdout) == (1, b""), result
        return result

    pam = callers.read("/etc/pam.d/sudo")
    yield run
    callers.write("/etc/pam.d/sudo", pam)
    callers.path("/etc/sudoers.d/test").unlink()


def test_sudo_of_a_stranger(callers, sudo):
    assert "alice is not in the sudoers file" in sudo().stderr
    message = callers.message()
    check_complete(message, "alice@here.example", ["root@here.example"])
    assert message.field("From") == "alice@here.example"
    assert message.field("To") == "root@here.example"
    assert message.field("Subject") == "*** SECURITY information for box.here.example ***"
    assert b": alice : user NOT in sudoers ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id\n" in \
        message.body


def test_sudo_of_one_with_a_wrong_password(callers, sudo):
    """mail_badpass, Debian's default."""
    sudo("alice ALL=(ALL) ALL\n", asks_for_password=True)
    message = callers.message()
    check_complete(message, "alice@here.example", ["root@here.example"])
    assert b"3 incorrect password attempts ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id\n" in \
        message.body


def test_sudo_with_other_settings(callers, sudo):
    sudo('Defaults mailto="ops@far.example, bob@far.example", mailfrom="sudo@there.example",'
         ' mailsub="no: %u on %h", mailerflags="-t -i -fsudo@there.example"\n')
    message = callers.message()
    check_complete(message, "sudo@there.example", ["bob@far.example", "ops@far.example"])
    assert message.field("From") == "sudo@there.example"
    assert message.field("Subject") == "no: alice on box.here.example"


def test_sudo_while_the_service_is_gone(callers, sudo):
    """It neither waits for sendmail nor looks; its own answer stays the same."""
    callers.stop_service()
    assert "alice is not in the sudoers file" in sudo().stderr
    wait_for(lambda: not callers.processes(), what="its sendmail to end")
    callers.start_service()
    callers.no_message()


# smartd

SMARTD = {**smartd.VARIABLES, "SMARTD_MAILER": "", "SMARTD_ADDRESS": "root ops@far.example",
          "SMARTD_DEVICEINFO": "DISK gr\u00fcn, S/N:1"}


def check_from_smartd(message, recipients):
    check_complete(message, "root@here.example", recipients)
    assert message.field("From") == "root <root@here.example>"
    assert message.field("Subject") == smartd.SUBJECT
    for line in (SMARTD["SMARTD_MESSAGE"], SMARTD["SMARTD_DEVICEINFO"], "   host name:  box"):
        assert line in message.body.decode().split("\n")
    assert message.body.endswith(b"will be sent in 24 hours if the problem persists.\n")


def test_smartd(callers):
    callers.run_ok(smartd.WARNING, env=SMARTD)
    message = callers.message()
    check_from_smartd(message, ["ops@far.example", "root@here.example"])
    assert message.field("To") == "ops@far.example, root@here.example"


def test_smartd_with_the_runner_of_debian(callers):
    """-M exec, as Debian's smartd.conf has it.  The runner passes the first address alone."""
    callers.run_ok(smartd.WARNING, env={**SMARTD, "SMARTD_ADDRESS": "root",
                                        "SMARTD_MAILER": "/usr/share/smartmontools/smartd-runner"})
    check_from_smartd(callers.message(), ["root@here.example"])


@pytest.mark.parametrize("mailer", ["", "/usr/share/smartmontools/smartd-runner"])
def test_smartd_learns_of_a_refusal(callers, mailer):
    callers.stop_service()
    result = callers.run(smartd.WARNING, env={**SMARTD, "SMARTD_MAILER": mailer})
    assert b"no service answers" in result.stdout, result
    assert mailer or result.status == 1, result
    callers.start_service()
    callers.no_message()


# mdadm: its monitor tests the way for an array, be it there or not

MDADM = ["mdadm", "--monitor", "--test", "--oneshot", "/dev/md0"]


@pytest.mark.parametrize("to, recipient", [("root", "root@here.example"),
                                           ("ops@far.example", "ops@far.example")])
def test_mdadm(callers, to, recipient):
    result = callers.run([*MDADM, f"--mail={to}"])
    assert (result.status, result.stdout) == (0, b""), result
    message = callers.message()
    check_complete(message, "root@here.example", [recipient])
    assert message.field("From") == "mdadm monitoring <root@box>"
    assert message.field("To") == recipient
    assert message.field("Subject") == "TestMessage event on /dev/md0:box"
    assert message.body.startswith(b"This is an automatically generated mail message from mdadm\n"
                                   b"running on box\n")
    assert b"\nFaithfully yours, etc.\n" in message.body


def test_mdadm_with_a_sender(callers):
    callers.write("/etc/mdadm/mdadm.conf", "MAILADDR ops@far.example\n"
                  "MAILFROM Arrays <md@there.example>\n")
    result = callers.run(MDADM)
    assert (result.status, result.stdout) == (0, b""), result
    message = callers.message()
    check_complete(message, "root@here.example", ["ops@far.example"])
    assert message.field("From") == "Arrays <md@there.example>"
    callers.path("/etc/mdadm/mdadm.conf").unlink()


def test_mdadm_while_the_service_is_gone(callers):
    callers.stop_service()
    result = callers.run([*MDADM, "--mail=root"])
    assert "no service answers" in result.stderr, result
    callers.start_service()
    callers.no_message()


# logwatch

@pytest.fixture
def logwatch(callers, token):
    lines = "".join(f"$now box sshd[12]: Accepted password for {name} from 192.0.2.1 port 2 ssh2\n"
                    for name in [token, *(f"user{number}" for number in range(500))])
    callers.run_ok(f'now=$(date "+%b %e %H:%M:%S"); cat >/var/log/auth.log <<end\n{lines}end\n')
    yield ["logwatch", "--output", "mail", "--service", "sshd", "--range", "today", "--detail",
           "high"]
    callers.path("/var/log/auth.log").unlink()


@pytest.mark.parametrize("kind", ["text", "html"])
def test_logwatch(callers, logwatch, token, kind):
    callers.run_ok([*logwatch, "--mailto", "ops@far.example, root", "--format", kind])
    message = callers.message()
    check_complete(message, "root@here.example", ["ops@far.example", "root@here.example"])
    assert message.field("From") == "root@here.example"
    assert message.field("Subject") == "Logwatch for box (Linux)"
    assert message.field("Content-Type").startswith(f"text/{'plain' if kind == 'text' else kind};")
    assert token.encode() in message.body and b"user499" in message.body
    assert (b"# Logwatch End #" if kind == "text" else b"</html>") in message.body


def test_logwatch_while_the_service_is_gone(callers, logwatch):
    """It does not look at sendmail's status, but whoever runs it reads why."""
    callers.stop_service()
    result = callers.run([*logwatch, "--mailto", "ops@far.example"])
    assert "no service answers" in result.stderr, result
    callers.start_service()
    callers.no_message()


# unattended-upgrades: its own function, called as it calls that at its end

UPGRADES = """\
import importlib.machinery, importlib.util, io
loader = importlib.machinery.SourceFileLoader("upgrade", "/usr/bin/unattended-upgrade")
upgrade = importlib.util.module_from_spec(importlib.util.spec_from_loader("upgrade", loader))
loader.exec_module(upgrade)
upgrade.apt_pkg.init_config()
upgrade.apt_pkg.config.set("Unattended-Upgrade::Mail", "root, ops@far.example")
upgrade.apt_pkg.config.set("Unattended-Upgrade::MailReport", "always")
upgrade.{absent} = "/nonexistent"
body = open("/tmp/body", encoding="UTF-8").read()
upgrade.send_summary_mail(["a-package", "an-other"], True, "All upgrades installed",
                          upgrade.KeptPkgs(set), [], [], io.StringIO(body + "\\n"), "dpkg\\n")
"""


@pytest.mark.parametrize("absent", ["MAIL_BINARY", "SENDMAIL_BINARY"])
def test_unattended_upgrades(callers, body, absent):
    """It prefers sendmail, and takes mail where that is not there."""
    callers.write("/tmp/body", body)
    callers.run_ok(["python3", "-c", UPGRADES.format(absent=absent)])
    message = callers.message()
    check_complete(message, "root@here.example", ["ops@far.example", "root@here.example"])
    assert message.field("Subject") == "unattended-upgrades result for box.here.example: SUCCESS"
    text = message.text()
    assert text.startswith("Unattended upgrade result: All upgrades installed\n")
    assert " a-package an-other\n" in text
    assert text.rstrip("\n").endswith(f"Unattended-upgrades log:\n{body}")


def test_unattended_upgrades_while_the_service_is_gone(callers):
    callers.stop_service()
    callers.write("/tmp/body", "lost")
    result = callers.run(["python3", "-c", UPGRADES.format(absent="MAIL_BINARY")])
    assert "no service answers" in result.stderr, result
    callers.start_service()
    callers.no_message()


# apt-listchanges, with a package as apt hands it over

@pytest.fixture
def package(callers, token):
    """A package with news."""
    callers.write("/tmp/thing/DEBIAN/control", "Package: thing\nVersion: 2-1\nArchitecture: all\n"
                  "Maintainer: A <a@far.example>\nDescription: a thing\n")
    callers.write("/tmp/thing/usr/share/doc/thing/NEWS.Debian", "".join(
        f"thing ({version}) unstable; urgency=low\n\n  * {words}\n\n"
        f" -- A <a@far.example>  Mon, 23 Nov 2026 0{version[0]}:00:00 +0000\n\n"
        for version, words in (("2-1", f"{token} gr\u00fcn\n    .\n    ."), ("1-1", "the first"))))
    callers.write("/var/lib/dpkg/status", "")
    result = callers.run("gzip -9n thing/usr/share/doc/thing/NEWS.Debian"
                         " && dpkg-deb -b thing thing.deb", cwd="/tmp")
    assert result.status == 0, result
    yield ["apt-listchanges", "--frontend=mail", "--email-address=root,ops@far.example",
           "--since=1-1", "--which=news", "/tmp/thing.deb"]
    callers.run_ok("rm -rf /tmp/thing /tmp/thing.deb")


def test_apt_listchanges(callers, package, token):
    result = callers.run(package)
    assert (result.status, result.stderr) == (0, ""), result
    message = callers.message()
    check_complete(message, "root@here.example", ["ops@far.example", "root@here.example"])
    assert message.field("To") == "root@here.example,ops@far.example"
    assert message.field("Subject") == "apt-listchanges: news for box"
    text = message.text()
    assert text.startswith("thing (2-1) unstable;") and "the first" not in text
    assert f"\n  * {token} gr\u00fcn\n    .\n    .\n" in text


def test_apt_listchanges_while_the_service_is_gone(callers, package):
    callers.stop_service()
    result = callers.run(package)
    assert "no service answers" in result.stderr, result
    callers.start_service()
    callers.no_message()


# logcheck, which sends by mime-construct, as a user of its own

@pytest.fixture
def logcheck(callers, token):
    callers.write("/tmp/a.log", f"Nov 23 09:00:00 box kernel: {token} gr\u00fcn\n".encode() +
                  b".\nNov 23 09:00:01 box kernel: \xfc\n")
    callers.make_folder("/run/lock/logcheck", "logcheck")
    callers.make_folder("/var/lib/logcheck", "logcheck")
    yield ["logcheck", "-l", "/tmp/a.log", "-m"]
    callers.run_ok("rm -rf /tmp/a.log /run/lock/logcheck /var/lib/logcheck/*")


@pytest.mark.parametrize("to, recipient", [("root", "root@here.example"),
                                           ("ops@far.example", "ops@far.example")])
def test_logcheck(callers, logcheck, token, to, recipient):
    callers.run_ok([*logcheck, to], "logcheck")
    message = callers.message()
    check_complete(message, "logcheck@here.example", [recipient])
    assert message.field("From") == "logcheck@here.example"
    assert message.field("To") == recipient
    assert message.field("Subject").endswith(" System Events")
    lines = message.parsed().get_payload(decode=True).splitlines()
    for line in (f"Nov 23 09:00:00 box kernel: {token} gr\u00fcn".encode(), b".",
                 b"Nov 23 09:00:01 box kernel: \xfc"):
        assert line in lines


def test_logcheck_while_the_service_is_gone(callers, logcheck):
    callers.stop_service()
    result = callers.run([*logcheck, "root"], "logcheck")
    assert "no service answers" in result.stderr, result
    callers.start_service()
    callers.no_message()


# check_mailq, the plugin of Nagios and Icinga

CHECK_MAILQ = ["/usr/lib/nagios/plugins/check_mailq", "-M", "postfix", "-w", "1", "-c", "3"]


def check_mailq(callers, as_user="root"):
    result = callers.run(CHECK_MAILQ, as_user)
    assert result.stderr == "", result
    return result.status, result.stdout.decode()


def test_check_mailq(make_callers):
    callers = make_callers()
    assert check_mailq(callers) == \
        (0, "OK: postfix mailq reports queue is empty|unsent=0;1;3;0\n")
    callers.sink.kill()
    for count, expected in ((1, (1, "WARNING: postfix mailq is 1 (threshold w = 1)")),
                            (3, (2, "CRITICAL: postfix mailq is 3 (threshold c = 3)"))):
        while callers.count() < count:
            callers.run_ok(["sendmail", "b@far.example", "root"], input="x\n")
        assert check_mailq(callers) == (expected[0], f"{expected[1]}|unsent={count};1;3;0\n")
    # Others than root see what is theirs.
    assert check_mailq(callers, "alice")[0] == 0
    callers.run_ok(["sendmail", "b@far.example"], "alice", "x\n")
    assert check_mailq(callers, "alice")[0] == 1


# fail2ban: a server with a jail, a log file, and its own action

JAIL = """\
[sshd]
enabled = false
[here]
enabled = true
filter = here
logpath = /tmp/here.log
backend = polling
maxretry = 1
action = {action}
"""
FILTER = "[Definition]\nfailregex = ^ failed from <HOST>$\n"
SENDMAIL = 'sendmail[name=here, dest="{dest}", sender=f2b@there.example, sendername=Fail2Ban]'


class Fail2ban:
    def __init__(self, callers, action):
        self.callers = callers
        callers.write("/etc/fail2ban/jail.local", JAIL.format(action=action))
        callers.write("/etc/fail2ban/filter.d/here.conf", FILTER)
        callers.write("/tmp/here.log", "")
        callers.make_folder("/run/fail2ban")
        self.server = callers.spawn("fail2ban", ["fail2ban-server", "-f", "--logtarget", "STDOUT",
                                                 "start"])
        self.wait_for("Jail 'here' started")

    def wait_for(self, words):
        self.server.wait_for_text(words)

    def ban(self, address):
        """As sshd's failures do, through the log that it reads."""
        self.callers.run_ok(f'echo "$(date "+%F %T") failed from {address}" >>/tmp/here.log')
        self.wait_for(rf"\[here\] Ban {address}")

    def banned(self):
        return self.callers.run(["fail2ban-client", "get", "here", "banned"]).stdout.decode()


@pytest.fixture
def fail2ban(callers):
    """A running server with this action."""
    yield lambda action: Fail2ban(callers, action)
    callers._end_strays()
    callers.run_ok("rm -rf /var/lib/fail2ban/* /run/fail2ban /tmp/here.log"
                   " /etc/fail2ban/jail.local /etc/fail2ban/filter.d/here.conf")


def test_fail2ban(callers, fail2ban):
    fail2ban(SENDMAIL.format(dest="ops@far.example, root")).ban("192.0.2.7")
    started, banned = sorted(callers.messages(2), key=lambda message: message.field("Subject"),
                             reverse=True)
    for message in (started, banned):
        check_complete(message, "f2b@there.example", ["ops@far.example", "root@here.example"])
        assert message.field("From") == "Fail2Ban <f2b@there.example>"
        assert message.field("To") == "ops@far.example, root@here.example"
        assert message.body.startswith(b"Hi,\n\n") and message.body.endswith(b"\n\nFail2Ban\n")
    assert started.field("Subject") == "[Fail2Ban] here: started on box.here.example"
    assert banned.field("Subject") == "[Fail2Ban] here: banned 192.0.2.7 from box.here.example"
    assert b"\nThe IP 192.0.2.7 has just been banned by Fail2Ban after\n1 attempts" in banned.body


def test_fail2ban_learns_of_a_refusal(callers, fail2ban):
    """It says so in its log, and the ban stands."""
    callers.stop_service()
    server = fail2ban(SENDMAIL.format(dest="ops@far.example"))
    server.ban("192.0.2.7")
    server.wait_for("Failed to execute ban jail 'here' action 'sendmail'")
    assert "no service answers" in server.server.text()
    assert "returned 78" in server.server.text()
    assert "192.0.2.7" in server.banned()
    server.server.kill()
    callers.start_service()
    callers.no_message()


def test_fail2ban_through_mail(callers, fail2ban):
    """It means GNU's mail: for bsd-mailx its "set escape" is one more recipient, and none.

    So the mail goes to the good one with status 65, and fail2ban runs the action again.
    """
    server = fail2ban("mail[name=here, dest=ops@far.example]")
    server.ban("192.0.2.7")
    server.wait_for("Failed to execute ban")
    messages = callers.messages(3)
    for message in messages:
        check_complete(message, "root@here.example", ["ops@far.example"])
    assert {message.field("Subject") for message in messages} == \
        {"[Fail2Ban] here: started  on box.here.example",
         "[Fail2Ban] here: banned 192.0.2.7 from box.here.example"}
