# SPDX-License-Identifier: MIT

"""Oddities of lines, dots and octets, and of where header and body meet."""

from oddities.draft import Line
from oddities.table import oddity


# where the body begins

@oddity("header, body border", owns=("border",), body=True)
def a_line_that_is_no_field(draft):
    draft.separator = None
    draft.body.insert(0, Line(draft.chance.choice((
        b"http://x is down", b"no field at all", b"Two words: x", b": x", b"=20", b"{"))))


@oddity("header, body border", owns=("border", "first-line"), header=False, t=False, body=True)
def an_empty_first_line(draft):
    draft.body[:0] = [Line(b"Subject: this is text"), Line(b""), Line(b"and this")]


@oddity("header, body border", owns=("border", "first-line"), header=False, t=False, body=True)
def no_header_at_all(draft):
    draft.separator = None
    first = draft.chance.choice((b"disk full", b"http://x/ is down", b" indented", b"\ttab first"))
    draft.body[:0] = [Line(first), Line(b"second line"), Line(b""), Line(b"To: nobody")]


@oddity("header, body border", owns=("border", "body", "end"))
def a_header_alone(draft):
    draft.separator = None
    draft.is_unended = draft.chance.random() < 0.5


@oddity("header, body border", owns=("border", "body", "end"))
def a_border_at_the_end(draft):
    draft.separator.end = draft.chance.choice((b"\n", b"\r\n", b"\r\r\n"))


@oddity("mbox From first line", owns=("first-line",), entrance="arguments")
def a_separator_of_mailboxes(draft):
    draft.lead.append(Line(draft.chance.choice((
        b"From alice@there.example Tue Jan  1 00:00:00 2019", b"From - Tue Jan  1 00:00:00 2019",
        b"From ", b"From a: b")), None))


@oddity("mbox From first line", owns=("first-line", "from", "order"), header=True)
def a_from_field_with_a_blank(draft):
    """Not a separator: a field."""
    draft.add("From : Somebody <f@there.example>", place="first")


@oddity(">From first line", owns=("border", "first-line"), header=False, t=False, body=True)
def a_quoted_separator(draft):
    draft.separator = None
    draft.body.insert(0, Line(b">From alice Tue Jan  1 00:00:00 2019"))
    draft.add_body("Subject: this is text")


@oddity("BOM or 8-bit name in the first header line", owns=("border", "first-line"), header=False,
        t=False, body=True, mime="raw")
def a_mark_before_the_header(draft):
    draft.separator = None
    draft.body.insert(0, Line(draft.chance.choice((
        b"\xef\xbb\xbfSubject: x", b"Sch\xc3\xb6n: x", b"\xfc: y"))))
    draft.add_body("From: this is text", "")
    draft.is_recoded |= draft.peer == "blunt"


# dots

@oddity("lone dot", owns=("dots", "dot-end"), dots="end", body=True, entrance="arguments")
def a_dot_ends_it(draft):
    draft.add_body("before the dot")
    draft.tail += [Line(b".", None, draft.chance.choice((None, b"\n", b"\r\n"))),
                   Line(b"this was never sent", None), Line(b".", None)]


@oddity("lone dot", owns=("dots", "dot-text"), dots="text", body=True, entrance="arguments")
def a_dot_is_text(draft):
    draft.options.append(draft.chance.choice(("-i", "-oi", "-oitrue")))
    draft.add_body("before the dot", ".", "behind it", ".", ".")


@oddity("lone dot", body=True)
def other_dots(draft):
    draft.add_body("..", ".x", ". ", "...", ".\t", "..x")


@oddity("dot-stuffing", body=True)
def every_line_begins_with_a_dot(draft):
    for length in range(2, 40):
        draft.add_body("." * length + draft.chance.choice(("", "x")))


@oddity(".. without -i", owns=("dots",), dots="end", body=True, entrance="arguments")
def two_dots_without_i(draft):
    draft.add_body("..", "..", "...x")


@oddity("last . without newline, -i", owns=("dots", "end", "border", "body"), dots="text",
        entrance="arguments")
def a_last_dot(draft):
    draft.options.append("-i")
    draft.add_body("before", ".")
    draft.is_unended = True


@oddity(". CR CR LF without -i", owns=("dots", "dot-end"), dots="end", body=True,
        entrance="arguments")
def a_dot_with_two_returns(draft):
    """It ends the message."""
    draft.add_body("before")
    draft.tail += [Line(b".", None, b"\r\r\n"), Line(b"never sent", None)]


# line ends

@oddity("line ends", owns=("ends",), ends="lf", body=True, entrance="arguments")
def line_feeds(draft):
    draft.add_body("one", "", "two")


@oddity("line ends", owns=("ends",), ends="crlf", body=True)
def returns_and_line_feeds(draft):
    draft.add_body("one", "", "two")


@oddity("line ends", owns=("ends",), ends="mixed", body=True)
def a_mixture(draft):
    draft.add_body(*("line" * (number % 3) for number in range(20)))


@oddity("line ends", owns=("ends",), ends="header", body=True)
def as_php_does(draft):
    draft.add_body("CRLF above", "LF below")


@oddity("line ends", owns=("end", "dot-end"), body=True, entrance="arguments")
def no_last_line_end(draft):
    draft.last_line = Line(b"the last line")
    draft.is_unended = True


@oddity("CR CR LF", owns=("ends",), ends="crcrlf", body=True)
def two_returns(draft):
    draft.add_body("one", "", "two")


@oddity("CR CR LF", body=True)
def two_returns_now_and_then(draft):
    draft.add_body(Line(b"a", end=b"\r\r\n"), Line(b"", end=b"\r\r\n"), Line(b"b"),
                   Line(b"three", b"three ", b"\r\r\r\n"))


@oddity("bare CR in the body", body=True)
def bare_returns(draft):
    draft.add_body(Line(b"a\rb", b"a b"), Line(b"\rx\r\ry", b" x  y"),
                   Line(b"\r.", b" ."), Line(b".\r.", b". ."), Line(b"x\r \rMAIL", b"x   MAIL"))


@oddity("last header line without newline", owns=("border", "body", "end"), resent=False,
        entrance="arguments")
def a_last_field_without_end(draft):
    draft.separator = None
    draft.is_unended = True
    address = draft.address()
    draft.add_recipients("Bcc", address, [address], place="last")


# octets

@oddity("8-bit", owns=("mime",), mime="8bit", body=True, header=True)
def text_in_utf8(draft):
    draft.add("MIME-Version: 1.0")
    draft.add("Content-Type: text/plain; charset=utf-8")
    draft.add("Content-Transfer-Encoding: 8bit")
    draft.add_body("Gr\u00fc\u00dfe, \u4f60\u597d, \U0001f600")
    draft.is_recoded |= draft.peer == "blunt"


@oddity("8-bit", owns=("mime",), mime="raw", body=True)
def octets_without_a_word(draft):
    draft.add_body(bytes(range(128, 256)), b"\xff\xfe")
    draft.is_recoded |= draft.peer == "blunt"


@oddity("NUL in the body", body=True)
def nuls(draft):
    draft.add_body(b"a\0b", b"\0", b"\0.", b".\0")


@oddity("From-lines, >From, ^Z, ~r", body=True)
def words_of_other_programs(draft):
    draft.add_body("From alice", ">From bob", "\x1a", "~r /etc/passwd", "~.", "a\fb\vc", "\x7f\b",
                   "QUIT", "MAIL FROM:<x@y.z>", "BDAT 3 LAST", "=20", "=?utf-8?q?x?=", "\x1b[2J")
    draft.add_body(b"\x01\x02")


@oddity("From-lines, >From, ^Z, ~r", owns=("mime",), mime="utf8", body=True, header=True)
def separators_of_unicode(draft):
    draft.add("MIME-Version: 1.0")
    draft.add("Content-Type: text/plain; charset=utf-8")
    draft.add("Content-Transfer-Encoding: 8bit")
    draft.add_body("a\u2028b\u2029c\u0085d")
    draft.is_recoded |= draft.peer == "blunt"


@oddity("lines over 998", recode=True, body=True)
def lines_too_long(draft):
    draft.add_body("x" * 999, "word " * 300, "." * 2500, "y" * 998, ". " * 700)
    draft.is_recoded = True


@oddity("lines over 998", is_heavy=True, recode=True, body=True)
def lines_of_100000_octets(draft):
    draft.add_body("z" * 100000, "." * 100000, "w " * 50000)
    draft.is_recoded = True


@oddity("size", is_heavy=True, recode=False, peer="bdat", body=True)
def thirty_megabytes(draft):
    line = b"%07d " + b"x" * 66
    draft.add_body(*(line % number for number in range(400000)))


@oddity("size", is_heavy=True, recode=False, owns=("dots", "dot-text"), dots="text",
        peer="data", body=True, entrance="arguments")
def many_dot_lines(draft):
    draft.options.append("-i")
    draft.add_body(*["."] * 400000)


@oddity("size", is_heavy=True, recode=False, body=True)
def many_blank_lines(draft):
    draft.add_body(*[""] * 100000, "end")


@oddity("size", header=True)
def five_hundred_fields(draft):
    for number in range(500):
        draft.add(f"X-Field-{number}: {'v' * (number % 60)}")
