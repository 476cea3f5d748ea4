# SPDX-License-Identifier: MIT

"""sendmail -v shows the conversation with the smarthost: all of it, no secret, nobody else's."""

import base64
import hashlib
import hmac
import re
import socketserver
import threading

import pytest

from support.mailchute import end_processes, environment, needs_program, run
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"Subject: seen\n\nthe text of the message\n"
USER, PASSWORD = "alice@there.example", "a very secret word"
WAYS = ("service", "on demand", "direct")
LINE = re.compile(r"^ *\d+\.\d{3} [<>*] .*$")


class Handler(socketserver.StreamRequestHandler):
    """A server with SCRAM-SHA-256; one that is told to echo refuses by what it was told."""

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def hear(self):
        line = self.rfile.readline()
        self.server.heard.append(line.rstrip(b"\r\n"))
        return self.server.heard[-1]

    def handle(self):
        self.say("220 scram.test")
        while line := self.hear():
            verb = line.split()[0].upper()
            if verb == b"EHLO":
                self.say(f"250-scram.test\r\n250 AUTH {self.server.mechanisms}")
            elif verb == b"AUTH":
                self.authenticate(line.split())
            elif verb == b"DATA":
                self.say("354 go")
                while self.hear() != b".":
                    pass
                self.say("250 2.0.0 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 2.0.0 ok")

    def authenticate(self, words):
        if not self.server.echoes:
            self.scram(words[2])
            return
        said = list(words[1:])
        while len(said) < (3 if words[1] == b"LOGIN" else 2):
            self.say("334 " + base64.b64encode(b"go on").decode())
            said.append(self.hear())
        text = " ".join(word.decode() for word in said)
        self.say(f"535-5.7.8 {text}\r\n535 5.7.8 and not {PASSWORD} either")

    def scram(self, first):
        bare = base64.b64decode(first).decode().split(",", 2)[2]
        nonce = bare.split("r=")[1] + "more"
        salt = b"some salt"
        challenge = f"r={nonce},s={base64.b64encode(salt).decode()},i=4096"
        self.say("334 " + base64.b64encode(challenge.encode()).decode())
        final = base64.b64decode(self.hear()).decode()
        unproved, proof = final.rsplit(",p=", 1)
        seen = f"{bare},{challenge},{unproved}".encode()

        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, 4096)
        key = hmac.digest(salted, b"Client Key", "sha256")
        mask = hmac.digest(hashlib.sha256(key).digest(), seen, "sha256")
        if bytes(a ^ b for a, b in zip(key, mask)) != base64.b64decode(proof):
            self.say("535 5.7.8 no")
            return
        signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), seen, "sha256")
        self.say("334 " + base64.b64encode(b"v=" + base64.b64encode(signature)).decode())
        self.hear()
        self.say("235 2.7.0 welcome")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, mechanisms, echoes=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.mechanisms, self.echoes, self.heard = mechanisms, echoes, []
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def make_server():
    made = []

    def make(*arguments, **options):
        made.append(Server(*arguments, **options))
        return made[-1]

    yield make
    for server in made:
        server.shutdown()
        server.server_close()


class Way:
    """One of the ways to a smarthost, and whatever is written on it."""

    def __init__(self, name, url, programs, folder, make_service, variables):
        self.programs, self.log = programs, folder / "log"
        self.spool = folder / "own"
        self.service = None
        if name == "service":
            # Whoever shall see the end of a conversation waits for it.
            self.service = make_service(url=url, variables=variables,
                                        submit='wait_limit = "15s"').start()
            self.environment = environment(socket=self.service.socket)
            return
        self.environment = environment(
            socket=folder / "none.sock", url=url, spool=self.spool, domain="here.example",
            log=self.log, mode="direct" if name == "direct" else "spool", **variables)

    def sendmail(self, *arguments, input=MESSAGE):
        return run([self.programs.sendmail, *arguments], input, env=self.environment)

    def text(self):
        if self.service:
            return self.service.text()
        return self.log.read_text() if self.log.exists() else ""

    def end(self):
        end_processes(["serve --on-demand", str(self.spool)])


@pytest.fixture
def make_way(programs, folder, make_service):
    made = []

    def make(name, port, **variables):
        made.append(Way(name, f"smtp+notls://127.0.0.1:{port}", programs, folder, make_service,
                        variables))
        return made[-1]

    yield make
    for way in made:
        way.end()


def check_hidden(*texts):
    """Neither the password nor any base64 that holds it stands there."""
    for text in texts:
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        assert PASSWORD not in text, text
        for word in re.findall(r"[A-Za-z0-9+/]{8,}={0,2}", text):
            for start in range(4):
                piece = word[start:]
                octets = base64.b64decode(piece[:len(piece) // 4 * 4] + "", validate=False)
                assert PASSWORD.encode()[2:-2] not in octets, text


def conversation(result):
    """The lines that were shown, without time."""
    assert result.stdout == b"", result
    return [line.split(maxsplit=1)[1] for line in result.stderr.splitlines() if LINE.match(line)]


@pytest.mark.parametrize("mechanism", ("plain", "login", "scram"))
@pytest.mark.parametrize("way", WAYS)
def test_a_login_is_shown_without_its_secret(make_way, make_peer, make_server, way, mechanism):
    if mechanism == "scram":
        port = make_server("SCRAM-SHA-256").port
    else:
        port = make_peer(users={USER: PASSWORD}).port
    way = make_way(way, port, user=USER, password=PASSWORD, auth=mechanism)
    result = way.sendmail("-v", "-f", USER, "b@far.example")
    assert result.status == 0, result
    lines = conversation(result)
    assert lines[0].startswith(f"* connecting to 127.0.0.1:{port}"), result.stderr
    auth = next(number for number, line in enumerate(lines) if line.startswith("> AUTH "))
    assert "> ********" in lines[auth:] or lines[auth].endswith(" ********")
    assert any(line.startswith("< 235 ") for line in lines[auth:])
    assert any(line.startswith(f"> MAIL FROM:<{USER}>") for line in lines[auth:])
    assert any(re.fullmatch(r"> \[\d+ octets of content\]", line) for line in lines)
    assert "the text of the message" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith(("delivered as ", "accepted by "))
    check_hidden(result.stdout, result.stderr, way.text())


@pytest.mark.parametrize("mechanism", ("PLAIN", "LOGIN"))
@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_repeats_the_secret(make_way, make_server, way, mechanism):
    server = make_server(mechanism, echoes=True)
    way = make_way(way, server.port, user=USER, password=PASSWORD)
    result = way.sendmail("-v", "-f", USER, "b@far.example")
    # A login that is refused is no reason to give the mail up, where it can wait.
    assert any(line.startswith(b"AUTH " + mechanism.encode()) for line in server.heard)
    assert any(line.startswith("< 535 5.7.8 and not ******") for line in conversation(result))
    check_hidden(result.stdout, result.stderr, way.text())


@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_is_shown_and_said(make_way, make_peer, way):
    peer = make_peer(refuse={"nobody@far.example": "550 5.1.1 who is that?"})
    result = make_way(way, peer.port).sendmail("-v", "-f", "a@here.example", "nobody@far.example")
    assert result.status == 67, result
    assert "< 550 5.1.1 who is that?" in conversation(result)
    last = result.stderr.splitlines()[-1]
    assert last.startswith("sendmail: ") and "who is that?" in last and "XTRACE" not in last


@pytest.mark.parametrize("way", WAYS)
def test_a_port_where_nobody_is(make_way, make_peer, way):
    peer = make_peer()
    peer.stop()
    result = make_way(way, peer.port).sendmail("-v", "-f", "a@here.example", "b@far.example")
    lines = conversation(result)
    assert lines[0].startswith(f"* connecting to 127.0.0.1:{peer.port} [127.0.0.1]"), lines
    assert "Connection refused" in lines[1], lines


def test_what_was_said_until_time_was_up(make_service, make_peer):
    peer = make_peer(hold="mail")
    service = make_service(url=f"smtp+notls://127.0.0.1:{peer.port}",
                           submit='wait_limit = "5s"').start()
    result = service.sendmail("-v", "-f", "a@here.example", "b@far.example", input=MESSAGE)
    peer.release()
    assert result.status == 0, result
    lines = conversation(result)
    assert any(line.startswith("> MAIL FROM:<a@here.example>") for line in lines), result.stderr
    assert not any(line.startswith("< 250 2.1.0") for line in lines), result.stderr
    assert result.stderr.splitlines()[-1].startswith("queued as "), result.stderr
    service.wait_until_empty()
    assert len(peer.messages) == 1


def test_without_v_nothing_is_shown(make_way, make_peer):
    result = make_way("service", make_peer().port).sendmail("-odi", "b@far.example")
    assert (result.status, result.stdout, result.stderr) == (0, b"", "")


def test_a_long_conversation_is_shown_by_its_ends(make_way, make_peer):
    way = make_way("service", make_peer().port)
    result = way.sendmail("-v", *(f"u{number}@far.example" for number in range(300)))
    assert result.status == 0, result
    lines = conversation(result)
    assert len(lines) == 100
    assert "lines are left out here" in result.stderr
    assert lines[0].startswith("* connecting") and lines[-1].startswith("< 250 2.0.0 taken")


def test_nobody_sees_the_mail_of_others(make_way, make_peer):
    peer = make_peer()
    way = make_way("service", peer.port)
    seen = []

    def look(name, number):
        result = way.sendmail("-v", "-f", f"{name}@here.example", f"{name}{number}@far.example",
                              input=b"Subject: %s\n\n%s\n" % (name.encode(), name.encode()))
        seen.append((name, result))

    def send(name, number):
        assert way.sendmail("-f", f"{name}@here.example", f"{name}{number}@far.example",
                            input=b"\nx\n").status == 0

    threads = [threading.Thread(target=look if number % 5 == 0 else send,
                                args=(("alice", "bob", "carol")[number % 3], number))
               for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: len(peer.messages) == 30, what=lambda: f"{len(peer.messages)} of 30")
    assert len(seen) == 6
    shown = 0
    for name, result in seen:
        assert result.status == 0, result
        addresses = re.findall(r"<(\w+?)\d*@(?:here|far)\.example>", result.stderr)
        assert set(addresses) <= {name}, result.stderr
        # Behind a backlog nobody is kept waiting.
        if lines := conversation(result):
            shown += 1
            assert lines[0].startswith("* connecting")
    assert shown > 0


def test_a_connection_that_was_shown_serves_nobody_else(make_way, make_peer):
    peer = make_peer()
    way = make_way("service", peer.port)
    for option, name in (("-odi", "one"), ("-v", "two"), ("-v", "three"), ("-odi", "four")):
        assert way.sendmail(option, f"{name}@far.example").status == 0
    served = [[message[1][0].split("@")[0] for message in session.messages]
              for session in peer.sessions]
    # Where the first connection lingers still, the last message may take it.
    assert ["two"] in served and ["three"] in served, served
    shown = [session for session, names in zip(peer.sessions, served)
             if names in (["two"], ["three"])]
    wait_for(lambda: all(session.commands[-1] == b"QUIT" for session in shown),
             what=lambda: [session.commands[-3:] for session in shown])


def test_the_log_of_a_verbose_service(make_service, make_peer):
    peer = make_peer(users={USER: PASSWORD})
    service = make_service(url=f"smtp+notls://127.0.0.1:{peer.port}",
                           variables={"user": USER, "password": PASSWORD})
    service.spawn([service.programs.mailchute, "serve", "--verbose"], service.environment())
    wait_for(service.answers, 30, what=lambda: f"the service:\n{service.tail()}")
    assert service.sendmail("-odi", "-f", USER, "b@far.example", input=MESSAGE).status == 0
    service.wait_for_log(r"smarthost test < 250 2\.0\.0 taken")
    text = service.text()
    for words in ("* connecting to 127.0.0.1", "< 220 peer.test ESMTP", "> AUTH PLAIN ********",
                  f"> MAIL FROM:<{USER}>", "> RCPT TO:<b@far.example>"):
        assert f"smarthost test {words}" in text, text
    check_hidden(text)
