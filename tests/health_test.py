# SPDX-License-Identifier: MIT

"""A smarthost in trouble is left alone, one message at a time asks again, and nobody is bounced
for what is no fault of his message (security.md, N1)."""

import json
import os
import re
import signal

import pytest

from support.mailchute import environment, fields, needs_program, run
from support.peer import Conversation, Peer
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"From: Somebody <somebody@there.example>\nSubject: health\n\ntext\n"
SLOW = 'retry = { "1h" } bounce = ""'
QUICK = 'retry = { "100ms" } bounce = ""'
ONCE = 'retry = { "100ms", "1h" } bounce = ""'
USER, PASSWORD = "alice@sender.example", "word"


class ScriptedConversation(Conversation):
    def scripted(self, step):
        says = self.peer.says.get(step)
        return says(self) if callable(says) else says

    def answer(self, step, *lines):
        reply = self.scripted(step)
        if reply is None:
            return super().answer(step, *lines)
        self.say(reply)
        return False

    def on_mail(self, line):
        self.address = re.search(rb"<(.*?)>", line).group(1).decode()
        super().on_mail(line)

    def end(self):
        if self.scripted("end") is None:
            super().end()
            return
        self.sender, self.recipients = None, []
        self.answer("end")


class Scripted(Peer):
    """says: {step: reply, or a function of the conversation that gives one, or None}."""

    conversation = ScriptedConversation

    def __init__(self, says=None, **options):
        super().__init__(**options)
        self.says = says or {}


@pytest.fixture
def make_scripted():
    made = []

    def make(says=None, **options):
        made.append(Scripted(says, **options).start())
        return made[-1]

    yield make
    for peer in made:
        peer.stop()


def serve(make_service, peer, queue=SLOW, smarthost="", submit='wait = "disk"', **options):
    return make_service(url=f"smtp+notls://127.0.0.1:{peer.port}", smarthost=smarthost,
                        submit=submit, queue=queue, **options).start()


def send(service, *recipients, sender="x@there.example", message=MESSAGE):
    result = service.sendmail("-f", sender, *recipients, input=message)
    assert (result.status, result.stderr) == (0, ""), result


def send_many(service, count, sender="x@there.example"):
    for number in range(count):
        send(service, f"{number}@far.example", sender=sender)


def numbers_of(peer):
    return sorted(int(name.split("@")[0]) for _, names, _ in peer.messages for name in names)


def paused(service, state):
    return service.wait_for_log(rf"smarthost=test state={state} ")


def nothing_failed(service):
    assert not re.search(r"status=(bounced|expired)|in failed/", service.text()), service.text()


def test_a_dead_smarthost_costs_a_connection_a_step(make_service, make_peer):
    peer = make_peer(at="greeting", fault="5xx")
    service = serve(make_service, peer)
    send_many(service, 200)
    service.wait_for_queue(r"200 Requests")
    paused(service, "down")
    assert len(peer.sessions) == 1
    assert service.count() == 200
    # All are told to go, and one asks; the others wait, whatever that takes.
    for asked in (2, 3):
        assert service.admin("queue", "retry", "--all").status == 0
        wait_for(lambda: len(peer.sessions) >= asked, what="the probe")
        send(service, f"{198 + asked}@far.example")
    # One a second at the most, while a slow machine goes through the messages.
    assert len(peer.sessions) <= 40
    before = len(peer.sessions)
    peer.repair()
    assert service.admin("queue", "retry", "--all").status == 0
    service.wait_until_empty()
    assert numbers_of(peer) == list(range(202))
    assert len(peer.sessions) <= before + 20  # probes, and one more while the queue is deep
    service.wait_for_log(r"smarthost=test state=up")
    nothing_failed(service)


def test_it_is_asked_again_in_time(make_service, make_peer):
    peer = make_peer(at="greeting", fault="5xx")
    service = serve(make_service, peer, QUICK)
    send_many(service, 20)
    wait_for(lambda: len(peer.sessions) >= 5, what="probes")
    peer.repair()
    service.wait_until_empty()
    assert numbers_of(peer) == list(range(20))
    assert service.text().count("state=down") == 1
    nothing_failed(service)


def test_a_flush_makes_one_probe(make_service, make_peer):
    peer = make_peer(at="greeting", fault="5xx")
    service = serve(make_service, peer)
    send_many(service, 30)
    paused(service, "down")
    assert service.sendmail("-q").status == 0
    wait_for(lambda: len(peer.sessions) == 2, what="the probe")
    send(service, "30@far.example")
    service.wait_for_queue(r"31 Requests")
    assert len(peer.sessions) == 2


def test_who_waits_for_an_outcome_is_told_at_once(make_service, make_peer):
    peer = make_peer(at="greeting", fault="5xx")
    service = serve(make_service, peer, submit='wait = "outcome" wait_limit = "10m"')
    send(service, "0@far.example")
    paused(service, "down")
    peer.hold = "greeting"
    # Also while a probe is on its way.
    assert service.sendmail("-q").status == 0
    wait_for(lambda: peer.reached_hold, what="the probe")
    send(service, "1@far.example")
    assert service.count() == 2


def test_new_settings_are_tried_at_once(make_service, make_peer):
    wrong, right = make_peer(at="greeting", fault="5xx"), make_peer()
    service = serve(make_service, wrong)
    send_many(service, 10)
    service.wait_for_queue("10 wait, next try in ")
    service.configure(url=f"smtp+notls://127.0.0.1:{right.port}", submit='wait = "disk"',
                      queue=SLOW)
    service.process.send_signal(signal.SIGHUP)
    service.wait_until_empty()
    assert numbers_of(right) == list(range(10)) and len(wrong.sessions) == 1
    nothing_failed(service)


def test_who_watches_sees_why(make_service, make_peer):
    peer = make_peer(at="greeting", fault="5xx")
    service = serve(make_service, peer)
    send(service, "0@far.example")
    paused(service, "down")
    result = service.sendmail("-v", "-f", "x@there.example", "1@far.example", input=MESSAGE)
    assert result.status == 0 and "peer says never" in result.stdout.decode() + result.stderr
    assert len(peer.sessions) == 2


def test_a_refused_login_holds_all_and_a_mended_secret_frees_it(make_service, make_peer, tmp_path):
    peer = make_peer(users={USER: PASSWORD})
    secrets = tmp_path / "secrets.ini"
    secrets.write_text(f'[test]\nuser = "{USER}"\npassword = "wrong"\n')
    secrets.chmod(0o600)
    service = serve(make_service, peer, QUICK, variables={"CREDENTIALS_DIRECTORY": tmp_path})
    send_many(service, 5)
    paused(service, "login_refused")
    wait_for(lambda: len(peer.sessions) >= 3, what="probes")
    assert service.count() == 5
    secrets.write_text(f'[test]\nuser = "{USER}"\npassword = "{PASSWORD}"\n')
    service.wait_until_empty()
    assert numbers_of(peer) == list(range(5))
    assert "wrong" not in re.sub("535 5.7.8 wrong password", "", service.text())
    nothing_failed(service)


def test_a_secret_that_cannot_be_read_holds_all(make_service, make_peer, tmp_path):
    peer = make_peer(users={USER: PASSWORD})
    secrets = tmp_path / "secrets.ini"
    secrets.write_text('[test]\nuser = "unfinished\n')
    secrets.chmod(0o600)
    service = serve(make_service, peer, QUICK, variables={"CREDENTIALS_DIRECTORY": tmp_path})
    send_many(service, 5)
    paused(service, "down")
    assert service.count() == 5
    secrets.write_text(f'[test]\nuser = "{USER}"\npassword = "{PASSWORD}"\n')
    service.admin("queue", "retry", "--all")
    service.wait_until_empty()
    assert numbers_of(peer) == list(range(5))
    nothing_failed(service)


@pytest.mark.parametrize("step, reply, state", [
    ("mail", "530 5.7.0 Authentication required", "login_refused"),
    ("mail", "550 5.4.5 Daily user sending limit exceeded", "account_refused"),
    ("mail", "451 You have exceeded your messaging limits", "account_refused"),
    ("rcpt", "535 5.7.8 no", "login_refused"),
    ("end", "550 5.4.5 Daily user sending limit exceeded", "account_refused"),
    ("end", "454 Throttling failure: Maximum sending rate exceeded.", "throttled"),
    ("rcpt", "450 4.7.1 too many messages", "throttled"),
    ("greeting", "421 4.7.0 too many connections", "throttled"),
    ("mail", "421 4.3.2 slow down", "throttled"),
    ("greeting", "554 5.7.1 go away", "down"),
])
def test_what_is_about_the_account_holds_it(make_service, make_scripted, step, reply, state):
    peer = make_scripted({step: reply})
    service = serve(make_service, peer, QUICK)
    send_many(service, 6)
    paused(service, state)
    assert service.count() == 6
    peer.says = {}
    service.wait_until_empty()
    assert numbers_of(peer) == list(range(6))
    nothing_failed(service)


def test_what_is_about_a_recipient_pauses_nothing(make_service, make_peer):
    peer = make_peer(refuse={f"{number}@far.example": "450 4.7.1 Greylisted, try again later"
                             for number in range(5)})
    service = serve(make_service, peer)
    send_many(service, 8)
    wait_for(lambda: len(peer.messages) == 3, what="the others")
    wait_for(lambda: service.count() == 5, what="the end of their files")
    assert "state=" not in service.text()


# senders

def refuses(address, reply="550 5.7.60 SMTP; Client does not have permissions to send as this "
                           "sender"):
    return lambda conversation: reply if conversation.address == address else None


@pytest.mark.parametrize("step", ["mail", "rcpt", "end"])
def test_a_refused_sender_is_held_alone(make_service, make_scripted, step):
    peer = make_scripted({step: refuses("bad@there.example")})
    service = serve(make_service, peer, SLOW)
    plain = b"Subject: no author\n\ntext\n"
    send(service, "0@far.example", sender="bad@there.example", message=plain)
    service.wait_for_log(r"smarthost=test .*bad@there\.example.*write from = ")
    for number in range(1, 9):
        sender = "bad@there.example" if number % 2 == 0 else "good@there.example"
        send(service, f"{number}@far.example", sender=sender, message=plain)
    wait_for(lambda: numbers_of(peer) == [1, 3, 5, 7], what="the mail of the other")
    service.wait_for_queue("5 Requests")
    tries = sum(command.upper().startswith(b"MAIL FROM:<BAD") for session in peer.sessions
                for command in session.commands)
    assert tries == 1
    peer.says = {}
    assert service.admin("queue", "retry", "--all").status == 0
    service.wait_until_empty()
    assert numbers_of(peer) == list(range(9))
    nothing_failed(service)


def senders_of(peer):
    return [re.search(rb"<(.*?)>", sender).group(1).decode() for sender, _, _ in peer.messages]


@pytest.mark.parametrize("step", ["mail", "end"])
def test_a_refused_sender_is_replaced(make_service, make_scripted, step):
    peer = make_scripted({step: refuses("bad@there.example")})
    service = serve(make_service, peer, SLOW, smarthost='from = "alerts@ours.example"',
                    submit='wait = "outcome" wait_limit = "10m"')
    author = b"From: The Bad One <bad@there.example>\nSubject: health\n\ntext\n"
    # Whoever waits for the outcome hears that of the second try.
    send(service, "0@far.example", sender="bad@there.example", message=author)
    assert senders_of(peer) == ["alerts@ours.example"]
    content = peer.messages[0][2]
    assert fields(content, "From") == ["The Bad One <alerts@ours.example>"]
    assert fields(content, "Reply-To") == ["bad@there.example"]
    # From now on at once; and nobody else is touched.
    send(service, "1@far.example", sender="bad@there.example", message=author)
    send(service, "2@far.example", sender="good@there.example")
    wait_for(lambda: len(peer.messages) == 3, what="all three")
    assert senders_of(peer)[1:] == ["alerts@ours.example", "good@there.example"]
    assert fields(peer.messages[2][2], "From") == ["Somebody <somebody@there.example>"]
    tries = sum(command.upper().startswith(b"MAIL FROM:<BAD") for session in peer.sessions
                for command in session.commands)
    assert tries == 1
    nothing_failed(service)


def test_the_null_sender_is_never_replaced(make_service, make_scripted):
    peer = make_scripted({"mail": refuses("")})
    service = serve(make_service, peer, SLOW, smarthost='from = "alerts@ours.example"')
    send(service, "0@far.example", sender="<>")
    service.wait_for_log("status=bounced")
    send(service, "1@far.example")
    wait_for(lambda: senders_of(peer) == ["x@there.example"], what="the mail of another")


def test_many_refused_senders_delay_nobody(make_service, make_scripted):
    peer = make_scripted({"mail": lambda conversation: "550 5.7.60 no"
                          if conversation.address.startswith("bad") else None})
    service = serve(make_service, peer, SLOW)
    for number in range(40):
        send(service, "0@far.example", sender=f"bad{number}@there.example")
    send(service, "1@far.example")
    wait_for(lambda: numbers_of(peer) == [1], what="the mail of another")
    wait_for(lambda: service.count() == 40, what="the end of its file")


# while they wait

def test_who_waits_expires_in_time(make_service, make_peer):
    peer = make_peer(at="greeting", fault="5xx")
    service = serve(make_service, peer, 'retry = { "100ms" } lifetime = "2s" bounce = ""')
    send_many(service, 10)
    service.wait_for_log(r"status=expired .*peer says never")
    service.wait_until_empty()
    assert service.text().count("status=expired") == 10


def test_who_waits_is_warned_of(make_service, make_peer):
    peer = make_peer(at="greeting", fault="5xx")
    service = serve(make_service, peer, 'retry = { "1h" } warn = "1s" bounce = "who@far.example"')
    send_many(service, 3)
    # The first was tried before it was late, and the next time is in an hour; the others wait.
    wait_for(lambda: service.text().count("sender delay notification") >= 2,
             what=lambda: f"warnings:\n{service.tail()}")
    assert len(peer.sessions) == 1
    assert "status=expired" not in service.text()


# N1: what is final, and what is not

STEPS = ("greeting", "ehlo", "starttls", "handshake", "auth", "mail", "rcpt", "data", "end")
OF_MESSAGE = ("mail", "rcpt", "data", "end")
FAULTS = ("4xx", "5xx", "421", "close", "reset", "garbage")


def cases():
    for is_tls in (False, True):
        for step in STEPS:
            if step in ("starttls", "handshake") and not is_tls:
                continue
            for fault in FAULTS:
                if step != "handshake" or fault in ("close", "reset", "garbage"):
                    yield pytest.param(step, fault, is_tls,
                                       id=f"{step}-{fault}-{'TLS' if is_tls else 'clear'}")


@pytest.mark.parametrize("step, fault, is_tls", cases())
def test_only_a_refusal_of_the_message_is_final(make_service, make_peer, authority, step, fault,
                                                is_tls):
    peer = make_peer(at=step, fault=fault, users={USER: PASSWORD},
                     extensions=("PIPELINING", "8BITMIME"),
                     certificate=authority.certificate("right") if is_tls else None)
    service = make_service(url=f"smtp{'+tls' if is_tls else '+notls'}://127.0.0.1:{peer.port}",
                           smarthost=f'ca_file = "{authority.ca}"'
                           if is_tls else "",
                           queue=SLOW, submit='wait = "disk"',
                           variables={"user": USER, "password": PASSWORD}).start()
    send(service, "b@far.example")
    service.wait_for_log(r"status=\w+ .*\n")
    verdict = re.search(r"status=(\w+)", service.text()).group(1)
    assert peer.reached_fault
    is_final = step in OF_MESSAGE and fault == "5xx"
    assert verdict == ("bounced" if is_final else "deferred"), service.text()
    if step not in OF_MESSAGE:
        service.wait_for_log("smarthost=test state=")
        send(service, "c@far.example")
        service.wait_for_queue("2 Requests")
        assert len(peer.sessions) == 1


# what the administrator sees

def test_the_queue_shows_what_is_paused(make_service, make_scripted):
    peer = make_scripted({"mail": refuses("bad@there.example")}, at="greeting", fault="5xx")
    service = serve(make_service, peer)
    empty = service.queue()
    assert empty == "Mail queue is empty\n"
    send_many(service, 3)
    service.wait_for_queue(r"3 wait, next try in ")
    text = service.queue()
    line, = [line for line in text.splitlines() if line.startswith("-- smarthost")]
    assert re.fullmatch(r"-- smarthost test is down since \w{3} \w{3} .\d \d\d:\d\d:\d\d, 3 wait, "
                        r"next try in (59m\d+s|1h\d*m?): .*554 5.3.0 peer says never; means: .*", line), text
    # Monitors look at the last line.
    assert re.fullmatch(r"-- \d+ Kbytes in 3 Requests\.", text.splitlines()[-1])
    assert line in service.sendmail("-bp").stdout.decode()
    found, = [one for one in map(json.loads, service.queue("--json").splitlines())
              if "queue_id" not in one]
    assert (found["smarthost"], found["state"], found["waiting"]) == ("test", "down", 3), found
    assert "peer says never" in found["reason"]
    assert 0 < found["next_try"] - found["since"] < 4000
    peer.repair()
    send(service, "3@far.example", sender="bad@there.example")
    assert service.admin("queue", "retry", "--all").status == 0
    service.wait_for_queue("-- smarthost test refuses the sender bad@there.example "
                           "somebody@there.example since")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_what_is_paused_is_not_for_everybody(make_service, make_peer):
    service = serve(make_service, make_peer(at="greeting", fault="5xx"))
    send(service, "0@far.example")
    service.wait_for_queue(r"-- smarthost test is down")
    result = run([service.programs.mailq], env=environment(socket=service.socket), user=12345,
                 group=12345, extra_groups=[])
    assert result.stdout == b"Mail queue is empty\n", result
