# SPDX-License-Identifier: MIT

"""What is played under the tracer: messages, programs that hand them in, and their queue."""

MASK64 = (1 << 64) - 1


def fnv(octets):
    value = 0xcbf29ce484222325
    for octet in octets:
        value = (value ^ octet) * 0x100000001b3 & MASK64
    return value


class Message:
    """One message; what a recipient is for stands at the beginning of the address (sink.c)."""

    def __init__(self, mark, recipients, sender=None, size=200, in_header=False):
        self.mark = mark
        self.sender = f"author-{mark}@from.example" if sender is None else sender
        self.recipients = list(recipients)
        self.in_header = in_header
        line = f"line of {mark} ".encode().ljust(62, b".")
        body = b"\n".join([line] * max(1, size // 63) + [b"the end of " + mark.encode()]) + b"\n"
        to = ", ".join(recipients[:-1]) if in_header else "undisclosed-recipients:;"
        hidden = f"Bcc: {recipients[-1]}\n" if in_header else ""
        self.text = (f"From: {self.sender}\nTo: {to}\n{hidden}Subject: {mark}\n"
                     f"X-Mark: {mark}\n\n").encode() + body
        wire = body.replace(b"\n", b"\r\n")
        self.length, self.hash = len(wire), f"{fnv(wire):016x}" if size < 100000 else None


def addresses(kind, count, mark):
    return [f"{kind}{number}-{mark}@far.example" for number in range(count)]


class Scene:
    """The lines for the tracer, and what is to come of them."""

    def __init__(self, name, messages=(), queued=(), flags=(), config=None, **ways):
        self.name = name
        self.messages = list(messages)
        self.queued = list(queued)  # stand in the spool when it begins
        self.flags = list(flags)
        self.config = {"wait": '"disk"', "warn": '"4h"', "mode": '"auto"', **(config or {})}
        self.at_once = ways.get("at_once", False)
        self.dialogue = ways.get("dialogue", False)
        self.on_demand = ways.get("on_demand", False)
        self.options = ways.get("options", [])
        self.admin = ways.get("admin", [])  # (verb, mark)
        self.serves = ways.get("serves", not self.on_demand)
        self.held = ways.get("held", [])    # marks of those that are held at the beginning
        self.damaged = ways.get("damaged", [])  # whose queue files do not check out
        self.wants_success = ways.get("wants_success", False)  # a report of each delivery

    def program(self, place, message):
        words = [*place.env(own=self.on_demand), str(place.sendmail)]
        if self.dialogue:
            return [*words, "-bs"]
        words += ["-f", message.sender or "<>", *self.options]
        return [*words, "-t"] if message.in_header else [*words, *message.recipients]

    def write_inputs(self, place):
        """Of each submission: tag and input."""
        if self.dialogue:
            lines = [b"EHLO localhost"]
            for one in self.messages:
                lines.append(b"MAIL FROM:<" + one.sender.encode() + b">")
                lines += [b"RCPT TO:<" + name.encode() + b">" for name in one.recipients]
                lines += [b"DATA", one.text.replace(b"\n", b"\r\n") + b"."]
            place.write("dialogue.in", b"\r\n".join([*lines, b"QUIT", b""]))
        for one in self.messages:
            place.write(f"{one.mark}.in", one.text)

    def submissions(self, place):
        if self.dialogue:
            return [("dialogue", self.program(place, None))]
        return [(one.mark, self.program(place, one)) for one in self.messages]

    def lines(self, place):
        serve = ["start", str(place.path("service.out")), *place.env(own=True),
                 str(place.mailchute), "serve"]
        queue = str(place.spool / "queue")
        lines = [serve, ["socket", str(place.socket)]] if self.serves else []
        for tag, program in self.submissions(place):
            lines.append(["spawn" if self.at_once else "run", tag, str(place.path(f"{tag}.in")),
                          str(place.path(f"{tag}.out")), *program])
        lines.append(["join"])
        for number, (verb, mark) in enumerate(self.admin):
            lines.append(["run", f"admin{number}", "/dev/null", str(place.path("admin.out")),
                          *place.env(own=True), str(place.mailchute), "queue", verb,
                          place.ids[self.name][mark]])
        if self.serves or self.on_demand:
            lines += [["rest", queue], ["term"]]
        lines += [["end"], ["recover"]]
        if not self.held:
            lines.append(["unless", queue])
        lines += [serve, ["socket", str(place.socket)], ["rest", queue], ["term"], ["end"]]
        return ["\t".join(line) for line in lines]


def mixed(mark, ok=1, later=1, no=1):
    return Message(mark, addresses("ok", ok, mark) + addresses("later", later, mark) +
                   addresses("no", no, mark))


def plain(mark, count=1, **options):
    return Message(mark, addresses("ok", count, mark), **options)


def all_scenes():
    ten = [plain(f"t{number}") for number in range(10)]
    queue = [mixed(f"q{number}", ok=number % 3 + 1, later=number % 2, no=number % 4 // 3)
             for number in range(10)]
    four = [plain(f"a{number}") for number in range(4)]
    commands = [("release", "a0"), ("remove", "a1"), ("hold", "a2"), ("release", "a3")]
    return [
        Scene("one", [plain("o1")]),
        Scene("ten", ten, at_once=True),
        Scene("many", [mixed("m1", 20, 5, 5)]),
        Scene("header", [plain("h1", 3, in_header=True)]),
        Scene("dialogue", [plain("d1"), plain("d2", 2)], dialogue=True),
        Scene("large", [plain("l1", size=1 << 20)]),
        Scene("named", [plain("n1")], flags=["-t"]),
        Scene("linked", [plain("n2")], flags=["-t", "-r"]),
        Scene("demand", [plain("e1")], on_demand=True, config={"wait": '"auto"'}),
        Scene("two on demand", [plain("f1"), mixed("f2")], on_demand=True, at_once=True,
              config={"wait": '"auto"'}),
        Scene("outcome", [mixed("w1", 0, 0, 2), mixed("w2", 1, 0, 1)], options=["-odi"],
              config={"wait": '"outcome"'}),
        Scene("queue of one", queued=[mixed("g1", 3, 2, 2)]),
        Scene("queue of ten", queued=queue),
        Scene("delayed", queued=[mixed("y1", 1, 2, 0)], config={"warn": '"1s"'}),
        Scene("untold", queued=[Message("u1", ["ok-u1@far.example", "no-u1@far.example"],
                                        sender="")]),
        Scene("damaged", queued=[plain("b1"), plain("b2")], damaged=["b1"]),
        Scene("success", [plain("s1", 2)], options=["-N", "success"], wants_success=True),
        Scene("direct", [plain("x1", 2)], on_demand=True, config={"mode": '"direct"'}),
        Scene("commands", queued=four, held=[one.mark for one in four], admin=commands),
        Scene("commands alone", queued=four, held=[one.mark for one in four], admin=commands,
              serves=False),
    ]


def fault_scenes():
    wanted = ["one", "many", "linked", "demand", "outcome", "queue of one", "delayed", "untold",
              "damaged", "success", "direct", "commands", "commands alone"]
    return [scene for scene in all_scenes() if scene.name in wanted]
