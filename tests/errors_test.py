# SPDX-License-Identifier: MIT

"""The fifteen failures, provoked, and what is said of them: mailchute-errors(7) has the lines."""

import hashlib
import re
import shlex
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support import own_mounts
from support.mailchute import TOP, environment, needs_program, run
from support.peer import Conversation, Peer
from support.wait import free_port

pytestmark = needs_program("sendmail", "mailchute")

MANUAL = TOP / "packaging/man/mailchute-errors.7"
SOURCES = TOP / "src"
MAIL = b"Subject: errors\n\ntext\n"
USER, PASSWORD = "alerts@example.com", "not-the-right-one"

needs_mounts = pytest.mark.skipif(bool(own_mounts.why_not()), reason=str(own_mounts.why_not()))


# ---- the manual ----

def plain(text):
    """mdoc as one line of words."""
    text = re.sub(r"^\.(Pp|Bd .*|Ed|It|El)$", " ", text, flags=re.M)
    text = re.sub(r"^\.\S+ ", "", text, flags=re.M).replace("\\e", "\\").replace("\\-", "-")
    return " ".join(text.replace("\\&", "").split())


def pages():
    """{code: (title, what, fix, example or None)} of the manual."""
    found = {}
    for part in re.split(r"^\.Ss ", MANUAL.read_text(), flags=re.M)[1:]:
        part = part.split("\n.Sh ")[0]
        head, body = part.split("\n", 1)
        code, title = head.split(" ", 1)
        example = re.search(r"^\.Bd -ragged.*?\n(.*?)\n\.Ed$", body, flags=re.M | re.S)
        if example:
            body = body.replace(example.group(0), "")
        what, fix = body.split("\n.Pp\n", 1)
        found[code] = (plain(title), plain(what), plain(fix),
                       plain(example.group(1)) if example else None)
    return found


def normal(line):
    """Without what differs from run to run and from machine to machine."""
    line = re.sub(r"sha256:[0-9a-f]{64}", "sha256:FINGERPRINT", line.strip())
    line = re.sub(r"\b\d{4}-\d\d-\d\d\b", "DATE", line)
    line = re.sub(r"/tmp/[^ ,;:)\"]+/", "/DIRECTORY/", line)
    line = re.sub(r"\b(127\.0\.0\.1|localhost):\d+", "HOST:PORT", line)
    line = re.sub(r"\[(127\.0\.0\.1|::1)\]", "[ADDRESS]", line)
    return line


def check(code, line):
    """That it is the very line of the manual."""
    assert len(line.encode()) < 900 and line.count("\n") == 1, line
    assert PASSWORD not in line
    assert normal(line) == pages()[code][3], f"\nsaid   {normal(line)}\nmanual {pages()[code][3]}"


# ---- servers ----

class Saying(Peer):
    """One that says what it is told to at some steps, as {step: lines}; "rcpt" and the like."""

    def __init__(self, says, **options):
        super().__init__(**options)
        self.says = says

    @property
    def conversation(self):
        return Words


class Words(Conversation):
    def answer(self, step, *lines):
        said = self.peer.says.get(step)
        if said is None:
            return super().answer(step, *lines)
        self.say(*said.split("\n"))
        return False

    def on_auth(self, line):
        if "auth" in self.peer.says:
            self.say(*self.peer.says["auth"].split("\n"))
        else:
            super().on_auth(line)

    def on_helo(self, line):
        if "helo" in self.peer.says:
            self.say(self.peer.says["helo"])
        else:
            super().on_helo(line)


@pytest.fixture
def say():
    """Starts a server that says these things."""
    started = []

    def make(says, **options):
        started.append(Saying(says, **options).start())
        return started[-1]

    yield make
    for peer in started:
        peer.stop()


# ---- the caller ----

class Caller:
    """sendmail in direct mode, with settings of its own."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.config = folder / "mailchute.conf"

    def configure(self, url, smarthost="", extra="", login=False, mode="direct"):
        self.config.write_text(f'submit {{ mode = "{mode}" timeout = "20s" }}\n{extra}\n'
                               f'smarthost "main" {{ url = "{url}" {smarthost} }}\n')
        if login:
            secrets = self.folder / "secrets.ini"
            secrets.write_text(f"[main]\nuser = {USER}\npassword = {PASSWORD}\n")
            secrets.chmod(0o600)
        return self

    def environment(self, **variables):
        return environment(**{"socket": self.folder / "none.sock", "config": self.config,
                              **variables})

    def command(self, *recipients, sender="me@example.com"):
        return [self.programs.sendmail, "-i", "-f", sender, *(recipients or ["you@example.org"])]

    def send(self, *recipients, input=MAIL, prepare="", sender="me@example.com", **variables):
        """The line that it says; prepare: what root mounts before, for it alone."""
        words = self.command(*recipients, sender=sender)
        if prepare:
            words = own_mounts.command("sh", "-c", f'{prepare} && exec "$@"', "sh", *words)
        self.result = run(words, input, env=self.environment(**variables))
        assert self.result.status != 0 and self.result.stdout == b"", self.result
        return self.result.stderr


@pytest.fixture
def caller(programs, folder):
    return Caller(programs, folder)


def clear(peer):
    return f"smtp+notls://127.0.0.1:{peer.port}"


def instead(path, folder, content):
    """The shell's words that put this content into the place of a file."""
    other = folder / path.strip("/").replace("/", "_")
    other.write_text(content)
    parent = str(Path(path).parent)
    space = shlex.quote(f"{other}-space")
    # Where there is no such file, one is made that nobody else sees.
    return (f"{{ [ -e {path} ] || {{ mkdir -p {space} && mount -t tmpfs tmpfs {space} && "
            f"mkdir {space}/upper {space}/work && mount -t overlay overlay {parent} -o "
            f"lowerdir={parent},upperdir={space}/upper,workdir={space}/work && : >{path}; }}; "
            f"mount --bind {shlex.quote(str(other))} {path}; }}")


def fingerprint(certificate):
    return "sha256:" + hashlib.sha256(
        ssl.PEM_cert_to_DER_cert(Path(certificate).read_text())).hexdigest()


# ---- the fifteen ----

def test_1_wrong_password(caller, say):
    peer = say({}, users={USER: "the right one"})
    caller.configure(clear(peer), login=True)
    check("MC-AUTH-01", caller.send())
    assert caller.result.status == 77


@needs_mounts
def test_1_wrong_password_at_gmail(caller, say, authority, folder):
    certificate = authority.certificate()
    peer = say({"auth": "535 5.7.8 Username and Password not accepted. For more information, go to\n"
                        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp"},
               users={USER: ""}, certificate=certificate)
    caller.configure(f"smtp+tls://smtp.gmail.com:{peer.port}", login=True,
                     smarthost=f'tls_fingerprint = "{fingerprint(certificate[0])}"')
    line = caller.send(prepare=instead("/etc/hosts", folder, "127.0.0.1 smtp.gmail.com\n"))
    # All that it said, what it means, what to do, what became of the mail.
    for words in ("MC-AUTH-01 smtp.gmail.com:", f"login of {USER}", "go to / ",
                  "?p=BadCredentials x - gsmtp; means: Gmail does not take the account's password",
                  "; fix: turn on 2-step", "https://myaccount.google.com/apppasswords",
                  "mailchute secret set main", "; mail: NOT sent"):
        assert words in line, line
    assert len(line) < 900


@pytest.mark.parametrize("kind, settings, words", [
    ("other", "", ["is for other.example, not for localhost", "under another name",
                   'tls_name = "other.example"']),
    ("expired", "", ["expired on ", "the clock here is wrong"]),
    ("right", "", ["unknown authority", "sends no intermediate certificate", "fullchain.pem"]),
])
def test_2_certificate(caller, say, authority, kind, settings, words):
    peer = say({}, certificate=authority.certificate(kind))
    # All but the last know the authority.
    ca = "" if kind == "right" else f'ca_file = "{authority.ca}"'
    line = caller.configure(f"smtp+tls://localhost:{peer.port}", ca).send()
    for word in ["sendmail: MC-TLS-02 ", *words, "; means: ", "; fix: ", "; mail: NOT sent"]:
        assert word in line, line
    assert not peer.messages


def test_2_certificate_of_an_authority_that_nobody_knows(caller, say, authority, folder):
    certificate, key = authority.certificate()
    chain = folder / "chain.pem"
    chain.write_text(Path(certificate).read_text() + authority.ca.read_text())
    peer = say({}, certificate=(chain, key))
    line = caller.configure(f"smtp+tls://localhost:{peer.port}").send()
    for word in ("MC-TLS-02 ", '"mailchute test authority", which is not in ',
                 "the authority is a private one", "set ca_file", "; mail: NOT sent"):
        assert word in line, line


def test_2_certificate_that_is_self_signed_and_can_be_pinned(caller, say, authority):
    certificate = authority.certificate("stranger")
    peer = say({}, certificate=certificate)
    url = f"smtp+tls://localhost:{peer.port}"
    line = caller.configure(url, f'ca_file = "{authority.ca}"').send()
    check("MC-TLS-02", line)
    # The line to paste is right.
    pin = re.search(r'tls_fingerprint = "sha256:[0-9a-f]{64}"', line).group(0)
    assert fingerprint(certificate[0]) in pin
    caller.configure(url, pin)
    assert run(caller.command(), MAIL, env=caller.environment()).status == 0
    assert len(peer.messages) == 1


@needs_mounts
def test_3_no_ca_bundle(caller, say, authority):
    peer = say({}, certificate=authority.certificate())
    line = caller.configure(f"smtp+tls://localhost:{peer.port}").send(
        prepare="mount -t tmpfs none /etc/ssl")
    check("MC-TLS-03", line)
    assert caller.result.status == 78


def test_4_nobody_listens(caller):
    check("MC-NET-04", caller.configure(f"smtp://127.0.0.1:{free_port()}").send())
    assert caller.result.status == 69


@needs_mounts
def test_4_port_blocked(caller):
    # A network that swallows what is sent: it comes back to a machine that it is not for.
    caller.configure("smtp+tls://192.0.2.1:587", 'timeout = "1s"')
    command = own_mounts.command(
        "unshare", "--net", "sh", "-c",
        'ip link set lo up && ip route add 192.0.2.0/24 dev lo && exec "$@"', "sh",
        *caller.command())
    done = run(command, MAIL, env=caller.environment())
    line = done.stderr
    for words in ("MC-NET-04 192.0.2.1:587: ", "no answer within", "clouds (AWS, GCP",
                  'url = "smtps://192.0.2.1"', "mailchute doctor --online", "; mail: NOT sent"):
        assert words in line, line


@needs_mounts
def test_4_no_way_out(caller):
    # Nothing but a loopback interface, as with docker run --network none.
    command = own_mounts.command(
        "unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
        *caller.configure("smtps://192.0.2.1").command())
    line = run(command, MAIL, env=caller.environment()).stderr
    for words in ("MC-NET-04 192.0.2.1:465: cannot connect (192.0.2.1: Network is unreachable)",
                  "means: this machine has no way to that address", "; mail: NOT sent"):
        assert words in line, line


BLACK_HOLE = """
import subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.peer import Peer
with Peer() as peer:
    config = Path(sys.argv[2])
    config.write_text(config.read_text().replace(":PORT", f":{peer.port}"))
    status = subprocess.run(sys.argv[3:]).returncode
    assert len(peer.messages) == (status == 0), peer.messages
sys.exit(status)
"""


@needs_mounts
def test_4_ipv6_black_hole(caller, folder):
    """There is a route, and nothing ever comes back on it."""
    def send(host):
        caller.configure(f"smtp+notls://{host}", 'timeout = "3s"')
        prepare = " && ".join([
            # A wire whose other end is nobody: what the loopback drops, it is told of.
            "ip link set lo up", "ip link add wire type veth peer name end",
            "ip link set end up", "ip link set wire up",
            "ip -6 addr add 2001:db8::1/64 dev wire nodad",
            "ip -6 neigh add 2001:db8::5 lladdr 02:00:00:00:00:05 dev wire",
            instead("/etc/nsswitch.conf", folder, "hosts: files\n"),
            # In this order, and getaddrinfo puts IPv6 first by RFC 6724.
            instead("/etc/hosts", folder, "2001:db8::5 both.example six.example\n"
                                          "127.0.0.1 localhost both.example\n")])
        command = own_mounts.command(
            "unshare", "--net", "sh", "-c", f'{prepare} && exec "$@"', "sh", sys.executable,
            "-c", BLACK_HOLE, TOP / "tests", caller.config, *caller.command())
        return run(command, MAIL, env=caller.environment())

    # Whoever has another way is not held up: all of it counts against three seconds.
    done = send("both.example:PORT")
    assert (done.status, done.stderr) == (0, ""), done
    done = send("six.example:587")
    assert done.status == 69, done
    for words in ("MC-NET-04 six.example:587: cannot connect (2001:db8::5: no answer within 3s)",
                  "; means: something on the way drops it", 'url = "smtps://six.example"',
                  "; mail: NOT sent"):
        assert words in done.stderr, done
    done = send("[2001:db8::5]:587")
    assert "MC-NET-04 [2001:db8::5]:587: cannot connect" in done.stderr, done
    assert 'url = "smtps://[2001:db8::5]"' in done.stderr, done


def test_5_from_refused(caller, say):
    peer = say({"mail": "550 5.7.60 SMTP; Client does not have permissions to send as this sender"})
    caller.configure(clear(peer), 'from = "alerts@example.com" from_policy = "keep"')
    check("MC-FROM-05", caller.send(sender="www-data@web1.example"))
    assert caller.result.status == 77


def test_6_relay_denied(caller, say):
    peer = say({"rcpt": "554 5.7.1 <you@example.org>: Relay access denied"})
    check("MC-RELAY-06", caller.configure(clear(peer)).send())


def test_7_greylisted(caller, say):
    peer = say({"rcpt": "450 4.2.0 <you@example.org>: Recipient address rejected: Greylisted for "
                        "300 seconds"})
    check("MC-GREY-07", caller.configure(clear(peer)).send())
    assert caller.result.status == 69


def test_7_greylisted_with_a_spool(make_service, say):
    peer = say({"rcpt": "450 4.2.0 <you@example.org>: Greylisted for 300 seconds"})
    service = make_service(url=clear(peer)).start()
    done = service.sendmail("you@example.org", input=MAIL)
    assert (done.status, done.stderr) == (0, "")
    service.wait_for_text(r"status=deferred \(MC-GREY-07 ")


def test_8_rate_limited(caller, say):
    peer = say({"end": "454 Throttling failure: Maximum sending rate exceeded."})
    check("MC-RATE-08", caller.configure(clear(peer)).send())


@needs_mounts
@pytest.mark.parametrize("host, words", [
    ("smtp.gmial.com", "did you mean smtp.gmail.com?"),
    ("smtp.exmaple.com", "did you mean smtp.example.com?"),
])
def test_9_no_such_name(caller, folder, host, words):
    # The names of this machine alone, and no resolver.
    caller.configure(f"smtp+tls://{host}", 'from = "alerts@example.com"')
    line = caller.send(prepare=instead("/etc/nsswitch.conf", folder, "hosts: files\n"))
    for word in ("MC-DNS-09 there is no host " + host, words, "; mail: NOT sent"):
        assert word in line, line
    assert caller.result.status == 68


@needs_mounts
def test_9_no_resolver(caller, folder):
    caller.configure("smtp+tls://smtp.example.com")
    prepare = " && ".join([
        instead("/etc/nsswitch.conf", folder, "hosts: dns\n"),
        instead("/etc/resolv.conf", folder,
                "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")])
    command = own_mounts.command("unshare", "--net", "sh", "-c",
                                 f'ip link set lo up && {prepare} && exec "$@"', "sh",
                                 *caller.command())
    done = run(command, MAIL, env=caller.environment())
    check("MC-DNS-09", done.stderr)
    assert done.status == 69


def test_10_tls_at_a_port_that_greets_in_clear(caller, say):
    check("MC-TLS-10", caller.configure(f"smtps://localhost:{say({}).port}").send())


SILENT = """
import socket, ssl, sys, threading, subprocess
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 465))
def serve():
    plain, _ = listener.accept()
    try:
        context.wrap_socket(plain, server_side=True).sendall(b"220 here\\r\\n")
    except OSError:
        plain.close()
threading.Thread(target=serve, daemon=True).start()
sys.exit(subprocess.run(sys.argv[3:]).returncode)
"""


@needs_mounts
def test_10_starttls_at_a_port_that_speaks_tls(caller, authority):
    caller.configure("smtp+tls://127.0.0.1:465")
    command = own_mounts.command(
        "unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
        sys.executable, "-c", SILENT, *authority.certificate(), *caller.command())
    line = run(command, MAIL, env=caller.environment()).stderr
    for words in ("MC-TLS-10 127.0.0.1:465", "speaks TLS from the first byte",
                  'url = "smtps://127.0.0.1:465"', "; mail: NOT sent"):
        assert words in line, line


def test_11_our_name_refused(caller, say):
    refusal = "504 5.5.2 <3f2a91c0d4e5>: Helo command rejected: need fully-qualified hostname"
    peer = say({"ehlo": refusal, "helo": refusal})
    caller.configure(clear(peer), extra='identity { ehlo = "web.example.com" }')
    check("MC-EHLO-11", caller.send())


def test_12_message_too_big(caller, say):
    peer = say({}, extensions=["SIZE 1000000"])
    caller.configure(clear(peer))
    check("MC-SIZE-12", caller.send(input=MAIL + 1500 * (999 * b"x" + b"\n")))
    assert caller.result.status == 65
    assert not any(line.startswith(b"MAIL") for line in peer.sessions[0].commands)


@needs_mounts
def test_13_spool_not_writable(caller, say, folder):
    spool = folder / "spool"
    caller.configure(clear(say({})), mode="spool")
    spool.mkdir(mode=0o700)
    line = caller.send(prepare=f"mount -t tmpfs -o ro,mode=700 none {spool}", spool=spool)
    check("MC-SPOOL-13", line)
    assert caller.result.status == 73


@needs_mounts
def test_13_no_space_left(caller, say, folder):
    spool = folder / "spool"
    caller.configure(clear(say({})), mode="spool")
    spool.mkdir(mode=0o700)
    line = caller.send(input=MAIL + 3000 * (999 * b"x" + b"\n"), spool=spool,
                       prepare=f"mount -t tmpfs -o size=2m,mode=700 none {spool}")
    for word in ("MC-SPOOL-13 no space for", "left of 2 MiB", "; fix: make room there",
                 "; mail: NOT sent"):
        assert word in line, line


@needs_mounts
def test_14_settings_not_readable(caller, say, folder):
    caller.configure(clear(say({})), login=True)
    (folder / "secrets.ini").chmod(0o600)
    folder.chmod(0o755)
    done = run(["setpriv", "--reuid", "33", "--regid", "33", "--clear-groups",
                *caller.command()], MAIL, env=caller.environment())
    check("MC-CONF-14", done.stderr)
    assert done.status == 78


def test_15_no_smarthost(programs, folder):
    config = folder / "mailchute.conf"
    config.write_text("")
    done = run([programs.sendmail, "you@example.org"], MAIL,
               env=environment(socket=folder / "none.sock", config=config))
    assert done.stderr.startswith("sendmail: MC-CONF-15 no smarthost is configured"), done
    for words in ("looked: ", "mailchute setup", "/run/secrets/mailchute_url",
                  "; mail: NOT sent"):
        assert words in done.stderr, done
    assert done.status == 78 and len(done.stderr) < 900


# ---- every reply at every step ----

REPLIES = {
    "421 4.3.2 peer is going down": "MC-NET-23",
    "450 4.2.0 Greylisted, come back": "MC-GREY-07",
    "452 4.2.2 mailbox full": "MC-RCPT-19",
    "454 4.7.0 Throttling failure: Maximum sending rate exceeded.": "MC-RATE-08",
    "530 5.7.0 Authentication required": "MC-AUTH-17",
    "534 5.7.9 Application-specific password required": "MC-AUTH-01",
    "535 5.7.8 Username and Password not accepted": "MC-AUTH-17",
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender": "MC-FROM-05",
    "552 5.3.4 message too big": "MC-SIZE-12",
    "554 5.7.1 <you@example.org>: Relay access denied": "MC-RELAY-06",
}
# Where the same words mean something else, or nothing that anybody could know.
ELSEWHERE = {
    ("mail", "452"): "", ("mail", "554"): "",
    ("data", "554"): "", ("end", "554"): "",
}


def expected(step, reply, code):
    if step in ("greeting", "ehlo", "helo"):
        if reply[0] == "5" and step != "greeting":
            return "MC-TLS-22" if reply.startswith("530") else "MC-EHLO-11"
        return {"454": "MC-RATE-08"}.get(reply[:3], "MC-NET-23")
    if step == "auth":
        return {"421": "MC-NET-23"}.get(reply[:3], "MC-AUTH-01")
    return ELSEWHERE.get((step, reply[:3]), code)


@pytest.mark.parametrize("reply, code", REPLIES.items())
def test_each_reply_at_each_step(programs, folder, say, reply, code):
    for step in ("greeting", "ehlo", "auth", "mail", "rcpt", "data", "end"):
        place = folder / step
        place.mkdir()
        says = {step: reply, "helo": reply} if step == "ehlo" else {step: reply}
        peer = say(says, users={USER: PASSWORD}, extensions=["PIPELINING", "8BITMIME"])
        caller = Caller(programs, place).configure(clear(peer), login=True)
        line = caller.send()
        text = caller.folder.joinpath("secrets.ini").read_text()
        assert PASSWORD in text and PASSWORD not in line
        assert line.count("\n") == 1 and len(line) < 900, (step, line)
        # All that it said, and what became of the mail.
        assert ": " + reply in line, (step, line)
        assert "; mail: NOT sent, nothing was kept" in line, (step, line)
        said = re.match(r"sendmail: (MC-\S+)?", line).group(1) or ""
        assert said == expected(step, reply, code), (step, line)


@pytest.mark.parametrize("fault", ("close", "stall"))
def test_servers_that_fall_silent(programs, folder, make_peer, fault):
    for step in ("greeting", "mail", "end"):
        place = folder / step
        place.mkdir()
        peer = make_peer(at=step, fault=fault)
        caller = Caller(programs, place).configure(clear(peer))
        if fault == "stall":
            caller.config.write_text(caller.config.read_text().replace('"20s"', '"1s"'))
        line = caller.send()
        assert line.count("\n") == 1 and "127.0.0.1" in line, (step, line)
        assert fault == "stall" or line.startswith("sendmail: MC-NET-23 "), (step, line)
        assert re.search("NOT sent|nothing was kept|all the same", line), (step, line)


# ---- where else it is said ----

def test_a_failure_is_named_in_queue_and_log(make_service, say):
    peer = say({"mail": "550 5.7.60 SMTP; Client does not have permissions to send as this sender"})
    service = make_service(url=clear(peer),
                           smarthost='from = "alerts@example.com" from_policy = "keep"').start()
    done = service.sendmail("-f", "www-data@web1.example", "you@example.org", input=MAIL)
    assert (done.status, done.stderr) == (0, "")
    listed = service.wait_for_queue("MC-FROM-05")
    assert "permissions to send as" in listed
    ident = re.search(r"^([0-9A-Za-z]{8,})", listed, flags=re.M).group(1)
    shown = service.admin("queue", "show", ident)
    text = shown.stdout.decode()
    # What, the server's words, the meaning and the line to write stand on lines of their own.
    assert re.search(r"refused MAIL FROM:<www-data@web1\.example>\s+MC-FROM-05\n", text), text
    assert re.search(r"^\s+server:  550 5\.7\.60 SMTP; Client does not", text, flags=re.M), text
    assert re.search(r"^\s+means:   ", text, flags=re.M)
    assert re.search(r"^\s+fix:     in smarthost ", text, flags=re.M)


# ---- the list ----

def help_of(programs, code):
    done = run([programs.mailchute, "help", code])
    assert done.status == 0, done
    return done.stdout.decode()


def listed_codes(programs):
    done = run([programs.mailchute, "help", "codes"])
    return re.findall(r"^(MC-\S+)\s+(.*)$", done.stdout.decode(), flags=re.M)


def test_the_manual_has_the_very_pages(programs):
    manual = pages()
    codes = listed_codes(programs)
    assert list(manual) == [code for code, _ in codes]
    for code, title in codes:
        page = help_of(programs, code.lower())
        what, fix = re.search(r"^  what: (.*?)^  fix: (.*)\Z", page, flags=re.M | re.S).groups()
        assert manual[code][:3] == (title, " ".join(what.split()), " ".join(fix.split()))


def test_every_code_is_in_the_list_and_every_one_of_the_list_is_used(programs):
    used = set()
    for path in SOURCES.rglob("*.c"):
        if path.name != "codes.c":
            used |= set(re.findall(r'"(MC-[A-Z]+-\d\d)[" ]', path.read_text()))
    assert used == {code for code, _ in listed_codes(programs)}


def test_help_for_what_is_not_there(programs):
    done = run([programs.mailchute, "help", "MC-NONE-99"])
    assert done.status == 64 and "MC-NONE-99" in done.stderr
    assert "usage: mailchute queue" in run([programs.mailchute, "help", "queue"]).stdout.decode()


def test_the_manual_is_mdoc():
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "error", MANUAL], capture_output=True,
                          text=True) if subprocess.run(
                              ["sh", "-c", "command -v mandoc"],
                              capture_output=True).returncode == 0 else None
    if done is not None:
        assert done.returncode == 0, done.stdout
    assert not [line for line in MANUAL.read_text().splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("given, status, words", [
    ("mc-auth-1", 0, "MC-AUTH-01: login refused"), ("tls-2", 0, "MC-TLS-02: "),
    ("Mc-Auth-17", 0, "MC-AUTH-17: "),
    ("mc-auht-01", 64, "the nearest known one: mailchute help MC-AUTH-01"),
    ("atuh-01", 64, "the nearest known one: mailchute help MC-AUTH-01"),
    ("docter", 64, "the nearest known one: mailchute help doctor"),
    ("something else", 64, "mailchute help lists the commands"),
])
def test_a_page_is_found_however_its_name_is_typed(programs, given, status, words):
    done = run([programs.mailchute, "help", given])
    assert done.status == status, done
    assert words in (done.stderr if status else done.stdout.decode()), done
