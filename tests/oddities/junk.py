# SPDX-License-Identifier: MIT

"""Messages of random pieces, and a reading of them that knows nothing of ours."""

import re

PIECES = (
    b"\n", b"\n", b"\n", b"\r\n", b"\r\r\n", b"\r", b"\n ", b"\n\t", b"\r\n ", b"\n\n", b"\n\r\n",
    b": ", b":", b" : ", b"::", b"://", b".", b"\n.\n", b"\n..", b"\0", b"\xff", b"\xc3\xa4", b" ",
    b"\t", b"x", b"word ", b"From ", b">From ", b"\nFrom: a@b.c\r\n", b"\nBcc: ", b"\nbCC:",
    b"\nBcc : ",
    b"\nResent-Bcc:\n ", b"\nReturn-Path: <a@b.c>", b"\nContent-Length: 3", b"\nX-A: 1",
    b"\nReceived: x", b"\nSubject: s", b"\nDate: d", b"\nMessage-ID: <a@b>", b"a@b.c", b"x" * 70,
)
GONE = (b"bcc", b"resent-bcc", b"return-path", b"content-length")
ADDED = (b"From", b"Date", b"Message-ID")


def make(chance):
    start = chance.choice((b"", b"Subject: junk\n", b"X-1: a\nX-2: b\n", b"From a\n", b"X: y"))
    return start + b"".join(chance.choices(PIECES, k=chance.randrange(1, 40)))


def lines_of(octets, ends_at_dot):
    """What sendmail reads: its lines without their ends."""
    text = re.sub(rb"\r?\r?\n", b"\n", octets)
    text = text[:-1] if text.endswith(b"\n") else re.sub(rb"\r{1,2}\Z", b"", text)
    lines = [line.replace(b"\r", b" ") for line in text.split(b"\n")] if octets else []
    if ends_at_dot and b"." in lines:
        lines = lines[:lines.index(b".")]
    if lines and re.match(rb"From (?!\s*:)", lines[0]):
        lines = lines[1:]
    return lines


def read(octets, ends_at_dot):
    """(fields as lists of lines, lines of the body)"""
    lines = lines_of(octets, ends_at_dot)
    fields = []
    while lines:
        if lines[0] == b"":
            return fields, lines[1:]
        if fields and lines[0][:1] in (b" ", b"\t"):
            fields[-1].append(lines.pop(0))
        elif re.match(rb"[!-9;-~]+[ \t]*:(?!//)", lines[0]):
            fields.append([lines.pop(0)])
        else:
            break
    return fields, lines


def name_of(field):
    return field[0].partition(b":")[0].strip().lower()


def blur(field):
    """In From a bare name gets a domain; that is another test's."""
    return b"From" if re.match(rb"From[ \t]*:", field, re.IGNORECASE) else field


def wanted(octets, ends_at_dot):
    """(fields that stay, names that come, body) in wire form."""
    fields, body = read(octets, ends_at_dot)
    names = {name_of(field) for field in fields}
    kept = [field for field in fields if name_of(field) not in GONE]
    come = [name for name in ADDED if name.lower() not in names]
    if any(name.startswith(b"resent-") for name in names):
        come += [b"Resent-From", b"Resent-Date", b"Resent-Message-ID"]
    text = [blur(b"\r\n".join(field).replace(b"\0", b"?") + b"\r\n") for field in kept]
    return text, come, b"".join(line + b"\r\n" for line in body)
