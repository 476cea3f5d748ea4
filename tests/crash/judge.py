# SPDX-License-Identifier: MIT

"""What was promised, against the ledger of the sink and the state of the spool."""

import re
import signal
from collections import Counter, defaultdict

from place import mark_of

SYSEXITS = range(64, 79)
IN_DOUBT = 74


class Entry:
    """One message that the sink has taken (sink.c)."""

    def __init__(self, fields):
        self.time, self.sender, self.recipients = int(fields[0]), fields[1], fields[2].split(",")
        self.mark, self.id, self.length, self.hash = fields[3], fields[4], int(fields[5]), fields[6]
        self.reports = fields[7].split(",") if fields[7] else []


class Report:
    """The lines of the tracer."""

    def __init__(self, lines):
        self.exits, self.calls = {}, {}
        self.hit, self.is_unfit, self.died, self.hung = None, False, [], []
        for words in lines:
            if words[0] == "exit":
                self.exits[words[1]] = int(words[2])
            elif words[0] == "hit":
                self.hit = {"role": words[1], "call": int(words[2]), "time": int(words[5])}
            elif words[0] == "unfit":
                self.is_unfit = True
            elif words[0] == "died":
                self.died.append((words[1], int(words[2])))
            elif words[0] in ("hang", "there"):
                self.hung.append(" ".join(words))
            elif words[0] == "calls":
                self.calls[words[1]] = (int(words[2]), int(words[3]))


class Verdict:
    def __init__(self):
        self.faults = []  # (kind, words)
        self.counts = Counter()

    def blame(self, kind, words):
        self.faults.append((kind, words))
        self.counts[kind] += 1


class Judge:
    def __init__(self, scene, place, report, is_fault):
        self.scene, self.place, self.report, self.is_fault = scene, place, report, is_fault
        self.entries = [Entry(fields) for fields in place.new_entries()]
        log = place.path("log")
        self.log = log.read_text(errors="replace") if log.exists() else ""
        self.verdict = Verdict()
        self.partly = []
        self.aside = {name: self.marks_in(name) for name in ("corrupt", "failed")}
        self.by_mark = defaultdict(list)
        for entry in self.entries:
            self.by_mark[entry.mark].append(entry)
        queue = place.spool / "queue"
        self.left = {path.name: path.read_bytes() for path in queue.iterdir()} \
            if queue.exists() else {}

    def marks_in(self, name):
        folder = self.place.spool / name
        return [mark_of(path.read_bytes()) for path in folder.iterdir()] if folder.exists() else []

    def run(self):
        self.check_processes()
        self.check_spool()
        self.find_reports()
        for message in self.scene.messages:
            self.check_submitted(message)
        for message in self.scene.queued:
            self.check_message(message, self.commanded(message.mark))
        known = {one.mark for one in self.scene.messages + self.scene.queued}
        for entry in self.entries:
            if entry.mark not in known and not (entry.mark == "" and entry.reports):
                self.verdict.blame("wrong", f"nobody has sent what arrived: {entry.mark!r}")
        return self.verdict

    # ---- what it has left behind ----

    def check_processes(self):
        for role, number in self.report.died:
            if number != signal.SIGABRT or not self.is_out_of_memory():
                self.verdict.blame("died", f"{role} died of signal {number}: {self.last_words()}")
        for words in self.report.hung:
            self.verdict.blame("hung", words)
        if "Assertion" in self.log or "Sanitizer" in self.log:
            self.verdict.blame("died", self.log)

    def is_out_of_memory(self):
        """Which ends a process (base/memory.h)."""
        words = self.last_words()
        return self.is_fault and ("out of memory" in words or "MAP_FAILED" in words)

    def last_words(self):
        return "".join(path.read_text(errors="replace")[-300:]
                       for path in self.place.folder.glob("*.out"))

    def check_spool(self):
        for mark in self.aside["corrupt"]:
            if mark not in self.scene.damaged:
                self.verdict.blame("corrupt", f"{mark} was put aside")
        for mark in self.aside["failed"]:
            if any(one.sender for one in self.scene.queued if one.mark == mark):
                self.verdict.blame("corrupt", f"{mark} is in failed/")
        for name in self.left:
            if not re.fullmatch(r"[0-9A-Z]{25}", name):
                self.verdict.blame("orphans", f"queue/{name} was left")

    def find_reports(self):
        self.told = Counter()
        for entry in self.entries:
            for report in entry.reports:
                action, _, address = report.partition(":")
                for reader in entry.recipients:
                    self.told[action, address, reader] += 1

    # ---- messages ----

    def acceptance(self, message):
        """True, False, or None: who knows?"""
        if self.scene.dialogue:
            path = self.place.path("dialogue.out")
            answers = path.read_text(errors="replace") if path.exists() else ""
            number = self.scene.messages.index(message)
            if len(re.findall(r"^250 2\.0\.0 queued as", answers, re.MULTILINE)) > number:
                return True
            return None
        status = self.report.exits.get(message.mark)
        if status == 0:
            return True
        if status is None or status == -9:
            return None
        if status not in SYSEXITS:
            self.verdict.blame("codes", f"sendmail ended with {status}")
        return None if status == IN_DOUBT else False

    def check_submitted(self, message):
        accepted = self.acceptance(message)
        counts = self.verdict.counts
        counts["submitted"] += 1
        if accepted:
            counts["accepted"] += 1
            self.check_message(message, {"sent"})
            return
        counts["refused" if accepted is False else "in doubt"] += 1
        if accepted is False and not self.is_partly_sent(message):
            self.check_message(message, {"gone"})
        else:
            self.check_message(message, {"sent", "gone"})

    def is_partly_sent(self, message):
        """The one exception for what was refused: without a queue, and the line says so."""
        text = self.place.path(f"{message.mark}.out").read_text(errors="replace")
        self.partly = re.findall(r"^sendmail: sent to (.*?), but not to (.*?): ", text,
                                 re.MULTILINE)
        return bool(self.partly) or "may have been sent all the same" in text

    def commanded(self, mark):
        """What may have become of a message in the queue: sent, left, gone (any of these)."""
        self.verdict.counts["accepted"] += 1
        if mark in self.scene.damaged:
            if mark not in self.aside["corrupt"]:
                self.verdict.blame("lost", f"{mark} was damaged and is nowhere")
            return {"gone"}
        may = {"left"} if mark in self.scene.held else {"sent"}
        for number, (verb, meant) in enumerate(self.scene.admin):
            status = self.report.exits.get(f"admin{number}")
            if meant != mark:
                continue
            becomes = {"release": "sent", "hold": "left", "remove": "gone"}[verb]
            # One that was not run has no status; one that was, and says so, has done it.
            if status == 0:
                may = {becomes}
            elif status is not None:
                may.add(becomes)
                if status != -9 and status not in SYSEXITS:
                    self.verdict.blame("codes", f"queue {verb} ended with {status}")
        return may

    def check_message(self, message, may):
        """may: "sent" to all, "left" in the queue, "gone"; what of it must be true."""
        entries = self.by_mark[message.mark]
        is_left = any(f"X-Mark: {message.mark}\r\n".encode() in octets
                      for octets in self.left.values())
        for entry in entries:
            self.check_entry(message, entry)
        copies = {name: [one for one in entries if name in one.recipients]
                  for name in message.recipients}
        missing = [name for name, several in copies.items()
                   if not several and not self.is_told(message, name)]
        if is_left and "left" not in may:
            self.verdict.blame("stranded", f"{message.mark} is still in the queue")
        elif not is_left and may == {"left"}:
            self.verdict.blame("lost", f"{message.mark} is no longer held, and {len(entries)} "
                                       "copies have arrived")
        elif not is_left and missing and not may - {"sent"}:
            self.verdict.blame("lost", f"{message.mark} to {missing}")
        elif not is_left and missing and entries and not self.is_partly_named(missing):
            self.verdict.blame("lost", f"{message.mark} to {missing}, not to others")
        if entries and "sent" not in may:
            self.verdict.blame("kept", f"{message.mark} was refused, held or removed, and arrived")
        for name, several in copies.items():
            self.verdict.counts["arrived"] += bool(several)
            if self.scene.wants_success and several and may == {"sent"} and \
                    not self.told["relayed", name, message.sender]:
                self.verdict.blame("lost", f"the report that {name} has it")
            if len(several) > 1:
                self.check_twice(message, name, several)

    def is_partly_named(self, missing):
        return any(set(missing) <= set(names.split(", ")) for _, names in self.partly)

    def check_entry(self, message, entry):
        wrong = set(entry.recipients) - set(message.recipients)
        if wrong or entry.sender != message.sender:
            self.verdict.blame("wrong", f"{message.mark} from {entry.sender} to {wrong}")
        if entry.length != message.length or message.hash not in (None, entry.hash):
            self.verdict.blame("corrupt", f"{message.mark} arrived with {entry.length} octets")

    def is_told(self, message, name):
        """A recipient that is refused for good: by a report; at once by sendmail's status."""
        if not name.startswith("no"):
            return False
        if message.sender == "":
            return message.mark in self.aside["failed"]
        count = self.told["failed", name, message.sender]
        if count > 1:
            self.verdict.counts["told twice"] += 1
        return count > 0 or (self.report.exits.get(message.mark, 0) in SYSEXITS)

    def check_twice(self, message, name, several):
        """Only between the server's 250 and our mark, and the log must say so."""
        self.verdict.counts["twice"] += 1
        what = f"{message.mark} to {name} ({several[0].id})"
        sent = re.findall(rf"{several[0].id}: to=<{re.escape(name)}>.* status=sent", self.log)
        logged = re.search(rf"{several[0].id}.*possible duplicate", self.log)
        call = self.report.hit and self.report.hit["call"]
        if len(several) > 2 or len(sent) > 1:
            self.verdict.blame("unexplained", f"{what}: {len(several)} times, recorded as sent "
                                              f"{len(sent)} times")
        elif not self.report.hit:
            self.verdict.blame("unexplained", f"{what}: undisturbed")
        if not logged and not (self.is_fault and call == 1):
            self.verdict.blame("unlogged", f"{what}: no word of a possible duplicate")
