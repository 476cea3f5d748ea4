# SPDX-License-Identifier: MIT

"""The log: what it says, to whom, and that mail never waits for it."""

import datetime
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from support import own_mounts
from support.mailchute import environment, run
from support.postfix import UNPACKED
from support.wait import wait_for

EVENTS = Path(__file__).resolve().parent.parent / "src/service/events.h"
MESSAGE = b"Subject: log\n\ntext\n"
QUICK = 'retry = { "100ms" }'


def make(make_service, to, log="", **options):
    """A service whose log goes there; its stderr has what it says beside."""
    options.setdefault("url", "smtp://127.0.0.1:1")
    service = make_service(**options)
    text = service.config.read_text()
    assert 'log { to = "stderr" }' in text
    service.config.write_text(
        text.replace('log { to = "stderr" }', f'log {{ to = "{to}" {log} }}'))
    return service


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def objects_of(path):
    return [json.loads(line) for line in lines_of(path)]


# ---- Postfix's log readers ----

def grand_totals(report):
    """{"received": 100, ...} of the first table."""
    table = report.split("Grand Totals")[1].split("Per-Hour")[0].split("Per-Day")[0]
    return {words.strip(): int(count) for count, words in
            re.findall(r"^ +(\d+) +([a-z][a-z /]*[a-z])", table, re.MULTILINE)}


def by_name(report, title):
    """{"b@far.example": 20, ...} of the table with this title."""
    part = report.split(title)[1].split("\n\n")[0]
    return {name: int(count) for count, name in
            re.findall(r"^ +(\d+) +(\S+@\S+)$", part, re.MULTILINE)}


def count_rcpt(peer, address):
    wanted = f"RCPT TO:<{address}>".encode()
    return sum(command.startswith(wanted)
               for session in peer.sessions for command in session.commands)


def test_pflogsumm_gives_the_right_totals(make_service, make_peer, folder):
    if shutil.which("pflogsumm") is None:
        pytest.skip("pflogsumm is not installed; run tests/run")
    peer = make_peer(refuse={"never@far.example": "550 5.1.1 nobody of that name",
                             "slow@slow.example": "451 4.2.2 the mailbox is full"})
    log = folder / "mail.log"
    service = make(make_service, log, url=f"smtp://127.0.0.1:{peer.port}", queue=QUICK).start()
    kinds = [["a@far.example"], ["a@far.example", "b@far.example"],
             ["b@far.example", "never@far.example"], ["slow@slow.example"],
             ["never@far.example"]]
    for number in range(100):
        result = service.sendmail(
            "-f", f"s{number % 3}@there.example", *kinds[number % 5],
            input=MESSAGE + b"x" * number)
        assert result.status == 0, result
    service.wait_for_queue("20 Requests|in 20 ", 60)
    wait_for(lambda: len({line.split(": to=<")[0].split()[-1] for line in lines_of(log)
                          if "to=<slow@slow.example>" in line}) == 20, what="an attempt of each")
    peer.refuse = {"never@far.example": peer.refuse["never@far.example"]}
    service.queue("flush")
    service.wait_until_empty(60)
    wait_for(lambda: sum(line.endswith(": removed") for line in lines_of(log)) == 140,
             what="the end of all")
    service.terminate()

    report = subprocess.run(["pflogsumm", "--syslog-name", "mailchute", "--verbose-msg-detail",
                             log], capture_output=True, text=True)
    assert report.returncode == 0 and report.stderr == "", report
    totals = grand_totals(report.stdout)
    reports = [message for message in peer.messages if b"FROM:<>" in message[0]]
    slow = count_rcpt(peer, "slow@slow.example")
    assert len(reports) == 40
    sent = 20 + 40 + 20 + 20 + 40
    size = sum(len(content) for _, recipients, content in peer.messages for _ in recipients)
    assert totals["received"] == 100, report.stdout
    assert totals["delivered"] == sent, report.stdout
    assert totals["deferred"] == 20, report.stdout
    assert re.search(rf" 20 +deferred +\({slow - 20} +deferrals\)", report.stdout), report.stdout
    assert totals["bounced"] == 40, report.stdout
    assert totals["rejected"] == 0 and totals["held"] == 0
    assert totals["bytes delivered"] == size, report.stdout
    assert totals["senders"] == 3 and totals["recipients"] == 6, report.stdout
    assert totals["sending hosts/domains"] == 1
    assert totals["recipient hosts/domains"] == 3
    assert by_name(report.stdout, "Senders by message count") == {
        "s0@there.example": 34, "s1@there.example": 33, "s2@there.example": 33}
    received = by_name(report.stdout, "Recipients by message count")
    assert received.pop("a@far.example") == 40 and received.pop("b@far.example") == 40
    assert received.pop("slow@slow.example") == 20
    assert sum(received.values()) == 40, report.stdout
    # The server's words under the host that said them.
    assert re.search(rf"message bounce detail.*\n-+\n +127\.0\.0\.1\[127\.0\.0\.1\]:{peer.port} "
                     r"\(total: 40\)\n +40 .*550 5\.1\.1 nobody of that name", report.stdout), (
        report.stdout)
    assert "the mailbox is full" in report.stdout
    # What is wrong with the service is listed, too; all was well.
    assert re.search(r"^Warnings: none$|^Warnings$(?!\n-)|Warnings: none", report.stdout,
                     re.MULTILINE), report.stdout


LOGWATCH = UNPACKED / "callers/usr/share/logwatch/scripts/services/postfix"


def as_syslog_writes(line):
    """A line of our file with the date that a syslog writes."""
    when, rest = line.split(" ", 1)
    return datetime.datetime.fromisoformat(when[:-1]).strftime("%b %e %H:%M:%S ") + rest


@pytest.mark.skipif(not LOGWATCH.exists(), reason="logwatch is not unpacked; run tests/run as root")
def test_logwatch_understands_every_line_of_the_mail(make_service, make_peer, folder, authority):
    peer = make_peer(certificate=authority.certificate("localhost"),
                     refuse={"never@far.example": "550 5.1.1 nobody of that name",
                             "slow@slow.example": "451 4.2.2 the mailbox is full"})
    log = folder / "mail.log"
    service = make(make_service, log, url=f"smtp+tls://localhost:{peer.port}",
                   smarthost=f'ca_file = "{authority.ca}"',
                   queue='retry = { "1h" }').start()
    for recipients in (["a@far.example", "b@far.example"], ["never@far.example"],
                       ["slow@slow.example"]):
        assert service.sendmail("-f", "s@there.example", *recipients, input=MESSAGE).status == 0
    wait_for(lambda: log.read_text().count(": removed") == 3, what="the end of two and a report")
    wait_for(lambda: "status=deferred" in log.read_text(), what="the deferral")
    service.terminate()
    text = "\n".join(map(as_syslog_writes, lines_of(log))) + "\n"
    done = subprocess.run(["perl", LOGWATCH, "--syslog_name", "mailchute", "--detail", "10"],
                          input=text, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done
    summary = dict(reversed(found) for found in re.findall(
        r"^ +(\d+) +(\S.*?)(?: {2,}.*)?$", done.stdout.split("Detail (10)")[0], re.MULTILINE))
    assert {name: summary.get(name) for name in (
        "Accepted", "Removed from queue", "Sent via SMTP", "Deferred", "Notifications sent",
        "TLS connections (client)")} == {
            "Accepted": "3", "Removed from queue": "3", "Sent via SMTP": "3", "Deferred": "1",
            "Notifications sent": "1", "TLS connections (client)": "1"}, done.stdout
    # What concerns the service itself has no part of Postfix to speak for it.
    unmatched = done.stdout.partition("**Unmatched Entries**")[2].splitlines()
    assert all(re.search(r" mailchute\[\d+\]: ", line) for line in unmatched if line.strip()), (
        unmatched)


def test_a_line_of_each_kind(make_service, make_peer, folder):
    peer = make_peer()
    log = folder / "mail.log"
    service = make(make_service, log, "subject = true",
                   url=f"smtp://127.0.0.1:{peer.port}").start()
    (service.folder / "aliases").write_text("root: b@far.example\n")
    assert service.sendmail("-f", "a@there.example", "root", input=MESSAGE).status == 0
    wait_for(lambda: any(": removed" in line for line in lines_of(log)), what="its end")
    text = log.read_text()
    head = rf"^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ {re.escape(socket.gethostname())} "
    id = re.search(r"(\w{25}): uid=", text).group(1)
    for line in (rf"mailchute\[\d+\]: ready at {service.socket}",
                 rf"mailchute/pickup\[\d+\]: {id}: uid={os.getuid()} from=<a@there.example> "
                 "entrance=local",
                 rf"mailchute/cleanup\[\d+\]: {id}: message-id=<\S+@here.example>",
                 rf'mailchute\[\d+\]: {id}: subject="log"',
                 rf"mailchute/qmgr\[\d+\]: {id}: from=<a@there.example>, size=\d+, nrcpt=1 "
                 r"\(queue active\)",
                 rf"mailchute/smtp\[\d+\]: {id}: to=<b@far.example>, orig_to=<root>, "
                 rf"relay=127\.0\.0\.1\[127\.0\.0\.1\]:{peer.port}, delay=[\d.]+, "
                 r"delays=[\d.]+/[\d.]+/[\d.]+/[\d.]+, dsn=2\.0\.0, status=sent "
                 r"\(250 2\.0\.0 taken as 1\)",
                 rf"mailchute/qmgr\[\d+\]: {id}: removed"):
        assert re.search(head + line + "$", text, re.MULTILINE), (line, text)


# ---- objects ----

def documented():
    """{event: ({always}, {sometimes})} as the comment in events.h has it."""
    text = EVENTS.read_text()
    table = text.split("Events and what else")[1].split("delay_queued:")[0]
    table = re.sub(r"(?m)^ \* ?", "", table.split(":\n", 1)[1])
    found = {}
    for names, members in re.findall(
            r"(?m)^\t([a-z_]+(?:,\s+[a-z_]+)*)((?:[\t ]+(?!\t).*)?(?:\n\t\t+.*)*)", table):
        words = re.sub(r"\([^)]*\)|\w+: \"[^\n]*", "", members).replace(",", " ").split()
        always = {word for word in words if not word.endswith("?")}
        sometimes = {word[:-1] for word in words if word.endswith("?")}
        for name in re.split(r",\s+", names):
            found[name] = (always, sometimes)
    return found


def check_object(event, known):
    for name in ("time", "level", "program", "pid", "event"):
        assert name in event, event
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ", event["time"])
    always, sometimes = known[event["event"]]
    members = set(event) - {"time", "level", "program", "pid", "event", "id"}
    assert always <= members, (event, always)
    assert members <= always | sometimes, (event, always | sometimes)


def test_the_table_of_events_can_be_read():
    known = documented()
    assert known["ended"] == (set(), set())
    assert known["held"] == known["released"] == ({"uid", "sender", "size", "recipients"}, set())
    assert "possible_duplicate" in known["expired"][0] and "tls_cipher" in known["sent"][1]
    assert known["smarthost_throttled"] == ({"smarthost", "reason"}, {"sender"})
    assert known["smarthost_up"] == ({"smarthost", "paused"}, {"sender"})
    assert known["removed"] == (set(), {"uid", "sender", "size", "recipients"})


def test_objects_have_all_documented_members(make_service, make_peer, folder, authority):
    peer = make_peer(certificate=authority.certificate("localhost"),
                     refuse={"never@far.example": "550 5.1.1 \"nobody\""})
    log = folder / "log.json"
    service = make(make_service, log, 'format = "json" subject = true',
                   url=f"smtp+tls://localhost:{peer.port}", queue=QUICK,
                   smarthost=f'ca_file = "{authority.ca}"').start()
    (service.folder / "aliases").write_text("root: b@far.example\n")
    result = service.sendmail("root", "never@far.example", input=MESSAGE)
    assert result.status == 0, result
    wait_for(lambda: sum(event["event"] == "removed" for event in objects_of(log)) == 2,
             what=lambda: "both ends:\n" + log.read_text())
    service.signal(signal.SIGHUP)
    wait_for(lambda: any(event["event"] == "settings_read" for event in objects_of(log)),
             what="the reload")
    (service.folder / "mailchute.conf").write_text("nonsense")
    service.signal(signal.SIGHUP)
    wait_for(lambda: any(event["event"] == "settings_kept" for event in objects_of(log)),
             what="the refusal")
    service.terminate()
    known = documented()
    known["note"] = ({"text"}, set())
    events = objects_of(log)
    for event in events:
        check_object(event, known)
    of = {event["event"]: event for event in events}
    assert set(of) >= {"ready", "received", "sent", "bounced", "report", "removed", "connected",
                       "settings_read", "settings_kept", "ended"}, set(of)
    assert of["received"]["recipients"] == 2 and of["received"]["subject"] == "log"
    assert of["received"]["login"] and of["received"]["message_id"].endswith("@here.example>")
    sent = next(event for event in events if event.get("recipient") == "b@far.example")
    assert sent["original_recipient"] == "root" and sent["smarthost"] == "test"
    assert sent["tls_version"].startswith("TLSv1.") and sent["tls_cipher"]
    assert sent["code"] == 250 and sent["dsn"] == "2.0.0"
    assert sent["delay"] == pytest.approx(
        sum(sent[f"delay_{part}"] for part in ("queued", "waiting", "connecting", "sending")))
    assert ': 550 5.1.1 "nobody"; means: ' in of["bounced"]["reply"]
    assert of["bounced"]["failure"] == "MC-RCPT-19"
    assert of["bounced"]["level"] == "warning" and of["bounced"]["code"] == 550
    assert of["report"]["id"] == of["received"]["id"]
    assert of["report"]["report_id"] != of["report"]["id"]


def test_what_is_wrong_from_the_start_is_an_object_too(make_service, folder):
    log = folder / "log.json"
    service = make(make_service, "stderr")
    service.variables = {"log": log, "log_format": "json"}
    service.config.write_text('log { to = "stderr" }\n')
    service.start()
    wait_for(lambda: lines_of(log), what="a line")
    service.terminate()
    assert [event["event"] for event in objects_of(log)][-1] == "ended"


def test_nothing_hostile_comes_through(make_service, make_peer, folder):
    peer = make_peer()
    logs = [folder / "text.log", folder / "json.log"]
    for log, format in zip(logs, ("text", "json")):
        service = make(make_service, log, f'format = "{format}" subject = true',
                       url=f"smtp://127.0.0.1:{peer.port}").start()
        for subject in (b"\x1b[2Jx", b"\xff\xfe", b'"}, {"event": "sent', b"a\n b\n c",
                        "größe \u202e".encode(), b"\x00x", b"\\", b"%s%n%n"):
            message = b"Message-ID: <" + subject + b">\nSubject: " + subject + b"\n\ntext\n"
            assert service.sendmail("b@far.example", input=message).status == 0
        service.wait_until_empty()
        service.terminate()
    for log in logs:
        octets = log.read_bytes()
        octets.decode()
        assert not re.search(rb"[\0-\x09\x0b-\x1f\x7f]", octets)
        assert "\u202e" not in octets.decode()
    assert all(line.startswith("20") for line in lines_of(logs[0]))
    subjects = [event["subject"] for event in objects_of(logs[1])
                if event["event"] == "received"]
    assert subjects[:3] == ["?[2Jx", "??", '"}, {"event": "sent'], subjects
    assert "a b c" in subjects and "\\" in subjects and "%s%n%n" in subjects


def test_the_subject_is_logged_only_where_that_is_wanted(make_service, make_peer, folder):
    peer = make_peer()
    log = folder / "mail.log"
    service = make(make_service, log, url=f"smtp://127.0.0.1:{peer.port}").start()
    assert service.sendmail("b@far.example", input=b"Subject: a secret\n\ntext\n").status == 0
    service.wait_until_empty()
    assert "secret" not in log.read_text()


# ---- journal and syslog ----

PREPARE = """
mkdir -p "$1/dev" "$1/journal" || exit 1
mount --bind /dev "$1/dev" && mount -t tmpfs tmpfs /dev || exit 1
for name in null zero full random urandom; do
	touch /dev/$name && mount --bind "$1/dev/$name" /dev/$name || exit 1
done
[ ! -e "$1/log" ] || ln -s "$1/log" /dev/log
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd && ln -s "$1/journal" /run/systemd/journal
shift
exec "$@"
"""


needs_namespace = pytest.mark.skipif(bool(own_mounts.why_not()), reason=str(own_mounts.why_not()))


def inside(place, command):
    """The command where /dev/log is place/log and the journal's socket place/journal/socket."""
    return own_mounts.command("sh", "-c", PREPARE, "sh", place, *command)


class Reader:
    """Who reads a socket of datagrams, when asked."""

    def __init__(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.datagrams = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        self.socket.setblocking(False)

    def read(self):
        while select.select([self.socket], [], [], 0)[0]:
            self.datagrams.append(self.socket.recv(65536).decode())
        return self.datagrams

    def text(self):
        return "\n".join(self.read())

    def close(self):
        self.socket.close()


@pytest.fixture
def make_reader():
    made = []

    def start(path):
        made.append(Reader(path))
        return made[-1]

    yield start
    for reader in made:
        reader.close()


def start_inside(service, place):
    service.spawn(inside(place, [service.programs.mailchute, "serve"]), service.environment())
    wait_for(service.answers, 30, what=lambda: f"the service to listen:\n{service.tail()}")
    return service


def fields_of(datagram):
    assert datagram.endswith("\n")
    return dict(line.split("=", 1) for line in datagram[:-1].split("\n"))


@needs_namespace
@pytest.mark.parametrize("to", ["auto", "journal"])
def test_the_journal_is_told_in_its_own_words(make_service, make_peer, make_reader, folder, to):
    peer = make_peer()
    journal = make_reader(folder / "log/journal/socket")
    syslog = make_reader(folder / "log/log")
    service = start_inside(make(make_service, to, url=f"smtp://127.0.0.1:{peer.port}"),
                           folder / "log")
    assert service.sendmail("-f", "a@there.example", "b@far.example",
                            input=MESSAGE).status == 0
    wait_for(lambda: ": removed" in journal.text(), what=lambda: "its end:\n" + journal.text())
    entries = [fields_of(datagram) for datagram in journal.read()]
    assert all(entry["SYSLOG_FACILITY"] == "2" for entry in entries)
    sent = next(entry for entry in entries if "status=sent" in entry["MESSAGE"])
    assert sent["PRIORITY"] == "6" and sent["SYSLOG_IDENTIFIER"] == "mailchute/smtp"
    assert sent["MESSAGE"].startswith(sent["MAILCHUTE_QUEUE_ID"] + ": to=<b@far.example>, ")
    ready = next(entry for entry in entries if entry["MESSAGE"].startswith("ready at "))
    assert ready["SYSLOG_IDENTIFIER"] == "mailchute" and "MAILCHUTE_QUEUE_ID" not in ready
    assert not syslog.read() and "ready" not in service.text()


@needs_namespace
@pytest.mark.parametrize("to", ["auto", "syslog"])
def test_syslog_is_told_where_there_is_no_journal(make_service, make_peer, make_reader, folder,
                                                  to):
    peer = make_peer()
    syslog = make_reader(folder / "log/log")
    service = start_inside(make(make_service, to, url=f"smtp://127.0.0.1:{peer.port}"),
                           folder / "log")
    assert service.sendmail("-f", "a@there.example", "b@far.example",
                            input=MESSAGE).status == 0
    wait_for(lambda: ": removed" in syslog.text(), what=lambda: "its end:\n" + syslog.text())
    assert re.search(r"^<22>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d mailchute/smtp\[\d+\]: "
                     r"\w{25}: to=<b@far\.example>, ", syslog.text(), re.MULTILINE), syslog.text()
    assert "ready" not in service.text()


@needs_namespace
def test_who_reads_nothing_holds_up_no_mail(make_service, make_peer, make_reader, folder):
    peer = make_peer()
    syslog = make_reader(folder / "log/log")
    service = start_inside(make(make_service, "syslog", url=f"smtp://127.0.0.1:{peer.port}"),
                           folder / "log")
    # As many datagrams as fit, so that there is no room from the start.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
        filler.setblocking(False)
        filler.connect(str(folder / "log/log"))
        with pytest.raises(BlockingIOError):
            while True:
                filler.send(b"x")
    for number in range(20):
        assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) == 20, what="all messages at the smarthost")
    service.wait_for_log("the log /dev/log cannot be written: Resource temporarily unavailable")
    # Once it reads again it is told what it has missed.
    syslog.read()
    assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: re.search(r"the log has lost the \d+ lines", syslog.text()),
             what=lambda: "what was lost:\n" + syslog.text())


@needs_namespace
def test_a_syslog_that_dies_holds_up_no_mail(make_service, make_peer, make_reader, folder):
    peer = make_peer()
    syslog = make_reader(folder / "log/log")
    service = start_inside(make(make_service, "syslog", url=f"smtp://127.0.0.1:{peer.port}"),
                           folder / "log")
    syslog.close()
    for number in range(5):
        assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) == 5, what="all messages at the smarthost")
    service.wait_for_log("the log /dev/log cannot be written: Connection refused")
    (folder / "log/log").unlink()
    anew = make_reader(folder / "log/log")
    assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: "status=sent" in anew.text(), what="lines in the new one")


@needs_namespace
def test_no_log_at_all_is_stderr(make_service, make_peer, folder):
    peer = make_peer()
    (folder / "log").mkdir()
    service = start_inside(make(make_service, "auto", url=f"smtp://127.0.0.1:{peer.port}"),
                           folder / "log")
    assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    service.wait_for_log(r"mailchute/smtp: \w{25}: to=<b@far.example>.*status=sent")


# ---- targets that fail ----

def test_a_file_is_made_anew_at_sighup(make_service, make_peer, folder):
    peer = make_peer()
    log, old = folder / "mail.log", folder / "mail.log.1"
    service = make(make_service, log, url=f"smtp://127.0.0.1:{peer.port}").start()
    assert service.sendmail("first@far.example", input=MESSAGE).status == 0
    service.wait_until_empty()
    log.rename(old)
    assert service.sendmail("second@far.example", input=MESSAGE).status == 0
    service.wait_until_empty()
    service.signal(signal.SIGHUP)
    wait_for(lambda: any("read anew" in line for line in lines_of(log)), what="the new file")
    assert service.sendmail("third@far.example", input=MESSAGE).status == 0
    wait_for(lambda: any("to=<third@" in line and "status=sent" in line for line in lines_of(log)),
             what="the third")
    assert "second@" in old.read_text() and "third@" not in old.read_text()
    assert "second@" not in log.read_text()
    # A configuration that is not taken does not keep the log from being moved.
    service.config.write_text("nonsense")
    log.rename(old)
    service.signal(signal.SIGHUP)
    wait_for(lambda: any("stays in force" in line for line in lines_of(log)), what="the refusal")
    assert (log.stat().st_mode & 0o777) in (0o640, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who becomes another")
def test_root_that_becomes_the_owner_of_the_spool_can_still_open_its_log(make_service, make_peer,
                                                                         folder):
    peer = make_peer()
    log, old = folder / "mail.log", folder / "mail.log.1"
    service = make(make_service, log, url=f"smtp://127.0.0.1:{peer.port}")
    service.spool.mkdir(mode=0o700)
    for path in (service.folder, service.spool):
        os.chown(path, 65534, 65534)
    service.start()
    assert log.stat().st_uid == 65534
    log.rename(old)
    # As logrotate's "create" does: with the owner and the mode of the old one.
    log.touch(0o640)
    os.chown(log, 65534, 65534)
    service.signal(signal.SIGHUP)
    wait_for(lambda: any("read anew" in line for line in lines_of(log)),
             what=lambda: "the new file:\n" + service.text())
    assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: "status=sent" in log.read_text(), what="a line in the new one")
    assert "cannot be written" not in service.text()


@pytest.mark.parametrize("path, reason", [
    ("/nonexistent/mail.log", "No such file or directory"),
    ("/dev/full", "No space left on device"),
    ("/", "Is a directory"),
    ("/proc/self/cwd", "Too many levels of symbolic links"),
])
def test_a_file_that_cannot_be_written_holds_up_no_mail(make_service, make_peer, path, reason):
    peer = make_peer()
    service = make(make_service, path, url=f"smtp://127.0.0.1:{peer.port}").start()
    for number in range(5):
        result = service.sendmail("b@far.example", input=MESSAGE)
        assert result.status == 0 and result.stderr == "", result
    wait_for(lambda: len(peer.messages) == 5, what="all messages at the smarthost")
    service.wait_until_empty()
    said = service.text().count(f"mailchute: the log {path} cannot be written: {reason}; mail "
                                "goes on without it")
    assert said == 1, service.text()


def test_an_stderr_that_is_full_holds_up_no_mail(make_service, make_peer):
    peer = make_peer()
    service = make(make_service, "stderr", url=f"smtp://127.0.0.1:{peer.port}")
    ends = os.pipe()
    os.set_blocking(ends[1], False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(ends[1], b"x" * 4096)
    os.set_blocking(ends[1], True)
    service.process = subprocess.Popen([service.programs.mailchute, "serve"],
                                       env=service.environment(), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=ends[1],
                                       start_new_session=True)
    service._file = open(os.devnull)
    os.close(ends[1])
    wait_for(service.answers, 30, what="the service to listen")
    assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) == 1, what="the message at the smarthost")
    # Nor one that nobody has open any more.
    os.close(ends[0])
    assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) == 2, what="the second message")
    assert service.terminate() == 0


def test_a_fifo_that_nobody_reads_holds_up_no_mail(make_service, make_peer, folder):
    peer = make_peer()
    os.mkfifo(folder / "fifo")
    service = make(make_service, folder / "fifo", url=f"smtp://127.0.0.1:{peer.port}").start()
    assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) == 1, what="the message at the smarthost")
    assert "cannot be written: No such device or address" in service.text()


# ---- without a service ----

def test_mail_without_a_service_is_logged_too(programs, make_peer, folder):
    peer = make_peer(refuse={"never@far.example": "550 5.1.1 nobody"})
    log = folder / "log.json"
    env = environment(url=f"smtp://127.0.0.1:{peer.port}", mode="direct", log=log,
                      log_format="json", domain="here.example", **{"from": "me@here.example"})
    result = run([programs.sendmail, "b@far.example", "never@far.example"], MESSAGE, env=env)
    assert result.status == 67, result
    events = objects_of(log)
    known = documented()
    known["note"] = ({"text"}, set())
    for event in events:
        check_object(event, known)
    assert events[0]["event"] == "received" and len({event["id"] for event in events}) == 1
    fates = {event["recipient"]: (event["event"], event["code"]) for event in events[1:]}
    assert len(events) == 3 and fates == {"b@far.example": ("sent", 250),
                                          "never@far.example": ("bounced", 550)}, events


def test_what_cannot_be_sent_without_a_service_is_logged_too(programs, folder):
    log = folder / "log.json"
    env = environment(url="smtp://127.0.0.1:1", mode="direct", log=log, log_format="json",
                      domain="here.example", **{"from": "me@here.example"})
    result = run([programs.sendmail, "b@far.example", "c@far.example"], MESSAGE, env=env)
    assert result.status == 69, result
    fates = [(event["event"], event["recipient"]) for event in objects_of(log)
             if "recipient" in event]
    assert fates == [("bounced", "b@far.example"), ("bounced", "c@far.example")]
    assert all("Connection refused" in event["reply"] for event in objects_of(log)
               if "reply" in event)


def test_a_caller_sees_no_word_of_the_log(programs, make_peer):
    peer = make_peer()
    for path in ("/nonexistent/log", "/dev/full", "stderr", "auto"):
        env = environment(url=f"smtp://127.0.0.1:{peer.port}", mode="direct", log=path,
                          domain="here.example", **{"from": "me@here.example"})
        result = run([programs.sendmail, "b@far.example"], MESSAGE, env=env)
        assert result.status == 0 and result.stderr == "" and result.stdout == b"", result


@needs_namespace
def test_what_a_caller_may_not_see_goes_to_syslog(programs, make_peer, make_reader, folder):
    peer = make_peer()
    syslog = make_reader(folder / "log/log")
    env = environment(url=f"smtp://127.0.0.1:{peer.port}", mode="direct", log="stderr",
                      domain="here.example", **{"from": "me@here.example"})
    result = run(inside(folder / "log", [programs.sendmail, "b@far.example"]), MESSAGE, env=env)
    assert result.status == 0 and result.stderr == "", result
    assert re.search(r" mailchute/smtp\[\d+\]: \w{25}: to=<b@far\.example>, .* status=sent ",
                     syslog.text()), syslog.text()
