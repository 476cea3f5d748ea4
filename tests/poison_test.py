# SPDX-License-Identifier: MIT

"""Whatever lies in the spool, the service lives, the other mail flows, and nothing is lost.

What does not check out is put aside in corrupt/ under its name, and the log says so once.
"""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import own_mounts
from support.mailchute import environment, is_sanitized, needs_program, split
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to plant what is another's")

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# The layout of spool/preamble.h.
SEALED, PROGRESS, HELD, PREAMBLE = 162, 180, 7, 1200
_numbers = iter(range(1, 1 << 30))


def name_of_poison():
    """A queue ID that no clock gives: 1970."""
    number, digits = next(_numbers), ""
    for _ in range(25):
        digits = ALPHABET[number % 32] + digits
        number //= 32
    return digits


def body(number):
    return b"message %d\n" % number + b"y" * 60 + b"\n"


def submit(service, number, *options):
    result = service.sendmail("-f", "a@there.example", *options, f"r{number}@far.example",
                              input=b"Subject: good %d\n\n" % number + body(number))
    assert (result.status, result.stderr) == (0, ""), result


def fill(make_service, count, **options):
    """A service that has stopped, with so many messages in its spool."""
    service = make_service(url="smtp://127.0.0.1:1", submit='wait = "disk"',
                           queue='retry = { "200ms" }', **options).start()
    for number in range(count):
        submit(service, number)
    service.terminate()
    return service


def go_on(service, sink):
    service.configure(url=sink.url, submit='wait = "disk"')
    return service.start()


def numbers(sink):
    """Which messages have arrived; each must be whole."""
    found = []
    for message in sink.messages():
        number = int(re.search(rb"^Subject: good (\d+)\r?$", message, re.MULTILINE).group(1))
        assert split(message)[1] == body(number), message
        found.append(number)
    return sorted(found)


def wait_for_numbers(sink, expected, service):
    wait_for(lambda: numbers(sink) == expected, 60,
             what=lambda: f"{expected}, got {numbers(sink)}\n{service.tail()}")


def queue_of(service):
    return service.spool / "queue"


def files(service):
    return sorted(queue_of(service).iterdir())


# ---- things that are no queue files (Q4, R1) ----

def plant_fifo(path, _):
    os.mkfifo(path)


def plant_socket(path, _):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def plant_directory(path, _):
    path.mkdir()
    (path / "inside").write_bytes(b"x")


def plant_link(path, _):
    path.symlink_to("/etc/passwd")


def plant_dangling_link(path, _):
    path.symlink_to("nowhere")


def plant_device(path, _):
    # One that gives octets for ever.
    os.mknod(path, 0o020600, os.makedev(1, 5))


def plant_sparse(path, _):
    with open(path, "wb") as file:
        file.truncate(1 << 40)


def plant_empty(path, _):
    path.write_bytes(b"")


def plant_future(path, good):
    assert good.startswith(b"mailchute queue file 1\n")
    path.write_bytes(good.replace(b"queue file 1\n", b"queue file 2\n", 1))


def plant_zeros(path, good):
    path.write_bytes(b"\0" * len(good))


def plant_noise(path, good):
    path.write_bytes(random.Random(5).randbytes(len(good)))


def plant_without_end(path, good):
    # What comes behind the message is a journal of replies, which may be torn.
    path.write_bytes(good[:good.index(b"yyy")])


def plant_large_numbers(path, good):
    path.write_bytes(re.sub(rb"(?m)^message \d{20}$", b"message " + b"9" * 20, good, count=1))


def plant_of_another_user(path, good):
    path.write_bytes(good)
    os.chown(path, 12345, -1)


def plant_hard_link(path, good):
    outside = path.parent.parent / "hard"
    outside.write_bytes(good)
    os.link(outside, path)


POISON = [plant_fifo, plant_socket, plant_directory, plant_link, plant_dangling_link, plant_device,
          plant_sparse, plant_empty, plant_future, plant_zeros, plant_noise, plant_without_end,
          plant_large_numbers, plant_of_another_user, plant_hard_link]


@needs_root
def test_a_hundred_messages_with_poison_among_them(make_service, sink):
    service = fill(make_service, 85)
    good = files(service)[0].read_bytes()
    poison = {}
    for plant in POISON:
        path = queue_of(service) / name_of_poison()
        plant(path, good)
        poison[path.name] = plant.__name__
    assert len(files(service)) == 100
    go_on(service, sink)
    wait_for_numbers(sink, list(range(85)), service)
    aside = service.spool / "corrupt"
    wait_for(lambda: sorted(os.listdir(aside)) == sorted(poison),
             what=lambda: f"all put aside: {os.listdir(aside)}\n{service.tail()}")
    service.wait_until_empty()
    text = service.text()
    for name, kind in poison.items():
        lines = [line for line in text.splitlines() if name in line]
        assert len(lines) == 1 and "put aside" in lines[0], (kind, lines)
        assert str(aside) in lines[0], (kind, lines)
    # What it leads to is not touched, and the next start says nothing more.
    service.terminate()
    before = len(service.text())
    service.start()
    submit(service, 1000)
    wait_for_numbers(sink, [*range(85), 1000], service)
    assert "put aside" not in service.text()[before:]


@needs_root
def test_the_queue_is_listed_whatever_lies_in_it(make_service):
    """`mailchute queue` while the service runs, and without one."""
    service = fill(make_service, 2)
    good = files(service)[0].read_bytes()
    for plant in POISON:
        plant(queue_of(service) / name_of_poison(), good)
    ids = [path.name for path in files(service)[-2:]]
    assert all(one in service.queue() for one in ids)
    service.admin("queue", "retry", "--all")
    service.start()
    wait_for(lambda: len(files(service)) == 2, what=lambda: f"all put aside:\n{service.tail()}")
    assert all(one in service.queue() for one in ids)


def test_a_queue_cut_at_every_block_and_with_turned_bits(make_service, sink):
    """Q2 with the whole service: what comes is what was sent, and to whom it was sent."""
    service = fill(make_service, 1)
    [original] = files(service)
    good = original.read_bytes()
    original.unlink()
    planted = {}
    cuts = [*range(0, len(good), 64), len(good) - 1]
    for size in cuts:
        planted[name_of_poison()] = good[:size]
    for position in range(0, len(good), 13):
        turned = bytearray(good)
        turned[position] ^= 1 << position % 8
        planted[name_of_poison()] = bytes(turned)
    for name, content in planted.items():
        (queue_of(service) / name).write_bytes(content)
        (queue_of(service) / name).chmod(0o600)
    go_on(service, sink)

    def settled():
        service.check_runs()
        aside = service.spool / "corrupt"
        return not files_that_wait(service) and len(os.listdir(aside)) >= len(cuts)

    wait_for(settled, 60, what=lambda: f"an end: {files(service)}\n{service.tail()}")
    aside = set(os.listdir(service.spool / "corrupt"))
    assert aside <= set(planted)
    # Each is put aside, is held, or has come whole; none twice.
    held = {path.name for path in files(service)}
    assert len(numbers(sink)) == len(planted) - len(aside) - len(held)
    assert set(numbers(sink)) <= {0}
    assert len(held) <= 1
    for name in aside:
        assert service.text().count(f"{name}: ") == 1, name


def files_that_wait(service):
    """Those that nobody holds (a bit more in "held -" is "held", or no form at all)."""
    found = []
    for path in files(service):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        if content[PROGRESS:PROGRESS + HELD] != b"held H\n":
            found.append(path)
    return found


def test_a_file_of_another_spool_is_sent_as_it_is(make_service, sink):
    """Who carries it over says that it is to be sent; it says itself what it is."""
    other = fill(make_service, 3)
    service = fill(make_service, 0)
    for path in files(other):
        path.rename(queue_of(service) / path.name)
    go_on(service, sink)
    wait_for_numbers(sink, [0, 1, 2], service)


def test_a_hundred_thousand_names_that_are_no_ids(make_service, sink):
    service = fill(make_service, 3)
    strange = ["not a queue file", "-rf", "\n", "\x1b[31m", ".hidden", "t.", "0" * 24, "0" * 26,
               "O" * 25, "x" * 255, "a\\b"]
    for name in strange:
        (queue_of(service) / name).write_bytes(b"x")
    for number in range(100000):
        os.close(os.open(queue_of(service) / f"junk{number}", os.O_CREAT | os.O_WRONLY, 0o600))
    go_on(service, sink)
    wait_for_numbers(sink, [0, 1, 2], service)
    submit(service, 3)
    wait_for_numbers(sink, [0, 1, 2, 3], service)
    service.wait_until_empty()
    # Nobody else's files are removed but the drafts.
    left = set(os.listdir(queue_of(service)))
    assert left >= set(strange) - {"t."} and len(left) >= 100000
    assert "junk" not in service.text()
    service.terminate()
    shutil.rmtree(queue_of(service))


# ---- forged times (R11) ----

def forge(path, next_attempt=None, attempts=None):
    """Another next attempt, with a checksum that is right."""
    content = bytearray(path.read_bytes())
    begin = PROGRESS + HELD
    text = content[begin:PREAMBLE].decode("latin-1")
    if next_attempt is not None:
        text = re.sub(r"next-attempt \d{19}", f"next-attempt {next_attempt:019d}", text)
    if attempts is not None:
        text = re.sub(r"attempts \d{10}", f"attempts {attempts:010d}", text)
    sealed, _, _ = text.rpartition("progress-checksum ")
    text = sealed + f"progress-checksum {checksum(sealed.encode('latin-1')):08x}\n"
    content[begin:PREAMBLE] = text.encode("latin-1")
    path.write_bytes(content)


def checksum(octets):
    """CRC-32C, as spool/checksum.h."""
    value = 0xffffffff
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    return value ^ 0xffffffff


@pytest.mark.parametrize("next_attempt", [0, 1, 4102444800000, 2 ** 63 - 1],
                         ids=["never", "1970", "2100", "the last"])
def test_a_next_attempt_that_no_clock_gave(make_service, sink, next_attempt):
    """Bounded by the retry list: no clock that was wrong once puts mail off for years."""
    service = fill(make_service, 4)
    for path in files(service):
        forge(path, next_attempt, attempts=3)
    go_on(service, sink)
    wait_for_numbers(sink, [0, 1, 2, 3], service)
    assert "put aside" not in service.text()
    assert "expired" not in service.text()


@pytest.mark.parametrize("time", ["0" * 9, "Z" * 9], ids=["1970", "far away"])
def test_a_name_from_another_time(make_service, sink, time):
    service = fill(make_service, 3)
    for number, path in enumerate(files(service)):
        path.rename(path.parent / (time + f"{number:016d}"))
    go_on(service, sink)
    wait_for_numbers(sink, [0, 1, 2], service)


# ---- the folders ----

@pytest.mark.parametrize("plant", [plant_empty, plant_link, plant_dangling_link],
                         ids=["a file", "a link", "a link to nowhere"])
def test_corrupt_that_cannot_be_made(make_service, sink, plant):
    """The damaged file stays where it is, is not sent, and the log says what to do."""
    service = fill(make_service, 5)
    plant(service.spool / "corrupt", b"")
    damaged = queue_of(service) / name_of_poison()
    damaged.write_bytes(b"damaged")
    go_on(service, sink)
    wait_for_numbers(sink, [0, 1, 2, 3, 4], service)
    service.wait_for_text(rf"{damaged.name}: .*corrupt.*directory")
    assert damaged.read_bytes() == b"damaged"
    lines = [line for line in service.text().splitlines() if damaged.name in line]
    assert len(lines) <= 2, lines
    # It is said, too, by who lists the queue, and the service goes on.
    assert service.admin("queue").status == 0
    submit(service, 5)
    wait_for_numbers(sink, [0, 1, 2, 3, 4, 5], service)


def test_a_name_that_is_taken_in_corrupt(make_service, sink):
    """Nothing there is written over."""
    service = fill(make_service, 1)
    damaged = queue_of(service) / name_of_poison()
    damaged.write_bytes(b"second")
    (service.spool / "corrupt").mkdir(mode=0o700)
    (service.spool / "corrupt" / damaged.name).write_bytes(b"first")
    go_on(service, sink)
    wait_for_numbers(sink, [0], service)
    wait_for(lambda: damaged.name in service.text(), what="a word about it")
    assert (service.spool / "corrupt" / damaged.name).read_bytes() == b"first"
    assert damaged.read_bytes() == b"second"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777], ids=oct)
@pytest.mark.parametrize("folder_name", ["", "queue"])
def test_a_spool_that_others_may_write(make_service, folder_name, mode):
    service = fill(make_service, 1)
    (service.spool / folder_name).chmod(mode)
    service.spawn([service.programs.mailchute, "serve"], service.environment())
    assert service.process.wait(30) not in (0, None)
    assert "others may write" in service.text() and "chmod 700" in service.text()
    assert len(files(service)) == 1


@needs_root
def test_a_queue_of_another_user(make_service):
    service = fill(make_service, 1)
    os.chown(queue_of(service), 12345, -1)
    service.spawn([service.programs.mailchute, "serve"], service.environment())
    assert service.process.wait(30) not in (0, None)
    assert "belongs to uid 12345" in service.text() and "chown" in service.text()


def test_a_queue_that_is_moved_away_while_the_service_runs(make_service, sink):
    """It has its own hold of the folder: mail goes on, and whoever restarts finds the rest."""
    service = go_on(fill(make_service, 0), sink)
    submit(service, 0)
    wait_for_numbers(sink, [0], service)
    away = service.spool / "away"
    queue_of(service).rename(away)
    queue_of(service).mkdir(mode=0o700)
    submit(service, 1)
    wait_for_numbers(sink, [0, 1], service)
    service.terminate()
    service.start()
    submit(service, 2)
    wait_for_numbers(sink, [0, 1, 2], service)
    assert os.listdir(away) == []


@pytest.mark.parametrize("what", ["queue", "spool"])
def test_a_queue_that_is_removed_while_the_service_runs(make_service, sink, what):
    """No 250 for what cannot be kept; the reason names the file."""
    service = go_on(fill(make_service, 0), sink)
    submit(service, 0)
    wait_for_numbers(sink, [0], service)
    # Else it may remove a file at the same time.
    service.wait_until_empty()
    shutil.rmtree(queue_of(service) if what == "queue" else service.spool)
    result = service.sendmail("r1@far.example", input=b"Subject: good 1\n\n" + body(1))
    assert result.status not in (0, 75), result
    assert "queue file" in result.stderr and result.stderr.count("\n") == 1, result
    service.check_runs()
    service.kill()
    service.start()
    submit(service, 2)
    wait_for_numbers(sink, [0, 2], service)


# ---- the socket (R3) ----

def test_strangers_at_the_socket(make_service, sink):
    """Garbage, halves and floods; the next honest client is served as ever."""
    service = go_on(fill(make_service, 0), sink)
    count = 2000 if is_sanitized(service.programs.mailchute) else 10000
    good = (b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
            b"Subject: good 77\r\n\r\nhalf")

    def visit(number):
        chance = random.Random(number)
        kind = chance.randrange(5)
        if kind == 0:
            octets = chance.randbytes(chance.randrange(1, 2000))
        elif kind == 1:
            octets = good[:chance.randrange(len(good))]
        elif kind == 2:
            octets = b"X" * chance.choice([511, 512, 513, 4096, 100000])
        elif kind == 3:
            octets = b"\0" * chance.randrange(1, 5000)
        else:
            cut = chance.randrange(len(good))
            octets = good[:cut] + bytes([chance.randrange(256)]) + good[cut + 1:]
        try:
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.settimeout(20)
                stranger.connect(str(service.socket))
                if chance.randrange(2):
                    stranger.recv(100)
                stranger.sendall(octets)
        except OSError:
            # Refused, or closed before it had said all.
            pass

    with ThreadPoolExecutor(8) as pool:
        for number, _ in enumerate(pool.map(visit, range(count))):
            if number % (count // 4) == 0:
                submit(service, number)
    wait_for_numbers(sink, [0, count // 4, count // 2, count // 4 * 3], service)
    submit(service, 5)
    wait_for(lambda: 5 in numbers(sink), what="an honest client's mail")
    service.wait_until_empty()
    service.check_runs()


# ---- two services (Q5) ----

@pytest.mark.skipif(bool(own_mounts.why_not()), reason=str(own_mounts.why_not()))
def test_two_pid_namespaces_on_one_spool(make_service, sink):
    """In each, its own process 1 and its own small pids: one service has the spool, all
    callers of both are served by it, and every message comes once and whole."""
    service = fill(make_service, 0)
    config = service.folder / "on-demand.conf"
    config.write_text(service.config.read_text().replace("smtp://127.0.0.1:1", sink.url)
                      .replace('wait = "disk"', 'wait = "disk" mode = "spool"'))
    count = 100 if is_sanitized(service.programs.mailchute) else 300
    # It ends, and with it all in the namespace, when standard input does.
    script = ('for i in $(seq "$0" 2 "$1"); do printf "Subject: good $i\\n\\n'
              'message $i\\n%s\\n" "$2" | "$3" -f a@there.example "r$i@far.example" ||'
              ' echo "$i: $?"; done; echo done; read _')
    halves = [subprocess.Popen(
        own_mounts.command("sh", "-c", script, first, count - 1, "y" * 60,
                           service.programs.sendmail, pids=True),
        env=environment(config=config), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True) for first in (0, 1)]
    try:
        assert [half.stdout.readline() for half in halves] == ["done\n"] * 2
        wait_for(lambda: len(sink.messages()) >= count and not files(service), 60,
                 what=lambda: f"{count} messages, {len(sink.messages())} are there")
    finally:
        for half in halves:
            half.communicate()
    assert numbers(sink) == list(range(count))
    assert not (service.spool / "corrupt").exists()
