# SPDX-License-Identifier: MIT

"""The three ways to hand mail over, and the ways in which a service is started."""

import fcntl
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

from support import activation
from support.mailchute import (Daemon, children_of, end_group, environment, fields, is_sanitized,
                               process_status, processes, run, sanitizer)
from support.wait import wait_for

MESSAGE = b"To: root\nSubject: ways\n\ntext\n"
LONG_HEADER = b"".join(b"X-Filler-%d: %s\n" % (number, b"z" * 900) for number in range(950))
OTHER_UID = 12345

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


class Own:
    """A caller with settings of its own and no service."""

    def __init__(self, programs, folder, url, **variables):
        self.programs = programs
        self.spool = folder / "spool"
        self.variables = dict(socket=folder / "none.sock", url=url, spool=self.spool,
                              domain="here.example", root="me@far.example")
        self.variables.update(variables)

    def sendmail(self, *arguments, input=MESSAGE, **options):
        return run([self.programs.sendmail, *arguments], input,
                   env=environment(**self.variables), **options)

    def sendmail_at_once(self, number):
        """(exit status, stderr) of so many callers."""
        callers = [subprocess.Popen([str(self.programs.sendmail), f"many{one}@far.example"],
                                    stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                    env=environment(**self.variables)) for one in range(number)]
        for caller in callers:
            caller.stdin.write(MESSAGE)
            caller.stdin.close()
            caller.stdin = None
        errors = [caller.communicate(timeout=60)[1] for caller in callers]
        return [(caller.returncode, error) for caller, error in zip(callers, errors)]

    def count(self):
        result = run([self.programs.mailchute, "queue", "--count"],
                     env=environment(**self.variables))
        assert result.status == 0, result
        return int(result.stdout)

    def service(self):
        return processes(["serve --on-demand", str(self.spool)])

    def main_service(self):
        """The one that has no parent among them."""
        pids = self.service()
        alone, = (pid for pid in pids
                  if int(process_status(pid).get("PPid", [pids[0]])[0]) not in pids)
        return alone

    def for_callers(self):
        return processes(["serve --for-caller", str(self.spool)])

    def end_service(self):
        for pid in self.service():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: not self.service(), 20, what="the service on demand to be gone")


@pytest.fixture
def make_own(programs, folder):
    made = []

    def make(url, **variables):
        made.append(Own(programs, folder, url, **variables))
        return made[-1]

    yield make
    for one in made:
        one.end_service()


# on demand

def test_a_service_is_started_on_demand_and_awaited(make_own, make_peer):
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    result = own.sendmail("-t")
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    # The outcome was awaited: the message is there already, the queue is empty.
    assert [message[1] for message in peer.messages] == [["me@far.example"]]
    assert own.count() == 0
    assert (own.spool.stat().st_mode & 0o7777, own.spool.stat().st_uid) == (0o700, os.geteuid())
    service = own.main_service()
    assert own.sendmail("-t").status == 0 and own.main_service() == service


def test_a_service_that_must_be_there_is_named(programs, folder):
    result = run([programs.sendmail, "-t"], MESSAGE,
                 env=environment(mode="service", socket=folder / "none.sock"))
    assert result.status == 78 and f"no service answers at {folder}/none.sock, " in result.stderr


def test_a_service_on_demand_keeps_nothing_of_its_caller(make_own, make_peer):
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    assert own.sendmail("-t", close_fds=False).status == 0
    os.close(write_end)
    # Nobody else holds the other end, so this is the end of file and not a wait.
    wait_for(lambda: own.service(), what="the service on demand")
    assert os.read(read_end, 1) == b""
    os.close(read_end)
    main = own.main_service()
    for pid in [main, *own.service()]:
        try:
            found = os.readlink(f"/proc/{pid}/cwd"), os.readlink(f"/proc/{pid}/fd/0"), os.getsid(pid)
        except OSError:
            # A receive process may end.
            assert pid != main
            continue
        assert found[:2] == ("/", "/dev/null") and found[2] != os.getsid(0)


def test_a_refusal_is_told_and_nothing_is_kept(make_own, make_peer):
    peer = make_peer(at="rcpt", fault="5xx")
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    result = own.sendmail("-t")
    assert result.status not in (0, 75), result
    assert "peer says never" in result.stderr and result.stderr.count("\n") == 1
    wait_for(lambda: own.count() == 0, what="an empty queue")


def test_a_smarthost_that_is_silent_is_not_awaited_for_long(make_own, make_peer):
    peer = make_peer(at="greeting", fault="stall")
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    result = own.sendmail("-t")
    assert (result.status, result.stderr) == (0, ""), result
    assert own.count() == 1


def test_a_smarthost_that_is_gone_leaves_the_mail_queued(make_own):
    own = make_own("smtp://127.0.0.1:1")
    result = own.sendmail("-t")
    assert (result.status, result.stderr) == (0, ""), result
    assert own.count() == 1


def test_a_killed_service_is_followed_by_another(make_own, make_peer):
    peer = make_peer(at="end", fault="4xx", times=1)
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    assert own.sendmail("-t").status == 0
    assert own.count() == 1
    own.end_service()
    # The socket is still there and nobody answers.
    assert (own.spool / "submit.sock").exists()
    assert own.sendmail("-t").status == 0
    wait_for(lambda: len(peer.messages) == 1, what="the new message at the smarthost")
    # The old one waits for its time in the list, which survived.
    wait_for(lambda: own.count() == 1, what="the end of the new one")


def test_a_service_that_takes_long_to_start_is_waited_for(programs, make_own, make_peer):
    """The one before it still finishes its deliveries, for longer than any pause between looks."""
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}", mode="spool")
    assert own.sendmail("-t").status == 0
    own.end_service()
    with open(own.spool / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        caller = subprocess.Popen([str(programs.sendmail), "b@far.example"], stdin=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=environment(**own.variables))
        caller.stdin.write(MESSAGE)
        caller.stdin.close()
        caller.stdin = None
        # A clock, because the limit that it must not run into was one of time.
        deadline = time.monotonic() + 6
        wait_for(lambda: time.monotonic() > deadline or caller.poll() is not None, what="6 s")
        assert caller.poll() is None, caller.communicate()
    _, stderr = caller.communicate(timeout=60)
    assert (caller.returncode, stderr) == (0, b"")
    wait_for(lambda: len(peer.messages) == 2, what="the message")


def test_a_service_that_never_comes_is_not_waited_for_longer_than_allowed(make_own, make_peer,
                                                                         folder):
    peer = make_peer()
    config = folder / "short.conf"
    settings = f'smarthost "test" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
    config.write_text(settings + 'submit { mode = "spool" }\n')
    own = make_own("", config=config)
    own.variables.pop("url")
    assert own.sendmail("b@far.example").status == 0
    own.end_service()
    config.write_text(settings + 'submit { timeout = "1s" mode = "spool" }\n')
    with open(own.spool / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = own.sendmail("b@far.example")
    assert result.status == 69 and "did not listen within 1s" in result.stderr, result
    assert own.count() == 0


def test_a_service_that_ends_before_it_greets_is_not_asked_for_ever(make_own, make_peer, folder):
    config = folder / "short.conf"
    config.write_text(f'smarthost "test" {{ url = "smtp://127.0.0.1:{make_peer().port}" }}\n'
                      'submit { timeout = "1s" mode = "spool" }\n')
    own = make_own("", config=config)
    own.variables.pop("url")
    own.spool.mkdir(mode=0o700)
    asked = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(own.spool / "submit.sock"))
        listener.listen(5)

        def hang_up():
            try:
                while True:
                    asked.append(listener.accept()[0].close())
            except OSError:
                pass

        thread = threading.Thread(target=hang_up)
        thread.start()
        result = own.sendmail("b@far.example")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    # The last of them may be cut off in the middle by the limit.
    assert result.status == 69, result
    assert re.search("ends before it greets|does not answer", result.stderr), result
    assert 2 <= len(asked) <= 200


def test_many_callers_at_once_share_one_service(make_own, make_peer):
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    assert own.sendmail_at_once(20) == 20 * [(0, b"")]
    wait_for(lambda: own.count() == 0, what="an empty queue")
    assert sorted(to for message in peer.messages for to in message[1]) == sorted(
        f"many{number}@far.example" for number in range(20))


def test_a_service_on_demand_leaves_when_it_is_idle(make_own, make_peer):
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    assert own.sendmail("-t").status == 0
    wait_for(lambda: not own.service(), 40, what="the service on demand to leave")
    assert not (own.spool / "submit.sock").exists()
    assert own.sendmail("-t").status == 0
    assert len(peer.messages) == 2


@needs_root
def test_an_arbitrary_uid_with_its_own_spool(make_own, make_peer, folder):
    peer = make_peer()
    place = folder / "arbitrary"
    place.mkdir()
    os.chown(place, 1000680000, 0)
    own = make_own(f"smtp://127.0.0.1:{peer.port}", spool=place / "spool")
    own.spool = place / "spool"
    result = own.sendmail("-t", user=1000680000, group=0, extra_groups=[], cwd="/")
    assert (result.status, result.stderr) == (0, ""), result
    assert own.spool.stat().st_uid == 1000680000
    assert fields(peer.messages[0][2], "From") == ["uid-1000680000@here.example"]


@pytest.mark.parametrize("size", [1_000_000, 30_000_000], ids=["1 MB", "30 MB"])
def test_a_large_message_arrives_whole(make_own, make_peer, size):
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    lines = b"".join(b"%069d\n" % number for number in range(size // 70))
    result = own.sendmail("-t", input=MESSAGE + lines)
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    wait_for(lambda: len(peer.messages) == 1, what="the message at the smarthost")
    assert peer.messages[0][2].endswith(b"text\r\n" + lines.replace(b"\n", b"\r\n"))
    wait_for(lambda: own.count() == 0, what="an empty queue")


def test_two_callers_with_one_spool_reach_each_its_own_smarthost(make_own, make_peer):
    peers = [make_peer(), make_peer()]
    for peer in peers:
        own = make_own(f"smtp://127.0.0.1:{peer.port}")
        result = own.sendmail("-t")
        assert (result.status, result.stderr) == (0, ""), result
        wait_for(lambda: peer.messages, what="the message at the caller's own smarthost")
    # Again the first, past whatever the second has started.
    assert make_own(f"smtp://127.0.0.1:{peers[0].port}").sendmail("-t").status == 0
    wait_for(lambda: len(peers[0].messages) == 2, what="the third message")
    assert len(peers[1].messages) == 1


def test_a_captured_mail_never_leaves(make_own, make_peer, folder):
    """A service with other settings does not get it, nor what it has to send."""
    peer = make_peer()
    url = f"smtp://127.0.0.1:{peer.port}"
    plain = make_own(url)
    assert plain.sendmail("-t").status == 0
    result = make_own(url, capture=folder / "captured").sendmail("-t")
    assert (result.status, result.stderr) == (0, ""), result
    assert len(list((folder / "captured/new").iterdir())) == 1
    assert plain.sendmail("-t").status == 0
    assert len(peer.messages) == 2
    assert plain.count() == 0


@needs_root
def test_mail_of_root_keeps_its_sender_in_the_spool_of_another(make_own, make_peer, folder):
    peer = make_peer()
    place = folder / "place"
    (place / "spool").mkdir(parents=True, mode=0o700)
    for path in (place, place / "spool"):
        os.chown(path, OTHER_UID, OTHER_UID)
    own = make_own(f"smtp://127.0.0.1:{peer.port}", spool=place / "spool")
    own.spool = place / "spool"
    result = own.sendmail("-t", cwd="/")
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: peer.messages, what="the message")
    sender, _, content = peer.messages[0]
    assert sender.startswith(b"MAIL FROM:<root@here.example>"), sender
    assert "root@here.example" in fields(content, "From")[0]
    status = process_status(own.main_service())
    assert set(status["Uid"]) == {str(OTHER_UID)}


@pytest.mark.parametrize("kind, limit", [(resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 16)],
                         ids=["ulimit -f 0", "ulimit -n 16"])
def test_the_limits_of_a_caller_harm_nobody_else(make_own, make_peer, kind, limit):
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    limited = own.sendmail("-t", preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)))
    if limited.status == 0:
        assert limited.stderr == "", limited
    else:
        assert limited.stderr.count("\n") == 1 and "ulimit" in limited.stderr, limited
    # Several at once, so that each place for a descriptor is wanted.
    results = own.sendmail_at_once(12)
    assert results == 12 * [(0, b"")]
    wait_for(lambda: own.count() == 0, what="an empty queue")
    assert len(peer.messages) == (13 if limited.status == 0 else 12)


def test_a_caller_that_is_killed_leaves_nothing_behind(programs, make_own, make_peer):
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    assert own.sendmail("-t").status == 0
    service = own.main_service()
    # So that the kill comes between any two steps of the caller's.
    os.kill(service, signal.SIGSTOP)
    try:
        caller = subprocess.Popen([str(programs.sendmail), "-t"], stdin=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, start_new_session=True,
                                  env=environment(**own.variables))
        caller.stdin.write(MESSAGE)
        caller.stdin.close()
        wait_for(lambda: own.for_callers(), what="the caller's own process")
        caller.kill()
        caller.wait()
        wait_for(lambda: not own.for_callers(), what="the end of the caller's own process")
    finally:
        os.kill(service, signal.SIGCONT)
    assert own.sendmail("-t").status == 0
    wait_for(lambda: own.count() == 0, what="an empty queue")
    assert len(peer.messages) == 2


def test_nothing_is_queued_for_a_caller_that_is_gone(programs, make_own, make_peer):
    """All octets are on their way, and nobody is there to hear the answer."""
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}")
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    middle = subprocess.Popen([str(programs.mailchute), "serve", "--for-caller"], stdin=theirs,
                              stdout=theirs, stderr=subprocess.DEVNULL, start_new_session=True,
                              env=environment(**own.variables))
    theirs.close()
    try:
        assert ours.recv(4096).startswith(b"220 ")
        ours.sendall(b"EHLO x\r\n")
        assert ours.recv(4096).startswith(b"250-")
        service = own.main_service()
        receiver = children_of(service)[-1]
        os.kill(receiver, signal.SIGSTOP)
        text = MESSAGE.replace(b"\n", b"\r\n")
        ours.sendall(b"MAIL FROM:<a@here.example>\r\nRCPT TO:<b@far.example>\r\n"
                     b"BDAT %d LAST\r\n" % len(text) + text)
        ours.close()
        try:
            middle.wait(20)
        finally:
            os.kill(receiver, signal.SIGCONT)
        wait_for(lambda: receiver not in children_of(service), what="the end of the session")
    finally:
        end_group(middle)
    assert own.count() == 0
    assert peer.messages == []


def test_a_spool_that_cannot_be_used_is_told_with_its_cause(make_own, make_peer, folder):
    peer = make_peer()
    config = folder / "broken.conf"
    config.write_text(f'smarthost "test" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
                      'submit { mode = "spool" }\n')
    own = make_own("", config=config)
    own.spool.mkdir(mode=0o700)
    (own.spool / "queue").write_text("a file where a directory should be\n")
    result = own.sendmail("-t", timeout=10)
    assert result.status not in (0, 75) and result.stderr.count("\n") == 1, result
    assert f"{own.spool}/queue" in result.stderr, result
    assert re.search("not a directory", result.stderr, re.IGNORECASE), result


def test_a_service_on_demand_does_not_speak_for_its_caller(make_own, make_peer, folder):
    """The caller may itself be a unit of systemd's with Type=notify."""
    peer = make_peer()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(folder / "notify"))
        notices.setblocking(False)
        own = make_own(f"smtp://127.0.0.1:{peer.port}", NOTIFY_SOCKET=folder / "notify")
        assert own.sendmail("-t").status == 0
        for pid in own.service():
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        wait_for(lambda: not own.service(), what="the service on demand to be gone")
        with pytest.raises(BlockingIOError):
            notices.recv(100)


# direct

def test_direct_where_no_spool_can_be(make_own, make_peer):
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}", spool="/proc/nowhere/spool")
    result = own.sendmail("-t")
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    assert [message[1] for message in peer.messages] == [["me@far.example"]]


def test_direct_ends_with_the_time_limit(make_own, make_peer, folder):
    peer = make_peer(at="end", fault="stall")
    config = folder / "direct.conf"
    config.write_text(f'smarthost "test" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
                      'submit { mode = "direct" timeout = "5s" }\n')
    own = make_own("", config=config)
    result = own.sendmail("root")
    assert result.status == 69 and result.stderr.count("\n") == 1, result
    assert "within 5s" in result.stderr and "may have" in result.stderr, result
    # Nobody can know both.
    assert "nothing was kept" not in result.stderr, result


@pytest.mark.parametrize("lines", [8000, 200000], ids=["short", "long"])
def test_direct_lets_go_of_what_it_gave_up(make_own, make_peer, folder, lines):
    """The caller was told that it was not sent, and will send it again."""
    peer = make_peer(hold="content")
    config = folder / "direct.conf"
    config.write_text(f'smarthost "test" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
                      'submit { mode = "direct" timeout = "5s" }\n')
    own = make_own("", config=config)
    result = own.sendmail("b@far.example", input=MESSAGE + b"a line of a message\n" * lines)
    assert result.status == 69 and result.stderr.count("\n") == 1, result
    assert peer.reached_hold
    peer.release()
    wait_for(lambda: peer.sessions[0].has_ended, what="the end of the session")
    assert peer.messages == []


def test_direct_ends_with_the_time_limit_before_a_silent_greeting(make_own, make_peer, folder):
    peer = make_peer(at="greeting", fault="stall")
    config = folder / "direct.conf"
    config.write_text(f'smarthost "test" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
                      'submit { mode = "direct" timeout = "2s" }\n')
    result = make_own("", config=config).sendmail(
        "b@far.example", input=LONG_HEADER + MESSAGE, timeout=20)
    assert result.status == 69 and result.stderr.count("\n") == 1, result
    assert "within 2s" in result.stderr, result


# services that others start

def test_a_service_and_a_caller_with_the_same_settings_meet_in_the_spool(programs, make_own,
                                                                       make_peer, folder):
    """A container: one environment for `mailchute serve` and for whoever sends."""
    peer = make_peer()
    own = make_own(f"smtp://127.0.0.1:{peer.port}", log="stderr")
    own.variables["socket"] = folder / "service.sock"
    service = Daemon(folder, "container")
    service.spawn([programs.mailchute, "serve"], environment(**own.variables))
    try:
        service.wait_for_text("ready at")
        del own.variables["socket"]
        trace = folder / "trace"
        result = run(["strace", "-f", "-e", "trace=execve", "-o", trace, programs.sendmail, "-t"],
                     MESSAGE, env=environment(**own.variables, **sanitizer("detect_leaks=0")))
        assert (result.status, result.stderr) == (0, ""), result
        assert "--on-demand" not in trace.read_text()
        wait_for(lambda: peer.messages, what="the message")
        service.wait_for_text("status=sent")
    finally:
        service.kill()


def test_a_service_that_ends_leaves_the_socket_of_its_successor(make_service, make_peer):
    peer = make_peer()
    url = f"smtp://127.0.0.1:{peer.port}"
    first, second = make_service(url=url).start(), make_service(url=url)
    second.socket = first.socket
    second.spawn([second.programs.mailchute, "serve"], second.environment())
    wait_for(lambda: "ready at" in second.text() or not second.is_running(), what="the second")
    # Whoever has the socket now keeps it when the other is gone; a refusal to start is as good.
    if second.is_running():
        assert first.terminate() == 0
    result = first.sendmail("b@far.example", input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: len(peer.messages) == 1, what="the message")


def test_a_service_that_is_to_stay_takes_the_place_of_one_on_demand(make_own, make_service,
                                                                    make_peer):
    """Which would go on for as long as anything waits, and whose start nobody has seen."""
    peer = make_peer()
    peer.stop()
    own = make_own(f"smtp://127.0.0.1:{peer.port}", idle="1h")
    assert own.sendmail("b@far.example").status == 0
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", spool=own.spool,
                           submit='wait = "disk"')
    assert own.count() == 1 and own.service()
    service.start()
    service.wait_for_log("takes the place of the service that was started on demand")
    wait_for(lambda: not own.service(), what="the other to be gone")
    peer.start()
    assert service.sendmail("c@far.example", input=MESSAGE).status == 0
    assert service.admin("queue", "flush").status == 0
    wait_for(lambda: len(peer.messages) == 2, what="both messages")
    # It stays where it is for another that is to stay.
    second = make_service(url=f"smtp://127.0.0.1:{peer.port}", spool=own.spool)
    result = run([second.programs.mailchute, "serve"], env=second.environment())
    assert result.status == 69 and "another service owns the spool" in result.stderr, result
    assert service.is_running()


def start_by_socket(service):
    """As systemd does; the socket at which the service says how it is."""
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(str(service.folder / "notify"))
    notices.settimeout(20)
    activation.spawn(service, NOTIFY_SOCKET=str(service.folder / "notify"))
    assert b"READY=1" in notices.recv(100)
    return notices


def test_a_service_by_socket_activation(make_service, make_peer):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}")
    notices = start_by_socket(service)
    result = service.sendmail("-t", input=MESSAGE.replace(b"root", b"b@far.example"))
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    service.signal(signal.SIGTERM)
    wait_for(lambda: b"STOPPING=1" in notices.recv(100), what="the end to be told")
    assert service.process.wait(20) == 0
    # The socket is systemd's: it stays.
    assert service.socket.exists()


def test_a_spool_that_cannot_be_had_does_not_end_a_service_behind_a_socket(make_service, make_peer):
    """systemd would start it over and over, and callers would wait for nothing."""
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}")
    service.spool.write_text("a file in its place\n")
    start_by_socket(service)
    result = service.sendmail("b@far.example", input=MESSAGE)
    assert result.status != 0 and str(service.spool) in result.stderr, result
    assert "NOT sent" in result.stderr and service.is_running(), result
    service.spool.unlink()
    result = service.sendmail("b@far.example", input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: len(peer.messages) == 1, what="the message")


def test_a_bad_configuration_does_not_end_the_service(make_service, make_peer):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}")
    good = service.config.read_text()
    service.config.write_text('smarthost "test" { url = smtp+tls://unquoted.example }\n')
    service.start()
    result = service.sendmail("b@far.example", input=MESSAGE)
    assert result.status == 78 and result.stderr.count("\n") == 1, result
    assert "mailchute.conf" in result.stderr and "line 1" in result.stderr, result
    # Mended, it is taken at the next client, without a restart.
    service.config.write_text(good)
    result = service.sendmail("b@far.example", input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: len(peer.messages) == 1, what="the message")


def test_a_service_without_a_smarthost_says_what_to_write(make_service):
    service = make_service().start()
    result = service.sendmail("b@far.example", input=MESSAGE)
    assert result.status == 78 and result.stderr.count("\n") == 1, result
    assert 'smarthost "provider" { url =' in result.stderr, result


def test_reload_takes_a_good_configuration_and_keeps_the_old_over_a_bad_one(make_service,
                                                                          make_peer):
    first, second = make_peer(), make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{first.port}").start()
    good = service.config.read_text()
    service.config.write_text("nonsense {")
    service.signal(signal.SIGHUP)
    service.wait_for_log("stays in force")
    assert service.sendmail("one@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(first.messages) == 1, what="the first message")
    service.config.write_text(good.replace(str(first.port), str(second.port))
                              .replace('smarthost "test"', 'smarthost "other"'))
    service.signal(signal.SIGHUP)
    service.wait_for_log("read anew")
    assert service.sendmail("two@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(second.messages) == 1, what="the second message")


def test_reload_with_another_url_counts_for_the_next_mail(make_service, make_peer):
    """Although a connection to the old smarthost is still open and could be used again."""
    first, second = make_peer(), make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{first.port}").start()
    assert service.sendmail("one@far.example", input=MESSAGE).status == 0
    service.wait_until_empty()
    service.configure(url=f"smtp://127.0.0.1:{second.port}")
    service.signal(signal.SIGHUP)
    service.wait_for_log("read anew")
    assert service.sendmail("two@far.example", input=MESSAGE).status == 0
    service.wait_until_empty()
    assert [message[1] for message in first.messages] == [["one@far.example"]]
    assert [message[1] for message in second.messages] == [["two@far.example"]]


def test_a_message_that_comes_in_for_long_outlives_its_service(programs, make_service, make_peer):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    # More than is read ahead, so that the transaction is under way.
    caller = subprocess.Popen([str(programs.sendmail), "b@far.example"], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment(socket=service.socket))
    caller.stdin.write(b"Subject: cron\n\n" + b"an hour of output\n" * 40000)
    caller.stdin.flush()
    wait_for(lambda: len(processes(["serve", str(service.spool)])) >= 2, what="a receive process")
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(20) == 0
    _, stderr = caller.communicate(b"and its end\n", timeout=60)
    assert (caller.returncode, stderr) == (0, b"")
    assert service.count() == 1
    service.kill()
    service.start()
    wait_for(lambda: len(peer.messages) == 1, what="the message")
    assert peer.messages[0][2].endswith(b"and its end\r\n")


def test_and_the_next_service_is_told_of_it(programs, make_service, make_peer):
    """It started beside the receive process, and has looked through the queue long ago."""
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    caller = subprocess.Popen([str(programs.sendmail), "b@far.example"], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment(socket=service.socket))
    caller.stdin.write(b"Subject: cron\n\n" + b"an hour of output\n" * 40000)
    caller.stdin.flush()
    wait_for(lambda: len(children_of(service.process.pid)) >= 2, what="a receive process")
    receiver = children_of(service.process.pid)[-1]
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(20) == 0
    assert process_status(receiver), "the receive process has ended with its service"
    service.process, old = None, service.process
    try:
        service.start()
        assert service.sendmail("c@far.example", input=MESSAGE).status == 0
        wait_for(lambda: len(peer.messages) == 1, what="a message of the new service")
        _, stderr = caller.communicate(b"and its end\n", timeout=60)
        assert (caller.returncode, stderr) == (0, b"")
        wait_for(lambda: len(peer.messages) == 2, what="the message")
        assert peer.messages[1][2].endswith(b"and its end\r\n")
        service.wait_until_empty()
    finally:
        end_group(old)


# what it costs

@pytest.fixture
def slow_answer(folder):
    """A service that answers the transaction only when told to."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "slow.sock"))
    listener.listen(1)
    yield folder / "slow.sock", listener
    listener.close()


def peak_of_one_submission(programs, path, listener):
    """VmHWM in KiB, read while sendmail waits for the last reply."""
    caller = subprocess.Popen([str(programs.sendmail), "-t", "-i"], stdin=subprocess.PIPE,
                              env=environment(socket=path))
    caller.stdin.write(b"To: b@far.example\nSubject: lean\n\n" + b"line of text\n" * 150)
    caller.stdin.close()
    client, _ = listener.accept()
    client.settimeout(20)
    client.sendall(b"220 here ESMTP mailchute service\r\n")
    assert client.recv(4096).startswith(b"EHLO ")
    client.sendall(b"250-here\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 XMAILCHUTE\r\n")
    flight = client.recv(65536)
    # One flight, one write: envelope and content.
    assert flight.startswith(b"MAIL FROM:<>") and b"BDAT" in flight
    assert flight.endswith(b"line of text\r\n")
    with open(f"/proc/{caller.pid}/status") as file:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1))
    client.sendall(b"250 ok\r\n250 ok\r\n250 queued\r\n")
    assert caller.wait(20) == 0
    client.close()
    return peak


def peak_of_cat():
    """VmHWM in KiB of a program of libc alone that waits for its input."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        cat.stdin.write(b"x")
        cat.stdin.flush()
        assert cat.stdout.read(1) == b"x"
        return int(process_status(cat.pid)["VmHWM"][0])


def test_sendmail_is_lean(programs, slow_answer):
    if is_sanitized(programs.sendmail):
        pytest.skip("a sanitized build needs memory of its own")
    # How much of libc the kernel maps around a page differs from run to run and from machine
    # to machine, so the least counts, beside the least of another program.
    peaks = [peak_of_one_submission(programs, *slow_answer) for _ in range(7)]
    others = [peak_of_cat() for _ in range(7)]
    assert min(peaks) <= min(others) + 128, f"{peaks} KiB, cat {others} KiB"


def test_sendmail_makes_few_system_calls(programs, service, folder):
    if is_sanitized(programs.sendmail):
        pytest.skip("a sanitized build makes calls of its own")
    (folder / "message").write_bytes(b"To: b@far.example\nSubject: few\n\ntext\n")
    with open(folder / "message", "rb") as message:
        done = subprocess.run(["strace", "-f", "-c", "-o", str(folder / "trace"),
                               str(programs.sendmail), "-t", "-i"], stdin=message,
                              env=environment(socket=service.socket))
    assert done.returncode == 0
    table = (folder / "trace").read_text()
    total = int(table.strip().splitlines()[-1].split()[3])
    assert total <= 60, table
    assert re.search(r" 1 +execve$", table, re.MULTILINE), table
    assert not re.search(r"(clone|fork|fsync)$", table, re.MULTILINE), table
