# SPDX-License-Identifier: MIT

"""from_policy: who is sent as whom, by which smarthost; and explain knows it beforehand."""

import concurrent.futures
import json
import re
import signal
import socket

import pytest

from support.mailchute import SHORT_RETRY, environment, fields, needs_program, run, split
from support.peer import Conversation, Peer
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

POLICIES = ("auto", "repair", "rewrite", "keep")
SLOW = 'retry = { "1h" }'
HOST = socket.gethostname()


def block(name, port, policy, options=""):
    return (f'smarthost "{name}" {{ url = "smtp+notls://127.0.0.1:{port}" from_policy = "{policy}" '
            f"{options} }}\n")


def sender_of(message):
    return re.search(rb"<(.*)>", message[0].split(b" BODY=")[0]).group(1).decode()


class Picky(Conversation):
    """Takes one sender alone, in the envelope and in From."""

    def on_mail(self, line):
        if self.peer.only not in line:
            self.say("550 5.7.60 SMTP; Client does not have permissions to send as this sender")
        else:
            super().on_mail(line)


class PickyPeer(Peer):
    conversation = Picky

    def __init__(self, only, **options):
        super().__init__(**options)
        self.only = only.encode()


@pytest.fixture
def make_picky():
    peers = []

    def make(only, **options):
        peers.append(PickyPeer(only, **options).start())
        return peers[-1]

    yield make
    for peer in peers:
        peer.stop()


# explain knows what leaves

HEADERS = {
    "no From": "Subject: x\n",
    "bare": "From: root\nSubject: x\n",
    "Cron": "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@web1> x\n",
    "host": f"From: www-data@{HOST}\nSubject: x\nX-Fold: a\n  b\n",
    "encoded": "From: =?utf-8?Q?J=C3=B6rg_M?=\n =?utf-8?B?w7xsbGVy?= <joerg@shop.example>\n"
               "DKIM-Signature: v=1;\n b=abc\n",
    "two": "From: \"A, one\" <a@shop.example>, b@shop.example (two)\nSender: c@shop.example\n",
    "two, one of them allowed": "From: a@shop.example, B <b@allowed.example>\n",
    "two local ones": "From: A <a@web1>, b@localhost\n",
    "Sender": "From: a@allowed.example\nSender: www-data@web1\nReply-To: r@shop.example\n",
    "Resent": "Resent-From: me@web1\nResent-To: x@far.example\nResent-From: old@web1\n"
              "From: a@shop.example\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n",
    "Resent without From": "Resent-To: x@far.example\nFrom: a@allowed.example\nMessage-ID: <1@x>\n",
    "its own": "From: Alerts <ALERTS@here.example>\nBcc: q@far.example\n",
    "group": "From: The Team: a@shop.example;\n",
    "malformed": "From: Backup Job\n",
    "allowed": "from : b@allowed.example\nReturn-Path: <x@y.example>\n",
}
SENDERS = {
    "none": (),
    "-f of the world": ("-f", "joe@shop.example"),
    "-f allowed": ("-f", "Joe <joe@allowed.example>"),
    "-f ''": ("-f", ""),
    "-r bare": ("-r", "www-data", "-F", "Web, \"Site\""),
    "-f of this machine": ("-f", f"www-data@{HOST}"),
}
RECIPIENTS = {
    "root": ("root",),
    "root here": ("root@localhost", f"ROOT@{HOST}"),
    "case": ("Root", "rOOT"),
    "a loop": ("a",),
    "a list": ("ops, bob", "Somebody <x@keep.example>"),
    "a group": ("-t",),
    "one bad of three": ("x@keep.example", "x@", "y@auto.example"),
    "none is good": ("x@", "a b@c"),
    "nobody": ("-t", "-i"),
    "resent": ("-t",),
    "arguments and -t": ("-t", "root", "-oi"),
}
RECIPIENT_HEADERS = {
    "a group": "To: The Team: x@keep.example, root;, z@rewrite.example\nCc: a@b@c, q@auto.example\n",
    "nobody": "Subject: to nobody\n",
    "resent": "Resent-To: root@localhost, x@rewrite.example\nResent-Bcc: y@keep.example\nTo: z@auto.example\n",
    "arguments and -t": "To: x@rewrite.example, root\nBcc: B <b@auto.example>\nCc:\n",
}
ALIASES = """\
root: me@rewrite.example, ops
ops: second@keep.example, "third"@auto.example
a: b
b: a
"""
ADDED = re.compile(rb"(Received|Date|Message-ID|Resent-Date|Resent-Message-ID):", re.IGNORECASE)


def unfolded(header):
    """The fields, with their folds."""
    return re.split(rb"\n(?![ \t])", header.rstrip(b"\n"))


def comparable(header, given):
    """Without what carries a time or a number, but where it was given."""
    kept = set(unfolded(given))
    return [field for field in unfolded(header) if field in kept or not ADDED.match(field)]


class Case:
    def __init__(self, number, arguments, header):
        self.number, self.arguments, self.header = number, arguments, header
        self.given = header.encode() + b"X-Case: %d\n" % number

    def run(self, service):
        message = self.given + b"\ntext\n"
        said = run([service.programs.mailchute, "explain", "--json", *self.arguments],
                   input=message, env=service.environment())
        self.sent = service.sendmail(*self.arguments, input=message)
        self.explained = said
        self.legs = json.loads(said.stdout)["legs"] if said.stdout else []

    def describe(self):
        return f"{self.arguments} {self.header!r}\n{self.sent}\n{self.explained}"

    def check(self, messages):
        """What was sent of it is what was said."""
        assert self.sent.status == self.explained.status, self.describe()
        sent = {}
        for message in messages:
            recipients, content = sorted(message[1]), bytes(message[2])
            for recipient in recipients:
                sent[recipient] = (sender_of(message), recipients,
                                   comparable(split(content)[0], self.given))
        said = {}
        for leg in self.legs:
            header = "\n".join(leg["header"]).encode()
            for recipient in leg["recipients"]:
                said[recipient] = (leg["sender"], sorted(leg["recipients"]),
                                   comparable(header, self.given))
        assert sent == said, self.describe()


def make_cases():
    cases = []

    def add(arguments, header):
        cases.append(Case(len(cases), arguments, header))

    for header in HEADERS.values():
        for sender in SENDERS.values():
            add((*sender, *(f"x@{name}.example" for name in POLICIES)), header)
            add((*sender, "x@reject.example"), header)
    for name, recipients in RECIPIENTS.items():
        for sender in ("none", "-f of the world", "-f ''"):
            add((*SENDERS[sender], *recipients),
                RECIPIENT_HEADERS.get(name, "") + HEADERS["host"])
    return cases


def test_explain_says_what_is_sent(make_service, make_peer):
    """users.md 6, lines 5, 6 and 19."""
    peer = make_peer()
    names = (*POLICIES, "reject")
    service = make_service(queue=SLOW, submit='wait = "disk"', extra="".join(
        block(name, peer.port, name, 'from = "alerts@here.example" '
              'from_allow = { "*@allowed.example" } connections = 1') +
        f'route "{name}" {{ to = {{ "{name}.example" }} via = {{ "{name}" }} }}\n'
        for name in names))
    (service.folder / "aliases").write_text(ALIASES)
    service.start()
    cases = make_cases()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda case: case.run(service), cases))
    service.wait_until_empty(60)
    arrived = {}
    for message in peer.messages:
        number, = fields(bytes(message[2]), "X-Case")
        arrived.setdefault(int(number), []).append(message)
    for case in cases:
        case.check(arrived.get(case.number, []))
    # All of it has been there: refused ones, and each policy's changes.
    assert sum(case.sent.status == 77 for case in cases) > 50
    assert sum(case.sent.status == 0 for case in cases) > 100
    changed = [leg for case in cases for leg in case.legs
               if any(line.startswith("+From: ") for line in leg["changes"])]
    assert {leg["smarthost"] for leg in changed} >= set(POLICIES)
    assert any(line.startswith("+Reply-To: ") for leg in changed for line in leg["changes"])


# each policy against a smarthost that is particular

OFFICE = "alerts@from.example"


def block_line(service):
    """Where the smarthost stands."""
    lines = service.config.read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if line.startswith("smarthost")][0]


def picky(make_service, make_picky, policy, **options):
    peer = make_picky(OFFICE)
    service = make_service(queue=options.pop("queue", SHORT_RETRY), submit='wait = "disk"',
                           extra=block("office", peer.port, policy, f'from = "{OFFICE}" '),
                           **options)
    return service.start(), peer


def send(service, *arguments, message=b"From: Joe <joe@shop.example>\n\ntext\n"):
    return service.sendmail(*arguments, input=message)


def test_auto_rewrites_who_was_refused_and_later_messages(make_service, make_picky):
    service, peer = picky(make_service, make_picky, "auto")
    for number in range(2):
        assert send(service, "-f", "joe@shop.example", "x@far.example").status == 0
        wait_for(lambda: len(peer.messages) == number + 1, what="the message")
    for message in peer.messages:
        assert sender_of(message) == OFFICE
        assert fields(bytes(message[2]), "From") == [f"Joe <{OFFICE}>"]
        assert fields(bytes(message[2]), "Reply-To") == ["joe@shop.example"]
    # Once alone has he been tried as himself.
    mails = [line for session in peer.sessions for line in session.commands
             if line.startswith(b"MAIL")]
    assert sum(b"joe@shop.example" in line for line in mails) == 1
    service.wait_for_log("state=sender_replaced")
    assert f"fix: it goes again at once as {OFFICE}" in service.text()


@pytest.mark.parametrize("policy", ["keep", "repair"])
def test_who_is_refused_and_not_rewritten_is_held(make_service, make_picky, policy):
    service, peer = picky(make_service, make_picky, policy, queue=SLOW)
    assert send(service, "-f", "joe@shop.example", "x@far.example").status == 0
    service.wait_for_log("state=sender_refused")
    log = service.text()
    assert (f"fix: in smarthost 'office' write from = '{OFFICE}' and from_policy = 'rewrite', or "
            "give the mailbox that right") in log
    assert f"({service.config} line {block_line(service)})" in log
    assert service.count() == 1 and peer.messages == []
    # Others go on.
    assert send(service, "-f", OFFICE, "x@far.example",
                message=f"From: {OFFICE}\n\n".encode()).status == 0
    wait_for(lambda: len(peer.messages) == 1, what="the other's message")
    # Mended as the line says.
    service.config.write_text(service.config.read_text().replace(
        f'from_policy = "{policy}"', 'from_policy = "rewrite"'))
    service.signal(signal.SIGHUP)
    service.wait_for_log("configuration read anew")
    service.wait_until_empty()
    assert sender_of(peer.messages[1]) == OFFICE
    assert fields(bytes(peer.messages[1][2]), "Reply-To") == ["joe@shop.example"]


@pytest.mark.parametrize("policy", ["auto", "repair"])
def test_direct_mail_goes_at_once_as_who_may(programs, folder, make_picky, policy):
    peer = make_picky(OFFICE)
    config = folder / "mailchute.conf"
    config.write_text('identity { domain = "here.example" }\nsubmit { mode = "direct" }\n'
                      f'log {{ to = "{folder}/log" }}\n' +
                      block("office", peer.port, policy, f'from = "{OFFICE}"'))
    variables = environment(config=config, socket=folder / "none.sock")
    result = run([programs.sendmail, "-f", "joe@shop.example", "x@far.example", "y@far.example"],
                 b"From: Joe <joe@shop.example>\n\ntext\n", env=variables)
    log = (folder / "log").read_text()
    if policy == "repair":
        assert result.status == 77 and "5.7.60" in result.stderr, result
        assert 'and from_policy = "rewrite"' in result.stderr
        assert f"({config} line 4)" in result.stderr
        assert peer.messages == [] and log.count("status=bounced") == 2, log
        return
    assert (result.status, result.stderr) == (0, ""), result
    message, = peer.messages
    assert sender_of(message) == OFFICE and len(message[1]) == 2
    assert fields(bytes(message[2]), "From") == [f"Joe <{OFFICE}>"]
    assert fields(bytes(message[2]), "Reply-To") == ["joe@shop.example"]
    assert "state=sender_replaced" in log and "status=bounced" not in log
    assert log.count("status=sent") == 2


def test_keep_leaves_even_what_nobody_takes(make_service, make_peer):
    peer = make_peer()
    service = make_service(submit='wait = "disk"', extra=block(
        "office", peer.port, "keep", f'from = "{OFFICE}"')).start()
    assert send(service, "-f", "root@web1", "x@far.example",
                message=b"From: root@web1\nSender: root@localhost\n\n").status == 0
    service.wait_until_empty()
    content = bytes(peer.messages[0][2])
    assert sender_of(peer.messages[0]) == "root@web1"
    assert fields(content, "From") == ["root@web1"]
    assert fields(content, "Sender") == ["root@localhost"]


def test_reject_tells_the_caller(make_service, make_peer):
    peer = make_peer()
    service = make_service(submit='wait = "disk"', extra=block(
        "office", peer.port, "reject", f'from = "{OFFICE}" from_allow = {{ "*@ok.example" }}')).start()
    result = send(service, "-f", "joe@shop.example", "x@far.example")
    assert result.status == 77 and result.stderr.count("\n") == 1, result
    number = block_line(service)
    for words in ('smarthost "office"', "joe@shop.example in the envelope",
                  f'{service.config} line {number} write from_allow = {{ "*@shop.example" }}'):
        assert words in result.stderr, result
    result = send(service, "-f", "joe@ok.example", "x@far.example")
    assert result.status == 77 and "joe@shop.example in From" in result.stderr
    result = service.sendmail("-bv", "-f", "joe@shop.example", "x@far.example")
    assert result.status == 77 and b"joe@shop.example in the envelope" in result.stdout, result
    assert service.count() == 0 and peer.sessions == []
    assert send(service, "-f", "joe@ok.example", "x@far.example",
                message=b"From: Q@OK.example\n\n").status == 0
    service.wait_until_empty()
    assert sender_of(peer.messages[0]) == "joe@ok.example"


def test_what_is_forbidden_meanwhile_is_bounced(make_service, make_peer):
    peer = make_peer()
    peer.stop()
    service = make_service(queue=SLOW + ' bounce = "me@far.example"', submit='wait = "disk"',
                           extra=block("office", peer.port, "keep", f'from = "{OFFICE}"')).start()
    assert send(service, "-f", "joe@shop.example", "x@far.example").status == 0
    service.wait_for_log("state=down|paused")
    service.config.write_text(service.config.read_text().replace('"keep"', '"reject"'))
    peer.start()
    service.signal(signal.SIGHUP)
    service.wait_for_log("configuration read anew")
    wait_for(lambda: peer.messages, what="the report")
    service.wait_until_empty()
    report = bytes(peer.messages[0][2])
    assert sender_of(peer.messages[0]) == "" and peer.messages[0][1] == ["me@far.example"]
    assert b"Status: 5.7.1" in report and b'from_policy is "reject"' in report
    assert len(peer.messages) == 1


def test_a_fallback_that_rejects_is_no_fallback(make_service, make_peer):
    """Mail waits for the smarthost that takes it."""
    first, second = make_peer(), make_peer()
    first.stop()
    service = make_service(queue='retry = { "300ms" }', submit='wait = "disk"', extra=
                           block("first", first.port, "keep") +
                           block("second", second.port, "reject", 'from = "b@from.example"') +
                           'route "all" { via = { "second", "first" } }').start()
    assert send(service, "-f", "joe@shop.example", "x@far.example").status == 0
    service.wait_for_log("state=down|paused")
    assert service.count() == 1
    first.start()
    service.wait_until_empty()
    assert len(first.messages) == 1 and second.messages == []


def test_the_fallback_sees_its_own_from(make_service, make_peer):
    """Envelope and header are made for the smarthost of each attempt."""
    first, second = make_peer(), make_peer()
    first.stop()
    service = make_service(queue=SLOW, submit='wait = "disk"', extra=
                           block("first", first.port, "rewrite", 'from = "a@from.example"') +
                           block("second", second.port, "rewrite", 'from = "b@from.example"') +
                           'route "all" { via = { "first", "second" } }').start()
    message = b"From: Joe <joe@shop.example>\nSender: root@web1\nX-Odd:\n  folded \n\ntext\n"
    assert send(service, "x@far.example", message=message).status == 0
    wait_for(lambda: second.messages, what="the message at the fallback")
    content = bytes(second.messages[0][2])
    assert sender_of(second.messages[0]) == "b@from.example"
    assert fields(content, "From") == ["Joe <b@from.example>"]
    assert fields(content, "Sender") == ["b@from.example"]
    assert fields(content, "Reply-To") == ["joe@shop.example"]
    assert b"\r\nX-Odd:\r\n  folded \r\n" in content
    assert b"a@from.example" not in content


def test_queued_with_a_wrong_from_mended_retried(make_service, make_picky):
    peer = make_picky(OFFICE)
    service = make_service(queue=SLOW, submit='wait = "disk"', extra=block(
        "office", peer.port, "rewrite", 'from = "typo@from.example"')).start()
    assert send(service, "-f", "joe@shop.example", "x@far.example").status == 0
    service.wait_for_log("state=sender_refused")
    assert ("fix: in smarthost 'office' write from = 'an address that this account may send as' "
            "instead of the one there, or let the account send as typo@from.example "
            f"({service.config} line {block_line(service)})") in service.text()
    identity = re.search(r"pickup: (\w+): uid=", service.text()).group(1)
    # The next try would be in an hour, and nobody need tell the service to read its settings.
    wrong = service.config.read_text()
    service.config.write_text(wrong.replace("from_policy", "form_policy"))
    result = service.admin("queue", "retry", identity)
    assert result.status == 78 and 'the nearest known one is "from_policy"' in result.stderr
    service.config.write_text(wrong.replace("typo@", "alerts@"))
    service.queue("retry", identity)
    service.wait_until_empty()
    assert sender_of(peer.messages[0]) == OFFICE
    assert fields(bytes(peer.messages[0][2]), "From") == [f"Joe <{OFFICE}>"]


def test_what_waits_goes_by_the_mended_settings_without_being_told(make_service, make_picky):
    peer = make_picky(OFFICE)
    service = make_service(
        queue='retry = { "2s" }', submit='wait = "disk"',
        extra=block("office", peer.port, "rewrite", 'from = "typo@from.example"')).start()
    assert send(service, "-f", "joe@shop.example", "x@far.example").status == 0
    service.wait_for_log("state=sender_refused")
    assert not peer.messages
    service.config.write_text(service.config.read_text().replace("typo@", "alerts@"))
    wait_for(lambda: peer.messages, what="the message, by itself")
    assert sender_of(peer.messages[0]) == OFFICE
