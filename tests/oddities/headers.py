# SPDX-License-Identifier: MIT

"""Oddities of the header."""

import base64
import functools

from oddities import table
from oddities.draft import HERE, Field, Line

oddity = functools.partial(table.oddity, header=True)


# From

@oddity("From missing", owns=("from",))
def no_from(draft):
    draft.added.add("From")


NAMES = (
    ("Full Name", rb"Full Name"), ("Q, Name", rb'"Q, Name"'), ("A. B.", rb'"A\. B\."'),
    ('A "q" \\', rb'"A \\"q\\" \\\\"'), ("root (Cron)", rb'"root \(Cron\)"'),
    ("x@y", rb'"x@y"'), ("CronDaemon", rb"CronDaemon"),
)


@oddity("From missing", owns=("from", "full-name"), entrance="arguments")
def a_full_name(draft):
    name, draft.full_name = draft.chance.choice(NAMES)
    draft.options += draft.chance.choice((["-F", name], ["-F" + name]))
    draft.environment["NAME"] = "Not This"
    draft.added.add("From")


@oddity("From missing", owns=("from", "full-name"), entrance="arguments")
def a_full_name_beyond_ascii(draft):
    name = draft.chance.choice(("J\u00f6rg", "\u738b\u5c0f\u660e", "\u00e9 (x)"))
    draft.options += ["-F", name]
    draft.full_name = rb"=\?utf-8\?B\?" + base64.b64encode(name.encode()).replace(
        b"+", rb"\+") + rb"\?="
    draft.added.add("From")


@oddity("From missing", owns=("from", "full-name", "environment"), entrance="arguments")
def a_full_name_in_the_environment(draft):
    name, draft.full_name = draft.chance.choice(NAMES)
    draft.environment["NAME"] = name
    draft.added.add("From")


@oddity("From missing", owns=("from", "full-name", "sender"), self=True, entrance="arguments")
def the_name_of_the_account(draft):
    draft.sender = f"{draft.traits['login']}@{HERE}"
    draft.full_name = draft.traits["gecos"]
    draft.added.add("From")


@oddity("newline in -F", owns=("from", "full-name"), entrance="arguments")
def a_line_end_in_the_name(draft):
    draft.options += ["-F", draft.chance.choice(("a\nBcc: evil@there.example",
                                                 "a\rBcc: evil@there.example"))]
    draft.full_name = rb'"a Bcc: evil@there\.example"'
    draft.added.add("From")


@oddity("From present", owns=("from", "full-name"), entrance="arguments")
def a_bare_from(draft):
    name = f"f{draft.number}"
    given = draft.chance.choice(("{}", "{} (Cron Daemon)", "Anacron <{}>", '"A, B" <{}>', "<{}>",
                                 "{} (a (nested) comment)", "{},\n\tother@there.example"))
    spelling = draft.chance.choice(("From: ", "FROM:", "from:  ", "From:\t"))
    draft.add(spelling + given.format(name), spelling + given.format(f"{name}@{HERE}"))
    draft.options += ["-F", "Not In From"]
    draft.full_name = rb"Not In From"  # but in a Resent-From


@oddity("From present", owns=("from",))
def an_odd_from(draft):
    draft.add("From: " + draft.chance.choice((
        "=?utf-8?q?J=C3=B6rg?= <j@there.example>", '"\\"q\\" (x)" <a@there.example> (c)',
        "a@there.example,\n b@there.example", "MAILER-DAEMON <>", "not an address at all",
        "\n folded@there.example", "Caf\u00e9 <c@there.example>")))
    draft.traits["defects"] = None


@oddity("Sender", owns=("sender-field",))
def a_sender_field(draft):
    name = f"x{draft.number}"
    draft.add(f"Sender: {name} (who)", f"Sender: {name}@{HERE} (who)")


# Date, Message-ID

@oddity("Date, Message-ID missing", owns=("date", "message-id"))
def neither_date_nor_id(draft):
    draft.added |= {"Date", "Message-ID"}


@oddity("Date, Message-ID missing", owns=("date", "locale"), entrance="arguments")
def no_date_in_odd_surroundings(draft):
    draft.environment.update(draft.chance.choice((
        {"LC_ALL": "de_DE.UTF-8", "LANG": "fr_FR"}, {"TZ": "Pacific/Chatham"}, {"TZ": ":nonsense"},
        {"LC_TIME": "ja_JP.eucJP", "TZ": "XXX99"}, {"LC_ALL": "nonsense"})))
    draft.added.add("Date")


@oddity("Date, Message-ID missing", owns=("date", "message-id"))
def malformed_date_and_id(draft):
    draft.add("Date: " + draft.chance.choice(("yesterday", "", "Jan 1 2019", "2019-01-01\n 12:00")))
    draft.add("Message-Id: " + draft.chance.choice(("no brackets", "", "<a b@c", "<@>")))


# To, Cc, Reply-To

COMPLETED = (
    "{0}, {1}", "{0}@there.example, {1}", "Bob <{0}>", '"B, ob" <{0}>,\n\t{1}',
    "all: {0}, {1};", "{0} (comment, here)", "{0},\n {1},\n\tx@there.example",
    '"a b" <{0}>, , {1}', "(c) {0} (d)",
)


@oddity("To, Cc, Reply-To")
def bare_names_in_fields(draft):
    form = draft.chance.choice(COMPLETED)
    names = [f"q{draft.number}{letter}" for letter in "ab"]
    whole = [name if f"{{{at}}}@" in form else f"{name}@{HERE}" for at, name in enumerate(names)]
    draft.add("Reply-To: " + form.format(*names), "Reply-To: " + form.format(*whole))


@oddity("To, Cc, Reply-To", owns=("to",), t=True, resent=False)
def bare_names_that_are_recipients(draft):
    one, two = draft.name(), draft.name()
    full = [f"{one}@{HERE}", f"{two}@{HERE}"]
    for name, form in (("To", "One <{}>"), ("Cc", "{} (two),\n\t(nobody)")):
        bare, address = (one, full[0]) if name == "To" else (two, full[1])
        draft.add_recipients(name, form.format(bare), [address], form.format(address))


@oddity("To, Cc, Reply-To")
def groups_and_quotes(draft):
    draft.add("Reply-To: " + draft.chance.choice((
        "Team: a@there.example, b@there.example;", '"a b"@there.example (c)',
        "=?utf-8?q?=C3=A4?= <a@there.example>", "<@x.example:a@there.example>", "",
        "a . b @ there . example", "a@[192.0.2.1]", "junk junk junk", '"open <a@there.example>')))
    draft.traits["defects"] = None


@oddity("no To at all", owns=("to",), resent=False)
def no_to(draft):
    address = draft.address()
    draft.add_recipients("Bcc", address, [address])


# Bcc

BLIND = ("Bcc", "BCC", "bcc", "bCc", "Bcc ", "BCC\t")


@oddity("Bcc")
def blind_copies(draft):
    name = draft.chance.choice(BLIND)
    first, second = draft.address(), draft.address()
    draft.add_recipients(name, draft.chance.choice(
        ("{}, {}", "{},\n {}", "{},\n\t{}", "\n {},\n {}", "A <{}>,\n \"B, C\" <{}>")).format(
            first, second), [first, second])


@oddity("Bcc")
def several_blind_fields(draft):
    for name in draft.chance.sample(BLIND, 3):
        address = draft.address()
        draft.add_recipients(name, address, [address],
                             place=draft.chance.choice((None, "first", "last")))
    draft.add("Bcc:", None)
    draft.add("X-Bcc: this is another field")


# Resent-

@oddity("Resent-* present", owns=("resent-block",), resent=True)
def resent(draft):
    """Only those that it is resent to are recipients, and only with -t."""
    hidden = draft.address()
    draft.add_recipients("Resent-Bcc", hidden, [hidden])
    draft.add_recipients("Cc", "not-resent-to@far.example", [])
    draft.added |= {"Resent-From", "Resent-Date", "Resent-Message-ID"}


@oddity("Resent-* present", owns=("resent-block",), resent=True)
def resent_with_its_own_date(draft):
    draft.add(f"Resent-From: r{draft.number} (me)", f"Resent-From: r{draft.number}@{HERE} (me)")
    draft.add("Resent-Date: long ago")
    draft.add("Resent-Message-ID: <r@there.example>")


@oddity("Resent-* present", owns=("resent-block", "to", "resent-to"), resent=True, t=True)
def resent_to_nobody_in_sight(draft):
    draft.add("Resent-Date: long ago")
    draft.add("To: not-resent-to@far.example")
    draft.added |= {"Resent-From", "Resent-Message-ID"}
    address = draft.address()
    draft.add_recipients("resent-bcc", address, [address])


# what goes, what stays

@oddity("Return-Path")
def trace_of_others(draft):
    draft.add("Return-Path: <x@there.example>", None)
    for hop in range(draft.chance.randrange(1, 40)):
        draft.add(f"Received: from a{hop} by b{hop}\n\tfor c; Tue, 01 Jan 2019 00:00:00 +0000")


@oddity("Content-Length")
def a_length(draft):
    draft.add(draft.chance.choice(("Content-Length: 17", "content-length:\n 17",
                                   "Content-Length : x")), None)


ODD_FIELDS = (
    "X_Under: score", "123: digits", "X!#$%&'*+-/=?^_`{|}~.\"(),<>;@[\\]: every mark",
    "Name : a blank before the colon", "Name\t: a tab before it", "X-Empty:", "X-Blank:  ",
    "X-Fold: one\n two\n\tthree\n    four", "X-Trailing: blanks \t \n and folds \t ",
    "X-Blank-Fold: a\n \n\t\n b", "X-No-Blank:value", "X-Many:::colons",
    "X-Percent: %s%n%d", "X-Dots: .\n .\n ..", "Subject: twice", "Subject: three times",
    "DKIM-Signature: v=1; a=rsa-sha256; d=there.example;\n\th=from:to; bh=abc=;\n\tb=x y  z",
    "List-Id: <l.there.example>", "Errors-To: bare", "X-Control: \x01\x02\x7f\x1b[m", "Z: \f\v",
    "Warning: disk is full", "From-Not: x", "X-To: root", "Disposition-Notification-To: root",
    "x" * 300 + ": a long name", "References: " + "\n\t".join(f"<{n}@x>" for n in range(50)),
)


@oddity("other headers")
def odd_fields(draft):
    for text in draft.chance.sample(ODD_FIELDS, draft.chance.randrange(1, 8)):
        draft.add(text)


@oddity("other headers")
def a_return_in_a_field(draft):
    draft.fields.append(Field([Line(b"X-Return: a\rBcc: b\r\r c", b"X-Return: a Bcc: b   c")]))


@oddity("raw UTF-8 header, smarthost without SMTPUTF8")
def raw_utf8_fields(draft):
    draft.add("Subject: Gr\u00fc\u00dfe \u4f60\u597d")
    draft.add(b"Comments: \xff\xfe\x80 latin \xe4\n \xc3")


@oddity("header line over 998", owns=("fold",))
def a_long_field(draft):
    draft.add(draft.chance.choice((
        "Subject: " + "word " * 400 + "end", "X-Long: " + "x" * 990 + " " + "y" * 500,
        "References: " + " ".join(f"<{number}@there.example>" for number in range(100)),
        "Keywords: short\n " + "long, " * 300 + "\n short")))
    draft.is_folded = True


@oddity("header line over 998", owns=("fold",))
def a_long_word(draft):
    """Nowhere to fold it: it goes as it is."""
    draft.add("X-Long: " + "x" * draft.chance.choice((989, 990, 991, 3000, 9000)))
    draft.is_folded = True


@oddity("header over 32 kB in all")
def a_large_header(draft):
    for number in range(60):
        draft.add(f"X-Large-{number}: " + "\n\t".join(["z" * 70] * 10))


@oddity("NUL in a header")
def a_nul_in_a_field(draft):
    draft.add("X-Nul: a\0b\0\n \0c", "X-Nul: a?b?\n ?c")


@oddity("NUL in a header", owns=("to",), t=True, resent=False)
def a_nul_in_to(draft):
    """It ends no address: one that holds it is malformed."""
    address = draft.address()
    draft.add_recipients("To", f"evil@far.example\0.there.example, {address}", [address],
                         f"evil@far.example?.there.example, {address}", shows=False)
    draft.bad.append("evil@far.example")
