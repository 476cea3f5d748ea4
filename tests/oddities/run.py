# SPDX-License-Identifier: MIT

"""Runs drafts through services, many at once, and compares what arrived."""

import collections
import concurrent.futures
import os
import pwd
import random
import re
import subprocess

import oddities.bodies  # noqa: F401
import oddities.headers  # noqa: F401
import oddities.recipients  # noqa: F401
import oddities.refusals  # noqa: F401
import oddities.sessions  # noqa: F401
from oddities import table
from oddities.draft import Draft
from oddities.judge import Wrong, address_of, judge, judge_call
from support.wait import wait_for

# What the three servers offer.  None of them has SMTPUTF8.
PEERS = {
    "bdat": {"extensions": ["PIPELINING", "CHUNKING", "8BITMIME", "SIZE 99000000", "DSN",
                            "ENHANCEDSTATUSCODES"]},
    "data": {"extensions": ["PIPELINING", "8BITMIME", "SIZE"]},
    "blunt": {"extensions": None, "is_blunt": True},
}
BATCH = 250


def make_draft(number, seed, account):
    """The draft of this number, the same each time, and its oddities."""
    chance = random.Random(f"{seed}-{number}")
    chosen, traits = table.combine(number, chance)
    traits.update(account)
    draft = Draft(number, chance, traits)
    for one in sorted(chosen, key=lambda one: one.refuses):
        one.change(draft)
    return draft.complete(), chosen


def account():
    entry = pwd.getpwuid(os.geteuid())
    name = entry.pw_gecos.partition(",")[0].encode()
    return {"login": entry.pw_name, "gecos": re.escape(name) if name else None}


class Run:
    """services: {name of a peer: (Service, Capture)}."""

    def __init__(self, program, services, seed, environment):
        self.program = str(program)
        self.services = services
        self.seed = seed
        self.environment = environment
        self.account = account()
        self.hits = collections.Counter()
        self.by_oddity = collections.Counter()
        self.direct = 0  # so many went without a service
        self.failures = []
        self.reports = []  # of the numbers of messages with a refused recipient
        self.refused = set()  # those whose sender must be told
        self.arrivals = collections.defaultdict(list)  # by number

    def goes_directly(self, draft):
        """Now and then without the service, where no smarthost's refusal is in the way."""
        is_plain = not any("-refused" in one or "-later" in one for one in draft.recipients)
        return draft.number % 16 == 5 and is_plain and draft.refused is None

    def call(self, draft):
        service, _ = self.services[draft.peer]
        command = [self.program, *draft.arguments]
        way = {"MAILCHUTE_SOCKET": str(service.socket)}
        if self.goes_directly(draft):
            way = {"MAILCHUTE_CONFIG": str(service.config), "MAILCHUTE_MODE": "direct"}
            self.direct += 1
        variables = {**self.environment, **way, **draft.environment}
        octets = draft.session if draft.is_session else draft.input
        done = subprocess.run(command, input=octets, env=variables, capture_output=True,
                              timeout=120)
        return done.returncode, done.stdout, done.stderr

    def one(self, number):
        draft, chosen = make_draft(number, self.seed, self.account)
        try:
            judge_call(draft, *self.call(draft))
        except (Wrong, ValueError) as wrong:
            self.fail(number, chosen, draft, wrong)
            return None
        return number, draft, chosen

    def fail(self, number, chosen, draft, wrong):
        self.failures.append(f"message {number} ({draft.peer}; {', '.join(map(str, chosen))}), "
                             f"arguments {str(draft.arguments)[:300]}:\n    {wrong}")

    def collect(self):
        for _, capture in self.services.values():
            for arrival in capture.take():
                if arrival.mail.startswith(b"MAIL FROM:<>") and b"delivery-status" in arrival.raw:
                    self.reports += map(int, re.findall(rb"r(\d+)-\d+-refused", arrival.raw))
                    continue
                match = re.search(rb"r(\d+)-", b" ".join(arrival.rcpts), re.IGNORECASE)
                self.arrivals[int(match.group(1)) if match else None].append(arrival)

    def has_arrived(self, draft):
        wanted = sum("-refused" not in one for one in draft.wanted_recipients)
        return sum(len(one.rcpts) for one in self.arrivals.get(draft.number, ())) >= wanted

    def settle(self, sent):
        """Waits for what was sent, and judges it."""
        expected = [(number, draft, chosen) for number, draft, chosen in sent
                    if draft.refused is None]

        def all_there():
            self.collect()
            return all(self.has_arrived(draft) for _, draft, _ in expected)

        try:
            wait_for(all_there, 60)
        except AssertionError:
            for number, draft, chosen in expected:
                if not self.has_arrived(draft):
                    got = [address_of(line) for arrival in self.arrivals[number]
                           for line in arrival.rcpts]
                    self.fail(number, chosen, draft,
                              f"it never arrived at all of {draft.wanted_recipients}: {got}")
        for number, draft, chosen in sent:
            if draft.refused is None and self.has_arrived(draft):
                try:
                    judge(draft, self.arrivals[number])
                except Wrong as wrong:
                    self.fail(number, chosen, draft, wrong)
                    continue
            if draft.is_told_later:
                self.refused.add(number)
            rows = {one.row for one in chosen if one.refuses or draft.refused is None}
            self.hits.update(rows | set(table.ALWAYS))
            self.by_oddity.update(one.name for one in chosen)

    def run(self, numbers, workers):
        numbers = list(numbers)
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for begin in range(0, len(numbers), BATCH):
                sent = [one for one in pool.map(self.one, numbers[begin:begin + BATCH]) if one]
                self.settle(sent)
                # What came twice comes late.
                self.counts = {number: len(arrivals)
                               for number, arrivals in self.arrivals.items()}
                for arrivals in self.arrivals.values():
                    for at, arrival in enumerate(arrivals):
                        arrivals[at] = arrival._replace(raw=b"")

    def check_late(self):
        """Once the queues are quiet: nothing came twice, nothing that nobody sent."""
        self.collect()
        for number in self.refused - set(self.reports):
            self.failures.append(f"message {number}: nobody was told that a recipient was refused")
        for number, arrivals in self.arrivals.items():
            if number is None:
                self.failures.append(f"unknown: {[one.rcpts for one in arrivals][:5]}")
            elif len(arrivals) != self.counts.get(number, 0):
                self.failures.append(f"message {number} came again")
        for name, (_, capture) in self.services.items():
            self.failures += [f"{name}: no command: {line[:200]!r}" for line in capture.faults[:5]]

    def table(self):
        lines = [f"{self.hits[row]:7d}  {row}" for row in table.ROWS]
        return "\n".join(["hits  row of compat.md", *lines])
