# SPDX-License-Identifier: MIT

"""Messages that carry at least two oddities of compat.md, through the whole house.

MAILCHUTE_ODDITIES=10000 makes so many (2000); MAILCHUTE_SEED=n other ones.
"""

import concurrent.futures
import os
import random
import re

import pytest

from oddities import judge, junk, table
from oddities.capture import Capture
from oddities.run import PEERS, Run
from support.mailchute import Service, environment, make_folder, needs_program, remove_folder
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

COUNT = int(os.environ.get("MAILCHUTE_ODDITIES", os.environ.get("MAILCHUTE_MESSAGES", "2000")))
SEED = int(os.environ.get("MAILCHUTE_SEED", "1"))


@pytest.fixture(scope="module")
def services(programs):
    folder = make_folder()
    made = {}
    for name, options in PEERS.items():
        capture = Capture(**options)
        place = folder / name
        place.mkdir()
        service = Service(programs, place, url=f"smtp+notls://127.0.0.1:{capture.port}",
                          submit='wait = "disk"').start()
        made[name] = service, capture
    yield made
    for service, capture in made.values():
        service.kill()
        capture.stop()
    for service, _ in made.values():
        service.check_clean()
    remove_folder(folder)


def waiting(service):
    """Recipients in the queue that were not refused for good."""
    listed = re.findall(r"^ {20,}(\S+)$", service.queue(), re.MULTILINE)
    return [address for address in listed if "-refused" not in address]


def test_messages_of_many_oddities(programs, services, capsys):
    run = Run(programs.sendmail, services, SEED, environment())
    run.run(range(COUNT), 4)
    for service, _ in services.values():
        wait_for(lambda: waiting(service) == [], 60, what=lambda: f"these: {waiting(service)}")
    run.check_late()
    with capsys.disabled():
        print(f"\n{COUNT} messages, seed {SEED}, {run.direct} of them without a service, "
              f"{len(run.refused)} with a report\n{run.table()}")
    assert not run.failures, f"{len(run.failures)} of {COUNT}:\n" + "\n".join(run.failures[:20])
    missed = [row for row in table.ROWS if run.hits[row] == 0]
    assert not missed, missed


def test_junk_is_read_as_another_reader_reads_it(programs, services):
    service, capture = services["data"]
    capture.take()
    sent = {}

    def send(number):
        chance = random.Random(f"{SEED}-{number}")
        text, ends_at_dot = junk.make(chance), chance.random() < 0.5
        result = service.sendmail(*([] if ends_at_dot else ["-i"]), "-f", "s@there.example",
                                  f"j{number}@far.example", input=text)
        assert (result.status, result.stderr) == (0, ""), (text, result)
        sent[f"j{number}@far.example"] = text, ends_at_dot

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(COUNT // 4)))
    got = []
    wait_for(lambda: len(got) >= len(sent) or got.extend(capture.take()), 60)
    for arrival in got:
        text, ends_at_dot = sent.pop(judge.address_of(arrival.rcpts[0]))
        kept, come, body = junk.wanted(text, ends_at_dot)
        fields, content = judge.fields_of(judge.content_of(arrival))
        begin = sum(name.startswith(b"Resent-") for name in come) + 1
        end = begin + len(kept)
        assert ([junk.blur(field) for field in fields[begin:end]], content) == (kept, body), text
        added = [field.partition(b":")[0] for field in fields[:begin] + fields[end:]]
        assert sorted(added) == sorted([b"Received", *come]), text
    assert not sent
