# SPDX-License-Identifier: MIT

"""mailchute setup: four questions at a terminal, or as many options, to a delivered mail.

What it writes, it writes into an /etc that nobody else sees.
"""

import os
import pty
import re
import select
import stat
import time

import pytest

from support.good_root import GoodRoot
from support.mailchute import TOP, environment, needs_program, run
from support.own_mounts import command, why_not

pytestmark = [needs_program("sendmail", "mailchute"),
              pytest.mark.skipif(bool(why_not()), reason=why_not() or "")]

# Reads: a folder; the command.  /etc, /run and /var/spool are its own; /etc is kept in the folder.
ENTER = """\
set -eu
files=$1
shift
mkdir -p "$files/upper" "$files/work" "$files/space"
mount -t tmpfs tmpfs "$files/space"
mkdir "$files/space/upper" "$files/space/work"
mount -t overlay overlay /etc -o "lowerdir=/etc,upperdir=$files/space/upper,workdir=$files/space/work"
rm -rf /etc/mailchute
[ ! -d "$files/etc" ] || cp -a "$files/etc/." /etc
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/spool
status=0
"$@" || status=$?
rm -rf "$files/after"
mkdir "$files/after"
[ ! -d /etc/mailchute ] || cp -a /etc/mailchute/. "$files/after"
exit $status
"""
PASSWORD = "it's #1; \"quite\" = odd\\"


class Terminal:
    """A person at a terminal."""

    def __init__(self, words, env):
        self.text = ""
        self._seen = 0
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, env)

    def _read(self, seconds):
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            more = os.read(self._fd, 4096)
        except OSError:
            more = b""
        self.text += more.decode(errors="replace").replace("\r\n", "\n")
        return bool(more)

    def wait_for(self, words, timeout=40):
        end = time.monotonic() + timeout
        while not re.search(words, self.text[self._seen:]):
            if not self._read(max(0, end - time.monotonic())):
                raise AssertionError(f"no {words!r} in:\n{self.text}")
        self._seen = len(self.text)

    def type(self, line):
        os.write(self._fd, f"{line}\n".encode())

    def answer(self, prompt, line):
        self.wait_for(prompt)
        self.type(line)

    def end(self):
        """The exit status."""
        while self._read(40):
            pass
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def enter(folder):
    """The words that run a command in there."""
    return lambda *words: command("sh", "-c", ENTER, "sh", folder, *words)


@pytest.fixture
def provider(make_peer, authority):
    return make_peer(certificate=authority.certificate(), users={"me@example.com": PASSWORD})


def after(folder, name):
    return (folder / "after" / name).read_text()


def test_four_answers_and_a_mail_arrives(enter, folder, programs, provider, authority):
    (folder / "ca.pem").write_text(authority.ca.read_text())
    person = Terminal(enter(programs.mailchute, "setup", "--ca-file", folder / "ca.pem"),
                      environment())
    person.answer("host or URL: $", f"smtp+tls://localhost:{provider.port}")
    person.answer("2. Login .*: $", "me@example.com")
    person.answer("3. Password .*: $", PASSWORD)
    person.answer("4. To which address .* $", "you@far.example")
    person.answer(r"Write this\? .*$", "")
    person.wait_for("written: /etc/mailchute/mailchute.conf")
    person.answer(r"Send a test mail to root now\? .*$", "y")
    status = person.end()
    assert PASSWORD not in person.text and "quite" not in person.text
    assert status == 0, person.text
    # The doctor asked, and the mail was sent: by one session more.
    (message,) = provider.messages
    sender, recipients, content = message
    assert b"<me@example.com>" in sender and recipients == ["you@far.example"], message
    assert re.search(rb"^From: .*me@example\.com", content, re.MULTILINE), content
    assert {session.log_in for session in provider.sessions if session.log_in} == \
        {("me@example.com", PASSWORD)}
    assert after(folder, "mailchute.conf") == f"""\
# made by mailchute setup
# The logins stand in secrets.ini beside this file.

smarthost "main" {{
	url     = "smtp+tls://localhost:{provider.port}"
	from    = "me@example.com"
	ca_file = "{folder}/ca.pem"
}}

alias "root" {{ to = {{ "you@far.example" }} }}
alias "*" {{ to = {{ "root" }} }}
"""
    assert stat.S_IMODE((folder / "after/secrets.ini").stat().st_mode) & 0o007 == 0
    assert stat.S_IMODE((folder / "after/mailchute.conf").stat().st_mode) == 0o644


def test_a_provider_is_told_with_what_is_peculiar_of_it(enter, folder, programs):
    person = Terminal(enter(programs.mailchute, "setup", "--no-check"), environment())
    person.answer("host or URL: $", "gmial")
    person.answer("no provider .*\n[^$]*host or URL: $", "sendgrid")
    person.answer("API key .*\n[^$]*2. Login \\[apikey\\]: $", "")
    person.answer("3. Password .*: $", "")
    person.answer("3. Password .*: $", "SG.secret")
    person.answer("Which address may this login send as.*$", "alerts")
    person.answer("Which address may this login send as.*$", "alerts@example.com")
    person.answer("4. To which address .* $", "you")
    person.answer("no mail address\n4. To which address .* $", "you@far.example, me@far.example")
    person.answer(r"Write this\? .*$", "")
    assert person.end() == 0, person.text
    assert "SG.secret" not in person.text
    assert 'url  = "smtp+tls://smtp.sendgrid.net:587"' in after(folder, "mailchute.conf")
    assert 'to = { "you@far.example", "me@far.example" }' in after(folder, "mailchute.conf")
    assert after(folder, "secrets.ini").endswith(
        '[sendgrid]\nuser = "apikey"\npassword = "SG.secret"\n')


def test_an_address_says_who_sends_for_it(enter, folder, programs):
    person = Terminal(enter(programs.mailchute, "setup", "--no-check"), environment())
    person.answer("host or URL: $", "me@gmail.com")
    person.answer("app password .*\n[^$]*3. Password .*: $", "abcd efgh ijkl mnop")
    person.answer("4. To which address .* $", "me@gmail.com")
    person.answer(r"Write this\? .*$", "n")
    assert person.end() == 73 and "nothing is changed" in person.text
    assert list((folder / "after").iterdir()) == []


@pytest.mark.parametrize("ca_file, status, words", [
    ("/root/ca.pem", 66, "mailchute (801) cannot read /root/ca.pem: the folder /root is 0700 root:root; "
     "install -m 644 /root/ca.pem /etc/mailchute/"),
    ("/etc/link.pem", 66, "cannot read /etc/link.pem: the folder /root is 0700 root:root"),
    ("/etc/closed.pem", 66, "cannot read /etc/closed.pem: it is 0600 root:root; chmod a+r /etc/closed.pem"),
    ("/etc/none.pem", 66, "/etc/none.pem"),
    ("/etc/hosts", 66, "/etc/hosts"),
    ("etc/mailchute/ca.pem", 64, "--ca-file /etc/mailchute/ca.pem"),
    ("none.pem", 64, "begin it with a /"),
    ("/etc/mailchute/ca.pem", 0, ""),
])
@pytest.mark.parametrize("has_spool", [True, False], ids=["spool", "new"])
def test_a_ca_that_the_service_cannot_read_is_not_taken(folder, programs, authority, ca_file, status,
                                                        words, has_spool):
    machine = GoodRoot(folder / "root", programs, authority)
    text = authority.ca.read_text()
    machine.write("root/ca.pem", text)
    machine.path("root").chmod(0o700)
    machine.path("etc/link.pem").symlink_to("/root/ca.pem")
    machine.write("etc/closed.pem", text, 0o600)
    machine.path("etc/mailchute/mailchute.conf").unlink()
    if not has_spool:
        machine.path("var/spool/mailchute").rmdir()
    given = ["setup", "--url", "smarthost.test", "--user", "", "--root", "me@example.com"]
    found, output, errors = machine.run(*given, "--ca-file", ca_file, "--no-check")
    assert found == status and words in errors, (output, errors)
    assert machine.path("etc/mailchute/mailchute.conf").exists() == (status == 0)


def test_settings_that_are_there_stay_unless_they_shall_not(enter, folder, programs):
    (folder / "etc/mailchute").mkdir(parents=True)
    old = folder / "etc/mailchute/mailchute.conf"
    old.write_text('smarthost "old" { url = "smtp://old.example:25" }\n')
    words = enter(programs.mailchute, "setup", "--no-check", "--url", "relay.example.com:25",
                  "--user", "", "--root", "you@far.example")
    person = Terminal(words, environment())
    person.answer(r"has settings already.*\n[^$]*\[y/N\] $", "")
    assert person.end() == 73
    assert after(folder, "mailchute.conf") == old.read_text()
    person = Terminal(words, environment())
    person.answer(r"\[y/N\] $", "y")
    person.answer(r"Write this\? .*$", "y")
    assert person.end() == 0, person.text
    assert "old.example" in after(folder, "mailchute.conf.old")
    assert '"smtp://relay.example.com:25"' in after(folder, "mailchute.conf")
    result = run(words)
    assert result.status == 73 and "--force" in result.stderr
    assert after(folder, "mailchute.conf") == old.read_text()


def test_what_the_package_was_told_counts_no_more(enter, folder, programs):
    """A drop-in would win over the new mailchute.conf."""
    (folder / "etc/mailchute/conf.d").mkdir(parents=True)
    answers = 'alias "root" { to = { "old@far.example" } }\n'
    (folder / "etc/mailchute/conf.d/debconf.conf").write_text(answers)
    result = run(enter(programs.mailchute, "setup", "--no-check", "--url", "relay.example.com:25",
                       "--user", "", "--root", "you@far.example"))
    assert result.status == 0 and b"now /etc/mailchute/conf.d/debconf.conf.old" in result.stdout
    assert not (folder / "after/conf.d/debconf.conf").exists()
    assert after(folder, "conf.d/debconf.conf.old") == answers


def test_a_script_answers_by_options(enter, folder, programs, provider, authority):
    (folder / "ca.pem").write_text(authority.ca.read_text())
    (folder / "password").write_text(PASSWORD + "\n")
    words = [programs.mailchute, "setup", "--url", f"smtp+tls://localhost:{provider.port}",
             "--user", "me@example.com", "--root", "you@far.example",
             "--ca-file", folder / "ca.pem"]
    for more, input in ((["--password-file", folder / "password"], ""), ([], PASSWORD + "\n")):
        result = run(enter(*words, *more), input)
        # What else the doctor finds on this machine is not ours to say.
        output = result.stdout.decode()
        assert "accepted (nothing was sent)" in output, output
        assert "written: /etc/mailchute/secrets.ini" in output and "mailchute test root" in output
        assert "quite" not in output + result.stderr
    assert {session.log_in for session in provider.sessions if session.log_in} == \
        {("me@example.com", PASSWORD)}


@pytest.mark.parametrize("arguments, input, words", [
    ([], "", "--provider or --url is missing"),
    (["--provider", "gmail"], "", "--user is missing"),
    (["--provider", "ses"], "", "--region is missing"),
    (["--provider", "gmail", "--user", "me@gmail.com"], "", "--password-file is missing"),
    (["--provider", "gmail", "--user", "me@gmail.com"], "p\n", "--root is missing"),
    (["--provider", "postmark", "--user", "token"], "p\n", "--from is missing"),
    (["--provider", "brevo", "--user", "8a@smtp-brevo.com"], "p\n", "--from is missing"),
    (["--provider", "gmail", "--url", "smtp.example.com"], "", "say the same"),
    (["--provider", "gmial"], "", 'the nearest known one is "gmail"'),
    (["--url", "smtp+tls://u:secret@smtp.example.com:587"], "", "holds a password"),
    (["--provider", "smtp+tls://u:secret@smtp.example.com:587"], "", "holds a password"),
    (["--url", "smpt://x.example"], "", "smpt"),
    (["--provider", "gmail", "--user", "me@gmail.com", "--root", "you"], "p\n", "no mail address"),
    (["--frobnicate"], "", "--frobnicate"),
])
def test_what_is_missing_is_named(enter, folder, programs, arguments, input, words):
    result = run(enter(programs.mailchute, "setup", *arguments), input)
    assert result.status == 64 and words in result.stderr, result
    assert "secret" not in result.stderr
    assert list((folder / "after").iterdir()) == []


@pytest.mark.parametrize("given, url", [
    ("smtp.example.com", "smtp+tls://smtp.example.com:587"),
    ("smtp.example.com:465", "smtps://smtp.example.com:465"),
    ("relay:2525", "smtp+tls://relay:2525"),
    ("localhost", "smtp+tls://localhost:587"),
    ("192.0.2.1:25", "smtp://192.0.2.1:25"),
    ("[2001:db8::1]:587", "smtp+tls://[2001:db8::1]:587"),
    ("smtp.gmail.com", "smtps://smtp.gmail.com:465"),
    ("smtp.gmail.com:587", "smtp+tls://smtp.gmail.com:587"),
    ("email-smtp.us-east-1.amazonaws.com", "smtp+tls://email-smtp.us-east-1.amazonaws.com:587"),
])
def test_a_host_is_enough(folder, programs, given, url):
    result = run([programs.mailchute, "setup", "--url", given, "--user", "", "--root",
                  "you@far.example", "--into", folder / "into"])
    assert result.status == 0, result
    assert f'"{url}"' in (folder / "into/mailchute.conf").read_text()


def test_who_may_not_write_is_asked_nothing(enter, programs):
    person = Terminal(enter("setpriv", "--reuid=65534", "--clear-groups", programs.mailchute, "setup"),
                      environment())
    assert person.end() == 77 and "run this as root" in person.text
    assert "Through whom" not in person.text


def test_every_provider_is_listed(programs):
    result = run([programs.mailchute, "setup", "--list"])
    assert result.status == 0
    for name in ("gmail", "office365", "ses", "sendgrid", "mailgun", "postmark", "brevo", "fastmail",
                 "zoho", "yahoo", "icloud", "ovh", "hetzner"):
        assert re.search(f"^{name}: ", result.stdout.decode(), re.MULTILINE), name


@pytest.mark.parametrize("name", ["setup", "import"])
def test_the_manual_has_every_option(programs, name):
    manual = (TOP / f"packaging/man/mailchute-{name}.1").read_text()
    options = re.findall(r"^  --([a-z-]+)", run([programs.mailchute, name, "--help"]).stdout.decode(),
                         re.MULTILINE)
    assert len(options) >= 4
    for option in options:
        assert f".It Fl -{option}" in manual, option
