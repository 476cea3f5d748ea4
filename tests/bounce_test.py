# SPDX-License-Identifier: MIT

"""Whoever sent a message is told what became of it, once, and nothing is lost on the way."""

import email
import email.policy
import os
import quopri
import re
import signal
import smtplib
import socket
import subprocess

import pytest

from support.mailchute import children_of, environment, needs_program, process_status
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"From: a@there.example\nSubject: hello\n\nthe text\n"
GONE = "550 5.1.1 <b@far.example>: nobody of this name"
DSN = ("PIPELINING", "CHUNKING", "8BITMIME", "SIZE 50000000", "DSN")


class Report:
    """One message of the smarthost, read by Python's own parser."""

    def __init__(self, message):
        self.sender, self.recipients, octets = message
        self.mail = email.message_from_bytes(octets, policy=email.policy.default)
        assert self.mail.get_content_type() == "multipart/report", self.mail
        assert self.mail.get_param("report-type") == "delivery-status"
        assert not self.mail.defects and not any(part.defects for part in self.mail.walk())
        self.octets = octets
        self.parts = list(self.mail.iter_parts())
        assert len(self.parts) == 3
        self.words = self.parts[0].get_content()
        status = email.message_from_bytes(octets).get_payload()[1]
        assert status.get_content_type() == "message/delivery-status"
        self.all, *self.each = status.get_payload()
        self.returned = self.parts[2]

    def fields(self, name):
        return [re.sub(r"\s+", " ", block[name] or "") for block in self.each]


def reports(peer):
    return [Report(one) for one in peer.messages if b"multipart/report" in one[2]]


def wait_for_reports(service, peer, count=1):
    wait_for(lambda: len(reports(peer)) >= count,
             what=lambda: f"{count} reports; log:\n" + service.tail())
    service.wait_until_empty()
    assert len(reports(peer)) == count
    return reports(peer)


def failed(service):
    folder = service.spool / "failed"
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.fixture
def serve(make_service):
    def start(peer, smarthost='from = "alerts@there.example"', submit='wait = "disk"', **options):
        return make_service(url=f"smtp://127.0.0.1:{peer.port}", smarthost=smarthost,
                            submit=submit, **options).start()
    return start


def submit(service, recipients, sender="a@there.example", options=(), message=MESSAGE):
    """recipients: {address: parameters of RCPT}."""
    client = smtplib.SMTP()
    client.sock = socket.socket(socket.AF_UNIX)
    client.sock.connect(str(service.socket))
    assert client.getreply()[0] == 220
    client.ehlo("here")
    code, words = client.mail(sender, list(options))
    assert code == 250, words
    for address, parameters in recipients.items():
        code, words = client.rcpt(address, list(parameters))
        assert code // 100 == 2, words
    code, words = client.data(message)
    assert code == 250, words
    client.quit()
    return words.decode().split()[-1]


def test_one_report_for_all_that_failed_together(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE, "d@far.example": "552 5.2.2 mailbox full",
                             "e@far.example": "554 no"})
    service = serve(peer)
    identifier = submit(service, {f"{name}@far.example": () for name in "bcdef"})
    report, = wait_for_reports(service, peer)
    assert report.sender.upper().startswith(b"MAIL FROM:<>")
    assert report.recipients == ["a@there.example"]
    assert report.mail["From"] == "Mail Delivery System <alerts@there.example>"
    assert [one.addr_spec for one in report.mail["To"].addresses] == ["a@there.example"]
    assert report.mail["Subject"] == "Undelivered Mail Returned to Sender"
    assert report.mail["Auto-Submitted"] == "auto-replied"
    assert report.mail["Date"] and report.mail["Message-ID"].endswith("@here.example>")
    assert report.all["Reporting-MTA"] == "dns; client.test"
    assert report.all["Arrival-Date"] and report.all["X-Mailchute-Queue-ID"] == identifier
    assert report.fields("Final-Recipient") == [f"rfc822; {one}@far.example" for one in "bde"]
    assert report.fields("Action") == ["failed"] * 3
    assert report.fields("Status") == ["5.1.1", "5.2.2", "5.0.0"]
    assert report.fields("Remote-MTA") == ["dns; 127.0.0.1"] * 3
    assert report.fields("Diagnostic-Code") == [
        "smtp; " + GONE, "smtp; 552 5.2.2 mailbox full", "smtp; 554 no"]
    assert all(report.fields("Last-Attempt-Date"))
    assert "nobody of this name" in report.words and "spelled right" in report.words
    assert "c@far.example" not in report.words
    # Unasked, a small message comes back whole: its queue file is gone.
    assert report.returned.get_content_type() == "message/rfc822"
    assert "the text" in report.returned.get_content().get_content()
    log = service.text()
    assert re.search(rf"{identifier}: to=<b@far.example>, .*dsn=5.1.1, status=bounced", log)
    assert re.search(rf"{identifier}: sender non-delivery notification: [0-9A-Z]{{25}}\n", log)
    assert f"{identifier}: removed" in log
    assert failed(service) == []
    # Those who could be delivered to were.
    assert [sorted(one[1]) for one in peer.messages if b"multipart/report" not in one[2]] == [
        ["c@far.example", "f@far.example"]]


def test_who_fails_while_others_wait_is_reported_at_once(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE, "c@far.example": "451 4.2.0 later"})
    service = serve(peer, queue='retry = { "300ms" }')
    submit(service, {"b@far.example": (), "c@far.example": ()})
    wait_for(lambda: reports(peer), what=lambda: "a report; log:\n" + service.tail())
    assert service.count() >= 1
    del peer.refuse["c@far.example"]
    report, = wait_for_reports(service, peer)
    assert report.fields("Final-Recipient") == ["rfc822; b@far.example"]


def test_a_report_that_fails_is_kept_and_never_reported(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE, "a@there.example": "550 5.1.1 not he either"})
    service = serve(peer)
    submit(service, {"b@far.example": ()})
    wait_for(lambda: failed(service), what=lambda: "the kept one; log:\n" + service.tail())
    service.wait_until_empty()
    kept, = failed(service)
    assert b"the text" in kept.read_bytes() and b"multipart/report" in kept.read_bytes()
    assert peer.messages == []
    # It was no refusal of the null sender.
    commands = [one for session in peer.sessions for one in session.commands]
    assert sum(one.startswith(b"MAIL FROM:<>") for one in commands) == 1
    assert not any(one.startswith(b"MAIL FROM:<alerts") for one in commands)
    service.wait_for_log(f"{kept.name}: nobody can be told that it failed: kept in")
    assert f"-- 1 message of whose failure nobody could be told: see {service.spool}/failed" in (
        service.queue())
    assert "failed" not in service.queue("--json") and service.count() == 0
    # Nor does a new start touch it.
    service.kill()
    service.start()
    service.wait_until_empty()
    assert failed(service) == [kept]
    assert service.text().count("notification:") == 1


def test_what_has_no_sender_is_kept(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer)
    submit(service, {"b@far.example": ()}, sender="")
    wait_for(lambda: failed(service), what=lambda: "the kept one; log:\n" + service.tail())
    service.wait_until_empty()
    assert peer.messages == [] and b"the text" in failed(service)[0].read_bytes()


@pytest.mark.parametrize("sender", ["www-data", "www-data@localhost", None])
def test_a_local_sender_is_root_s_business(serve, make_peer, sender):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer, extra='alias "root" { to = { "one@far.example", "two@far.example" } }')
    arguments = ["-f", sender] if sender else []
    assert service.sendmail(*arguments, "b@far.example", input=MESSAGE).status == 0
    report, = wait_for_reports(service, peer)
    assert sorted(report.recipients) == ["one@far.example", "two@far.example"]
    assert re.search(r"^It was sent by <(www-data|root)@", report.words, re.MULTILINE)
    assert "one@far.example" in report.mail["To"] and "two@far.example" in report.mail["To"]


@pytest.mark.parametrize("bounce, told, kept", [
    ('bounce = "boss@far.example"', ["boss@far.example"], 0),
    ('bounce = "ops"', ["ops@far.example"], 0),
    ('bounce = ""', None, 1),
    ('bounce = "" failed = "drop"', None, 0)])
def test_who_is_told_can_be_said(serve, make_peer, bounce, told, kept):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer, queue='retry = { "200ms" } ' + bounce,
                    extra='alias "ops" { to = { "ops@far.example" } }')
    submit(service, {"b@far.example": ()},
           sender="www" if "ops" in bounce else "a@there.example")
    if told:
        report, = wait_for_reports(service, peer)
        assert report.recipients == told
    service.wait_until_empty()
    service.wait_for_log("status=bounced")
    service.wait_until_empty()
    assert len(failed(service)) == kept
    assert bool(told) == bool(peer.messages)


def test_what_is_kept_goes_after_its_time(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer, queue='retry = { "200ms" } bounce = ""')
    submit(service, {"b@far.example": ()})
    wait_for(lambda: failed(service), what=lambda: "the kept one; log:\n" + service.tail())
    kept, = failed(service)
    service.kill()
    service.start()
    assert failed(service) == [kept]
    service.kill()
    service.configure(url=f"smtp://127.0.0.1:{peer.port}",
                      queue='bounce = "" failed_limit = "1ms"')
    service.start()
    service.wait_for_log(f"{kept.name}: removed from failed/")
    assert failed(service) == []


@pytest.mark.parametrize("notify, is_told", [
    ("NEVER", False), ("SUCCESS", False), ("DELAY", False), ("FAILURE", True),
    ("SUCCESS,FAILURE", True)])
def test_who_wants_no_report_gets_none(serve, make_peer, notify, is_told):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer)
    identifier = submit(service, {"b@far.example": [f"NOTIFY={notify}"]})
    service.wait_for_log(f"{identifier}: removed")
    if is_told:
        wait_for_reports(service, peer)
    service.wait_until_empty()
    assert len(peer.messages) == is_told
    assert failed(service) == []


def test_one_of_two_wants_a_report(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": "550 5.1.1 no", "c@far.example": "550 5.1.1 no"})
    service = serve(peer)
    submit(service, {"b@far.example": ["NOTIFY=NEVER"], "c@far.example": ["NOTIFY=FAILURE"]})
    report, = wait_for_reports(service, peer)
    assert report.fields("Final-Recipient") == ["rfc822; c@far.example"]
    assert "b@far.example" not in report.words


@pytest.mark.parametrize("ret, size, kind", [
    ("FULL", 200_000, "message/rfc822"), ("HDRS", 20, "text/rfc822-headers"),
    (None, 20, "message/rfc822"), (None, 200_000, "text/rfc822-headers")])
def test_what_is_returned(serve, make_peer, ret, size, kind):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer)
    text = b"".join(b"line %06d\n" % number for number in range(size // 12))
    submit(service, {"b@far.example": ()}, options=[f"RET={ret}"] if ret else [],
           message=b"Subject: of mine\n\n" + text)
    report, = wait_for_reports(service, peer)
    assert report.returned.get_content_type() == kind
    body = report.octets.partition(b"Content-Type: " + kind.encode())[2]
    assert b"Subject: of mine" in body
    assert (text.replace(b"\n", b"\r\n") in body) == (kind == "message/rfc822")


def test_the_names_that_the_sender_gave_come_back(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE, "c@far.example": GONE})
    service = serve(peer, extra='alias "carl" { to = { "c@far.example" } }')
    submit(service, {"b@far.example": ["ORCPT=rfc822;B+2Bx@old.example"], "carl": ()},
           options=["ENVID=QQ+2B314"])
    report, = wait_for_reports(service, peer)
    assert report.all["Original-Envelope-Id"] == "QQ+314"
    assert report.fields("Original-Recipient") == ["rfc822; B+x@old.example", "rfc822; carl"]
    assert "you wrote: carl" in report.words


@pytest.mark.parametrize("extensions, count", [(None, 1), (DSN, 0)])
def test_a_delivery_is_reported_where_the_smarthost_does_not(serve, make_peer, extensions, count):
    peer = make_peer(**({"extensions": extensions} if extensions else {}))
    service = serve(peer)
    identifier = submit(service, {"b@far.example": ["NOTIFY=SUCCESS"], "c@far.example": (),
                                  "d@far.example": ["NOTIFY=FAILURE"]})
    service.wait_for_log(f"{identifier}: removed")
    service.wait_until_empty()
    assert len(reports(peer)) == count
    assert len(peer.messages) == 1 + count
    if count:
        report, = reports(peer)
        assert report.fields("Final-Recipient") == ["rfc822; b@far.example"]
        assert report.fields("Action") == ["relayed"]
        assert report.fields("Status")[0].startswith("2.")
        assert report.returned.get_content_type() == "text/rfc822-headers"


def test_what_expires_is_reported(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": "451 4.2.0 later, perhaps"})
    service = serve(peer, queue='retry = { "100ms" } lifetime = "1s"')
    submit(service, {"b@far.example": ()})
    report, = wait_for_reports(service, peer)
    assert report.fields("Action") == ["failed"] and report.fields("Status") == ["4.4.7"]
    assert report.fields("Diagnostic-Code") == ["smtp; 451 4.2.0 later, perhaps"]
    assert "not delivered within 1s" in report.words and "later, perhaps" in report.words


def test_a_verdict_of_ours_has_its_status(serve, make_peer):
    peer = make_peer(extensions=("8BITMIME", "SIZE 30000"))
    service = serve(peer)
    submit(service, {"b@far.example": ()}, options=["RET=HDRS"],
           message=b"Subject: large\n\n" + b"line\n" * 10000)
    report, = wait_for_reports(service, peer)
    assert report.fields("Status") == ["5.3.4"] and report.fields("Diagnostic-Code") == [""]
    assert report.fields("Remote-MTA") == [""]
    words = " ".join(report.words.split())
    assert "(SIZE 30000)" in words and "smaller pieces" in words


def test_a_delay_is_told_once(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": "451 4.2.0 later", "c@far.example": "451 4.2.0 no"})
    service = serve(peer, queue='retry = { "100ms" } warn = "300ms" lifetime = "1h"')
    identifier = submit(service, {"b@far.example": (), "c@far.example": ["NOTIFY=FAILURE"]})
    wait_for(lambda: reports(peer), what=lambda: "the warning; log:\n" + service.tail())
    # Killed before it has noted the answer, it would send the report again (RFC 1047).
    service.wait_for_log(f"{identifier}: sender delay notification: ")
    told = re.search(rf"{identifier}: sender delay notification: (\w+)", service.text())[1]
    service.wait_for_log(f"{told}: removed")
    attempts = service.text().count("status=deferred")
    # A new start remembers it.
    service.kill()
    service.start()
    wait_for(lambda: service.text().count("status=deferred") > attempts + 8, what="more attempts")
    report, = reports(peer)
    assert report.mail["Subject"] == "Delayed Mail (still being retried)"
    assert report.fields("Final-Recipient") == ["rfc822; b@far.example"]
    assert report.fields("Action") == ["delayed"] and report.fields("Status") == ["4.2.0"]
    assert all(report.fields("Will-Retry-Until"))
    peer.refuse.clear()
    service.wait_until_empty()
    assert len(reports(peer)) == 1


def test_a_smarthost_that_refuses_the_null_sender(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE}, refuses_null=True, extensions=DSN)
    service = serve(peer)
    submit(service, {"b@far.example": ()})
    report, = wait_for_reports(service, peer)
    assert report.sender.startswith(b"MAIL FROM:<alerts@there.example>")
    assert report.mail["Auto-Submitted"] == "auto-replied"
    # It is remembered.
    submit(service, {"b@far.example": ()})
    wait_for_reports(service, peer, 2)
    commands = [one for session in peer.sessions for one in session.commands]
    assert sum(one.startswith(b"MAIL FROM:<>") for one in commands) == 1
    # Having a sender, it must not be reported on by others.
    assert all(b"NOTIFY=NEVER" in one for one in commands
               if one.startswith(b"RCPT TO:<a@there.example>") and b"NOTIFY" in one)
    assert sum(b"NOTIFY=NEVER" in one for one in commands) == 2
    assert failed(service) == []


def test_a_null_sender_that_is_refused_without_another_is_kept(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE}, refuses_null=True)
    service = serve(peer, smarthost="")
    submit(service, {"b@far.example": ()})
    wait_for(lambda: failed(service), what=lambda: "the kept one; log:\n" + service.tail())
    service.wait_until_empty()
    assert peer.messages == []


def test_who_waited_and_was_told_gets_no_report(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer, submit='wait = "outcome"')
    result = service.sendmail("-f", "a@there.example", "b@far.example", input=MESSAGE)
    assert result.status == 67 and "nobody of this name" in result.stderr, result
    service.wait_until_empty()
    assert peer.messages == [] and failed(service) == []
    assert "notification" not in service.text()


def test_who_waited_and_could_not_be_told_gets_a_report(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE}, hold="mail")
    service = serve(peer, submit='wait = "outcome" wait_limit = "60s"')
    caller = subprocess.Popen(
        [str(service.programs.sendmail), "-f", "a@there.example", "b@far.example"],
        env=environment(socket=service.socket), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    caller.stdin.write(MESSAGE)
    caller.stdin.close()
    caller.stdin = None
    wait_for(lambda: peer.reached_hold, what=lambda: "MAIL; log:\n" + service.tail())
    wait_for(lambda: len(children_of(service.process.pid)) == 2, what="one client alone")
    receiver = children_of(service.process.pid)[-1]
    os.kill(receiver, signal.SIGSTOP)
    peer.release()
    service.wait_for_log("status=bounced")
    assert peer.messages == []
    # Whoever is to pass on the refusal dies of something.
    os.kill(receiver, signal.SIGKILL)
    wait_for_reports(service, peer)
    caller.communicate(timeout=30)
    assert caller.returncode != 0


def test_who_waited_for_some_is_told_of_the_others(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer, submit='wait = "outcome"')
    result = service.sendmail("-f", "a@there.example", "b@far.example", "c@far.example",
                              input=MESSAGE)
    assert result.status == 0, result
    report, = wait_for_reports(service, peer)
    assert report.fields("Final-Recipient") == ["rfc822; b@far.example"]


def test_what_comes_from_outside_is_masked(serve, make_peer):
    words = "550 5.1.1 b\u00fccher \u202e " + "long " * 90 + "\x1b[31mred\x07 \udcff".encode(
        "utf-8", "surrogateescape").decode("latin-1")
    peer = make_peer(refuse={"b@far.example": words})
    service = serve(peer)
    submit(service, {"b@far.example": ()}, message=(
        "Subject: gr\u00fc\u00dfe\nX-Boundary: --=_report_\n\n--=_report_\nt\u00e4xt\n").encode())
    report, = wait_for_reports(service, peer)
    report.octets.decode("ascii")
    assert b"8BITMIME" not in report.sender.upper()
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", report.octets)
    assert all(len(line) <= 78 or b"Message-ID" in line for line in report.octets.split(b"\r\n")
               if not line.startswith(b"Received"))
    assert "b\u00fccher" in report.words
    assert report.fields("Diagnostic-Code")[0].startswith("smtp; 550 5.1.1 b??cher")
    assert report.returned.get_content_type() == "message/global"
    whole = email.message_from_bytes(report.octets).get_payload()[2]
    assert whole["Content-Transfer-Encoding"] == "quoted-printable"
    returned = quopri.decodestring(report.octets.partition(b"message/global\r\n")[2])
    assert "Subject: gr\u00fc\u00dfe\r\n".encode() in returned
    assert "\r\n\r\n--=_report_\r\nt\u00e4xt\r\n".encode() in returned


def test_8_bit_text_comes_back_as_it_was(serve, make_peer):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer)
    submit(service, {"b@far.example": ()}, message="Subject: x\n\nt\u00e4xt\n".encode())
    report, = wait_for_reports(service, peer)
    assert report.mail["Content-Transfer-Encoding"] == "8bit"
    assert report.returned["Content-Transfer-Encoding"] == "8bit"
    assert b"BODY=8BITMIME" in report.sender.upper()
    assert "t\u00e4xt".encode() in report.octets


STEPS = [("pwrite64", 24), ("write", 16), ("linkat", 2), ("fsync", 3), ("fdatasync", 4),
         ("unlinkat", 2)]


def attach(service, folder, calls, *options):
    tracer = subprocess.Popen(["strace", "-o", str(folder / "trace"), "-p",
                               str(service.process.pid), "-e", f"trace={calls}", *options],
                              stderr=subprocess.DEVNULL)
    wait_for(lambda: process_status(service.process.pid).get("TracerPid") != ["0"], what="strace")
    return tracer


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to trace the service")
def test_a_report_is_on_disk_before_anything_is_marked(serve, make_peer, folder):
    peer = make_peer(refuse={"b@far.example": GONE})
    service = serve(peer)
    tracer = attach(service, folder, "linkat,fsync,fdatasync,pwrite64,unlinkat")
    identifier = submit(service, {"b@far.example": ()})
    service.wait_for_log(f"{identifier}: removed")
    tracer.send_signal(signal.SIGINT)
    tracer.wait(20)
    trace = (folder / "trace").read_text()
    marks = [(found.group(1), found.group(2)) for found in
             re.finditer(r'^(\w+)\(\w+(?:, "([RF])", 1,)?', trace, re.MULTILINE)]
    order = [word or call for call, word in marks if word or call != "pwrite64"]
    assert " ".join(order).startswith("F fdatasync linkat fsync fsync R fdatasync unlinkat"), trace


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to trace the service")
@pytest.mark.parametrize("waits", [False, True], ids=["all decided", "one waits"])
@pytest.mark.parametrize("call, last", STEPS, ids=[call for call, _ in STEPS])
def test_killed_at_any_call_a_report_is_never_lost(serve, make_peer, folder, call, last, waits):
    """Each recipient stands in one of them; at worst there are two, of those who were marked and
    of those who were not.  The same one comes again when its own mark is missed (RFC 1047)."""
    peer = make_peer(refuse={f"{name}@far.example": GONE for name in "bcd"})
    service = serve(peer)
    killed = 0
    for number in range(1, last + 1):
        before, sent = len(reports(peer)), len(peer.messages)
        if waits:
            peer.refuse["e@far.example"] = "451 4.2.0 later"
        tracer = attach(service, folder, call,
                        "-e", f"inject={call}:signal=SIGKILL:when={number}")
        identifier = submit(service, {f"{name}@far.example": () for name in "bcdef"})
        wait_for(lambda: service.process.poll() is not None or len(reports(peer)) > before,
                 what=lambda: "the kill or the report; log:\n" + service.tail())
        peer.refuse.pop("e@far.example", None)
        wait_for(lambda: service.process.poll() is not None or service.count() == 0,
                 what=lambda: "the kill or an empty queue; log:\n" + service.tail())
        if service.process.poll() is None:
            # Fewer such calls than that: the end of the sweep.
            tracer.send_signal(signal.SIGINT)
            tracer.wait(20)
            break
        killed += 1
        tracer.wait(20)
        service.kill()
        service.start()
        wait_for(lambda: len(reports(peer)) > before,
                 what=lambda: f"the report, killed at {call} {number}; log:\n" + service.tail())
        service.wait_until_empty()
        new = [*{one.mail["Message-ID"]: one for one in reports(peer)[before:]}.values()]
        print(f"killed at {call} {number}: {len(new)} reports")
        assert 1 <= len(new) <= 2
        assert all(report.all["X-Mailchute-Queue-ID"] == identifier for report in new)
        assert sorted(one for report in new for one in report.fields("Final-Recipient")) == [
            f"rfc822; {name}@far.example" for name in "bcd"]
        assert {one for _, several, _ in peer.messages[sent:] for one in several} == {
            "a@there.example", "e@far.example", "f@far.example"}
        assert failed(service) == []
    assert killed >= 1, f"{call} was never reached"
