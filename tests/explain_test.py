# SPDX-License-Identifier: MIT

"""sendmail -bv and mailchute explain: what would become of mail, while nothing becomes of it."""

import os
import re
import socket
import subprocess

import pytest

from support.mailchute import (TOP, children_of, environment, fields, needs_program,
                               process_status, processes, run)
from support.postfix import why_not
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
needs_postfix = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")

ALIASES = """\
root: me@far.example, ops
ops: oncall@far.example,
    second@far.example
program: |/bin/true
self: \\self
a: b
b: a
"""
DEEP = "".join(f"deep{number}: deep{number + 1}\n" for number in range(30))
FROM = 'from = "alerts@here.example"'
OTHER_UID = 12345
WAYS = ("service", "spool", "child", "explain")


class Asked:
    """One configuration, asked by one of the ways."""

    def __init__(self, way, programs, folder, make_service, url, smarthost=FROM, extra="",
                 aliases=ALIASES, variables=None):
        self.way, self.programs, self.folder = way, programs, folder
        self.variables = dict(variables or {})
        self.service = make_service(url=url, smarthost=smarthost, extra=extra,
                                    variables=variables)
        self.place = self.service.folder
        (self.place / "aliases").write_text(aliases)
        if way == "service":
            self.service.start()

    def environment(self):
        if self.way == "service":
            return environment(socket=self.service.socket)
        # A caller's own settings: a child answers.
        return environment(config=self.service.config, socket=self.folder / "none.sock",
                           **self.variables)

    def ask(self, *arguments, **options):
        options.setdefault("env", self.environment())
        if self.way != "explain":
            return run([self.programs.sendmail, "-bv", *arguments], **options)
        words = ["--online" if word == "-v" else word for word in arguments]
        return run([self.programs.mailchute, "explain", *words], **options)

    def check_rest(self):
        """Nobody was started, and nothing is queued."""
        assert not processes(["serve --on-demand", str(self.service.config)])
        if self.way == "service":
            assert self.service.count() == 0
        elif self.way != "spool":
            assert not self.service.spool.exists()


@pytest.fixture(params=WAYS)
def asked(request, programs, folder, make_service, make_peer):
    peer = make_peer()

    def make(**options):
        options.setdefault("url", f"smtp://127.0.0.1:{peer.port}")
        made = Asked(request.param, programs, folder, make_service, **options)
        made.peer = peer
        if request.param == "spool":
            # The spool is there, and its owner may start a service.
            made.service.spool.mkdir(mode=0o700)
        return made

    yield make
    assert peer.sessions == []


def lines(result):
    return result.stdout.decode().splitlines()


def heads(result):
    """Those about addresses; the details are indented."""
    return [line for line in lines(result) if not line.startswith(" ")]


def deliverable(*addresses):
    return [f"{one}... deliverable: mailer relay, host 127.0.0.1, user {one}"
            for one in addresses]


# what is said

def test_an_address_of_the_world(asked):
    one = asked()
    result = one.ask("me@far.example")
    assert (result.status, result.stderr) == (0, ""), result
    assert heads(result) == deliverable("me@far.example")
    text = result.stdout.decode()
    assert f'    smarthost "test", the only smarthost ({one.service.config} line 2): ' in text
    assert f"smtp://127.0.0.1:{one.peer.port}\n" in text
    one.check_rest()


def test_aliases_with_file_and_line(asked):
    one = asked()
    file = one.place / "aliases"
    result = one.ask("root")
    assert result.status == 0, result
    assert heads(result) == [
        f"root... aliased to me@far.example, ops ({file} line 1)",
        f"ops... aliased to oncall@far.example, second@far.example ({file} line 2)",
        *deliverable("me@far.example", "oncall@far.example", "second@far.example")]
    one.check_rest()


def test_an_alias_of_the_configuration(asked):
    one = asked(extra='alias "*" { to = { "root" } }\nalias "root" { to = { "x@far.example" } }')
    result = one.ask("nobody-knows-it")
    config = one.service.config
    number = config.read_text().splitlines().index('alias "*" { to = { "root" } }') + 1
    assert heads(result) == [
        f'nobody-knows-it... aliased to root (alias "*" in {config} line {number})',
        f"root... aliased to x@far.example ({config} line {number + 1})",
        *deliverable("x@far.example")]


def test_bare_names_and_this_host(asked):
    one = asked()
    config = one.service.config
    source = f"the domain is from {config} line 1"
    result = one.ask("bob", "bob@localhost", f"bob@{socket.gethostname()}", "root@localhost")
    assert result.status == 0, result
    said = heads(result)
    assert said[:2] == [f"bob... completed to bob@here.example ({source})",
                        *deliverable("bob@here.example")]
    assert ("bob@localhost... completed to bob@here.example "
            f"(that domain is this machine; {source})") in said
    assert f"bob@{socket.gethostname()}... completed to" in result.stdout.decode()
    assert any(line.startswith("root@localhost... aliased to me@far.example") for line in said)


def test_loops_end(asked):
    result = asked().ask("self", "a")
    assert result.status == 0, result
    assert deliverable("self@here.example")[0] in heads(result)
    assert deliverable("b@here.example")[0] in heads(result)


def test_what_the_aliases_file_holds_in_vain_is_said(asked):
    one = asked()
    assert "warning" not in one.ask("me@far.example").stdout.decode()
    result = one.ask("program")
    assert (f'    warning: {one.place}/aliases line 4: "|/bin/true" is passed over: '
            "programs are not run") in lines(result)


def test_senders(asked):
    one = asked()
    for sender, words in (
            ("joe@web1", "sender joe@web1 goes as alerts@here.example, because no smarthost "
                         "takes a domain without a dot"),
            ("joe@localhost", "sender joe@localhost goes as alerts@here.example, because"),
            ("joe@x.example", "sender joe@x.example stays as it is, because"),
            ("", "sender <> stays as it is, because the null sender is never changed"),
            ("<>", "sender <> stays as it is"),
            ("joe", f"sender joe@here.example: joe, its domain from {one.service.config}")):
        result = one.ask("-f", sender, "me@far.example")
        assert result.status == 0 and "    " + words in result.stdout.decode(), result


def test_the_callers_own_name(asked):
    result = asked().ask("me@far.example")
    assert re.search(r"^    sender root@here\.example: the caller's own name",
                     result.stdout.decode(), re.MULTILINE) or os.geteuid() != 0


def test_display_names_lists_and_malformed_ones(asked):
    one = asked()
    result = one.ask("Me <me@far.example>, you@far.example", "two words@far.example", "x@")
    assert result.status == 65, result
    for line in deliverable("me@far.example", "you@far.example"):
        assert line in heads(result)
    assert "two words@far.example" in result.stdout.decode()
    assert "deliverable" not in "".join(line for line in heads(result) if "words" in line)
    one.check_rest()


def test_malformed_alone(asked):
    result = asked().ask("x@")
    assert result.status == 65, result
    assert b"deliverable" not in result.stdout


def test_nobody_is_named(asked):
    result = asked().ask()
    assert (result.status, result.stdout) == (64, b"") and result.stderr.count("\n") == 1


def test_too_many_steps(asked):
    one = asked(aliases=DEEP)
    result = one.ask("deep0", "me@far.example")
    assert result.status == 78, result
    assert re.search(r"^deep0\.\.\. alias \"deep\d+\" \(.*aliases line \d+\) stands at the end "
                     r"of more than 20 steps from deep0; let it name the addresses",
                     result.stdout.decode(), re.MULTILINE), result
    assert heads(result)[-1:] == deliverable("me@far.example")
    one.check_rest()


def test_no_smarthost(asked):
    one = asked()
    one.service.configure()
    if one.way == "service":
        one.service.kill()
        one.service.start()
    result = one.ask("me@far.example")
    assert result.status == 78, result
    assert "no smarthost is configured" in result.stdout.decode() + result.stderr


def test_a_secret_is_never_said(asked):
    one = asked(variables={"user": "us@here.example", "password": "Tr0ub4dor-marker"})
    result = one.ask("me@far.example")
    assert result.status == 0, result
    # This is root, or the service's own user.
    assert "login as us@here.example" in result.stdout.decode()
    assert "Tr0ub4dor" not in result.stdout.decode() + result.stderr


def test_every_line_is_the_same_by_every_way(programs, folder, make_service):
    said = []
    for way in WAYS:
        one = Asked(way, programs, folder, make_service, "smtps://127.0.0.1:1")
        text = one.ask("root", "bob", "-f", "joe@web1").stdout.decode()
        said.append(text.replace(str(one.place), "PLACE"))
    assert len(set(said)) == 1 and "with TLS from the first octet" in said[0], said


def test_quoted_and_utf8_addresses(asked):
    one = asked()
    for address in ('"a > b"@far.example', '"a, b"@far.example', "m\u00fcller@far.example",
                    "x@[192.0.2.1]"):
        result = one.ask("--", address)
        assert result.status == 0, result
        assert heads(result) == deliverable(address), result


# sendmail alone

@pytest.fixture
def service_and_peer(make_service, make_peer):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", smarthost=FROM)
    (service.folder / "aliases").write_text(ALIASES)
    return service.start(), peer


def test_recipients_of_a_header(service_and_peer):
    service, peer = service_and_peer
    result = service.sendmail("-bv", "-t", "you@far.example",
                              input=b"To: root\nCc: bob\nBcc: c@far.example\n\ntext\n")
    assert result.status == 0, result
    for address in ("you@far.example", "me@far.example", "bob@here.example", "c@far.example"):
        assert deliverable(address)[0] in heads(result)
    assert service.count() == 0 and peer.sessions == []


def test_without_minus_t_no_message_is_read(service_and_peer):
    service, _ = service_and_peer
    read_end, write_end = os.pipe()
    with open(read_end, "rb") as silent:
        result = service.sendmail("-bv", "me@far.example", input=silent)
    os.close(write_end)
    assert result.status == 0, result


def test_options_that_mean_nothing_here(service_and_peer):
    service, peer = service_and_peer
    result = service.sendmail("-bv", "-i", "-odi", "-oem", "-N", "never", "-F", "Joe Doe",
                              "me@far.example")
    assert (result.status, result.stderr) == (0, ""), result
    assert service.count() == 0 and peer.sessions == []


def test_nobody_reads(service_and_peer):
    service, _ = service_and_peer
    with open("/dev/full", "wb") as full:
        done = subprocess.run([service.programs.sendmail, "-bv", "root"], stdout=full,
                              stderr=subprocess.PIPE, env=environment(socket=service.socket))
    assert done.returncode != 0 and done.stderr.count(b"\n") == 1, done


@needs_root
def test_the_login_is_not_for_everybody(make_service, make_peer):
    peer = make_peer(verify={})
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}",
                           variables={"user": "us", "password": "secret-marker"}).start()
    result = service.sendmail("-bv", "-v", "me@far.example", user=OTHER_UID, group=OTHER_UID,
                              extra_groups=[])
    text = result.stdout.decode()
    assert result.status == 0 and deliverable("me@far.example")[0] in heads(result), result
    assert ", with a login\n" in text and "login as" not in text
    assert "    the smarthost is asked for root and the service's own user alone\n" in text
    assert f"sender uid-{OTHER_UID}@here.example: the caller's own name" in text
    assert peer.sessions == []


def test_what_was_said_is_what_happens(service_and_peer):
    service, peer = service_and_peer
    for number, sender in enumerate(("joe@web1", "joe@x.example", "joe", "joe@localhost")):
        said = service.sendmail("-bv", "-f", sender, "root", "bob", "b@localhost").stdout.decode()
        expected = re.findall(r"^(\S+)\.\.\. deliverable: ", said, re.MULTILINE)
        goes = re.findall(r"^    sender \S+ (?:goes as (\S+),|stays)", said, re.MULTILINE)
        sent = service.sendmail("-odi", "-f", sender, "root", "bob", "b@localhost",
                                input=b"Subject: x\n\ntext\n")
        assert sent.status == 0, sent
        wait_for(lambda: len(peer.messages) == number + 1, what="the message")
        mail, recipients, content = peer.messages[number]
        assert sorted(recipients) == sorted(set(expected))
        envelope = re.search(rb"<(.*?)>", mail).group(1).decode()
        assert envelope == (goes[0] or (sender if "@" in sender else f"{sender}@here.example"))
        assert fields(bytes(content), "From") == [envelope]


def test_in_the_middle_of_a_message(service_and_peer):
    """XEXPLAIN leaves the transaction alone."""
    service, peer = service_and_peer
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(service.socket))
        stream = client.makefile("rwb", buffering=0)

        def say(line):
            stream.write(line + b"\r\n")
            reply = [stream.readline()]
            while reply[-1][3:4] == b"-":
                reply.append(stream.readline())
            return reply

        assert stream.readline().startswith(b"220 ")
        say(b"EHLO me")
        assert say(b"MAIL FROM:<a@x.example> XNAME=Given")[0].startswith(b"250")
        assert say(b"XEXPLAIN self <root>")[-1] == b"250 2.0.0 OK\r\n"
        assert say(b"XEXPLAIN <x@y.example> <a b>")[0].startswith(b"553 5.1.3")
        assert say(b"RCPT TO:<b@far.example>")[0].startswith(b"250")
        stream.write(b"BDAT 4 LAST\r\n\r\nhi")
        assert stream.readline().startswith(b"250")
        say(b"QUIT")
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    assert fields(bytes(peer.messages[0][2]), "From") == ["Given <a@x.example>"]
    assert peer.messages[0][1] == ["b@far.example"]


# the header

def test_the_header_is_shown(programs, folder, make_service):
    one = Asked("explain", programs, folder, make_service, "smtp://127.0.0.1:1")
    message = b'From: "Joe \x1bc" <joe@localhost>\nSender: s@far.example\nTo: x\nBcc: y\n\ntext\n'
    result = one.ask("--message", "-", "root", "bob", input=message)
    assert result.status == 0, result
    text = result.stdout.decode()
    assert re.search(r'^-From: "Joe .*<joe@localhost>\n\+From: "Joe .*<alerts@here\.example>$', text,
                     re.MULTILINE)
    assert "Sender: s" not in text and "\n-Bcc: y\n" in text
    assert "\n+Message-ID: <" in text and "\n+Date: " in text
    assert "RCPT TO:<me@far.example> RCPT TO:<oncall@far.example>" in text
    assert "\x1b" not in text
    (folder / "mail").write_bytes(b"To: x\n\n")
    result = one.ask("-f", "joe@web1", "--message", folder / "mail", "root")
    assert "\n+From: alerts@here.example\n" in result.stdout.decode()
    # A file or a pipe on standard input is a message, too; one that holds none is none.
    with open(folder / "mail", "rb") as file:
        assert b"\n+From: alerts@here.example\n" in one.ask("-f", "joe@web1", "root",
                                                          input=file).stdout
    assert b"MAIL FROM" not in one.ask("root").stdout


def test_recipients_of_the_header_and_refusals(programs, folder, make_service):
    one = Asked("explain", programs, folder, make_service, "smtp://127.0.0.1:1")
    one.service.configure("smtp://127.0.0.1:1", FROM, submit='max_size = "1k"')
    result = one.ask("-t", input=b"To: you@far.example\nCc: bob\nBcc: c@far.example\n\ntext\n")
    assert result.status == 0, result
    for address in ("you@far.example", "bob@here.example", "c@far.example"):
        assert deliverable(address)[0] in heads(result)
    result = one.ask("-t", input=b"To: you@far.example\n\n" + b"x" * 60 + b"\n" * 1000)
    assert result.status == 65 and b"submit { max_size } allows 1 KiB" in result.stdout, result
    result = one.ask("-t", input=b"Subject: nobody\n\n")
    assert result.status == 65 and "names no recipient" in result.stderr


def test_the_manual_has_every_option(programs):
    manual = (TOP / "packaging/man/mailchute-explain.1").read_text()
    said = run([programs.mailchute, "explain", "--help"]).stdout.decode()
    options = re.findall(r"^  (-[a-zA-Z-]+)", said, re.MULTILINE)
    assert len(options) == 7
    for option in options:
        assert f".It Fl {option[1:]}" in manual, option


def test_explain_as_somebody_else(programs, folder, make_service):
    one = Asked("explain", programs, folder, make_service, "smtp://127.0.0.1:1")
    result = one.ask("--as", str(OTHER_UID), "me@far.example")
    assert f"sender uid-{OTHER_UID}@here.example: the caller's own name" in result.stdout.decode()
    assert f"from_policy is \"auto\" (built-in), from is alerts@here.example ({one.service.config} " \
        in result.stdout.decode()
    one.service.configure("smtp://127.0.0.1:1", FROM, submit='users = { "nobody" }')
    for message in (b"", b"Subject: x\n\n"):
        result = one.ask("--as", str(OTHER_UID), "me@far.example", input=message)
        assert result.status == 77 and b"users" in result.stdout, result
    result = one.ask("--as", "no-such-user", "me@far.example")
    assert result.status == 64 and "--as no-such-user: there is no such user" in result.stderr


def test_colour_is_for_terminals(programs, folder, make_service):
    one = Asked("explain", programs, folder, make_service, "smtp://127.0.0.1:1")
    (folder / "mail").write_bytes(b"From: joe@web1\n\n")
    command = [programs.mailchute, "explain", "--message", folder / "mail", "root"]
    assert b"\x1b" not in run(command, env=one.environment()).stdout
    for variables, has_colour in (({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False),
                                  ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
        main, terminal = os.openpty()
        subprocess.run(command, env={**one.environment(), **variables}, stdout=terminal,
                       stdin=subprocess.DEVNULL, check=True)
        os.close(terminal)
        assert (b"\x1b[31m-From: joe@web1" in os.read(main, 65536)) == has_colour
        os.close(main)


@pytest.mark.parametrize("arguments, words", [
    ((), "whom would the message be for?"),
    (("--nothing", "root"), "unknown option --nothing"),
    (("root", "-f"), "-f needs a value"),
    (("-f", "a b", "root"), 'sender "a b" is malformed'),
    (("-bp", "root"), "these options send none"),
    (("--message", "/nonexistent", "root"), "/nonexistent"),
])
def test_arguments_of_explain(programs, folder, make_service, arguments, words):
    one = Asked("explain", programs, folder, make_service, "smtp://127.0.0.1:1")
    result = one.ask(*arguments)
    assert result.status not in (0, 75) and result.stdout == b"", result
    assert words in result.stderr and result.stderr.count("\n") == 1


@needs_root
def test_explain_for_whom_the_secrets_are_closed(programs, folder, make_service):
    secrets = folder / "secrets.ini"
    secrets.write_text("[test]\nuser = us@here.example\npassword = p\n")
    secrets.chmod(0o600)
    one = Asked("explain", programs, folder, make_service, "smtp://127.0.0.1:1")
    (one.place / "aliases").chmod(0o644)
    variables = environment(config=one.service.config, PATH="/usr/bin:/bin")
    variables["CREDENTIALS_DIRECTORY"] = str(folder)
    result = one.ask("root", env=variables, user=OTHER_UID, group=OTHER_UID, extra_groups=[])
    assert result.status == 0, result
    assert "the login cannot be read: cannot read " in result.stdout.decode()
    assert deliverable("me@far.example")[0] in heads(result)


# asking the smarthost

VERIFY = {
    "known@far.example": "250 2.1.5 Full Name <known@far.example>",
    "moved@far.example": "251 2.1.5 will be forwarded",
    "gone@far.example": "550 5.1.1 peer knows nobody\n550 5.1.1 of that name",
    "host@far.example": "553 5.1.2 no such host",
    "later@far.example": "450 4.2.0 not now",
}


@pytest.fixture(params=("service", "child", "explain"))
def online(request, programs, folder, make_service):
    return lambda **options: Asked(request.param, programs, folder, make_service, **options)


def url_of(peer, scheme="smtp"):
    return f"{scheme}://127.0.0.1:{peer.port}"


def test_vrfy(online, make_peer):
    peer = make_peer(verify=VERIFY)
    one = online(url=url_of(peer))
    for address, status, words in (
            ("known", 0, "is known to"), ("moved", 0, "is forwarded by"),
            ("other", 0, "may be known or not to"), ("later", 0, "may be known or not to"),
            ("gone", 67, "is refused by"), ("host", 68, "is refused by")):
        result = one.ask("-v", f"{address}@far.example")
        assert (result.status, result.stderr) == (status, ""), result
        assert [line for line in heads(result) if "deliverable" not in line] == [
            line for line in heads(result)
            if line.startswith(f"{address}@far.example... {words} 127.0.0.1:{peer.port}: ")]
        assert f"> VRFY {address}@far.example\n" in result.stdout.decode()
    for session in peer.sessions:
        wait_for(lambda: session.has_ended, what="the session's end")
        assert [line.split()[0] for line in session.commands] == [b"EHLO", b"VRFY", b"QUIT"]
    assert len(peer.sessions) == 6 and peer.messages == []
    one.check_rest()


def test_vrfy_of_an_alias_in_one_session(online, make_peer):
    peer = make_peer(verify={"second@far.example": "550 5.1.1 never heard of"})
    one = online(url=url_of(peer))
    result = one.ask("-v", "root")
    assert result.status == 67, result
    assert [line for line in peer.sessions[0].commands if line.startswith(b"VRFY")] == [
        b"VRFY me@far.example", b"VRFY oncall@far.example", b"VRFY second@far.example"]
    assert len(peer.sessions) == 1


def test_no_vrfy(online, make_peer):
    peer = make_peer()
    result = online(url=url_of(peer)).ask("-v", "me@far.example")
    assert result.status == 0, result
    assert "cannot be asked about: there is no VRFY at" in result.stdout.decode()


def test_vrfy_after_tls_and_login(online, make_peer, authority):
    peer = make_peer(verify=VERIFY, users={"us": "Tr0ub4dor-marker"},
                     certificate=authority.certificate())
    one = online(url=url_of(peer, "smtp+tls"), smarthost=FROM + f' ca_file = "{authority.ca}"',
                 variables={"user": "us", "password": "Tr0ub4dor-marker"})
    result = one.ask("-v", "known@far.example")
    assert result.status == 0, result
    assert "is known to" in result.stdout.decode()
    assert peer.sessions[0].log_in == ("us", "Tr0ub4dor-marker")
    assert "Tr0ub4dor" not in result.stdout.decode() + result.stderr
    assert b"VHIwdWI0ZG9y" not in result.stdout


def test_trouble_with_the_smarthost(online, make_peer):
    refused = make_peer(users={"us": "other"})
    one = online(url=url_of(refused), variables={"user": "us", "password": "wrong"})
    result = one.ask("-v", "me@far.example")
    assert result.status == 77, result
    assert re.search(r"^    127\.0\.0\.1:\d+ could not be asked: .*535 5\.7\.8 wrong password",
                     result.stdout.decode(), re.MULTILINE)
    one = online(url="smtp://127.0.0.1:1")
    result = one.ask("-v", "me@far.example")
    assert result.status == 69, result
    assert "could not be asked: " in result.stdout.decode()
    lost = make_peer(verify={"me@far.example": ""})
    result = online(url=url_of(lost)).ask("-v", "me@far.example")
    assert result.status == 69 and "could not be asked: " in result.stdout.decode(), result


def test_a_silent_smarthost_is_left(online, make_peer):
    peer = make_peer(at="greeting", fault="stall")
    one = online(url=url_of(peer))
    one.service.configure(url_of(peer), submit='timeout = "1s"')
    if one.way == "service":
        one.service.kill()
        one.service.start()
    result = one.ask("-v", "me@far.example")
    assert result.status == 69, result
    assert "has not answered within submit { timeout }" in result.stdout.decode()


def test_a_service_goes_on_while_it_asks(make_service, make_peer):
    """The one that asks is a receive process, so that the service waits for nobody."""
    slow = make_peer(verify={}, hold="ehlo")
    service = make_service(url=url_of(slow)).start()
    command = [service.programs.sendmail, "-bv", "-v", "me@far.example"]
    with subprocess.Popen(command, stdout=subprocess.PIPE,
                          env=environment(socket=service.socket)) as asking:
        wait_for(lambda: slow.reached_hold, what="the question")
        assert service.sendmail("-bv", "you@far.example").status == 0
        assert service.count() == 0
        slow.release()
        assert b"may be known or not" in asking.communicate(timeout=30)[0]
        assert asking.returncode == 0


@needs_root
def test_nobody_asks_as_root_for_the_spool_of_another(programs, folder, make_service, make_peer):
    slow = make_peer(verify={}, hold="ehlo")
    one = Asked("explain", programs, folder, make_service, url_of(slow))
    one.service.spool.mkdir(mode=0o700)
    os.chown(one.service.spool, OTHER_UID, OTHER_UID)
    command = [programs.mailchute, "explain", "--online", "me@far.example"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=one.environment()) as asking:
        wait_for(lambda: slow.reached_hold, what="the question")
        parent, = children_of(asking.pid)
        worker, = children_of(parent)
        for pid in (parent, worker):
            status = process_status(pid)
            assert set(status["Uid"] + status["Gid"] + status["Groups"]) == {str(OTHER_UID)}
        slow.release()
        assert b"may be known or not" in asking.communicate(timeout=30)[0]


@needs_postfix
@pytest.mark.parametrize("extra, address, status, words", [
    ("", "known@local.test", 0, "may be known or not to"),
    ("", "unknown@local.test", 67, "is refused by"),
    ("disable_vrfy_command = yes\n", "known@local.test", 0, "there is no VRFY at"),
])
def test_vrfy_of_postfix(online, make_postfix, extra, address, status, words):
    with make_postfix(extra="mydestination = local.test\n"
                            "local_recipient_maps = inline:{known=x}\n" + extra) as postfix:
        one = online(url=f"smtp+tls://{postfix.host}:{postfix.port}",
                     smarthost=f'ca_file = "{postfix.ca}" {FROM}',
                     variables={"user": postfix.user, "password": postfix.password})
        result = one.ask("-v", address)
        assert result.status == status, result
        assert any(line.startswith(f"{address}... ") and words in line
                   for line in heads(result)), result
        assert postfix.password not in result.stdout.decode()
        # But for the fixture's own look whether it listens.
        assert not re.search(r"lost connection after (?!CONNECT)", postfix.log_text())
