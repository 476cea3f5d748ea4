# SPDX-License-Identifier: MIT

"""Oddities for which nothing may be sent, said with an exit status and one line."""

import functools
import re

from oddities import table

oddity = functools.partial(table.oddity, entrance="arguments")


@oddity("unknown option letter", refuses=True)
def an_unknown_letter(draft):
    draft.options.append(draft.chance.choice(("-Z", "-tZ", "-y", "-ik", "--unknown")))
    draft.refused = (64,)


@oddity("no recipient at all", owns=("to", "resent-to"), refuses=True, t=True)
def nobody_in_the_header(draft):
    draft.words.clear()
    draft.behind.clear()
    draft.fields = [field for field in draft.fields
                    if not re.match(rb"(Resent-)?(To|Cc|Bcc)\b", field.lines[0].given, re.I)]
    draft.refused = (65,)


@oddity("no recipient at all", owns=("to",), refuses=True, t=False)
def nobody_in_the_arguments(draft):
    draft.words.clear()
    draft.behind.clear()
    draft.refused = (64, 65)


@oddity("option value missing at the end", refuses=True)
def a_value_is_missing(draft):
    draft.behind.clear()
    draft.add_word(draft.address(), [])
    draft.words.append(draft.chance.choice(("-f", "-F", "-r", "-o", "-b")))
    draft.refused = (64,)


@oddity("150 Received fields", refuses=True, header=True)
def a_loop(draft):
    for number in range(150):
        draft.add(f"Received: from hop{number}.example by hop{number + 1}.example;\n"
                  "\tTue, 01 Jan 2019 00:00:00 +0000")
    draft.refused = (64, 65, 69, 70, 77)


@oddity("malformed -f", owns=("sender",), refuses=True)
def a_malformed_sender(draft):
    draft.options += ["-f", draft.chance.choice(("a@b@c", "a b@c.example", "<a", "a@b.c, d@e.f",
                                                 "a@", "@b.example", '"a@b.c'))]
    draft.refused = (64,)


@oddity("newline in -f", owns=("sender",), refuses=True)
def a_line_end_in_the_sender(draft):
    draft.options += ["-f", draft.chance.choice((
        "a@b.c\n", "a@b.c\nRCPT TO:<x@y.z>", "a@b.c>\r\nRCPT TO:<x@y.z", "a\rb@c.d"))]
    draft.refused = (64,)


@oddity("newline in a recipient argument", owns=("to",), refuses=True, t=False)
def a_line_end_in_a_recipient(draft):
    draft.words.clear()
    draft.behind.clear()
    draft.words.append(draft.chance.choice((
        "a@b.c\nd@e.f", "a@b.c>\r\nRCPT TO:<x@y.z", "a@b.c\rd@e.f", "a@b.c\n.d")))
    draft.refused = (65,)
