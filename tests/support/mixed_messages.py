# SPDX-License-Identifier: MIT

"""Messages of all sizes and shapes, the same ones each time."""

import random

LARGEST = 1 << 20
MANY = 50

HEADER = (b"From: Alice <alice@sender.example>\nTo: b@far.example\nSubject: octets\n"
          b"Date: Tue, 01 Jan 2019 00:00:00 +0000\nMessage-ID: <%d@sender.example>\n\n")


class Message:
    """What is handed over, to whom, and what must arrive (line ends: LF)."""

    def __init__(self, number, body, recipients):
        self.number = number
        self.sender = "alice@sender.example"
        self.source = HEADER % number + body
        self.recipients = [f"r{number}-{one}@far.example" for one in range(recipients)]
        # A bare CR becomes a blank, CR CR LF a line end, and the last line gets its end.
        text = self.source.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b" ")
        self.content = text if text.endswith(b"\n") else text + b"\n"


def lines(chance, size):
    """size octets of printable lines."""
    line = bytes(chance.choices(range(33, 127), k=900))
    body = bytearray()
    while len(body) < size:
        begin = chance.randrange(800)
        body += line[begin:begin + chance.randrange(1, 100)] + b"\n"
    return bytes(body[:max(size - 1, 0)]) + b"\n" * bool(size)


def dots(chance, size):
    """Lines of dots: lone ones, runs of them, runs of lines that begin with one."""
    body = bytearray()
    while len(body) < size:
        body += chance.choice((b".\n", b"..\n", b"\n.\n", b".\n" * chance.randrange(1, 300), b". x\n",
                               b"." * chance.randrange(1, 998) + b"\n", b".\r\n", b"From .\n"))
    return bytes(body)


def commands(chance, size):
    """A body that would be a dialogue, if an octet of it were lost."""
    body = bytearray()
    while len(body) < size:
        body += chance.choice((b"RSET\n", b"QUIT\n", b"MAIL FROM:<x@evil.example>\n",
                               b"RCPT TO:<x@evil.example>\n", b"DATA\n", b"BDAT 3 LAST\nabc",
                               b".\n", b"\n.\n", b"250 2.0.0 Ok\n"))
    return bytes(body)


def bare_returns(chance, size):
    return b"".join(bytes([octet]) + chance.choice((b"\r", b"\r", b"\n", b"\r\n", b"\r\r\n", b""))
                    for octet in lines(chance, max(size // 2, 1)).replace(b"\n", b"x"))[:size] + b"x"


def eight_bit(chance, size):
    octets = chance.randbytes(size).translate(bytes.maketrans(b"\r\0", b"\n."))
    return b"\n".join(line[at:at + 900] for line in octets.split(b"\n")
                      for at in range(0, len(line) + 1, 900)) + b"\n"


def without_end(chance, size):
    return lines(chance, size).rstrip(b"\n") + chance.choice((b"x", b".", b"\n."))


SHAPES = (lines, dots, commands, bare_returns, eight_bit, without_end)
# octets of body below, the most recipients, of 1000 messages so many
SIZES = ((0, 1, 20), (64, MANY, 200), (1024, MANY, 330), (8192, 10, 300), (65536, 3, 130),
         (262144, 2, 15), (LARGEST, 1, 5))


def mixed_messages(count):
    """count messages, the largest and the one with the most recipients always among them."""
    chance = random.Random(count)
    made = [Message(0, lines(chance, LARGEST), 1), Message(1, b"", MANY),
            Message(2, b".\n" * 100000, 1), Message(3, b"." * 990, 2)]
    for number in range(len(made), count):
        most, recipients, _ = chance.choices(SIZES, [weight for _, _, weight in SIZES])[0]
        size = chance.randrange(most // 8, most + 1)
        body = chance.choice(SHAPES)(chance, min(size, 8192)) if size else b""
        body *= max(size // len(body), 1) if size else 1
        many = chance.randrange(1, recipients + 1) if chance.random() < 0.15 else 1
        made.append(Message(number, body, many))
    return made


def refused_messages(count):
    """count messages with recipients, and now and then a sender, that a server refuses (no-)."""
    chance = random.Random(count)
    made = []
    for number in range(count):
        body = chance.choice((commands, lines, dots))(chance, chance.choice((10, 500, 5000, 60000)))
        message = Message(number, body, chance.choice((1, 1, 1, 2, 5)))
        likelihood = chance.choice((0, 0.3, 1))
        message.recipients = ["no-" * (chance.random() < likelihood) + recipient
                              for recipient in message.recipients]
        message.sender = "no-" * (chance.random() < 0.1) + message.sender
        made.append(message)
    return made
