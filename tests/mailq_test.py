# SPDX-License-Identifier: MIT

"""mailq and sendmail -q: who sees what of the queue, and whose mail is tried."""

import json
import os
import re
import time

import pytest

from support.mailchute import environment, run
from support.wait import free_port, wait_for
from ways_test import make_own  # noqa: F401

MESSAGE = b"Subject: waits\n\ntext\n"
ALICE, BOB = 12345, 12346
NOBODY_AT_ALL = 65534  # the kernel's overflow uid
DEAD = "smtp://127.0.0.1:1"
LATER = 'retry = { "1h" }'

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become other users")

# What monitors look for: monitoring-plugins' check_mailq and others that read Postfix's mailq.
TOTAL = re.compile(rb"^-- (\d+) Kbytes in (\d+) Requests?\.$", re.MULTILINE)
ENTRY = re.compile(rb"^([0-9A-Za-z]{6,})([*!]?) +(\d+) +(\w{3} \w{3} +\d+ \d\d:\d\d:\d\d) +(\S+)$",
                   re.MULTILINE)


def as_user(uid):
    return {} if uid == 0 else {"user": uid, "group": uid, "extra_groups": []}


def send(service, uid, *recipients, options=()):
    result = service.sendmail(*options, "-f", f"u{uid}@there.example", *recipients, input=MESSAGE,
                              **as_user(uid))
    assert result.status == 0, result


def mailq(service, uid, *arguments):
    return run([service.programs.mailq, *arguments], env=environment(socket=service.socket),
               **as_user(uid))


def listed(service, uid):
    """[(sign, sender)] of what mailq shows."""
    result = mailq(service, uid)
    assert (result.status, result.stderr) == (0, ""), result
    entries = [(sign.decode(), sender.decode())
               for _, sign, _, _, sender in ENTRY.findall(result.stdout)]
    total = TOTAL.search(result.stdout)
    if entries:
        assert int(total[2]) == len(entries)
        assert result.stdout.startswith(b"-Queue ID- ")
    else:
        assert result.stdout == b"Mail queue is empty\n"
    return entries


def without_times(text):
    """Of two lists that are made one after the other."""
    return re.sub(r"next (try )?in \w+", "next in", text)


def objects(service, uid):
    result = mailq(service, uid, "--json")
    assert (result.status, result.stderr) == (0, ""), result
    return [found for found in map(json.loads, result.stdout.decode().splitlines())
            if "queue_id" in found]


def flush(service, uid, *arguments):
    result = service.sendmail(*arguments or ["-q"], **as_user(uid))
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


@pytest.fixture
def waiting(make_service):
    """A service with a message of each of root, Alice and Bob that has been tried once."""
    service = make_service(url=DEAD, queue=LATER).start()
    for uid in (0, ALICE, BOB):
        send(service, uid, f"to{uid}@far.example")
    wait_for(lambda: service.queue().count("attempts, next") == 3, what="three attempts")
    return service


# who sees what

@needs_root
def test_each_sees_his_own_and_root_all(waiting):
    assert [sender for _, sender in listed(waiting, 0)] == [
        f"u{uid}@there.example" for uid in (0, ALICE, BOB)]
    for uid in (ALICE, BOB):
        result = mailq(waiting, uid)
        assert listed(waiting, uid) == [("", f"u{uid}@there.example")]
        assert f"to{uid}@far.example".encode() in result.stdout
        assert b"Connection refused" in result.stdout
        assert [one["sender"] for one in objects(waiting, uid)] == [f"u{uid}@there.example"]
        # Not an octet about the others, be it their number.
        for name in (waiting.spool / "queue").iterdir():
            shown = name.name.encode() in result.stdout
            assert shown == (objects(waiting, uid)[0]["queue_id"] == name.name)
    assert listed(waiting, 12399) == [] and objects(waiting, 12399) == []


@needs_root
def test_whom_the_kernel_does_not_name_sees_nothing(waiting):
    send(waiting, NOBODY_AT_ALL, "b@far.example")
    for arguments in ([], ["--json"]):
        result = mailq(waiting, NOBODY_AT_ALL, *arguments)
        assert result.status == 77 and result.stdout == b"", result
        assert "the kernel does not say who asks" in result.stderr
    result = waiting.sendmail("-q", **as_user(NOBODY_AT_ALL))
    assert result.status == 77 and result.stdout == b"", result


@needs_root
def test_a_root_of_elsewhere_is_an_ordinary_user(make_service):
    """serve --listen shares its socket with other containers."""
    service = make_service(url=DEAD, queue=LATER)
    service.spawn([service.programs.mailchute, "serve", "--listen", service.socket],
                  service.environment())
    wait_for(service.answers, what="the service to listen")
    send(service, ALICE, "b@far.example")
    send(service, 0, "b@far.example")
    assert [sender for _, sender in listed(service, 0)] == ["u0@there.example"]
    # By the socket in the spool, which only its owner can reach, it is the administrator.
    service.socket = service.spool / "submit.sock"
    assert len(listed(service, 0)) == 2


@needs_root
def test_the_owner_of_the_service_sees_all(make_service):
    service = make_service(url=DEAD, queue=LATER)
    os.chown(service.folder, ALICE, ALICE)
    service.spawn([service.programs.mailchute, "serve"], service.environment(), **as_user(ALICE))
    wait_for(service.answers, what="the service to listen")
    for uid in (0, ALICE, BOB):
        send(service, uid, f"to{uid}@far.example")
    for uid in (0, ALICE):
        assert len(listed(service, uid)) == 3 and len(objects(service, uid)) == 3
    assert [sender for _, sender in listed(service, BOB)] == [f"u{BOB}@there.example"]
    wait_for(lambda: service.queue().count("attempts, next") == 3, what="a first attempt")
    # One asks for all of them.
    flush(service, ALICE)
    wait_for(lambda: sum(one["attempts"] for one in objects(service, 0)) == 2,
             what="a second attempt")


@needs_root
def test_a_lent_session_has_no_queue(waiting):
    """sendmail -bs is for SMTP, whatever its caller says."""
    for uid in (0, ALICE):
        result = waiting.sendmail("-bs", input=b"EHLO x\r\nXQUEUE LIST\r\nXQUEUE FLUSH\r\nQUIT\r\n",
                                  **as_user(uid))
        assert result.status == 0 and b"far.example" not in result.stdout, result
        assert len(re.findall(rb"^50[02] ", result.stdout, re.MULTILINE)) == 2, result


@needs_root
def test_a_damaged_file_is_shown_to_those_who_see_all(waiting):
    name, = (one["queue_id"] for one in objects(waiting, 0) if one["uid"] == ALICE)
    path = waiting.spool / "queue" / name
    content = path.read_bytes()
    # It names another submitter now, and only its checksum tells.
    path.write_bytes(content.replace(b"uid 5:%d" % ALICE, b"uid 5:%d" % BOB))
    assert len(listed(waiting, BOB)) == 1 and listed(waiting, ALICE) == []
    path.write_bytes(content[:300])
    assert len(listed(waiting, 0)) == 3 and listed(waiting, ALICE) == []
    assert b"does not check out" in mailq(waiting, 0).stdout
    damaged, = (one for one in objects(waiting, 0) if one["queue_name"] == "damaged")
    assert damaged["queue_id"] == name and "cut short" in damaged["error"]


# what is said

def test_the_layout_is_that_of_postfix(make_service):
    service = make_service(url=DEAD, queue=LATER).start()
    assert listed(service, os.geteuid()) == []
    send(service, os.geteuid(), "b@far.example", "c@far.example")
    service.wait_for_queue("Connection refused")
    for command in ([service.programs.mailq], [service.programs.sendmail, "-bp"]):
        text = run(command, env=environment(socket=service.socket)).stdout.decode()
        heading, entry, progress, reason, first, second, empty, state, total = text.splitlines()
        assert heading.split() == ["-Queue", "ID-", "--Size--", "----Arrival", "Time----",
                                   "-Sender/Recipient-------"]
        assert ENTRY.fullmatch(entry.encode()), entry
        assert re.fullmatch(r" *\(1 attempts, next in (59m\d+s|1h\d*m?)\)", progress), progress
        assert re.fullmatch(r" *\(.*Connection refused.*\)", reason), reason
        assert (first.strip(), second.strip()) == ("b@far.example", "c@far.example")
        assert first.index("b@") == entry.index("u%d@" % os.geteuid())
        assert state.startswith("-- smarthost test is down since ")
        assert empty == "" and total == "-- 1 Kbytes in 1 Request."
    # The administrator's command says the same.
    assert without_times(service.queue()) == without_times(text)


def test_json_has_the_keys_of_postqueue(make_service):
    service = make_service(url=DEAD, queue=LATER).start()
    before = int(time.time())
    names = ["b@far.example", '"quo\\"te\\\\d"@far.example', "ü@far.example"]
    send(service, os.geteuid(), *names)
    service.wait_for_queue("Connection refused")
    one, = objects(service, os.geteuid())
    path, = (service.spool / "queue").iterdir()
    assert one["queue_id"] == path.name and one["queue_name"] == "deferred"
    assert before <= one["arrival_time"] <= time.time()
    assert one["sender"] == f"u{os.geteuid()}@there.example" and one["uid"] == os.geteuid()
    assert one["attempts"] == 1 and 0 < one["next_attempt"] - one["arrival_time"] < 4000
    assert 100 < one["message_size"] < 2000
    assert [recipient["address"] for recipient in one["recipients"]] == names
    assert all("Connection refused" in recipient["delay_reason"] for recipient in one["recipients"])
    result = service.admin("queue", "--json")
    first, state = map(json.loads, result.stdout.decode().splitlines())
    assert first == one and state["smarthost"] == "test"


def test_a_message_with_very_many_recipients_is_one_object(make_service):
    service = make_service(url=DEAD, queue=LATER).start()
    names = [f"recipient-number-{number}@far.example" for number in range(2000)]
    send(service, os.geteuid(), *names)
    service.wait_for_queue("Connection refused")
    one, = objects(service, os.geteuid())
    assert [recipient["address"] for recipient in one["recipients"]] == names
    text = mailq(service, os.geteuid()).stdout.decode()
    assert re.findall(r"^ +(recipient-.*)$", text, re.MULTILINE) == names
    assert text.count("(MC-NET-04 127.0.0.1:1: cannot connect (127.0.0.1: Connection refused)") == 1


def test_the_null_sender_has_postfix_s_name(make_service):
    service = make_service(url=DEAD, queue=LATER).start()
    assert service.sendmail("-f", "", "b@far.example", input=MESSAGE).status == 0
    assert listed(service, os.geteuid())[0][1] == "MAILER-DAEMON"
    assert objects(service, os.geteuid())[0]["sender"] == ""


def test_what_is_being_delivered_is_marked(make_service, make_peer):
    peer = make_peer(at="end", fault="stall")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", queue=LATER).start()
    send(service, os.geteuid(), "b@far.example")
    wait_for(lambda: listed(service, os.geteuid())[0][0] == "*", what="the sign of delivery")
    assert objects(service, os.geteuid())[0]["queue_name"] == "active"


def test_what_is_in_doubt_is_said_so(make_service, make_peer):
    peer = make_peer(at="end", fault="close")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", queue=LATER).start()
    send(service, os.geteuid(), "b@far.example")
    text = service.wait_for_queue(r"\n *\(in doubt: .+\)\n +b@far.example\n")
    assert without_times(mailq(service, os.geteuid()).stdout.decode()) == without_times(text)
    recipient, = objects(service, os.geteuid())[0]["recipients"]
    assert recipient["state"] == "in doubt" and recipient["delay_reason"]


def test_a_reader_who_has_seen_enough(make_service):
    service = make_service(url=DEAD, queue=LATER).start()
    send(service, os.geteuid(), *(f"r{number}@far.example" for number in range(3000)))
    result = run(["sh", "-c", f"{service.programs.mailq} | head -1; echo end"],
                 env=environment(socket=service.socket))
    assert result.stdout.startswith(b"-Queue ID-") and result.stdout.endswith(b"end\n")
    assert result.stderr == ""


# no service

@needs_root
@pytest.mark.parametrize("spool_is_there", [True, False])
def test_without_a_service_nobody_is_told_what_nobody_knows(make_service, spool_is_there):
    service = make_service(url=DEAD, queue=LATER)
    if spool_is_there:
        service.start()
        send(service, ALICE, "b@far.example")
        service.kill()
    env = {"env": environment(socket=service.socket, config=service.config)}
    result = run([service.programs.mailq], **env, **as_user(ALICE))
    assert result.status == 69 and result.stdout == b"", result
    assert "no service answers" in result.stderr and "not known" in result.stderr
    result = run([service.programs.sendmail, "-q"], **env, **as_user(ALICE))
    if spool_is_there:
        assert result.status == 69 and "no service answers" in result.stderr, result
    else:
        assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    # Root and the owner read the spool itself.
    result = run([service.programs.mailq], **env)
    assert result.status == 0
    assert (b"in 1 Request." if spool_is_there else b"Mail queue is empty\n") in result.stdout
    result = run([service.programs.mailq, "--json"], **env)
    assert result.status == 0 and result.stdout.count(b"\n") == spool_is_there


@needs_root
def test_a_spool_that_no_service_has_used_yet(make_service):
    """A package makes it; the queue in it is made by the first service."""
    service = make_service(url=DEAD)
    service.spool.mkdir(mode=0o700)
    result = run([service.programs.mailq], env=environment(socket=service.socket,
                                                           config=service.config))
    assert (result.status, result.stdout) == (0, b"Mail queue is empty\n"), result
    assert service.admin("queue", "--count").stdout == b"0\n"


# having it tried

@needs_root
def test_only_his_own_is_tried_at_once(make_service, make_peer):
    # Each waits for itself, for it is no fault of the smarthost's.
    peer = make_peer(refuse={f"to{uid}@far.example": "451 4.3.0 not now"
                             for uid in (0, ALICE, BOB)})
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", queue=LATER).start()
    for uid in (0, ALICE, BOB):
        send(service, uid, f"to{uid}@far.example")
    wait_for(lambda: service.queue().count("1 attempts, next in") == 3, what="three attempts")
    peer.refuse = {}
    flush(service, ALICE)
    wait_for(lambda: service.count() == 2, what="her message's delivery")
    assert [names for _, names, _ in peer.messages] == [[f"to{ALICE}@far.example"]]
    assert sorted(sender for _, sender in listed(service, 0)) == [
        "u0@there.example", f"u{BOB}@there.example"]
    flush(service, 0)
    service.wait_until_empty()
    assert len(peer.messages) == 3


@needs_root
def test_not_oftener_than_every_ten_seconds(make_service, make_peer):
    service = make_service(url=DEAD, queue=LATER).start()
    send(service, ALICE, "b@far.example")
    service.wait_for_queue("1 attempts, next in")
    begin = time.monotonic()
    for _ in range(5):
        flush(service, ALICE)
    # A machine may be so slow that there was time for more than one.
    most = 1 + int(time.monotonic() - begin) // 10
    service.wait_for_queue("[2-9] attempts, next in")
    # Whatever was asked for is done by now: a message of another is looked at after it.
    send(service, BOB, "b@far.example")
    wait_for(lambda: service.queue().count("attempts, next") == 2, what="Bob's message")
    done = service.text().count(f"uid {ALICE} has its waiting mail tried now")
    assert 1 <= done <= most and f"{done + 1} attempts" in service.queue()


@pytest.mark.parametrize("arguments", [["-q"], ["-qIABC"], ["-qRfar.example"]])
def test_the_forms_of_q(make_service, arguments):
    service = make_service(url=DEAD, queue=LATER).start()
    send(service, os.geteuid(), "b@far.example")
    service.wait_for_queue("1 attempts, next in")
    flush(service, os.geteuid(), *arguments)
    service.wait_for_queue("2 attempts, next in")


def test_q_starts_the_service_that_tries_what_waits(make_own, make_sink):  # noqa: F811
    port = free_port()
    own = make_own(f"smtp://127.0.0.1:{port}")
    assert own.sendmail("b@far.example").status == 0
    own.end_service()
    assert own.count() == 1
    listing = run([own.programs.mailq], env=environment(**own.variables))
    assert b"in 1 Request." in listing.stdout and own.service() == [], listing
    sink = make_sink()
    sink.port = port
    sink.start()
    result = own.sendmail("-q", input=b"")
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    sink.wait_for_messages(1)
    wait_for(lambda: own.count() == 0, what="an empty queue")
