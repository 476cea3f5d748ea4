# SPDX-License-Identifier: MIT

"""mailchute queue show, retry, hold, release, remove, flush: with a service and without one."""

import json
import os
import re
import time

import pytest

from support.mailchute import environment, run, sanitizer
from support.wait import free_port, wait_for

ALICE, BOB = 12345, 12346
DEAD = "smtp://127.0.0.1:1"
LATER = 'retry = { "1h" }'
ME = os.geteuid()

needs_root = pytest.mark.skipif(ME != 0, reason="needs root to become other users")


def as_user(uid):
    return {} if uid == ME else {"user": uid, "group": uid, "extra_groups": []}


def send(service, *recipients, uid=ME, sender="me@there.example",
         message=b"Subject: waits\n\nthe body\n"):
    result = service.sendmail("-f", sender, *recipients, input=message, **as_user(uid))
    assert result.status == 0, result


def objects(service):
    result = service.admin("queue", "--json")
    assert result.status == 0, result
    return [one for one in map(json.loads, result.stdout.decode().splitlines())
            if "queue_id" in one]


def by_sender(service):
    return {one["sender"]: one for one in objects(service)}


def one(service):
    found, = objects(service)
    return found


def tell(service, *arguments, status=0):
    """What the command prints."""
    result = service.admin("queue", *arguments)
    assert result.status == status, result
    return (result.stdout if status == 0 else result.stderr.encode()).decode()


def tell_as(service, uid, *arguments):
    """As a user who knows no more than the socket."""
    return run([service.programs.mailchute, "queue", *arguments],
               env=environment(socket=service.socket), **as_user(uid))


def tried(service, number=1):
    """Until so many messages wait, the first after an attempt, the others for its smarthost."""
    wait_for(lambda: sum(each["queue_name"] == "deferred"
                         for each in objects(service)) >= number, what="first attempts")


@pytest.fixture
def later(make_service):
    """A service whose smarthost is dead, with a message that has been tried."""
    service = make_service(url=DEAD, queue=LATER).start()
    send(service, "b@far.example")
    tried(service)
    return service


@pytest.fixture(params=["with a service", "without one"])
def at_rest(request, later):
    """The same; the service may have been killed."""
    if request.param == "without one":
        later.kill()
    return later


# show

def test_show(at_rest):
    name = one(at_rest)["queue_id"]
    text = tell(at_rest, "show", name)
    envelope, header = text.split("\n\n", 1)
    assert re.search(rf"^Message: +{name}$", envelope, re.MULTILINE)
    assert re.search(r"^State: +deferred, 1 attempt, next in (59m\d+s|1h\d*m?)$", envelope,
                     re.MULTILINE)
    assert re.search(rf"^Received: .* ago, from uid {ME} \(local\)$", envelope, re.MULTILINE)
    assert re.search(r"^Sender: +me@there.example$", envelope, re.MULTILINE)
    assert re.search(r"^Smarthost: +test$", envelope, re.MULTILINE)
    assert re.search(r"^Recipient: +b@far.example: waits\n +.*Connection refused", envelope,
                     re.MULTILINE)
    assert "Subject: waits\n" in header and "the body" not in header and "\r" not in text
    assert tell(at_rest, "show", "--body", name).endswith("\n\nthe body\n")
    raw = tell(at_rest, "show", name, "--raw")
    assert raw.endswith("\nSubject: waits\n" + raw.split("Subject: waits\n")[1])
    assert raw.endswith("\n\nthe body\n") and "Recipient:" not in raw
    assert tell(at_rest, "show", "--all").count("Recipient:") == 1


def test_show_masks_what_a_terminal_obeys_and_raw_does_not(make_service):
    service = make_service(url=DEAD, queue=LATER).start()
    long = b"x" * 50000 + b" end"
    send(service, "b@far.example", message=b"Subject: s\n\n\x1b[2J\n" + long + b"\nlast\n")
    tried(service)
    name = one(service)["queue_id"]
    for kill in (False, True):
        if kill:
            service.kill()
        shown = tell(service, "show", "--body", name)
        assert "\x1b" not in shown and "?[2J\n" in shown
        result = service.admin("queue", "show", "--raw", name)
        assert result.stdout.endswith(b"\n\n\x1b[2J\n" + long + b"\nlast\n"), (
            result.status, result.stderr, len(result.stdout), result.stdout[-30:])


def test_show_has_what_was_said_before(make_service, make_peer):
    peer = make_peer(refuse={"b@far.example": "450 4.2.1 first words"})
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", queue=LATER).start()
    send(service, "b@far.example")
    service.wait_for_queue("first words")
    service.configure(url=DEAD, queue=LATER)
    service.kill()
    service.start()
    name = one(service)["queue_id"]
    tell(service, "retry", name)
    service.wait_for_queue("2 attempts")
    text = tell(service, "show", name)
    assert re.search(r"b@far.example: waits\n.*\n +server: .*first words\n.*Connection refused", text), text


def test_show_has_of_each_recipient_what_was_said_of_him(make_service, make_peer):
    peer = make_peer(refuse={"b@far.example": "450 4.2.1 about b",
                             "c@far.example": "450 4.2.1 about c"})
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", queue=LATER).start()
    send(service, "b@far.example", "c@far.example", "d@far.example")
    service.wait_for_queue("about c")
    text = tell(service, "show", "--all")
    assert re.search(r"b@far.example: waits\n[^\n]*refused[^\n]*\n +server: [^\n]*about b\n"
                     r"Recipient: +c@far.example: waits\n[^\n]*\n +server: [^\n]*about c\n"
                     r"Recipient: +d@far.example: delivered\n", text), text


# hold, release

def test_hold_and_release(at_rest):
    name = one(at_rest)["queue_id"]
    assert tell(at_rest, "hold", name) == f"{name}: held\n"
    assert one(at_rest)["queue_name"] == "hold" and f"{name}!" in at_rest.queue()
    assert tell(at_rest, "hold", name) == f"{name}: is held already\n"
    assert "is held; release it first" in tell(at_rest, "retry", name, status=69)
    if at_rest.is_running():
        # Nobody has it tried, not even by a flush.
        tell(at_rest, "flush", "--wait", "60s")
        assert one(at_rest)["attempts"] == 1
    assert tell(at_rest, "release", name) == f"{name}: released\n"
    assert tell(at_rest, "release", name) == f"{name}: is not held\n" or at_rest.is_running()
    if not at_rest.is_running():
        assert one(at_rest)["queue_name"] == "deferred"
        at_rest.start()
    at_rest.wait_for_queue("2 attempts, next in")


def test_what_is_held_is_neither_tried_nor_given_up(make_service, make_sink):
    port = free_port()
    service = make_service(url=f"smtp://127.0.0.1:{port}",
                           queue='retry = { "100ms" } lifetime = "6s"').start()
    send(service, "b@far.example")
    tell(service, "hold", one(service)["queue_id"])
    wait_for(lambda: one(service)["queue_name"] == "hold", what="it to be held")
    attempts = one(service)["attempts"]
    wait_for(lambda: time.time() > one(service)["arrival_time"] + 7, what="its lifetime to pass")
    service.kill()
    service.start()
    # It is too old by now, and messages come that are not.
    for number in range(8):
        send(service, f"c{number}@far.example")
    wait_for(lambda: len(objects(service)) == 1 or any(
        other["attempts"] > 3 for other in objects(service)), what="others to be tried")
    assert {other["queue_name"] for other in objects(service)
            if other["recipients"][0]["address"] == "b@far.example"} == {"hold"}
    held, = (each for each in objects(service)
             if each["recipients"][0]["address"] == "b@far.example")
    assert held["attempts"] == attempts
    sink = make_sink()
    sink.port = port
    sink.start()
    tell(service, "release", held["queue_id"])
    wait_for(lambda: any(b"b@far.example" in message for message in sink.messages()),
             what="its delivery")


def test_hold_survives_the_death_of_the_service(later):
    name = one(later)["queue_id"]
    assert tell(later, "hold", name) == f"{name}: held\n"
    later.kill()
    assert one(later)["queue_name"] == "hold"
    later.start()
    text = tell(later, "flush", "--wait", "60s")
    assert text.endswith("0 of 0 done, 0 deferred\n"), text
    attempts = one(later)["attempts"]
    assert tell(later, "release", name) == f"{name}: released\n"
    later.kill()
    # It is due at once: whether it was tried before the end came is the service's luck.
    message = one(later)
    assert message["queue_name"] == "deferred"
    assert message["next_attempt"] == 0 or message["attempts"] == attempts + 1, message


# retry

def test_retry(later):
    name = one(later)["queue_id"]
    assert tell(later, "retry", name) == f"{name}: is due now\n"
    later.wait_for_queue("2 attempts, next in")
    # Again, and at once: nobody is told that he has just asked.
    tell(later, "retry", name)
    later.wait_for_queue("3 attempts, next in")


def test_verbs_work_on_a_service_that_began_without_settings(make_service):
    """As the package starts it: mailchute setup writes them afterwards."""
    service = make_service(url="smtp://127.0.0.1:9")
    good = service.config.read_text()
    service.config.write_text("")
    service.start()
    service.config.write_text(good)
    send(service, "b@far.example")
    tell(service, "hold", "--all")
    assert one(service)["queue_name"] == "hold"
    tell(service, "remove", "--all")
    assert tell(service, "flush", "--wait", "60s").splitlines()[-1] == "0 of 0 done, 0 deferred"


def test_retry_without_a_service_is_kept(later):
    name = one(later)["queue_id"]
    later.kill()
    assert tell(later, "retry", name) == f"{name}: is due now\n"
    assert one(later)["next_attempt"] == 0
    later.start()
    later.wait_for_queue("2 attempts, next in")


# remove

def test_remove(at_rest):
    name = one(at_rest)["queue_id"]
    assert tell(at_rest, "remove", name) == f"{name}: removed\n"
    assert at_rest.count() == 0 and not list((at_rest.spool / "queue").iterdir())
    assert f"{name}: there is no such message" in tell(at_rest, "remove", name, status=66)
    if at_rest.is_running():
        at_rest.wait_for_log(rf"{name}: removed by uid={ME}: from=<me@there.example>, size=\d+")
        at_rest.kill()
    at_rest.start()
    assert at_rest.count() == 0


def test_removed_without_a_service_is_logged(later):
    name = one(later)["queue_id"]
    later.kill()
    result = later.admin("queue", "remove", name)
    assert f"{name}: removed by uid={ME}" in result.stderr


def test_what_is_removed_or_held_keeps_no_service_waiting(later):
    """The schedule forgets it: a flush has nothing to wait for."""
    send(later, "c@far.example")
    tried(later, 2)
    first, second = (each["queue_id"] for each in objects(later))
    tell(later, "remove", first)
    tell(later, "hold", second)
    assert tell(later, "flush", "--wait", "60s").splitlines()[-1] == "0 of 0 done, 0 deferred"


@pytest.mark.parametrize("is_running", [True, False])
def test_a_damaged_file(later, is_running):
    name = one(later)["queue_id"]
    if not is_running:
        later.kill()
    path = later.spool / "queue" / name
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    path.write_bytes(content[:300])
    for verb in ("hold", "retry", "show"):
        text = tell(later, verb, name, status=tell_status(later, verb, name))
        assert name in text and ("does not check out" in text or "cut short" in text), text
    assert path.exists()
    assert "removed; it did not check out" in tell(later, "remove", name)
    assert not path.exists()


def tell_status(service, *arguments):
    """Any but success."""
    status = service.admin("queue", *arguments).status
    assert status != 0
    return status


def test_a_message_whose_body_is_damaged_is_not_tried_and_can_be_removed(later):
    name = one(later)["queue_id"]
    path = later.spool / "queue" / name
    path.write_bytes(path.read_bytes().replace(b"the body", b"THE BODY"))
    assert tell_status(later, "hold", name) != 0
    assert "removed" in tell(later, "remove", name)
    assert later.count() == 0


# which messages

@pytest.fixture
def several(make_service):
    service = make_service(url=DEAD, queue=LATER).start()
    send(service, "x@one.example", sender="a@there.example")
    send(service, "y@two.example", "z@one.example", sender="b@there.example")
    send(service, "x@two.example", sender="")
    tried(service, 3)
    return service


@pytest.mark.parametrize("arguments, senders", [
    (["--from", "a@there.example"], ["a@there.example"]),
    (["--from", "A@There.Example"], ["a@there.example"]),
    (["--from", "@there.example"], ["a@there.example", "b@there.example"]),
    (["--from", ""], [""]),
    (["--from", "<>"], [""]),
    (["--to", "z@one.example"], ["b@there.example"]),
    (["--to", "@two.example"], ["", "b@there.example"]),
    (["--to", "@two.example", "--from", "b@there.example"], ["b@there.example"]),
    (["--smarthost", "test"], ["", "a@there.example", "b@there.example"]),
    (["--all"], ["", "a@there.example", "b@there.example"]),
])
@pytest.mark.parametrize("is_running", [True, False])
def test_selectors(several, arguments, senders, is_running):
    if not is_running:
        several.kill()
    lines = tell(several, "hold", *arguments).splitlines()
    assert len(lines) == len(senders)
    assert sorted(sender for sender, each in by_sender(several).items()
                  if each["queue_name"] == "hold") == senders


@pytest.mark.parametrize("arguments", [
    ["--from", "c@there.example"], ["--from", "@here.example"], ["--to", "a@there.example"],
    ["--smarthost", "other"], ["--from", "a@there.example", "--to", "y@two.example"],
])
@pytest.mark.parametrize("is_running", [True, False])
def test_none_matches(several, arguments, is_running):
    if not is_running:
        several.kill()
    for verb in ("show", "hold", "release", "retry", "remove"):
        assert "no message matches" in tell(several, verb, *arguments, status=66)
    assert several.count() == 3 and "!" not in several.queue()


def test_ids_and_a_condition(several):
    names = [each["queue_id"] for each in objects(several)]
    unknown = "0" * 25
    result = several.admin("queue", "hold", *names[:2], unknown)
    assert result.status == 66 and result.stdout.count(b": held\n") == 2
    assert result.stderr.count("there is no such message") == 1 and unknown in result.stderr
    result = several.admin("queue", "remove", *names, "--from", "a@there.example")
    assert result.status == 0 and result.stdout.count(b": removed\n") == 1
    assert sorted(by_sender(several)) == ["", "b@there.example"]


def test_more_ids_than_a_line_takes(several):
    names = [each["queue_id"] for each in objects(several)]
    unknown = [f"{number:025}" for number in range(400)]
    result = several.admin("queue", "hold", *unknown, *names)
    assert result.stdout.count(b": held\n") == 3
    assert result.stderr.count("there is no such message") == 400
    several.kill()
    result = several.admin("queue", "release", *unknown, *names)
    assert result.stdout.count(b": released\n") == 3


@pytest.mark.parametrize("arguments, words", [
    (["remove"], "which messages?"), (["hold"], "which messages?"), (["show"], "which messages?"),
    (["remove", "abc"], "abc is no queue ID"), (["remove", "--all", "0" * 25], "alone"),
    (["remove", "--all", "--from", "x"], "alone"), (["remove", "--from"], "needs a value"),
    (["remove", "--wait", "1s", "--all"], "--wait is for flush"), (["remove", "--x"], "--x"),
    (["hold", "--raw", "--all"], "for show"), (["flush", "--wait", "soon"], "no time"),
    (["burn", "--all"], "there is no \"burn\""), (["remove", "--from", "a\nb"], "control"),
])
def test_what_is_not_understood_does_nothing(later, arguments, words):
    assert words in tell(later, *arguments, status=64)
    assert later.count() == 1 and "!" not in later.queue()


def test_help(later):
    for arguments in (["--help"], ["hold", "--help"]):
        text = tell(later, *arguments)
        for word in ("show", "retry", "hold", "release", "remove", "flush", "--wait", "--all"):
            assert word in text


# who may

@needs_root
def test_a_user_has_his_own_alone(make_service):
    service = make_service(url=DEAD, queue=LATER).start()
    send(service, "b@far.example", uid=ALICE, sender="alice@there.example")
    send(service, "b@far.example", uid=BOB, sender="bob@there.example")
    tried(service, 2)
    his = by_sender(service)["alice@there.example"]["queue_id"]
    other = by_sender(service)["bob@there.example"]["queue_id"]
    for verb in ("show", "hold", "release", "retry", "remove"):
        result = tell_as(service, ALICE, verb, other)
        assert result.status == 66 and result.stdout == b"", result
        assert result.stderr == f"mailchute: {other}: there is no such message\n"
    result = tell_as(service, ALICE, "show", "--all")
    assert result.status == 0 and his.encode() in result.stdout, result
    assert other.encode() not in result.stdout
    assert tell_as(service, ALICE, "hold", "--all").stdout == f"{his}: held\n".encode()
    assert by_sender(service)["bob@there.example"]["queue_name"] == "deferred"
    assert tell_as(service, ALICE, "release", his).status == 0
    service.wait_for_queue("2 attempts, next in")
    assert tell_as(service, ALICE, "remove", "--from", "@there.example").stdout.count(b"\n") == 1
    assert list(by_sender(service)) == ["bob@there.example"]
    service.wait_for_log(rf"{his}: removed by uid={ALICE}")
    result = tell_as(service, ALICE, "flush", "--wait", "5s")
    assert result.status == 0 and b"0 of 0 done" in result.stdout, result


@needs_root
def test_without_a_service_a_user_is_told_so(later):
    later.kill()
    result = run([later.programs.mailchute, "queue", "remove", "--all"],
                 env=environment(socket=later.socket, config=later.config), **as_user(ALICE))
    assert result.status == 69 and "not this user's" in result.stderr, result
    assert later.count() == 1


@needs_root
def test_the_owner_of_the_spool(make_service):
    """Who is not root has the same rights in it, and root becomes him."""
    service = make_service(url=DEAD, queue=LATER)
    os.chown(service.folder, ALICE, ALICE)
    service.spawn([service.programs.mailchute, "serve"], service.environment(), **as_user(ALICE))
    wait_for(service.answers, what="the service to listen")
    for _ in range(2):
        send(service, "b@far.example")
        send(service, "b@far.example", uid=BOB)
    tried(service, 4)
    first, second, third, fourth = (each["queue_id"] for each in objects(service))
    owner = {"env": service.environment(), **as_user(ALICE)}
    command = [service.programs.mailchute, "queue"]
    assert run([*command, "remove", first], **owner).status == 0
    assert tell(service, "remove", second) == f"{second}: removed\n"
    service.kill()
    assert run([*command, "remove", third], **owner).status == 0
    assert tell(service, "hold", fourth) == f"{fourth}: held\n"
    assert (service.spool / "queue" / fourth).stat().st_uid == ALICE
    assert one(service)["queue_name"] == "hold"


# in delivery

@pytest.fixture
def stalled(make_service, make_peer):
    peer = make_peer(at="end", fault="stall")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", queue=LATER).start()
    send(service, "b@far.example")
    wait_for(lambda: one(service)["queue_name"] == "active", what="its delivery")
    service.peer = peer
    return service


def test_in_delivery_it_is_not_removed(stalled):
    name = one(stalled)["queue_id"]
    text = tell(stalled, "remove", name, status=69)
    assert "is being delivered now; hold it" in text
    assert tell(stalled, "retry", name) == f"{name}: is being delivered now\n"
    assert stalled.count() == 1


def test_in_delivery_it_is_held_after_the_attempt(stalled):
    name = one(stalled)["queue_id"]
    assert "held after the attempt" in tell(stalled, "hold", name)
    # Whatever becomes of the attempt, and of the service.
    stalled.peer.stop()
    wait_for(lambda: one(stalled)["attempts"] == 1, what="the attempt's end")
    assert one(stalled)["queue_name"] == "hold"
    # Nor does the schedule know it.
    text = tell(stalled, "flush", "--wait", "60s")
    assert text.endswith("0 of 0 done, 0 deferred\n"), text
    assert one(stalled)["attempts"] == 1
    assert tell(stalled, "remove", name) == f"{name}: removed\n"


def test_in_delivery_it_is_held_after_a_crash(stalled):
    name = one(stalled)["queue_id"]
    tell(stalled, "hold", name)
    stalled.kill()
    assert one(stalled)["queue_name"] == "hold"
    stalled.start()
    tell(stalled, "flush", "--wait", "60s")
    assert one(stalled)["attempts"] == 0 and one(stalled)["queue_name"] == "hold"


def test_what_is_held_in_delivery_is_not_given_up(make_service, make_peer):
    peer = make_peer(at="end", fault="4xx")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}",
                           queue='retry = { "100ms" } lifetime = "6s"').start()
    send(service, "b@far.example")
    tried(service)
    peer.fault = "stall"
    wait_for(lambda: one(service)["queue_name"] == "active" and peer.reached_fault,
             what="its delivery")
    tell(service, "hold", "--all")
    wait_for(lambda: time.time() > one(service)["arrival_time"] + 8, what="its lifetime to pass")
    peer.stop()
    wait_for(lambda: one(service)["queue_name"] == "hold", what="the attempt's end")
    assert one(service)["attempts"] >= 2


# flush

def test_flush_and_wait(make_service, make_peer):
    # Each waits for itself, for it is no fault of the smarthost's.
    peer = make_peer(refuse={f"b{number}@far.example": "451 4.3.0 not now"
                             for number in range(12)})
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", queue=LATER).start()
    for number in range(12):
        send(service, f"b{number}@far.example")
    tried(service, 12)
    assert tell(service, "flush", "--wait", "1s", status=69).startswith(
        "mailchute: 12 messages still wait; mailchute queue says why")
    # It may have ended before all of them had been tried again.
    wait_for(lambda: all(each["queue_name"] == "deferred" and each["attempts"] == 2
                         for each in objects(service)), what="second attempts")
    peer.refuse = {}
    names = [each["queue_id"] for each in objects(service)]
    text = tell(service, "flush", "--wait", "60s", *names[:2])
    assert text.splitlines()[-1] == "2 of 2 done, 0 deferred"
    assert service.count() == 10 and len(peer.messages) == 2
    text = tell(service, "flush", "--wait", "60s", "--to", "b5@far.example")
    assert text.splitlines()[-1] == "1 of 1 done, 0 deferred"
    service.kill()
    service.start()
    text = tell(service, "flush", "--wait", "60s")
    assert text.splitlines() == ["what waits is tried now", "9 of 9 done, 0 deferred"]
    assert service.count() == 0 and len(peer.messages) == 12


def test_flush_waits_for_what_comes_due_meanwhile(make_service, make_peer):
    peer = make_peer(at="greeting", fault="close", times=2)
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}",
                           queue='retry = { "1h", "500ms" }').start()
    send(service, "b@far.example")
    tried(service)
    assert tell(service, "flush", "--wait", "60s").endswith("1 of 1 done, 0 deferred\n")
    assert len(peer.messages) == 1


def test_flush_shows_its_progress_on_a_terminal(later):
    result = run(["script", "-qec", f"{later.programs.mailchute} queue flush --wait 8s",
                  "/dev/null"], env=later.environment())
    assert b"\r0 of 1 done, 1 deferred" in result.stdout, result


def test_flush_starts_a_service(later, make_sink):
    """At the end of a job in a container: all that it sent is gone, or the status says so."""
    later.kill()
    sink = make_sink().start()
    later.configure(url=sink.url, queue=LATER)
    text = tell(later, "flush", "--wait", "60s")
    assert text.endswith("1 of 1 done, 0 deferred\n"), text
    assert len(sink.messages()) == 1 and later.count() == 0


def test_flush_of_some_starts_a_service(later, make_sink):
    name = one(later)["queue_id"]
    later.kill()
    sink = make_sink().start()
    later.configure(url=sink.url, queue=LATER)
    text = tell(later, "flush", "--wait", "60s", name)
    assert text.endswith("1 of 1 done, 0 deferred\n"), text
    assert len(sink.messages()) == 1


# in the middle

def order_of_calls(service, *arguments):
    """What the command does to the queue itself, without a service."""
    trace = service.folder / "trace"
    result = run(["strace", "-o", trace, "-e", "trace=pwrite64,fdatasync,fsync,unlinkat,write",
                  service.programs.mailchute, "queue", *arguments],
                 env={**service.environment(), **sanitizer("detect_leaks=0")})
    assert result.status == 0, result
    calls = re.findall(r'^(\w+)\((\d+)?(.*)', trace.read_text(), re.MULTILINE)
    # What goes to the terminal and to the log comes behind it; who has the lock is no mail.
    return [name + ("" if name != "write" else number) for name, number, rest in calls
            if (name != "write" or number == "1") and not rest.startswith(', "process ')]


def test_what_is_said_is_on_the_disk(later):
    name = one(later)["queue_id"]
    later.kill()
    assert order_of_calls(later, "hold", name) == ["pwrite64", "fdatasync", "write1"]
    assert order_of_calls(later, "release", name) == ["pwrite64", "fdatasync", "write1"]
    assert order_of_calls(later, "retry", name) == ["pwrite64", "fdatasync", "write1"]
    assert order_of_calls(later, "remove", name) == ["unlinkat", "fsync", "write1"]


@pytest.mark.parametrize("verb, call", [
    ("hold", "pwrite64"), ("hold", "fdatasync"), ("hold", "write"), ("remove", "unlinkat"),
    ("remove", "fsync"), ("remove", "write")])
def test_killed_in_the_middle_it_is_done_or_not(later, verb, call):
    name = one(later)["queue_id"]
    later.kill()
    before = one(later)
    result = run(["strace", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL",
                  later.programs.mailchute, "queue", verb, name],
                 env={**later.environment(), **sanitizer("detect_leaks=0")})
    assert result.status != 0, result
    if verb == "remove":
        assert later.count() == 0 or one(later) == before
    else:
        held = one(later)
        assert held == before or held == {**before, "queue_name": "hold"}
        # Whole, and no lock is left: the next one comes through.
        assert tell(later, "release", name) and tell(later, "hold", name)
        later.start()
        assert tell(later, "remove", name) == f"{name}: removed\n"


@pytest.mark.parametrize("verb", ["hold", "remove", "retry"])
def test_a_disk_that_does_not_sync_is_told(later, verb):
    """And then nobody says that it is done."""
    name = one(later)["queue_id"]
    later.kill()
    call = "fsync" if verb == "remove" else "fdatasync"
    result = run(["strace", "-o", "/dev/null", "-e", f"inject={call}:error=EIO",
                  later.programs.mailchute, "queue", verb, name],
                 env={**later.environment(), **sanitizer("detect_leaks=0")})
    assert result.status in (69, 74) and result.stdout == b"", result
    assert name in result.stderr and "Input/output error" in result.stderr, result
    if verb != "remove":
        assert one(later)["queue_name"] == "deferred" and one(later)["next_attempt"] != 0


def test_the_change_outlives_the_service_that_answered(several):
    names = [each["queue_id"] for each in objects(several)]
    for verb, name in zip(("hold", "remove", "retry"), names):
        # A service that has just begun may be trying it.
        wait_for(lambda v=verb, n=name: several.admin("queue", v, n).status == 0, what=verb)
        several.kill()
        if verb == "hold":
            assert objects(several)[0]["queue_name"] == "hold"
        elif verb == "remove":
            assert [each["queue_id"] for each in objects(several)] == [names[0], names[2]]
        else:
            # Tried already, or due.
            assert objects(several)[1]["next_attempt"] == 0 or objects(several)[1]["attempts"] > 1
        several.start()

def test_while_another_holds_the_lock_nothing_is_touched(later):
    """A service that owns the spool and does not answer: nobody else writes."""
    name = one(later)["queue_id"]
    (later.spool / "submit.sock").unlink()
    text = tell(later, "hold", name, status=69)
    assert "a service owns the spool" in text and str(later.spool) in text
    assert "!" not in later.queue()


def test_a_refusal_by_the_disk_names_the_message(later):
    name = one(later)["queue_id"]
    later.kill()
    path = later.spool / "queue" / name
    path.chmod(0o400)
    if ME == 0:
        path.unlink()
        path.mkdir()
    assert name in tell(later, "remove", name, status=tell_status(later, "remove", name))
