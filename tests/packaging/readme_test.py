# SPDX-License-Identifier: MIT

"""README.md is true: its commands exist, its set-ups load, and mail goes through them."""

import os
import re

import pytest

from support.mailchute import TOP, environment, fields, needs_program, run
from support.wait import wait_for

README = (TOP / "README.md").read_text()
WEB = 33

pytestmark = needs_program("sendmail", "mailchute")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to send as another")


def section(title, text=README, level="##"):
    found = re.search(rf"^{level} {title}.*?\n(.*?)(?=^{level} |\Z)", text, re.M | re.S)
    assert found, title
    return found.group(1)


def set_up(title):
    return section(title, section("Five set-ups") + "\n", "###")


def typed(text):
    return "".join(line[4:] + "\n" for line in text.splitlines() if line.startswith("    "))


def settings(title):
    """What is to be written into mailchute.conf."""
    return "".join(line + "\n" for line in typed(set_up(title)).splitlines()
                   if re.match(r"(smarthost|alias|route|limits|capture)\b", line))


def through(text, **sinks):
    """The smarthosts of these names are the sinks."""
    for name, sink in sinks.items():
        text, count = re.subn(rf'(smarthost "{name}" .*?url = )"[^"]+"', rf'\1"{sink.url}"', text)
        assert count == 1, name
    return text


def envelopes(sink, count):
    """(sender, recipient) of so many messages, which are waited for."""
    def all_of_them():
        found = re.findall(r"from=<(\S*)> to=<(\S*)>", sink.text())
        return len(found) >= count and found

    return wait_for(all_of_them, what=lambda: f"{count} messages: {sink.text()}")


TITLES = re.findall(r"^### (.*)$", section("Five set-ups"), re.M)


def test_there_are_five_and_they_are_short():
    assert len(TITLES) == 5
    for title in TITLES:
        assert 0 < typed(set_up(title)).count("\n") < 10, title
    assert len(README.splitlines()) < 260
    assert max(map(len, (line for line in README.splitlines() if line[:1] != "|"))) <= 106


@pytest.mark.parametrize("title", TITLES)
def test_its_settings_load(programs, folder, title):
    (folder / "mailchute.conf").write_text(settings(title))
    if not settings(title):
        assert "MAILCHUTE_URL=" in set_up(title)
        return
    result = run([programs.mailchute, "config", "--file", folder / "mailchute.conf", "--changed"])
    assert result.status == 0 and result.stderr == "", result
    assert b"MC-" not in result.stdout, result


def changed(programs, file):
    text = run([programs.mailchute, "config", "--changed", "--file", file]).stdout.decode()
    return re.sub(r" +# .*", "", text)


def test_by_hand_a_mailbox_is_set_up_as_setup_does_it(programs, folder):
    line, = re.findall(r"^(mailchute setup .*)$", typed(set_up("A server")), re.M)
    words = [*line.split()[1:], "--no-check", "--into", folder / "etc"]
    result = run([programs.mailchute, *words], b"a password\n")
    assert result.status == 0, result
    (folder / "hand.conf").write_text(settings("A server"))
    assert changed(programs, folder / "hand.conf") == changed(programs, folder / "etc/mailchute.conf")
    assert 'password = "a password"' in (folder / "etc/secrets.ini").read_text()


def test_there_are_as_many_providers_as_it_says(programs):
    listed = run([programs.mailchute, "setup", "--list"]).stdout.decode()
    assert 40 <= len(re.findall(r"^\S+: ", listed, re.M)) < 50 and "some\nforty" in README or \
        "some forty" in README


def test_mail_of_a_server_goes_to_the_mailbox(make_service, sink):
    service = make_service(extra=through(settings("A server"), gmail=sink)).start()
    for who in ("root", "backup"):
        result = service.sendmail("-FCronDaemon", "-i", "-odi", who,
                                  input=b"Subject: cron\n\nhello\n")
        assert result.status == 0, result
    assert [recipient for _, recipient in envelopes(sink, 2)] == ["me@gmail.com"] * 2


@needs_root
def test_mail_of_php_has_a_sender_that_is_taken(make_service, sink):
    service = make_service(extra=through(settings("A host for PHP"), provider=sink)).start()
    result = service.sendmail("-t", "-i", "-fwww-data@host", input=b"To: you@far.example\r\nSubject: php\r\n"
                              b"From: Shop <www-data@host>\r\n\r\nhi\n", user=WEB, group=WEB, extra_groups=[])
    assert result.status == 0, result
    assert envelopes(sink, 1) == [("web@example.com", "you@far.example")]
    assert fields(sink.messages()[0], "From") == ["Shop <web@example.com>"]


@needs_root
def test_one_variable_suffices(programs, folder, make_sink):
    variable, = re.findall(r"^MAILCHUTE_URL=(\S+)$", typed(set_up("A container")), re.M)
    assert variable == "smtp+tls://user:password@smtp.example.com:587"
    sink = make_sink("--starttls", "--name", "localhost", "--user", "user", "--password",
                     "password", "--write-certificate", folder / "ca.pem").start()
    url = variable.replace("smtp.example.com:587", f"localhost:{sink.port}")
    command = ["setpriv", "--reuid=1000650000", "--regid=0", "--clear-groups", "--no-new-privs",
               programs.sendmail, "-t", "-i"]
    result = run(command, b"To: you@far.example\nSubject: one\n\nhello\n",
                 env=environment(url=url, SSL_CERT_FILE=folder / "ca.pem",
                                 socket=folder / "none.sock"))
    assert result.status == 0, result
    assert [recipient for _, recipient in envelopes(sink, 1)] == ["you@far.example"]
    # And it is named as the line of the Dockerfile names it.
    copied = re.search(r"^COPY --from=mailchute (\S+) (\S+)$", typed(set_up("A container")), re.M)
    assert copied.groups() == ("/usr/bin/mailchute", "/usr/sbin/sendmail")
    assert any(copied.group() in file.read_text()
               for file in (TOP / "packaging/docker").iterdir() if file.is_file())


def test_captured_mail_stays_here(programs, folder, make_service):
    text = settings("A machine for development")
    assert text == 'capture = "/var/lib/mailchute/captured"\n'
    (folder / "mailchute").mkdir()  # as the packages' unit does
    service = make_service(extra=text.replace("/var/lib", str(folder))).start()
    for name in ("you@far.example", "root@far.example"):
        result = service.sendmail(name, input=f"Subject: for {name}\n\nhello\n".encode())
        assert result.status == 0, result
    service.wait_until_empty()
    shown = service.admin("sink", "show", "-1")
    assert shown.status == 0 and b"for root@far.example" in shown.stdout, shown


def test_the_second_relay_takes_over_and_the_news_have_their_own(make_service, make_sink):
    relay, bulk = make_sink().start(), make_sink().start()
    service = make_service(extra=through(settings("A relay"), relay=relay, bulk=bulk)).start()
    message = b"Subject: x\n\nhello\n"
    service.sendmail("-f", "news@example.com", "a@far.example", input=message)
    service.sendmail("-f", "alerts@example.com", "b@far.example", input=message)
    assert envelopes(bulk, 1) == [("news@example.com", "a@far.example")]
    assert envelopes(relay, 1) == [("alerts@example.com", "b@far.example")]
    words = re.search(r"`mailchute (explain -f\s\S+ \S+)`", set_up("A relay")).group(1).split()
    told = service.admin(*words).stdout.decode()
    assert '"news"' in told and '"bulk"' in told, told
    relay.kill()
    service.sendmail("-f", "alerts@example.com", "c@far.example", input=message)
    assert envelopes(bulk, 2)[1][1] == "c@far.example"


def commands():
    """Every call of mailchute in code, with its options."""
    code = typed(README) + "\n".join(re.sub(r"\s+", " ", one)
                                     for one in re.findall(r"`([^`]+)`", README))
    return sorted(set(re.findall(r"^(?:MAILCHUTE\S+ )?(mailchute [a-z][^#\n]*?) *(?:#.*)?$", code, re.M)))


@pytest.mark.parametrize("line", commands())
def test_every_command_and_option_exists(programs, line):
    words = line.split()[1:]
    result = run([programs.mailchute, words[0], "--help"])
    assert result.status == 0, result
    text = result.stdout.decode()
    for word in words[1:]:
        if word.startswith("--"):
            assert word in text, line
    for verb in re.findall(r"^mailchute (?:queue|secret|sink) ([a-z]+)", line):
        assert f"mailchute {words[0]} {verb}" in text, line


def test_every_link_and_script_is_there():
    targets = re.findall(r"\]\(([^)]+)\)", README) + re.findall(r'src="([^"]+)"', README)
    targets += re.findall(r"`\.?/?((?:packaging|tests|src)/[^` ]+)`", README)
    for target in targets:
        assert (TOP / target).exists(), target
    for script in re.findall(r"^\| [^|]+ \| `([^`]+)` \|", section("Install it"), re.M):
        assert os.access(TOP / script, os.X_OK), script


def test_every_page_of_the_manual_is_linked():
    pages = {f"packaging/man/{page.name}" for page in (TOP / "packaging/man").glob("*.[1578]")}
    assert pages and pages == set(re.findall(r"\]\((packaging/man/[^)]+)\)", README))
