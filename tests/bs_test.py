# SPDX-License-Identifier: MIT

"""sendmail -bs: SMTP on stdin and stdout, as Symfony Mailer, nmh and alpine speak it."""

import collections
import email
import os
import re
import select
import signal
import smtplib
import socket
import subprocess
import threading

import pytest

from support.mailchute import (children_of, end_processes, environment, is_sanitized, process_status,
                               run)
from support.wait import wait_for

EHLO = b"EHLO [127.0.0.1]\r\n"
MAIL = b"MAIL FROM:<app@here.example>\r\n"
RCPT = b"RCPT TO:<b@far.example>\r\n"
LETTER = b"From: app@here.example\r\nTo: b@far.example\r\nSubject: %s\r\n\r\n"


def letter(subject, text=b"text\r\n"):
    return LETTER % subject + text


def codes(stdout):
    """The code of each whole reply; every line must be one of a reply and end in CRLF."""
    assert stdout == b"" or stdout.endswith(b"\r\n"), stdout
    lines = stdout.split(b"\r\n")[:-1]
    assert all(re.fullmatch(rb"[2-5]\d\d[ -][^\r\n]*", line) for line in lines), stdout
    return [int(line[:3]) for line in lines if line[3:4] == b" "]


def taken(peer):
    """(sender, recipients, content) of each message."""
    return [(re.match(rb"MAIL FROM:<(.*?)>", line)[1].decode(), recipients, content)
            for line, recipients, content in peer.messages]


def subjects(messages):
    return [re.search(rb"^Subject: (.*)\r\n", content, re.MULTILINE)[1].decode()
            for _, _, content in messages]


class Session:
    """A caller that keeps sendmail -bs open, reply by reply."""

    def __init__(self, program, env, *arguments):
        self.program = program
        self.process = subprocess.Popen([str(program), "-bs", *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                                        bufsize=0)
        self.lines = collections.deque()
        self.waiting = b""  # of a line without its end

    def line(self, timeout=30):
        while not self.lines:
            ready, _, _ = select.select([self.process.stdout], [], [], timeout)
            assert ready, f"no reply; so far {self.waiting!r}"
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return b""
            *lines, self.waiting = (self.waiting + piece).split(b"\r\n")
            self.lines.extend(lines)
        return self.lines.popleft()

    def reply(self):
        """(code, lines) of the next whole reply."""
        lines = [self.line()]
        while lines[-1][3:4] == b"-":
            lines.append(self.line())
        assert lines[-1] != b"", (lines, self.process.poll())
        return int(lines[-1][:3]), lines

    def say(self, line):
        self.process.stdin.write(line)
        return self.reply()[0]

    def send(self, subject, recipient=b"b@far.example"):
        """One message, each step waited for; the code of the last."""
        assert self.say(MAIL) == 250
        assert self.say(b"RCPT TO:<" + recipient + b">\r\n") == 250
        assert self.say(b"DATA\r\n") == 354
        return self.say(letter(subject) + b".\r\n")

    def end(self):
        """(exit status, the rest of stdout, stderr)."""
        self.process.stdin.close()
        self.process.stdin = None
        stdout, stderr = self.process.communicate(timeout=60)
        rest = b"".join(line + b"\r\n" for line in self.lines) + self.waiting + stdout
        return self.process.returncode, rest, stderr

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def peer(make_peer):
    return make_peer()


@pytest.fixture
def real(make_service, peer):
    """A service in front of the peer."""
    return make_service(url=f"smtp://127.0.0.1:{peer.port}").start()


@pytest.fixture
def open_session(programs):
    made = []

    def make(env, *arguments):
        made.append(Session(programs.sendmail, env, *arguments))
        return made[-1]

    yield make
    for session in made:
        session.kill()


def of(service):
    return environment(socket=service.socket)


# ---- a client that waits ----

class Pipes(smtplib.SMTP):
    """Python's own client over the two pipes."""

    def __init__(self, process):
        self.process = process
        super().__init__(local_hostname="caller.example")

    class Socket:
        def __init__(self, process):
            self.process = process

        def sendall(self, octets):
            self.process.stdin.write(octets)
            self.process.stdin.flush()

        def makefile(self, _):
            return self.process.stdout

        def close(self):
            self.process.stdin.close()

    def _get_socket(self, *_):
        return Pipes.Socket(self.process)


def test_pythons_client(programs, real, peer):
    process = subprocess.Popen([str(programs.sendmail), "-bs"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=of(real))
    client = Pipes(process)
    code, banner = client.connect("-", 25)
    assert code == 220 and b"ESMTP" in banner
    client.ehlo()
    assert {"pipelining", "8bitmime", "smtputf8", "dsn", "chunking", "size",
            "enhancedstatuscodes"} == set(client.esmtp_features)
    assert client.vrfy("b@far.example")[0] == 252
    assert client.vrfy("b@@far")[0] == 501
    assert client.expn("list")[0] == 502
    assert b"BDAT" in client.help() and client.noop()[0] == 250
    for number in range(3):
        refused = client.sendmail("app@here.example", ["b@far.example", "c@far.example"],
                                  letter(b"%d" % number, b".\r\n..\r\nx\r\n"))
        assert refused == {}
    with pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail("app@@x", ["b@far.example"], b"x")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        client.sendmail("app@here.example", ["a b@far.example"], b"x")
    assert client.rset()[0] == 250
    assert client.docmd("XQUEUE", "LIST")[0] == 502
    assert client.docmd("XEXPLAIN", "<a> <b>")[0] == 502
    assert client.docmd("MAIL", "FROM:<a@here.example> XSENDER=self")[0] == 555
    assert client.quit()[0] == 221
    assert process.wait(30) == 0 and process.stderr.read() == b""
    wait_for(lambda: len(peer.messages) == 3, what="three messages")
    for sender, recipients, content in taken(peer):
        assert (sender, recipients) == ("app@here.example", ["b@far.example", "c@far.example"])
        assert content.endswith(b"\r\n\r\n.\r\n..\r\nx\r\n")


def test_the_entrance_stands_in_the_header(real, peer, open_session):
    session = open_session(of(real))
    assert session.reply()[0] == 220
    assert session.send(b"entrance") == 250
    assert session.end()[0] == 0
    wait_for(lambda: peer.messages, what="the message")
    received = email.message_from_bytes(peer.messages[0][2])["Received"]
    assert "with local-smtp" in received and f"(uid {os.geteuid()})" in received


def test_the_same_repairs_as_everywhere(real, peer, open_session):
    """Bare names are completed, Bcc goes, what is missing is added."""
    session = open_session(of(real))
    session.reply()
    assert session.say(b"MAIL FROM:<app>\r\n") == 250
    assert session.say(b"RCPT TO:<b@far.example>\r\n") == 250
    assert session.say(b"DATA\r\n") == 354
    assert session.say(b"Bcc: hidden@far.example\r\nReturn-Path: <x>\r\nSubject: s\r\nTo: joe\r\n"
                       b"\r\ntext\r\n.\r\n") == 250
    assert session.end()[0] == 0
    wait_for(lambda: peer.messages, what="the message")
    sender, _, content = taken(peer)[0]
    message = email.message_from_bytes(content)
    assert sender.startswith("app@") and message["To"] == "joe@" + sender.split("@")[1]
    assert message["Bcc"] is None and message["Return-Path"] is None
    assert message["Date"] and message["Message-ID"] and sender in message["From"]


@pytest.mark.parametrize("arguments", [
    ["-i"], ["-t", "-i"], ["-f", "x@y.example"], ["-v"], ["-odb", "-oem", "-om"], ["someone"],
    ["-fx", "-F", "Name", "--", "a@b.example"]], ids=" ".join)
def test_other_options_are_without_effect(real, peer, open_session, arguments):
    session = open_session(of(real), *arguments)
    assert session.reply()[0] == 220
    assert session.send(b"options") == 250
    assert session.say(b"QUIT\r\n") == 221
    assert session.end() == (0, b"", b"")
    wait_for(lambda: peer.messages, what="the message")
    assert taken(peer)[0][:2] == ("app@here.example", ["b@far.example"])


# ---- a client that does not ----

def test_all_written_in_advance(programs, real, peer):
    session = EHLO
    for number in range(5):
        session += MAIL + RCPT + b"DATA\r\n" + letter(b"%d" % number) + b".\r\n"
    result = run([programs.sendmail, "-bs"], session + b"QUIT\r\n", env=of(real))
    assert (result.status, result.stderr) == (0, "")
    assert codes(result.stdout) == [220, 250] + 5 * [250, 250, 354, 250] + [221]
    wait_for(lambda: len(peer.messages) == 5, what="five messages")
    assert sorted(subjects(peer.messages)) == ["0", "1", "2", "3", "4"]


def test_from_a_file_to_a_file(programs, real, peer, folder):
    (folder / "in").write_bytes(EHLO + MAIL + RCPT + b"DATA\r\n" + letter(b"file") + b".\r\n")
    with open(folder / "in", "rb") as stdin, open(folder / "out", "wb") as stdout:
        done = subprocess.run([str(programs.sendmail), "-bs"], stdin=stdin, stdout=stdout,
                              stderr=subprocess.PIPE, env=of(real), timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert codes((folder / "out").read_bytes()) == [220, 250, 250, 250, 354, 250]
    wait_for(lambda: len(peer.messages) == 1, what="the message")


def test_three_hundred_messages_in_one_session(programs, real, peer):
    """Far more than the pipes hold, written by one who reads meanwhile, and then by one who waits."""
    session = EHLO + b"".join(MAIL + RCPT + b"BDAT %d LAST\r\n" % len(letter(b"%d" % number)) +
                              letter(b"%d" % number) for number in range(300))
    result = run([programs.sendmail, "-bs"], session, env=of(real), timeout=120)
    assert (result.status, result.stderr) == (0, "")
    assert codes(result.stdout) == [220, 250] + 300 * [250, 250, 250]
    wait_for(lambda: len(peer.messages) == 300, 60, what="300 messages")
    assert sorted(map(int, subjects(peer.messages))) == list(range(300))


def test_a_flood_of_commands(programs, real):
    """The answers are thirty times as long as the questions."""
    result = run([programs.sendmail, "-bs"], 20000 * b"HELP\r\n" + b"QUIT\r\n", env=of(real))
    assert result.status == 0
    assert codes(result.stdout) == [220] + 20000 * [214] + [221]


def test_over_one_socket_that_never_blocks(programs, real):
    """As Node makes the pipes of its children."""
    ours, its = socket.socketpair()
    its.setblocking(False)
    process = subprocess.Popen([str(programs.sendmail), "-bs"], stdin=its, stdout=its,
                               stderr=subprocess.PIPE, env=of(real))
    its.close()
    writer = threading.Thread(target=ours.sendall, args=[20000 * b"HELP\r\n" + b"QUIT\r\n"])
    writer.start()
    with ours.makefile("rb") as answers:
        assert codes(answers.read()) == [220] + 20000 * [214] + [221]
    writer.join()
    assert (process.wait(30), process.stderr.read()) == (0, b"")
    ours.close()


TROJAN = MAIL + b"RCPT TO:<victim@far.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n"


@pytest.mark.parametrize("before, expected", [
    (MAIL + b"RCPT TO:<a b>\r\n", [250, 553, 354, 503]),
    (b"MAIL FROM:<a b>\r\n" + RCPT, [553, 503, 354, 503]),
    (MAIL, [250, 354, 503]),
    (b"MAIL FROM:<a> UNKNOWN=1\r\n" + RCPT, [555, 503, 354, 503]),
    (b"MAIL FROM:<" + 5000 * b"a" + b">\r\n" + RCPT, [500, 503, 354, 503]),
], ids=["recipient", "sender", "no recipient", "parameter", "long line"])
def test_a_refused_message_is_not_run_as_commands(programs, real, peer, before, expected):
    session = EHLO + before + b"DATA\r\n" + TROJAN + b".\r\n" + \
        MAIL + RCPT + b"DATA\r\n" + letter(b"good") + b".\r\nQUIT\r\n"
    result = run([programs.sendmail, "-bs"], session, env=of(real))
    assert result.status == 0
    assert codes(result.stdout) == [220, 250, *expected, 250, 250, 354, 250, 221]
    wait_for(lambda: peer.messages, what="the good message")
    real.wait_until_empty()
    assert subjects(peer.messages) == ["good"]


# ---- the end of the content ----

@pytest.mark.parametrize("dot", [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n", b"\n\n.\n\n", b"\r\r\n.\r\r\n", b"\r\n.\n\r\n"], ids=repr)
def test_only_a_dot_between_two_line_ends_ends_it(programs, real, peer, dot):
    content = letter(b"one", b"text" + dot + TROJAN)
    result = run([programs.sendmail, "-bs"],
                 EHLO + MAIL + RCPT + b"DATA\r\n" + content + b"\r\n.\r\nQUIT\r\n", env=of(real))
    assert result.status == 0
    assert codes(result.stdout) == [220, 250, 250, 250, 354, 250, 221]
    wait_for(lambda: peer.messages, what="the message")
    real.wait_until_empty()
    assert len(peer.messages) == 1
    assert peer.messages[0][1] == ["b@far.example"] and b"smuggled" in peer.messages[0][2]


def test_chunks_hold_anything(programs, real, peer):
    body = b".\r\nQUIT\r\n\r\n.\r\n" + bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"")
    content = letter(b"chunks", body + b"\r\n")
    first, last = content[:100], content[100:]
    session = EHLO + MAIL + RCPT + b"BDAT %d\r\n" % len(first) + first + \
        b"BDAT %d LAST\r\n" % len(last) + last + b"QUIT\r\n"
    result = run([programs.sendmail, "-bs"], session, env=of(real))
    assert codes(result.stdout) == [220, 250, 250, 250, 250, 250, 221]
    wait_for(lambda: peer.messages, what="the message")
    assert peer.messages[0][2].endswith(body + b"\r\n")


def test_rset_forgets(programs, real, peer):
    session = MAIL + b"RCPT TO:<wrong@far.example>\r\nRSET\r\nDATA\r\n" + \
        MAIL + RCPT + b"DATA\r\n" + letter(b"right") + b".\r\nQUIT\r\n"
    result = run([programs.sendmail, "-bs"], session, env=of(real))
    assert codes(result.stdout) == [220, 250, 250, 250, 503, 250, 250, 354, 250, 221]
    wait_for(lambda: peer.messages, what="the message")
    assert peer.messages[0][1] == ["b@far.example"]


@pytest.mark.parametrize("line, code", [
    (b"FOO", 500), (b"", 500), (b"MAIL", 501), (b"MAIL FROM:", 501), (b"RCPT TO:<b@c>", 503),
    (b"DATA", 503), (b"DATA x", 501), (b"NOOP x", 250), (b"AUTH PLAIN x", 502),
    (b"STARTTLS", 502), (b"EHLO", 501), (b"XPLAIN", 502), (b"VRFY", 501), (b"EXPN x", 502),
    (b"NOOP \x01", 500), (b"HELP MAIL", 214), (b"BDAT 1 FIRST", 501), (b"NOOP " + 5000 * b"x", 500),
])
def test_errors_of_syntax_are_answered(programs, real, line, code):
    result = run([programs.sendmail, "-bs"], line + b"\r\nQUIT\r\n", env=of(real))
    if line.startswith(b"BDAT"):
        # How many octets follow is unknown, so nothing more is read, and that is an error.
        assert codes(result.stdout) == [220, code]
        assert result.status != 0 and "501" in result.stderr
    else:
        assert codes(result.stdout) == [220, code, 221]
        assert (result.status, result.stderr) == (0, "")


def test_what_is_no_smtp_ends(programs, real):
    result = run([programs.sendmail, "-bs"], os.urandom(200000).replace(b"\n", b"\n\n"),
                 env=of(real))
    assert codes(result.stdout)[-1] == 421
    assert result.status == 69 and "too many errors" in result.stderr


# ---- ends ----

@pytest.mark.parametrize("session", [b"", b"NOOP\r\n", b"QUIT\r\n", b"QUIT\r\nNOOP\r\n", b"QU",
                                     EHLO + MAIL + RCPT], ids=repr)
def test_an_end_between_two_messages_is_no_error(programs, real, session):
    result = run([programs.sendmail, "-bs"], session, env=of(real))
    assert (result.status, result.stderr) == (0, "")
    assert codes(result.stdout)[0] == 220
    assert real.count() == 0


@pytest.mark.parametrize("session", [
    b"DATA\r\n" + letter(b"half"), b"DATA\r\n" + letter(b"half") + b".", b"DATA\r\n",
    b"DATA\r\n" + letter(b"unix") .replace(b"\r", b"") + b".\n", b"BDAT 100 LAST\r\n" + b"x",
    b"BDAT 1\r\nx"], ids=["text", "dot", "nothing", "bare line feeds", "chunk", "no last chunk"])
def test_an_end_within_a_message_queues_nothing(programs, real, peer, session):
    result = run([programs.sendmail, "-bs"], EHLO + MAIL + RCPT + session, env=of(real))
    assert codes(result.stdout)[-1] == 421
    assert result.status == 69 and "ended within the content" in result.stderr
    real.wait_until_empty()
    assert peer.messages == []


def test_who_reads_no_answers_is_served(programs, real, peer):
    """... | sendmail -bs | head -1"""
    process = subprocess.Popen([str(programs.sendmail), "-bs"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=of(real),
                               bufsize=0)
    assert process.stdout.read(4) == b"220 "
    process.stdout.close()
    process.stdout = None
    _, stderr = process.communicate(
        EHLO + MAIL + RCPT + b"DATA\r\n" + letter(b"unheard") + b".\r\nQUIT\r\n", timeout=30)
    assert (process.returncode, stderr) == (0, b"")
    wait_for(lambda: peer.messages, what="the message")


# ---- the ways ----

def check_one(programs, env, peer):
    result = run([programs.sendmail, "-bs"],
                 EHLO + MAIL + RCPT + b"DATA\r\n" + letter(b"way") + b".\r\nQUIT\r\n", env=env)
    assert (result.status, result.stderr) == (0, ""), result
    assert codes(result.stdout) == [220, 250, 250, 250, 354, 250, 221]
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    return result


def own(folder, peer, **variables):
    return environment(socket=folder / "none.sock", url=f"smtp://127.0.0.1:{peer.port}",
                       spool=folder / "spool", domain="here.example", **variables)


@pytest.fixture
def no_services_left(folder):
    yield
    end_processes(["serve --on-demand", str(folder / "spool")])


def test_by_a_service_on_demand(programs, peer, folder, no_services_left):
    result = check_one(programs, own(folder, peer), peer)
    assert b" spool " in result.stdout.split(b"\r\n")[0]


def test_directly(programs, peer, folder):
    (folder / "conf").write_text(
        f'smarthost "a" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
        'submit { mode = "direct" }\nidentity { domain = "here.example" }\n')
    result = check_one(programs, environment(socket=folder / "none.sock", config=folder / "conf"),
                       peer)
    assert b" direct" in result.stdout.split(b"\r\n")[0]


def test_a_refusal_is_told_where_nothing_is_kept(programs, make_peer, folder):
    peer = make_peer(refuse={"b@far.example": "550 5.7.1 not this"})
    (folder / "conf").write_text(
        f'smarthost "a" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
        'submit { mode = "direct" }\nidentity { domain = "here.example" }\n')
    result = run([programs.sendmail, "-bs"],
                 EHLO + MAIL + RCPT + b"DATA\r\n" + letter(b"x") + b".\r\nQUIT\r\n",
                 env=environment(socket=folder / "none.sock", config=folder / "conf"))
    assert codes(result.stdout) == [220, 250, 250, 250, 354, 550, 221]
    assert b"not this" in result.stdout and result.status == 0


@pytest.mark.parametrize("config, words", [
    ("", "no smarthost"),
    ('smarthost "a" { url = "smtp://x.example" }\nsubmit { mode = "service" }\n',
     "no service answers"),
    ("nonsense = 1\n", "nonsense"),
    (None, "conf"),
], ids=["empty", "service alone", "wrong", "missing"])
def test_without_a_way_the_greeting_says_why(programs, folder, config, words):
    if config is not None:
        (folder / "conf").write_text(config)
    result = run([programs.sendmail, "-bs"], EHLO,
                 env=environment(socket=folder / "none.sock", config=folder / "conf"))
    assert codes(result.stdout) == [421]
    first = result.stdout.decode().split("\r\n")[0]
    assert re.match(rf"421[ -]4\.\d\.\d {re.escape(socket.gethostname())} ", first), first
    assert words in result.stdout.decode().replace("\r\n421-4.3.5", "")
    assert result.status == 78 and words in result.stderr
    assert result.stderr.count("\n") == 1
    assert all(len(line) <= 510 for line in result.stdout.split(b"\r\n"))


def test_a_service_without_settings_says_so_in_the_greeting(programs, make_service):
    service = make_service().start()
    result = run([programs.sendmail, "-bs"], EHLO, env=of(service))
    assert codes(result.stdout) == [421] and result.status == 78
    assert "no smarthost" in result.stderr


def test_warnings_are_for_the_log_alone(programs, real, peer):
    """Symfony and Swift fail over a line before the 220."""
    (real.folder / "aliases").write_text("broken: : :\nroot: b@far.example, |/bin/false\n")
    check_one(programs, of(real), peer)
    # What is said of an alias is said to whoever asks for it.
    result = run([programs.sendmail, "-bs"], EHLO + MAIL + b"RCPT TO:<root>\r\n" + b"DATA\r\n" +
                 letter(b"way") + b".\r\nQUIT\r\n", env=of(real))
    assert (result.status, result.stderr) == (0, ""), result
    assert codes(result.stdout) == [220, 250, 250, 250, 354, 250, 221]
    real.wait_for_log("aliases")


# ---- a service that goes away ----

def test_a_service_that_ends_loses_nothing_that_was_taken(real, peer, open_session):
    session = open_session(of(real))
    assert session.reply()[0] == 220
    assert session.send(b"first") == 250
    real.process.send_signal(signal.SIGTERM)
    assert real.process.wait(20) == 0
    # The process that serves this session goes on; what it takes is safe.
    assert session.send(b"second") == 250
    assert session.end() == (0, b"", b"")
    real.kill()
    real.start()
    wait_for(lambda: len(peer.messages) == 2, what="both messages")
    assert sorted(subjects(peer.messages)) == ["first", "second"]


def test_what_is_taken_behind_the_back_of_the_next_service_is_sent(real, peer, open_session):
    """The next one has looked through the queue already."""
    session = open_session(of(real))
    assert session.reply()[0] == 220
    assert session.send(b"first") == 250
    real.signal(signal.SIGTERM)
    assert real.process.wait(20) == 0
    # Unlike terminate, this leaves the process that serves the session alone.
    real.process = None
    real.start()
    assert session.send(b"second") == 250
    wait_for(lambda: len(peer.messages) == 2, what="both messages")
    assert session.end() == (0, b"", b"")


def test_a_service_that_is_lost_is_told_with_421(programs, folder, open_session):
    """Played: a service is killed with all its processes in the middle of a session."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "s"))
    listener.listen(1)
    session = open_session(environment(socket=folder / "s"))
    client, _ = listener.accept()
    client.sendall(b"220 here ESMTP mailchute service\r\n")
    assert client.recv(4096).startswith(b"EHLO ")
    client.sendall(b"250-here\r\n250 XMAILCHUTE\r\n")
    assert client.recv(4096) == b"XPLAIN\r\n"
    client.sendall(b"250 2.0.0 OK\r\n")
    assert session.reply()[0] == 220
    session.process.stdin.write(b"NOOP\r\n")
    assert client.recv(4096) == b"NOOP\r\n"
    client.sendall(b"25")
    client.close()
    listener.close()
    assert session.line() == b"25"
    code, lines = session.reply()
    assert code == 421 and b"lost" in lines[0]
    assert session.process.wait(30) == 74
    assert b"lost" in session.process.stderr.read()


# ---- silence ----

def connections(service):
    """How many clients it is serving: each has a process, beside the parent of the workers."""
    return len(children_of(service.process.pid)) - 1


def test_a_silent_session_gives_its_place_back(make_service, make_peer, open_session, folder):
    first, second = make_peer(), make_peer()
    # One more, whose caller brings its own settings: there the place is a process of its own.
    (folder / "conf").write_text(f'smarthost "a" {{ url = "smtp://127.0.0.1:{first.port}" }}\n'
                                 'submit { mode = "direct" }\nidentity { domain = "x.example" }\n')
    alone = open_session(environment(socket=folder / "none.sock", config=folder / "conf"))
    assert alone.reply()[0] == 220
    service = make_service(url=f"smtp://127.0.0.1:{first.port}").start()
    session, leaving, stranded, busy = (open_session(of(service)) for _ in range(4))
    for one in (session, leaving, stranded, busy):
        assert one.reply()[0] == 220
    assert session.say(EHLO) == 250
    assert session.send(b"before") == 250
    assert busy.say(MAIL) == 250
    # All places but those are taken, too; who comes now waits for one.
    crowd = [open_session(of(service)) for _ in range(96)]
    assert [one.reply()[0] for one in crowd] == 96 * [220]
    wait_for(lambda: connections(service) == 100, what="a hundred clients")
    assert service.sendmail("late@far.example", input=b"Subject: late\n\n").status == 0
    wait_for(lambda: connections(service) == 1, 30, what="the silent sessions to be parked")
    wait_for(lambda: children_of(alone.process.pid) == [], 30, what="the child to be gone")
    assert alone.send(b"direct") == 250
    assert alone.end() == (0, b"", b"")
    assert session.process.poll() is None
    assert leaving.end() == (0, b"", b"")
    # In the middle of a transaction there is something to be missed.
    assert busy.say(RCPT) == 250
    assert busy.end()[0] == 0
    wait_for(lambda: len(first.messages) == 3, what="what was sent so far")
    # Who comes back while there is no service gets the reason, and the way out.
    service.terminate()
    assert stranded.say(b"NOOP\r\n") == 421
    status, stdout, stderr = stranded.end()
    assert (status, stdout) == (78, b"") and stderr.count(b"\n") == 1
    # A restart, even with other settings, goes unnoticed.
    service.configure(url=f"smtp://127.0.0.1:{second.port}")
    service.start()
    assert session.say(b"NOOP\r\n") == 250
    wait_for(lambda: connections(service) == 1, what="its start to be over")
    assert session.send(b"after") == 250
    assert session.say(b"QUIT\r\n") == 221
    assert session.end() == (0, b"", b"")
    assert {one.end() for one in crowd} == {(0, b"", b"")}
    wait_for(lambda: second.messages, what="the last message")
    assert sorted(subjects(first.messages)) == ["before", "direct", "late"]
    assert subjects(second.messages) == ["after"]


# ---- limits ----

def test_recipients_have_a_limit(programs, real, peer):
    """RFC 5321, 4.5.3.1.10: at least 100, and 452 says that the others go into another one."""
    session = EHLO + MAIL + b"".join(b"RCPT TO:<r%d@far.example>\r\n" % number
                                     for number in range(10005)) + \
        b"DATA\r\n" + letter(b"to many") + b".\r\nQUIT\r\n"
    result = run([programs.sendmail, "-bs"], session, env=of(real), timeout=120)
    assert result.status == 0
    assert codes(result.stdout) == [220, 250, 250] + 10000 * [250] + 5 * [452] + [354, 250, 221]
    assert b"452 4.5.3 " in result.stdout
    wait_for(lambda: sum(len(message[1]) for message in peer.messages) == 10000, 120,
             what="all recipients")


def test_a_flood_in_flat_memory(real, open_session):
    """What never ends, be it one line or many, is not kept."""
    session = open_session(of(real))
    assert session.reply()[0] == 220
    receiver = children_of(real.process.pid)[-1]
    flood = 300000 * b"NOOP\r\n"
    writer = threading.Thread(target=lambda: [
        session.process.stdin.write(flood), session.process.stdin.write(20000000 * b"x"),
        session.process.stdin.write(b"\r\n"), session.process.stdin.write(flood)])
    writer.start()
    found = collections.Counter(session.reply()[0] for _ in range(600001))
    writer.join()
    assert found == {250: 600000, 500: 1}
    if not is_sanitized(session.program):
        for pid in (session.process.pid, receiver):
            assert int(process_status(pid)["VmHWM"][0]) < 8192, process_status(pid)
    assert session.say(b"QUIT\r\n") == 221
    assert session.end() == (0, b"", b"")


# ---- memory ----

def test_a_long_message_in_flat_memory(programs, real, peer, open_session):
    session = open_session(of(real))
    session.reply()
    assert session.say(MAIL) == 250 and session.say(RCPT) == 250
    assert session.say(b"DATA\r\n") == 354
    line = 998 * b"x" + b"\r\n"
    session.process.stdin.write(letter(b"long"))
    for _ in range(300):
        session.process.stdin.write(100 * line)
    peak = int(process_status(session.process.pid)["VmHWM"][0])
    assert session.say(b".\r\n") == 250
    if not is_sanitized(programs.sendmail):
        assert peak < 4096
    wait_for(lambda: peer.messages, 60, what="the message")
    assert len(peer.messages[0][2]) > 30000000
