# SPDX-License-Identifier: MIT

"""What arrived against what must have arrived."""

import email
import email.policy
import re

from oddities.draft import addresses_of

ADDED = {
    "Received": rb"by client\.test \(mailchute\) with %w \(uid \d+\)\r\n\tid \S+;\r\n\t%s",
    "Date": rb"%s",
    "Resent-Date": rb"%s",
    "Message-ID": rb"<[0-9a-z.]+@here\.example>",
    "Resent-Message-ID": rb"<[0-9a-z.]+@here\.example>",
}
DATE = (rb"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
        rb" \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
MIME_FIELDS = ("content-transfer-encoding", "content-type", "mime-version")


class Wrong(Exception):
    pass


def check(condition, *words):
    if not condition:
        raise Wrong(" ".join(word if isinstance(word, str) else repr(word)[:600]
                             for word in words))


# the rules of the wire, whatever the message

def content_of(arrival):
    """The octets of a message, dots undone; what could end it early is a fault."""
    raw = arrival.raw
    if not raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"):
        check(False, "a bare CR or LF on the wire:",
              re.search(rb".{0,30}(?:\r(?!\n)|(?<!\r)\n).{0,30}", raw).group())
    check(raw == b"" or raw.endswith(b"\r\n"), "the content has no end:", raw[-50:])
    if arrival.is_chunk:
        return raw
    check(not re.search(rb"^\.(?!\.)", raw, re.MULTILINE), "a dot is not doubled")
    return re.sub(rb"^\.", b"", raw, flags=re.MULTILINE)


def fields_of(content):
    """(fields with their line ends, body); every line of the header belongs to a field."""
    if content.startswith(b"\r\n"):
        return [], content[2:]
    header, _, body = content.partition(b"\r\n\r\n")
    fields = []
    for line in header.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            check(fields, "the header begins with a fold")
            fields[-1] += line + b"\r\n"
        else:
            check(re.match(rb"[!-9;-~]+[ \t]*:", line), "no field in the header:", line)
            fields.append(line + b"\r\n")
    return fields, body


def name_of(field):
    return field.partition(b":")[0].strip().decode().lower()


def address_of(line):
    return re.search(rb"<(.*)>", line).group(1).decode()


# against the draft

def unfolded(fields):
    return [re.sub(rb"\r\n(?=[ \t])", b"", field) for field in fields]


def check_added(draft, fields):
    wanted = sorted(name.lower() for name in draft.added)
    check(sorted(map(name_of, fields)) == wanted, "added:", fields, "instead of", wanted)
    for field in fields:
        name, _, value = field.partition(b": ")
        name, value = name.decode(), value.removesuffix(b"\r\n")
        pattern = ADDED.get(name)
        if pattern is None:
            sender = re.escape((draft.sender or "MAILER-DAEMON@here.example").encode())
            pattern = (sender if draft.full_name is None
                       else draft.full_name + b" <" + sender + b">")
        pattern = pattern.replace(b"%s", DATE).replace(
            b"%w", b"local-smtp" if draft.is_session else b"local")
        check(re.fullmatch(pattern, value), "added", name, value, "does not match", pattern)


def check_header(draft, fields):
    """What came is there, octet for octet, in order; around it what was missing."""
    wanted = draft.kept_fields
    if draft.is_recoded:
        wanted = [field for field in wanted if name_of(field) not in MIME_FIELDS]
        fields = [field for field in fields if name_of(field) not in MIME_FIELDS]
    if draft.is_folded:
        check(all(len(line) <= 998 or
                  not draft.is_parted and not re.search(rb"[^ \t][ \t]+[^ \t]", line)
                  for field in fields for line in field.split(b"\r\n")),
              "a line of the header is longer than 998 octets")
        fields, wanted = unfolded(fields), unfolded(wanted)
    if draft.is_parted:
        fields = [field.replace(b">, ", b">,") if name_of(field) == "to" else field
                  for field in fields]
    top = len([name for name in draft.added if name == "Received" or name.startswith("Resent-")])
    kept = fields[top:top + len(wanted)]
    check(kept == wanted, "fields", kept, "instead of", wanted)
    if not draft.is_folded:
        check_added(draft, fields[:top] + fields[top + len(wanted):])


def read_by_python(content):
    """As an independent reader of mail sees it.  A blank before the colon is beyond it."""
    header, border, body = content.partition(b"\r\n\r\n")
    header = re.sub(rb"^([!-9;-~]+)[ \t]+:", rb"\1:", header, flags=re.MULTILINE)
    return email.message_from_bytes(header + border + body, policy=email.policy.compat32)


def raw_value(value):
    return value.encode("ascii", "surrogateescape")


def check_reader(draft, content, fields, body):
    message = read_by_python(content)
    check(not message.defects or draft.takes("defects"), "Python's email finds", message.defects)
    seen = [(name.lower(), raw_value(value)) for name, value in message.raw_items()]
    wanted = [(name_of(field), field.partition(b":")[2].lstrip(b" \t").removesuffix(b"\r\n"))
              for field in fields]
    check(seen == wanted, "Python's email reads", seen, "instead of", wanted)
    for name in ("bcc", "resent-bcc", "return-path", "content-length"):
        check(name not in message, name, "is there")
    if draft.shown:
        values = [str(value) for name in ("to", "cc") for value in message.get_all(name, [])]
        found = {address.lower() for address in addresses_of(values)}
        check({address.lower() for address in draft.shown} <= found, "To and Cc show", found,
              "not all of", draft.shown)
    if not message.is_multipart():
        payload = message.get_payload(decode=True)
        if payload is None:
            payload = b""
        # What is between two encoded lines is the reader's own.
        payload = re.sub(rb"\r?\n", b"\r\n", payload)
        check(payload == draft.kept_body, "Python's email reads the body", payload,
              "instead of", draft.kept_body)


def check_envelope(draft, arrivals):
    for arrival in arrivals:
        sender = address_of(arrival.mail)
        wanted = draft.sender if draft.wire_sender is None else draft.wire_sender
        check(sender == wanted, "sender", sender, "instead of", wanted)
        for words in (draft.parameters if draft.peer == "bdat" else ()):
            check(words in (arrival.mail + b" " + b" ".join(arrival.rcpts)), words,
                  "is missing:", arrival.mail, arrival.rcpts)
        is_8bit = not arrival.raw.isascii()
        check(not is_8bit or draft.peer == "blunt" or b" BODY=8BITMIME" in arrival.mail,
              "8-bit and not declared:", arrival.mail)
        check(draft.peer != "blunt" or b"BODY=" not in arrival.mail, "not offered:", arrival.mail)
        for line in (arrival.mail, *arrival.rcpts):
            check(draft.peer == "bdat" or not re.search(rb" (NOTIFY|RET|ENVID|ORCPT)=", line),
                  "a parameter that was not offered:", line)
    got = sorted(address_of(line) for arrival in arrivals for line in arrival.rcpts)
    wanted = [address for address in draft.wanted_recipients if "-refused" not in address]
    check(got == wanted, "recipients", got, "instead of", wanted)


def judge(draft, arrivals):
    """Raises Wrong."""
    check_envelope(draft, arrivals)
    contents = {content_of(arrival) for arrival in arrivals}
    check(len(contents) == 1, "the recipients got", len(contents), "different messages")
    content, = contents
    fields, body = fields_of(content)
    check_header(draft, fields)
    if not draft.is_recoded:
        check(body == draft.kept_body, "body", body, "instead of", draft.kept_body)
    check(all(len(line) <= 1000 for line in body.split(b"\n")),
          "a line of the body is longer than 998 octets")
    check_reader(draft, content, fields, body)


def judge_session(draft, status, stdout, stderr):
    """Nothing but the protocol on standard output, a reply to every command."""
    lines = stdout.split(b"\r\n")
    check(all(re.match(rb"\d{3}[ -]", line) for line in lines[:-1]) and lines[-1] == b"",
          "standard output:", stdout)
    codes = [int(line[:3]) for line in lines[:-1] if line[3:4] == b" "]
    wanted = [220, 250, 250] + [250] * len(draft.recipients) + [354, 250, 221]
    check(codes == wanted, "replies", stdout, "instead of", wanted)
    check((status, stderr) == (0, b""), "exit", status, stderr)


def judge_call(draft, status, stdout, stderr):
    """What the caller was told."""
    if draft.is_session:
        judge_session(draft, status, stdout, stderr)
        return
    check(stdout == b"", "standard output:", stdout)
    lines = stderr.decode(errors="replace")
    if draft.refused is not None:
        check(status in draft.refused, "exit", status, "instead of", draft.refused, stderr)
        check(lines.count("\n") == 1 and len(stderr) < 900, "standard error:", stderr)
        return
    check(status == draft.status, "exit", status, "instead of", draft.status, stderr)
    if draft.takes("verbose"):
        return
    check(lines.count("\n") == bool(draft.bad), "standard error:", stderr)
    for word in draft.bad:
        check(word in lines, "standard error does not name", word, stderr)
