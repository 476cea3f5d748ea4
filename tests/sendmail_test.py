# SPDX-License-Identifier: MIT

"""sendmail as its callers meet it: what they say, what arrives, what they are told."""

import concurrent.futures
import os
import re
import subprocess

import pytest

from support.mailchute import (Service, environment, fields, make_folder, needs_program,
                               remove_folder, run, split)
from support.peer import Peer
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

PLAIN = b"Subject: plain\n\nbody\n"


class House:
    """One service in front of a correct smarthost, for all tests of this file."""

    def __init__(self, programs, folder):
        self.peer = Peer().start()
        self.service = Service(programs, folder, url=f"smtp://127.0.0.1:{self.peer.port}",
                               submit='wait = "disk"').start()
        self.programs = programs

    def close(self):
        self.service.kill()
        self.peer.stop()
        self.service.check_clean()

    def send(self, *arguments, input=PLAIN, **options):
        """Sends with success, silently; returns (sender, recipients, content) as it left."""
        before, waiting = len(self.peer.messages), self.service.count()
        result = self.service.sendmail(*arguments, input=input, **options)
        assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
        wait_for(lambda: len(self.peer.messages) > before and self.service.count() <= waiting, 30,
                 what=lambda: f"the message at the smarthost; log:\n{self.service.tail()}")
        command, recipients, content = self.peer.messages[before]
        recipients = [one for _, several, _ in self.peer.messages[before:] for one in several]
        sender = re.match(rb"MAIL FROM:<([^>]*)>", command, re.IGNORECASE).group(1).decode()
        return sender, recipients, content

    def refuse(self, status, words, *arguments, input=PLAIN, **options):
        """Tries in vain: this status, one line on stderr, nothing kept."""
        before, waiting = len(self.peer.messages), self.service.count()
        result = self.service.sendmail(*arguments, input=input, **options)
        assert result.status == status, result
        assert result.stdout == b""
        assert result.stderr.count("\n") == 1 and len(result.stderr) < 900, result
        assert re.search(words, result.stderr, re.IGNORECASE), result
        assert self.service.count() == waiting
        assert len(self.peer.messages) == before


@pytest.fixture(scope="module")
def house(programs):
    folder = make_folder()
    made = House(programs, folder)
    yield made
    made.close()
    remove_folder(folder)


# recipients

@pytest.mark.parametrize("arguments, recipients", [
    (["b@far.example"], ["b@far.example"]),
    (["b@far.example", "c@far.example"], ["b@far.example", "c@far.example"]),
    (["b@far.example,c@far.example"], ["b@far.example", "c@far.example"]),
    (["Bob <b@far.example>"], ["b@far.example"]),
    (['"Q, Name" <b@far.example>'], ["b@far.example"]),
    (["b@far.example (comment (nested))"], ["b@far.example"]),
    (["-i", "--", "b@far.example"], ["b@far.example"]),
    (["b@far.example", "b@FAR.example"], ["b@far.example"]),
    (["UpperCase@far.example"], ["UpperCase@far.example"]),
    (["bare"], ["bare@here.example"]),
    (["a+b%c@far.example"], ["a+b%c@far.example"]),
])
def test_recipients_in_arguments(house, arguments, recipients):
    assert house.send(*arguments)[1] == recipients


@pytest.mark.parametrize("header, recipients", [
    (b"To: b@far.example\n", ["b@far.example"]),
    (b"TO: B <b@far.example>,\n c@far.example\ncc: d@far.example\n",
     ["b@far.example", "c@far.example", "d@far.example"]),
    (b"To: b@far.example\nTo: c@far.example\nBcc: d@far.example\nBCC: e@far.example\n",
     ["b@far.example", "c@far.example", "d@far.example", "e@far.example"]),
    (b"To: undisclosed-recipients:;\nBcc: b@far.example\n", ["b@far.example"]),
    (b"To: team: b@far.example, c@far.example;\n", ["b@far.example", "c@far.example"]),
])
def test_recipients_in_the_header(house, header, recipients):
    got = house.send("-t", input=header + b"Subject: x\n\nbody\n")
    assert sorted(got[1]) == sorted(recipients)
    assert fields(got[2], "Bcc") == []


def test_t_adds_to_the_arguments(house):
    got = house.send("-t", "-i", "--", "a@far.example", input=b"To: b@far.example\n\nx\n")
    assert sorted(got[1]) == ["a@far.example", "b@far.example"]


def test_bcc_is_removed_without_t_and_is_no_recipient(house):
    got = house.send("b@far.example", input=b"To: x@far.example\nBcc: hidden@far.example,\n"
                     b"\tmore@far.example\nSubject: s\n\nbody\n")
    assert got[1] == ["b@far.example"]
    assert b"hidden" not in got[2] and b"more@" not in got[2]
    assert fields(got[2], "Subject") == ["s"]


def test_three_hundred_recipients(house):
    names = [f"r{number}@far.example" for number in range(300)]
    assert sorted(house.send(*names)[1]) == sorted(names)


# sender

@pytest.mark.parametrize("arguments, sender", [
    (["-f", "a@there.example"], "a@there.example"),
    (["-fa@there.example"], "a@there.example"),
    (["-f", "Name <a@there.example>"], "a@there.example"),
    (["-r", "a@there.example"], "a@there.example"),
    (["-f", "x@there.example", "-f", "a@there.example"], "a@there.example"),
    (["-f", ""], ""),
    (["-f", "<>"], ""),
    (["-f<>"], ""),
])
def test_envelope_sender(house, arguments, sender):
    assert house.send(*arguments, "b@far.example")[0] == sender


def test_without_f_the_user_of_the_process_is_the_sender(house):
    got = house.send("b@far.example", input=b"From: other@there.example\n\nx\n")
    assert got[0] == "root@here.example" if os.geteuid() == 0 else got[0].endswith("@here.example")


# header

def test_what_is_missing_is_added(house):
    content = house.send("-F", "Full Name", "-f", "a@there.example", "b@far.example")[2]
    assert len(fields(content, "Date")) == 1
    assert re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", fields(content, "Message-ID")[0])
    assert fields(content, "From") == ["Full Name <a@there.example>"]


def test_what_is_there_stays(house):
    header = (b"From: Someone <s@there.example>\nDate: Tue, 01 Jan 2019 00:00:00 +0000\n"
              b"Message-ID: <mine@there.example>\nX-Folded: one\n\ttwo\n   three\nX_odd: x\n"
              b"Subject: =?utf-8?q?=C3=A4?= kept\nTo: B <b@far.example>\n")
    content = house.send("b@far.example", input=header + b"\nbody\n")[2]
    text = content.replace(b"\r\n", b"\n")
    assert header in text, text


def test_bare_names_get_the_domain(house):
    content = house.send("-t", input=b"From: root (Cron Daemon)\nTo: bare\n\nx\n")[2]
    assert "root@here.example" in fields(content, "From")[0]
    assert "bare@here.example" in fields(content, "To")[0]


@pytest.mark.parametrize("text, body", [
    (b"no header at all\n", b"no header at all\n"),
    (b"http://x is down\nsecond\n", b"http://x is down\nsecond\n"),
    (b"\nSubject: text, for the first line is empty\n",
     b"Subject: text, for the first line is empty\n"),
    (b"Subject: no end of line and no body", b""),
    (b"Subject: s\n\nno end of line", b"no end of line\n"),
    (b"From a@b Tue Jan  1 00:00:00 2019\nSubject: mbox\n\nbody\n", b"body\n"),
    (b"Subject: crlf\r\n\r\nmixed\nlines\r\n", b"mixed\nlines\n"),
    (b"", b""),
])
def test_where_the_body_begins(house, text, body):
    content = house.send("b@far.example", input=text)[2]
    assert split(content)[1] == body
    if text.startswith(b"Subject: "):
        assert len(fields(content, "Subject")) == 1


# body

@pytest.mark.parametrize("options, text, body", [
    (["-i"], b".\n..\n.x\nend\n", b".\n..\n.x\nend\n"),
    (["-oi"], b".\n", b".\n"),
    ([], b"one\n.\nlost\n", b"one\n"),
    ([], b"one\r\n.\r\nlost\n", b"one\n"),
    ([], b"..\n.x\n. \n", b"..\n.x\n. \n"),
    (["-i"], b"last\n.", b"last\n.\n"),
])
def test_dots(house, options, text, body):
    content = house.send(*options, "b@far.example", input=b"Subject: dots\n\n" + text)[2]
    assert split(content)[1] == body


BODIES = {
    "8-bit": bytes(range(128, 256)) + b"\n",
    "text that looks like protocol":
        b"From x\n>From y\nMAIL FROM:<a@b>\nQUIT\n\x1a\n~r\n",
    "a hundred thousand empty lines": b"\n" * 100000,
    "a hundred thousand dot lines": b".\n" * 100000,
    "12 MB of short lines": b"y\n" * 4 * 1024 * 1024,
    "30 MB": b"".join(b"%09d %s\n" % (number, b"x" * 65) for number in range(400000)),
}


@pytest.mark.parametrize("name", BODIES)
def test_octets_arrive(house, name):
    body = BODIES[name]
    content = house.send("-i", "b@far.example", input=b"Subject: octets\n\n" + body)[2]
    assert content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r")
    assert split(content)[1] == body


def test_bare_carriage_returns_never_leave(house):
    content = house.send("-i", "b@far.example", input=b"Subject: cr\n\na\rb\nc\r\r\nd\n")[2]
    assert content.count(b"\r") == content.count(b"\r\n") == content.count(b"\n")
    assert split(content)[1] == b"a b\nc\nd\n"


# what callers are told

@pytest.mark.parametrize("status, words, arguments", [
    (64, "", ["-Zunknown", "b@far.example"]),
    (64, "", ["--unknown", "b@far.example"]),
    (64, "", ["-f"]),
    (64, "", ["-f", "a@b@c", "b@far.example"]),
    (64, "", ["-f", "a\nRCPT TO:<x@y>", "b@far.example"]),
    (64, "recipient", []),
    (65, "recipient", ["-t"]),
    (65, "", [""]),
    (65, "", ["b@far.example\nRCPT TO:<c@far.example>"]),
])
def test_refusals_say_why_and_keep_nothing(house, status, words, arguments):
    house.refuse(status, words, *arguments)


def test_a_bad_recipient_among_good_ones_is_named(house):
    before = len(house.peer.messages)
    result = house.service.sendmail("-t", input=b"To: set escape, good@far.example\n\nx\n")
    assert result.status == 65 and "set escape" in result.stderr, result
    wait_for(lambda: len(house.peer.messages) > before)
    assert house.peer.messages[before][1] == ["good@far.example"]


@pytest.mark.parametrize("options", [
    "-ti", "-i -oem -oee -oeq -oep -oew -t", "-odi -t", "-odb -t", "-om -t", "-B 8BITMIME -t",
    "-B7BIT -t", "-h 3 -t", "-n -t", "-v -t", "-U -t", "-G -t", "-L tag -t", "-bm -t",
    "-p UUCP:host -t", "-Ac -t", "-O Timeout=1 -t", "-OQueueDirectory=/tmp -t",
    "-N never -R hdrs -V id -t", "-C/tmp/x -t", "-X/tmp/x.log -t", "-t -i -oi -fa@b.example -t",
])
def test_known_options_are_taken(house, options):
    before = len(house.peer.messages)
    result = house.service.sendmail(*options.split(), input=b"To: b@far.example\n\nx\n")
    assert result.status == 0, result
    wait_for(lambda: len(house.peer.messages) > before)
    assert not os.path.exists("/tmp/x.log")


def test_links_are_installed(programs):
    for link in ("usr/lib/sendmail", "usr/bin/mailq", "usr/bin/newaliases"):
        assert (programs.folder / link).exists(), link


def test_mailq_says_that_the_queue_is_empty(house):
    for command in ([house.programs.mailq], [house.programs.sendmail, "-bp"]):
        result = run(command, env=house.service.environment())
        assert result.status == 0 and b"ueue is empty" in result.stdout, result


def test_newaliases_succeeds(house):
    assert run([house.programs.newaliases], env=house.service.environment()).status == 0


# strange circumstances

@pytest.mark.parametrize("closed", ["1", "2", "1 2", "0 1 2"])
def test_closed_descriptors(house, closed):
    """GNU mail starts sendmail like this; nothing may leak into the first file opened."""
    before = len(house.peer.messages)
    closing = " ".join(f"{number}>&-" for number in closed.split())
    subprocess.run(["sh", "-c", f'exec "$0" -f a@there.example b@far.example {closing}',
                    str(house.programs.sendmail)], input=PLAIN if "0" not in closed else None,
                   env=environment(socket=house.service.socket), timeout=30, check=True)
    wait_for(lambda: len(house.peer.messages) > before)
    assert split(house.peer.messages[before][2])[1] == (b"body\n" if "0" not in closed else b"")


def test_an_empty_environment_and_an_unreadable_folder(house, tmp_path):
    house.send("b@far.example", env={"MAILCHUTE_SOCKET": str(house.service.socket)}, cwd="/")


def test_ignored_and_blocked_signals(house):
    """As PHP (SIGPIPE), swaks (SIGCHLD) and s-nail leave them to their children."""
    script = ("import os, signal, sys\n"
              "for name in ('SIGPIPE', 'SIGCHLD', 'SIGHUP', 'SIGTERM'):\n"
              "    signal.signal(getattr(signal, name), signal.SIG_IGN)\n"
              "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\n"
              "os.execv(sys.argv[1], sys.argv[1:])\n")
    before = len(house.peer.messages)
    result = run(["/usr/bin/python3", "-c", script, house.programs.sendmail, "b@far.example"],
                 PLAIN, env=environment(socket=house.service.socket))
    assert result.status == 0, result
    wait_for(lambda: len(house.peer.messages) > before)


def test_many_at_once_arrive_once_each(house):
    before = len(house.peer.messages)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(
            lambda number: house.service.sendmail(f"many{number}@far.example", input=PLAIN),
            range(40)))
    assert [result for result in results if result.status != 0] == []
    wait_for(lambda: len(house.peer.messages) >= before + 40)
    house.service.wait_until_empty()
    got = sorted(one for _, several, _ in house.peer.messages[before:] for one in several)
    assert got == sorted(f"many{number}@far.example" for number in range(40))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_may_submit(house):
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
               "--no-new-privs", house.programs.sendmail, "b@far.example"]
    before = len(house.peer.messages)
    result = run(command, PLAIN, env=environment(socket=house.service.socket))
    assert result.status == 0, result
    wait_for(lambda: len(house.peer.messages) > before)
    assert house.peer.messages[before][0].startswith(b"MAIL FROM:<nobody@here.example>")


# without a service

def caller_environment(folder, **variables):
    """No socket of a service; a caller who brings its own settings."""
    return environment(socket=folder / "none.sock", **variables)


def test_no_smarthost_is_an_error_that_says_what_to_write(programs, folder):
    (folder / "empty.conf").write_text("")
    result = run([programs.sendmail, "b@far.example"], PLAIN,
                 env=caller_environment(folder, config=folder / "empty.conf", mode="direct"))
    assert result.status == 78, result
    assert "smarthost" in result.stderr and result.stderr.count("\n") == 1


def test_direct_delivers_while_the_caller_waits(programs, folder, make_peer):
    peer = make_peer()
    result = run([programs.sendmail, "-f", "a@there.example", "b@far.example"], PLAIN,
                 env=caller_environment(folder, url=f"smtp://127.0.0.1:{peer.port}",
                                        mode="direct"))
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    assert [message[1] for message in peer.messages] == [["b@far.example"]]


@pytest.mark.parametrize("at, fault, status, words", [
    ("rcpt", "5xx", None, "peer says never"),
    ("end", "4xx", 69, "peer says not now"),
    ("greeting", "421", 69, "peer is closing down"),
])
def test_direct_says_what_the_smarthost_said(programs, folder, make_peer, at, fault, status,
                                             words):
    peer = make_peer(at=at, fault=fault)
    result = run([programs.sendmail, "b@far.example"], PLAIN,
                 env=caller_environment(folder, url=f"smtp://127.0.0.1:{peer.port}",
                                        mode="direct"))
    assert result.status != 0 and status in (None, result.status), result
    assert result.status != 75
    assert words in result.stderr and result.stderr.count("\n") == 1, result


def test_direct_without_a_smarthost_that_answers(programs, folder):
    result = run([programs.sendmail, "b@far.example"], PLAIN,
                 env=caller_environment(folder, url="smtp://127.0.0.1:1", mode="direct"))
    assert result.status == 69, result
    assert re.search(r"127\.0\.0\.1(:| port | .*port )1\b", result.stderr), result
    assert "refused" in result.stderr.lower()
