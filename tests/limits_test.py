# SPDX-License-Identifier: MIT

"""What protects the machine from floods: places for sessions, what a user may have waiting, and
room that stays free on the disk."""

import os
import re
import select
import signal
import socket
import subprocess
import sys

import pytest

from support.mailchute import children_of, environment, needs_program
from support.wait import wait_for

pytestmark = [needs_program("sendmail", "mailchute"),
              pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become other users")]

FLOODER, OTHER = 12345, 12346
MESSAGE = b"Subject: limits\n\ntext\n"
BEGUN = b"EHLO x\r\nMAIL FROM:<a@there.example>\r\nRCPT TO:<b@far.example>\r\nDATA\r\n"

# Connects as another user, says what it is given, and hands the connections to us.
CONNECT = """
import os, socket, sys
path, count, words, uid = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode(), int(sys.argv[4])
words = words.decode("unicode_escape").encode()
os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
with socket.socket(fileno=0) as parent:
    for _ in range(count):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(path)
            one.sendall(words)
            socket.send_fds(parent, [b"x"], [one.fileno()])
"""


class Clients:
    """Connections of another user, which say nothing by themselves."""

    def __init__(self, service, count, uid=FLOODER, words=b""):
        near, far = socket.socketpair()
        helper = subprocess.Popen([sys.executable, "-c", CONNECT, str(service.socket), str(count),
                                   words.decode().encode("unicode_escape").decode(), str(uid)],
                                  stdin=far)
        far.close()
        self.all = []
        with near:
            for _ in range(count):
                _, fds, _, _ = socket.recv_fds(near, 1, 1)
                self.all.append(socket.socket(fileno=fds[0]))
        assert helper.wait(20) == 0
        self.said = {one: b"" for one in self.all}

    def listen(self):
        """What the service has said to each of them by now."""
        ready, _, _ = select.select(self.all, [], [], 0)
        for one in ready:
            try:
                self.said[one] += one.recv(65536)
            except ConnectionResetError:
                pass  # it was closed before it had read what we said
        return list(self.said.values())

    def count(self, words):
        return sum(words in text for text in self.listen())

    def close(self):
        for one in self.all:
            one.close()
        self.all = []


@pytest.fixture
def make_clients():
    made = []

    def make(*positional, **options):
        made.append(Clients(*positional, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def make_limited(make_service, make_peer):
    """A service in front of a smarthost, with these limits; in the queue mail waits for long."""
    def make(limits="", queue='retry = { "1h" }', **options):
        peer = make_peer()
        service = make_service(url=f"smtp://127.0.0.1:{peer.port}", queue=queue,
                               extra=f"limits {{ {limits} }}", submit='wait = "disk"', **options)
        service.peer = peer
        return service.start()

    return make


def send(service, uid=0, input=MESSAGE, to="b@far.example"):
    user = dict(user=uid, group=uid, extra_groups=[]) if uid else {}
    return service.sendmail("-f", "a@there.example", to, input=input, cwd="/", **user)


def submit(service, uid=0, **options):
    result = send(service, uid, **options)
    assert (result.status, result.stderr) == (0, ""), result


def check_refused(result, *words):
    assert result.status == 69 and result.stderr.count("\n") == 1, result
    assert len(result.stderr) < 900, result
    for word in words:
        assert word in result.stderr, result


# sessions

def test_a_flood_of_one_user_delays_nobody_else(make_limited, make_clients):
    """Sixty sessions, of which no more than twenty are ever served: they never end."""
    service = make_limited()
    flood = make_clients(service, 60, words=BEGUN)
    wait_for(lambda: flood.count(b"354 ") == 20, what="twenty to be served")
    # None of those who wait costs a process.
    assert len(children_of(service.process.pid)) < 25
    submit(service, OTHER)
    wait_for(lambda: service.peer.messages, what="the message of the other user")
    # And root looks at the queue.
    assert service.sendmail("-bp").status == 0
    assert flood.count(b"354 ") == 20
    # Nobody waits for ever.
    wait_for(lambda: flood.count(b"421 4.3.2 20 of 20 places for clients of uid 12345 are taken") == 40,
             what=lambda: f"forty to be sent away: {flood.listen()}")
    assert flood.count(b"limits { sessions_per_uid } in mailchute.conf") == 40
    assert flood.count(b"220 ") == 20
    service.wait_for_log("clients turned away: 1, the last one of uid=12345")


def test_a_place_that_is_free_is_taken(make_limited, make_clients):
    service = make_limited("sessions_per_uid = 3")
    first = make_clients(service, 3, words=BEGUN)
    wait_for(lambda: first.count(b"354 ") == 3, what="three to be served")
    # No more than these may wait; but they have left.
    gone = make_clients(service, 64)
    gone.close()
    second = make_clients(service, 4)
    first.close()
    wait_for(lambda: second.count(b"220 ") == 3, what="three to be served in their place")


def test_many_callers_of_one_user_all_get_through(make_limited, programs):
    service = make_limited("sessions_per_uid = 2")
    callers = [subprocess.Popen([programs.sendmail, "-f", "a@there.example",
                                 f"r{number}@far.example"], stdin=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=environment(socket=service.socket),
                                cwd="/", user=FLOODER, group=FLOODER, extra_groups=[])
               for number in range(30)]
    for caller in callers:
        caller.stdin.write(MESSAGE)
        caller.stdin.close()
        caller.stdin = None
    for caller in callers:
        assert caller.communicate(timeout=60)[1] == b""
        assert caller.returncode == 0
    wait_for(lambda: len(service.peer.messages) == 30, what="all of the messages")


def test_a_silent_session_gives_its_place_to_those_who_wait(make_limited, make_clients):
    """Of one user, and of many, while a message that is coming in is left alone."""
    service = make_limited("sessions_per_uid = 2")
    silent = make_clients(service, 1)
    busy = make_clients(service, 1, words=BEGUN)
    wait_for(lambda: busy.count(b"354 ") == 1 and silent.count(b"220 ") == 1,
             what="both to be served")
    submit(service, FLOODER)
    assert silent.count(b"421 4.3.2 others wait") == 1
    busy.all[0].sendall(b"Subject: slow\r\n\r\ntext\r\n.\r\n")
    wait_for(lambda: busy.count(b"250 2.0.0 queued") == 1, what="the slow message")


def test_who_has_waited_in_vain_is_told_why(make_limited, make_clients):
    """sendmail asks again, until it loses patience."""
    service = make_limited("sessions_per_uid = 1")
    busy = make_clients(service, 1, words=BEGUN)
    wait_for(lambda: busy.count(b"354 ") == 1, what="one to be served")
    check_refused(send(service, FLOODER), "1 of 1 places for clients of uid 12345 are taken",
                  "limits { sessions_per_uid }")


def test_the_administrator_always_gets_in(make_limited, make_clients):
    service = make_limited("sessions = 4 sessions_per_uid = 2")
    for uid in range(20001, 20005):
        one = make_clients(service, 1, uid=uid, words=BEGUN)
        wait_for(lambda: one.count(b"354 ") == 1, what="a session each")
    waiting = make_clients(service, 1)
    submit(service)
    wait_for(lambda: service.peer.messages, what="root's message")
    assert waiting.count(b"2") == 0


# what one user may have waiting

def test_messages_of_one_user_are_counted(make_limited):
    service = make_limited("messages_per_uid = 3")
    service.peer.stop()
    for _ in range(3):
        submit(service, FLOODER)
    check_refused(send(service, FLOODER), "too many messages of uid 12345", "3, and 3 may",
                  "limits { messages_per_uid } in mailchute.conf")
    submit(service, OTHER)
    for _ in range(5):
        submit(service)
    assert service.count() == 9
    # Whatever takes one away makes room for one: here, a hand.
    held = ids_of(service, FLOODER)[0]
    assert service.admin("queue", "hold", held).status == 0
    check_refused(send(service, FLOODER), "3, and 3 may")
    assert service.admin("queue", "remove", held).status == 0
    submit(service, FLOODER)
    check_refused(send(service, FLOODER), "3, and 3 may")


def ids_of(service, uid):
    """The messages of this user, as the log tells."""
    return re.findall(rf"\b([0-9A-Za-z]{{25}}): uid={uid} ", service.text())


def test_what_is_delivered_makes_room(make_limited):
    service = make_limited("messages_per_uid = 2", queue='retry = { "200ms" }')
    service.peer.stop()
    for _ in range(2):
        submit(service, FLOODER)
    check_refused(send(service, FLOODER), "2, and 2 may")
    service.peer.start()
    service.wait_until_empty()
    # It is out of the queue a moment before that is counted.
    wait_for(lambda: send(service, FLOODER).status == 0, what="room")
    wait_for(lambda: len(service.peer.messages) == 3, what="the third message")


def test_what_fails_makes_room(make_service, make_peer):
    """The report of it is nobody's."""
    peer = make_peer(at="rcpt", fault="5xx")
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", submit='wait = "disk"',
                           queue='retry = { "1h" } bounce = ""',
                           extra="limits { messages_per_uid = 1 }").start()
    for _ in range(3):
        # It is out of the queue a moment before that is counted.
        wait_for(lambda: send(service, FLOODER).status == 0, what="room")
        service.wait_until_empty()


def test_a_quota_survives_the_service(make_limited):
    service = make_limited("messages_per_uid = 2")
    service.peer.stop()
    for _ in range(2):
        submit(service, FLOODER)
    service.kill()
    service.start()
    check_refused(send(service, FLOODER), "2, and 2 may")
    submit(service, OTHER)


def test_octets_of_one_user_are_counted(make_limited):
    service = make_limited('size_per_uid = "100K"')
    service.peer.stop()
    text = MESSAGE + b"x" * 70 + b"\n" + (b"y" * 69 + b"\n") * 700
    submit(service, FLOODER, input=text)
    submit(service, FLOODER, input=text)
    check_refused(send(service, FLOODER, input=text), "too much mail of uid 12345",
                  "in 2 messages", "and 100 KiB may",
                  "limits { size_per_uid } in mailchute.conf")
    # There is room for a little one.
    submit(service, FLOODER)
    submit(service, input=text)
    # What waits alone may be of any size.
    submit(service, OTHER, input=4 * text)
    check_refused(send(service, OTHER), "too much mail of uid 12346")


def test_a_large_message_is_refused_while_it_comes(make_limited):
    """It says no size, and is not at hand when it is sent."""
    service = make_limited('size_per_uid = "1500K"')
    service.peer.stop()
    submit(service, FLOODER)
    check_refused(send(service, FLOODER, input=MESSAGE + (b"z" * 69 + b"\n") * 200000),
                  "too much mail of uid 12345")
    assert service.count() == 1


def test_one_session_counts_to_the_message(make_limited, make_clients):
    service = make_limited("messages_per_uid = 5")
    service.peer.stop()
    one = b"MAIL FROM:<a@there.example>\r\nRCPT TO:<b@far.example>\r\nBDAT 9 LAST\r\na: b\n\nok\n"
    client = make_clients(service, 1, words=b"EHLO x\r\n" + 20 * one + b"QUIT\r\n")
    wait_for(lambda: client.count(b"221 ") == 1, what="the end of the session")
    said = client.listen()[0]
    assert said.count(b"queued as") == 5, said
    assert said.count(b"452 4.2.2 ") + said.count(b"452-4.2.2 ") >= 15, said
    assert service.count() == 5


def test_a_session_that_stays_is_counted_once(make_limited, make_clients):
    service = make_limited("messages_per_uid = 4")
    service.peer.stop()
    one = b"MAIL FROM:<a@there.example>\r\nRCPT TO:<b@far.example>\r\nBDAT 9 LAST\r\na: b\n\nok\n"
    client = make_clients(service, 1, words=b"EHLO x\r\n")
    for number in range(4):
        client.all[0].sendall(one)
        wait_for(lambda: client.listen()[0].count(b"queued as") > number,
                 what=lambda: f"message {number}: {client.listen()}")
        assert service.count() == number + 1
    client.all[0].sendall(one)
    wait_for(lambda: b"452" in client.listen()[0], what="the refusal of the last")


def test_sessions_at_once_pass_the_limit_by_their_number_at_most(make_limited, programs):
    service = make_limited("messages_per_uid = 5")
    service.peer.stop()
    one = b"MAIL FROM:<a@there.example>\r\nRCPT TO:<b@far.example>\r\nBDAT 9 LAST\r\na: b\n\nok\n"
    words = b"EHLO x\r\n" + 10 * one + b"QUIT\r\n"
    several = [Clients(service, 1, words=words) for _ in range(8)]
    wait_for(lambda: all(client.count(b"221 ") for client in several), what="their ends")
    taken = sum(client.listen()[0].count(b"queued as") for client in several)
    assert 5 <= taken <= 5 + 8, taken
    for client in several:
        client.close()
    check_refused(send(service, FLOODER), "too many messages")


# room on the disk

@pytest.fixture
def make_disk(folder, own_mounts):
    made = []

    def make(options):
        path = folder / "disk"
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0700,{options}", "none", str(path)],
                       check=True)
        made.append(path)
        return path

    yield make
    for path in made:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def free(path):
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def test_a_part_of_the_disk_stays_free(make_limited, make_disk):
    """Root's mail, too; what was taken is delivered, and then there is room again."""
    disk = make_disk("size=8m")
    service = make_limited("reserve_percent = 25", spool=disk, queue='retry = { "200ms" }')
    service.peer.stop()
    text = MESSAGE + (b"y" * 69 + b"\n") * 7000
    taken = 0
    result = send(service, input=text)
    while result.status == 0 and taken < 40:
        taken += 1
        result = send(service, input=text)
    check_refused(result, "no space for", "left of 8 MiB, and 2 MiB stay free",
                  "limits { reserve }")
    assert 5 <= taken <= 13
    assert free(disk) > 1_500_000
    assert service.count() == taken
    # A little one has room.
    service.peer.start()
    service.wait_until_empty()
    # Whoever has sent a file may have it open still.
    wait_for(lambda: free(disk) > 7_000_000, what="the room to be free again")
    submit(service, input=text)
    service.wait_until_empty()
    assert len(service.peer.messages) == taken + 1


def test_what_finds_no_room_leaves_nothing(make_limited, make_disk, programs):
    """A message without an end: it is dropped before it has filled the disk."""
    disk = make_disk("size=8m")
    service = make_limited("reserve_percent = 50", spool=disk)
    empty = free(disk)
    read_end, write_end = os.pipe()
    caller = subprocess.Popen([programs.sendmail, "-f", "a@there.example", "b@far.example"],
                              stdin=read_end, stderr=subprocess.PIPE,
                              env=environment(socket=service.socket))
    os.close(read_end)
    lowest = empty
    with open(write_end, "wb") as content:
        content.write(MESSAGE)
        for _ in range(200):
            content.write((b"w" * 69 + b"\n") * 1000)
            content.flush()
            lowest = min(lowest, free(disk))
    error = caller.communicate(timeout=60)[1].decode()
    assert caller.returncode == 69 and "4 MiB stay free" in error, error
    assert lowest > 1_500_000
    wait_for(lambda: free(disk) == empty, what="the room to be free again")
    assert service.count() == 0
    submit(service)


def test_inodes_stay_free(make_limited, make_disk):
    disk = make_disk("size=8m,nr_inodes=100")
    service = make_limited("reserve_percent = 20 messages_per_uid = 0", spool=disk,
                           queue='retry = { "200ms" }')
    service.peer.stop()
    taken = 0
    result = send(service, FLOODER)
    while result.status == 0 and taken < 100:
        taken += 1
        result = send(service, FLOODER)
    check_refused(result, "no space for mail", "20 inodes left of 100, and 20 stay free")
    assert 50 < taken < 80
    service.peer.start()
    service.wait_until_empty()
    submit(service, FLOODER)
    service.wait_until_empty()


def test_a_size_that_is_announced_is_believed(make_limited, make_disk, make_clients):
    disk = make_disk("size=8m")
    service = make_limited(spool=disk)
    client = make_clients(service, 1, words=b"EHLO x\r\n"
                          b"MAIL FROM:<a@there.example> SIZE=9000000\r\n"
                          b"MAIL FROM:<a@there.example> SIZE=1000000\r\nQUIT\r\n")
    wait_for(lambda: client.count(b"221 ") == 1, what="the end of the session")
    said = client.listen()[0]
    assert re.search(rb"452[ -]4\.3\.1 MC-SPOOL-13 no space for this message of 8\.5 MiB", said), said
    assert b"\r\n250 2.1.0 " in said, said


# the service's life

def test_who_waits_when_the_service_ends_is_sent_away(make_limited, make_clients):
    """And comes again, to the next one; who is being served is left to finish."""
    service = make_limited("sessions_per_uid = 1")
    busy = make_clients(service, 1, words=BEGUN)
    wait_for(lambda: busy.count(b"354 ") == 1, what="one to be served")
    waiting = make_clients(service, 3)
    assert service.terminate() == 0
    wait_for(lambda: waiting.count(b"421 4.3.2 ") == 3, what="three to be sent away")


def test_limits_change_with_the_settings(make_limited):
    service = make_limited("messages_per_uid = 1")
    service.peer.stop()
    submit(service, FLOODER)
    check_refused(send(service, FLOODER), "1, and 1 may")
    text = service.config.read_text()
    service.config.write_text(text.replace("messages_per_uid = 1", "messages_per_uid = 2"))
    service.signal(signal.SIGHUP)
    service.wait_for_log("configuration read anew|reloaded")
    submit(service, FLOODER)
    check_refused(send(service, FLOODER), "2, and 2 may")


def test_what_is_damaged_is_not_counted(make_limited):
    service = make_limited("messages_per_uid = 1")
    service.peer.stop()
    submit(service, FLOODER)
    service.kill()
    file, = (service.spool / "queue").iterdir()
    # In the message: what stands behind it, the replies, may be anything.
    octets = file.read_bytes()
    file.write_bytes(octets.replace(b"\r\n\r\n", b"\r\n#\n", 1))
    assert len(file.read_bytes()) == len(octets) and file.read_bytes() != octets
    service.start()
    service.admin("queue", "flush")
    wait_for((service.spool / "corrupt" / file.name).exists, what="the file to be put aside")
    submit(service, FLOODER)
