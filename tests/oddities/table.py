# SPDX-License-Identifier: MIT

"""The rows of compat.md, and the oddities that stand for them.

An oddity is a function that changes a draft.  It says beforehand which traits the
draft must have (t=True: recipients are read from the header; peer="bdat": the server;
a trait also means "this is mine": two oddities that want different things of one trait
are never combined, and neither are two that own the same one).
"""

# What the three agree on.
AGREED = (
    "call", "one-letter clusters", "values", "accepted, without effect on a null client",
    "unknown option letter", "no recipient at all", "exit code", "output", "envelope sender",
    "From missing", "From present", "Date, Message-ID missing", "To, Cc, Reply-To",
    "no To at all", "Bcc", "Resent-* present", "Return-Path", "other headers",
    "recipients in arguments", "duplicates", "/file, |prog, :include:", "number",
    "malformed recipient", "header, body border", "mbox From first line", "lone dot",
    "line ends", "dot-stuffing", "8-bit", "NUL in the body", "From-lines, >From, ^Z, ~r",
    "size", "150 Received fields", "5xx to one recipient of two",
    "4xx, no connection, connection lost before the final reply",
    "failure after the final 250", "HELO only, no extensions, multi-line replies", "DSN",
)
# Where they differ.
DIFFERING = (
    "-t plus arguments", "options after a recipient", "option value missing at the end",
    "bare CR in the body", "CR CR LF", ".. without -i", "last . without newline, -i",
    "last header line without newline", ". CR CR LF without -i", "lines over 998",
    "header line over 998", "header over 32 kB in all",
    "raw UTF-8 header, smarthost without SMTPUTF8", "UTF-8 local part, no SMTPUTF8",
    "IDN domain, no SMTPUTF8", "undisclosed-recipients:; in To with -t", "a@x; b@y in To",
    "a@x b@y without comma", "malformed address among good ones, -t",
    "empty word as recipient", "<> as recipient", "quoted local part", "al..ice@, .alice@",
    "malformed -f", "newline in -f", "newline in a recipient argument", "newline in -F",
    "NUL in a header", "Apparently-To with -t", "Content-Length", "Sender",
    ">From first line", "BOM or 8-bit name in the first header line", "-O IgnoreDots=true",
    "-X file", "unknown -oX", "-bs", "bare-LF dot inside -bs DATA",
)
ROWS = AGREED + DIFFERING
# Looked at with every message.
ALWAYS = ("exit code", "output")

ODDITIES = []


class Oddity:
    def __init__(self, row, change, traits, owns, is_heavy, refuses):
        assert row in ROWS, row
        self.row = row
        self.change = change
        self.name = change.__name__
        self.traits = traits
        self.owns = owns
        self.is_heavy = is_heavy
        self.refuses = refuses

    def __repr__(self):
        return self.name

    def goes_with(self, others):
        for other in others:
            if self.owns & other.owns or self is other:
                return False
            # One wants a trait to be so, another owns it or wants it otherwise.
            for name in self.traits.keys() & (other.traits.keys() | other.owns):
                if other.traits.get(name) != self.traits[name]:
                    return False
            if other.traits.keys() & self.owns - self.traits.keys():
                return False
            if self.refuses and other.refuses or self.is_heavy and other.is_heavy:
                return False
        return True


def oddity(row, owns=(), is_heavy=False, refuses=False, **traits):
    """Registers a function as an oddity of this row."""
    def register(change):
        ODDITIES.append(Oddity(row, change, traits, frozenset(owns), is_heavy, refuses))
        return change
    return register


def combine(number, chance):
    """2 to 5 oddities that go together, and the traits that they ask for together.

    Each comes first in its turn; the heavy ones have one turn, the others many.
    """
    ordinary = [one for one in ODDITIES if not one.is_heavy]
    later = number - len(ODDITIES)
    chosen = [ODDITIES[number] if later < 0 else ordinary[later % len(ordinary)]]
    most = chance.choice((2, 2, 3, 3, 4, 5))
    for _ in range(50):
        if len(chosen) == most:
            break
        other = chance.choice(ordinary)
        # What refuses the call hides what becomes of the message.
        if not other.refuses and other.goes_with(chosen):
            chosen.append(other)
    assert len(chosen) >= 2, chosen
    traits = {}
    for one in chosen:
        traits.update({name: None for name in one.owns})
    for one in chosen:
        traits.update(one.traits)
    traits.setdefault("t", chance.random() < 0.4)
    traits.setdefault("peer", chance.choices(("bdat", "data", "blunt"), (6, 3, 1))[0])
    return chosen, traits
