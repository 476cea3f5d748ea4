# SPDX-License-Identifier: MIT

"""A smarthost that keeps a ledger: which message came, how often, and whether it was whole.

    sink = LedgerSink().start()
    text = message("key-17", 2000)           the content of a message that can be checked
    sink.wait_for("key-17", 20)              True once it is there
    sink.count("key-17"), sink.corrupt

misbehave(step) is asked at each step ("greeting", "ehlo", "mail", "rcpt", "data", "end") and gives
None or one of "4xx", "5xx", "421", "reset", "silence", "slow".  A message is in the ledger before
its last answer is given, or is not: so what is taken and not answered counts as arrived.
"""

import asyncio
import contextlib
import hashlib
import re
import socket
import struct
import threading
import time


def message(key, size=200, extra=b""):
    """A message of about so many octets; the sink checks it against its own sum."""
    line = hashlib.sha256(key.encode()).hexdigest().encode() + b"\n"
    body = (line * (size // len(line) + 1))[:max(size, 1)].rstrip(b"\n") + b"\n"
    digest = hashlib.sha256(body).hexdigest()
    return (f"Subject: {key}\nX-Sum: {digest}\n").encode() + extra + b"\n" + body


class _Reset(Exception):
    pass


class LedgerSink:
    def __init__(self, misbehave=None, silence=600):
        self.silence = silence  # seconds, then the connection is lost
        self.misbehave = misbehave or (lambda step: None)
        self.arrived = {}  # key: how often
        self.ids = {}  # key: the queue IDs under which it came
        self.corrupt = []  # keys of those that were not whole
        self.reports = []  # (recipients, content) of what came from the null sender
        self.answered = {}  # key: how often with 250
        self._changed = threading.Condition()
        self.port = 0

    def start(self):
        started = threading.Event()

        def run():
            asyncio.set_event_loop(asyncio.new_event_loop())
            self._loop = asyncio.get_event_loop()
            server = self._loop.run_until_complete(
                asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=500,
                                     limit=1 << 22))
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            self._loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        started.wait()
        return self

    # what came

    def count(self, key):
        with self._changed:
            return self.arrived.get(key, 0)

    def wait_for(self, key, timeout):
        with self._changed:
            return self._changed.wait_for(lambda: key in self.arrived, timeout)

    def _take(self, sender, recipients, content):
        content = content.replace(b"\r\n", b"\n")
        header, _, body = content.partition(b"\n\n")
        key = re.search(rb"^Subject: (.*)$", header, re.MULTILINE)
        identifier = re.search(rb"^Received:(?:.*\n[ \t])*.*\bid (\w+)", header, re.MULTILINE)
        digest = re.search(rb"^X-Sum: (\w+)$", header, re.MULTILINE)
        if sender == b"" and digest is None:
            with self._changed:
                self.reports.append((recipients, content))
                self._changed.notify_all()
            return None
        key = key.group(1).decode() if key else "?"
        is_whole = digest and hashlib.sha256(body).hexdigest().encode() == digest.group(1)
        with self._changed:
            self.arrived[key] = self.arrived.get(key, 0) + 1
            self.ids.setdefault(key, []).append(identifier.group(1).decode() if identifier else "?")
            if not is_whole:
                self.corrupt.append(key)
            self._changed.notify_all()
        return key

    # the dialogue

    async def _serve(self, reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._talk(reader, writer)
        except _Reset:
            # Who has gone already needs none.
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()

    async def _reply(self, writer, step, text):
        """False: not the one that was due."""
        fault = self.misbehave(step)
        if fault == "reset":
            raise _Reset
        if fault == "silence":
            await asyncio.sleep(self.silence)
            raise _Reset
        if fault == "slow":
            await asyncio.sleep(0.3)
        if fault in ("4xx", "5xx"):
            text = f"{fault[0]}50 {fault[0]}.3.0 the sink says {fault}"
        if fault == "421":
            text = "421 4.3.2 the sink says 421"
        writer.write(text.encode() + b"\r\n")
        await writer.drain()
        if fault == "421":
            raise ConnectionError
        return fault in (None, "slow")

    async def _talk(self, reader, writer):
        if not await self._reply(writer, "greeting", "220 ledger ESMTP"):
            return
        sender, recipients, content = None, [], b""
        while line := await reader.readline():
            verb = line.strip().upper()
            if verb.startswith(b"EHLO"):
                await self._reply(writer, "ehlo", "250-ledger\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
                                  "250-SIZE 50000000\r\n250 CHUNKING")
            elif verb.startswith(b"MAIL"):
                sender, recipients, content = None, [], b""
                if await self._reply(writer, "mail", "250 2.1.0 ok"):
                    sender = re.search(rb"<(.*?)>", line).group(1)
            elif verb.startswith(b"RCPT"):
                if sender is None:
                    writer.write(b"503 5.5.1 no MAIL\r\n")
                elif await self._reply(writer, "rcpt", "250 2.1.5 ok"):
                    recipients.append(re.search(rb"<(.*?)>", line).group(1))
            elif verb.startswith((b"DATA", b"BDAT")):
                is_last = True
                if verb.startswith(b"BDAT"):
                    words = verb.split()
                    content += await reader.readexactly(int(words[1]))
                    is_last = len(words) > 2
                if not recipients:
                    writer.write(b"503 5.5.1 no recipient\r\n")
                    continue
                if verb == b"DATA":
                    if not await self._reply(writer, "data", "354 go on"):
                        continue
                    content = await reader.readuntil(b"\r\n.\r\n")
                    content = content[:-3].replace(b"\r\n..", b"\r\n.")
                if not is_last:
                    writer.write(b"250 2.0.0 ok\r\n")
                    continue
                await self._end(writer, sender, recipients, content)
                sender, recipients, content = None, [], b""
            elif verb == b"QUIT":
                writer.write(b"221 2.0.0 bye\r\n")
                await writer.drain()
                return
            else:
                writer.write(b"250 2.0.0 ok\r\n")
            await writer.drain()

    async def _end(self, writer, sender, recipients, content):
        fault = self.misbehave("end")
        if fault in ("4xx", "5xx", "421"):
            writer.write(f"{'421' if fault == '421' else fault[0] + '50'} {fault[0]}.3.0 not this "
                         "one\r\n".encode())
            await writer.drain()
            if fault == "421":
                raise ConnectionError
            return
        key = self._take(sender, recipients, content)
        if fault == "reset":
            raise _Reset
        if fault == "silence":
            await asyncio.sleep(self.silence)
            raise _Reset
        if fault == "slow":
            await asyncio.sleep(0.3)
        writer.write(b"250 2.0.0 taken\r\n")
        await writer.drain()
        with self._changed:
            self.answered[key] = self.answered.get(key, 0) + 1


def until(condition, timeout):
    """Polls; False when it did not come true in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
