# SPDX-License-Identifier: MIT

"""One call of sendmail with its input, and what must come of it.

A draft begins as an ordinary message.  Oddities change it before complete(), each
telling both sides: what is given, and what must arrive.
"""

import email.utils
import re

HERE = "here.example"


class Line:
    """A line as it is given and as it must arrive (None: not at all)."""

    def __init__(self, given, kept=..., end=None):
        self.given = given
        self.kept = given if kept is ... else kept
        self.end = end  # this line end, whatever the others have


class Field:
    def __init__(self, lines, place=None):
        self.lines = lines
        self.place = place  # "first", "last", or anywhere

    @property
    def kept(self):
        """The octets on the wire; empty when the field must be gone."""
        return b"".join(line.kept + b"\r\n" for line in self.lines if line.kept is not None)


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


class Draft:
    def __init__(self, number, chance, traits):
        self.number = number
        self.chance = chance
        self.traits = traits  # what the oddities together ask for; see table.Oddity
        self.reads_header = traits.get("t", False)
        self.is_resent = traits.get("resent", False)
        self.peer = traits.get("peer", "data")
        self.is_session = traits.get("entrance") == "bs"

        self.options = []
        self.words = []
        self.behind = []  # words behind "--"
        self.environment = {}
        self.lead = []  # lines before the header
        self.fields = []
        self.separator = Line(b"")
        self.body = []
        self.tail = []  # lines that come and must not be read
        self.sender = f"s{number}@there.example"
        self.wire_sender = None  # where it differs from what From shows
        self.full_name = None  # a regular expression for an added From; None: no name
        self.ends = traits.get("ends", "lf")
        self.is_unended = False
        self.last_line = None

        self.recipients = []  # that must get it
        self.bad = []  # words that standard error must name
        self.refused = None  # exit statuses of a call that keeps nothing
        self.added = {"Received"}  # names of fields
        self.shown = []  # addresses that a reader of To and Cc must find
        self.is_recoded = False  # lines or octets that the server cannot take as they are
        self.is_folded = False
        self.is_parted = False  # a blank may have come behind a comma
        self.parameters = []  # of MAIL and RCPT, for a server that offers DSN
        self._addresses = 0

    # for oddities

    def name(self):
        """A local part that nobody else has."""
        self._addresses += 1
        return f"r{self.number}-{self._addresses}"

    def address(self, domain="far.example"):
        return f"{self.name()}@{domain}"

    def takes(self, trait):
        return trait in self.traits

    def add(self, text, kept=..., place=None):
        """A field of one or more lines (text with LF between them); kept=None: it must go."""
        given = as_bytes(text).split(b"\n")
        if kept is None:
            lines = [Line(line, None) for line in given]
        elif kept is ...:
            lines = [Line(line) for line in given]
        else:
            lines = [Line(line, new) for line, new in zip(given, as_bytes(kept).split(b"\n"),
                                                         strict=True)]
        self.fields.append(Field(lines, place))
        return self.fields[-1]

    def reads(self, name):
        """Whether the addresses in fields of this name are recipients."""
        return self.reads_header and name.lower().startswith("resent-") == self.is_resent

    def add_recipients(self, name, text, addresses, kept=..., shows=True, place=None):
        """An address field; its addresses are recipients where -t asks for it."""
        is_blind = name.strip().lower() in ("bcc", "resent-bcc")
        self.add(as_bytes(name) + b": " + as_bytes(text),
                 None if is_blind else kept if kept is ... else as_bytes(name) + b": " +
                 as_bytes(kept), place)
        if self.reads(name.strip()):
            self.recipients += addresses
        if shows and not is_blind and name.strip().lower() in ("to", "cc"):
            self.shown += addresses

    def add_word(self, text, addresses, behind=False):
        (self.behind if behind else self.words).append(text)
        self.recipients += addresses

    def add_body(self, *lines):
        self.body += [line if isinstance(line, Line) else Line(as_bytes(line)) for line in lines]

    # the rest of it

    def complete(self):
        """What no oddity has spoken of is as usual."""
        chance = self.chance
        if self.traits.get("header", True):
            self._complete_header()
        else:
            self.added |= {"From", "Date", "Message-ID"}
        if not self.recipients and self.refused is None:
            address = self.address()
            self.add_word(address, [address])
        if not self.takes("sender"):
            self.options += ["-f", self.sender]
        if not self.takes("cluster") and self.reads_header:
            self.options.insert(0, "-t")
        if not self.takes("dots") and chance.random() < 0.5:
            self.options.insert(0, chance.choice(("-i", "-oi")))
        if not self.body and not self.takes("body") or self.traits.get("body"):
            self.add_body(f"This is {self.number}.")
        if self.last_line is not None:
            self.body.append(self.last_line)
        return self

    def _complete_header(self):
        chance = self.chance
        if not self.takes("to"):
            address = self.address()
            self.add_recipients("To", address, [address])
        if self.is_resent and not self.takes("resent-to"):
            address = self.address()
            self.add_recipients("Resent-To", address, [address])
        if not self.takes("from"):
            self.add(f"From: Somebody <f{self.number}@there.example>")
        if not self.takes("date"):
            self.add("Date: Tue, 01 Jan 2019 00:00:00 +0000")
        if not self.takes("message-id"):
            self.add(f"Message-ID: <m{self.number}@there.example>")
        if chance.random() < 0.7:
            self.add(f"Subject: number {self.number}")
        self._order()

    def _order(self):
        """Fields in any order, but for those that have their place."""
        def draw(field):
            return {"first": 0, None: 1, "last": 2}[field.place], self.chance.random()

        if not self.takes("order"):
            self.fields.sort(key=draw)

    def _end(self):
        kinds = {"lf": (b"\n",), "crlf": (b"\r\n",), "mixed": (b"\n", b"\r\n"),
                 "crcrlf": (b"\r\r\n",), "header": (b"\r\n",)}[self.ends]
        return self.chance.choice(kinds)

    def _input_lines(self):
        yield from self.lead
        for field in self.fields:
            yield from field.lines
        if self.separator is not None:
            yield self.separator
        if self.ends == "header":  # as PHP does: CRLF in the header, LF in the body
            self.ends = "lf"
        yield from self.body
        yield from self.tail

    @property
    def input(self):
        octets = b"".join(line.given + (self._end() if line.end is None else line.end)
                          for line in self._input_lines())
        return octets[:-1].removesuffix(b"\r").removesuffix(b"\r") if self.is_unended else octets

    @property
    def session(self):
        """What a client of -bs writes, without waiting for any reply."""
        text = re.sub(rb"(\r?\n)?\Z", b"\r\n", self.input, count=1)
        # Only a line behind CRLF is one to the server, and its dot is doubled; but this one
        # is what a smuggler would write.
        text = re.sub(rb"(\A|(?<=\r\n))\.(?!\n)", b"..", text)
        lines = ["EHLO client", f"MAIL FROM:<{self.sender}>",
                 *(f"RCPT TO:<{one}>" for one in self.recipients), "DATA", ""]
        return "\r\n".join(lines).encode() + text + b".\r\nQUIT\r\n"

    @property
    def arguments(self):
        if self.is_session:
            return ["-bs"]
        words = self.options + self.words
        return words + ["--"] * bool(self.behind) + self.behind

    # what must arrive

    @property
    def kept_fields(self):
        return [field.kept for field in self.fields if field.kept]

    @property
    def kept_body(self):
        return b"".join(line.kept + b"\r\n" for line in self.body if line.kept is not None)

    @property
    def is_told_later(self):
        """A report goes to the sender, who has one and wants it."""
        return self.refused is None and self.sender != "" and \
            any("-refused" in one for one in self.recipients) and \
            not any(b"NOTIFY=NEVER" in words for words in self.parameters)

    @property
    def status(self):
        return 65 if self.bad else 0

    @property
    def wanted_recipients(self):
        """Once each, but for the case of the domain."""
        found = {}
        for address in self.recipients:
            local, at, domain = address.rpartition("@")
            found.setdefault(local + at + domain.lower(), address)
        return sorted(found.values())


def addresses_of(values):
    """What Python's email finds in address fields."""
    return [address for _, address in email.utils.getaddresses(values) if address]
