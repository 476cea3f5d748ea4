# SPDX-License-Identifier: MIT

"""What is handed in, what comes out, and the two ends that do it."""

import hashlib
import re
import socket
import threading


class Message:
    """One that can be told from all others, and from a part of itself."""

    def __init__(self, number, recipients, lines=5, sender="a@there.example"):
        self.number, self.recipients, self.sender = number, recipients, sender
        body = b"".join(b"line %d of message %d %s\r\n" % (line, number, b"x" * 40)
                        for line in range(lines))
        self.body = body + b"end of message %d\r\n" % number
        self.digest = hashlib.sha256(self.body).digest()
        self.text = (b"From: a@there.example\r\nTo: b@far.example\r\n"
                     b"Subject: power %d\r\n\r\n" % number) + self.body


def number_of(octets):
    """Of the message that this is, or that this is about; -1: none of ours."""
    found = re.search(rb"^Subject: power (\d+)\r$", octets, re.MULTILINE)
    return int(found.group(1)) if found else -1


class Sink:
    """An SMTP server.  What it takes is in .taken before it says so.

    .taken: (number, recipient, is whole); a report on message 3 is (3, "report", True).
    Recipients "no..." are refused with 550, "later..." the first time with 450.
    """

    def __init__(self, messages):
        self.messages = {message.number: message for message in messages}
        self.taken = []
        self._later = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rwb") as stream:
                self._converse(stream)
        except (OSError, ValueError):
            # Whoever is killed hangs up.
            pass

    def _converse(self, stream):
        def say(text):
            stream.write(text.encode() + b"\r\n")
            stream.flush()

        say("220 sink")
        recipients = []
        while line := stream.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                say("250-sink\r\n250-PIPELINING\r\n250 8BITMIME")
            elif verb == b"RCPT":
                name = line[line.index(b"<") + 1:line.index(b">")].decode()
                refusal = self._refusal(name)
                if refusal is None:
                    recipients.append(name)
                say(refusal or "250 2.1.5 ok")
            elif verb == b"DATA":
                if not recipients:
                    say("554 5.5.1 no recipients")
                    continue
                say("354 go")
                self._take(recipients, self._read(stream))
                say("250 2.0.0 taken")
                recipients = []
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:
                recipients = []
                say("250 2.0.0 ok")

    def _refusal(self, name):
        if name.startswith("no"):
            return "550 5.1.1 no such user"
        if name.startswith("later") and name not in self._later:
            self._later.add(name)
            return "450 4.2.0 later"
        return None

    @staticmethod
    def _read(stream):
        content = bytearray()
        while (line := stream.readline()) != b".\r\n":
            if not line:
                raise OSError("cut off")
            content += line[1:] if line.startswith(b".") else line
        return bytes(content)

    def _take(self, recipients, content):
        number = number_of(content)
        _, _, body = content.partition(b"\r\n\r\n")
        if b"multipart/report" in content:
            self.taken.append((number, "report", content.rstrip().endswith(b"--")))
            return
        message = self.messages.get(number)
        whole = message is not None and hashlib.sha256(body).digest() == message.digest
        for recipient in recipients:
            self.taken.append((number, recipient, whole))


class Client:
    """Hands in one message at the service's socket; step() goes on as far as it can."""

    def __init__(self, path, message):
        self.path, self.message = path, message
        self.reply = b""
        self.socket = None
        self.has_ended = False
        self.accepted = False
        self.id = ""  # the queue ID
        lines = [b"EHLO client", b"MAIL FROM:<" + message.sender.encode() + b">"]
        lines += [b"RCPT TO:<" + name.encode() + b">" for name in message.recipients]
        lines += [b"DATA"]
        self.commands = [line + b"\r\n" for line in lines]
        self.commands.append(message.text.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        self.left = b""

    def step(self):
        if self.has_ended:
            return
        if self.socket is None and not self._connect():
            return
        try:
            while True:
                self._send()
                octets = self.socket.recv(4096)
                if not octets:
                    self.has_ended = True
                    return
                self.reply += octets
                self._answer()
        except BlockingIOError:
            return
        except OSError:
            self.has_ended = True

    def _connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            connection.connect(self.path)
        except OSError:
            connection.close()
            return False
        self.socket = connection
        return True

    def _send(self):
        while self.left:
            self.left = self.left[self.socket.send(self.left):]

    def _answer(self):
        while b"\n" in self.reply:
            line, _, self.reply = self.reply.partition(b"\n")
            if line[3:4] == b"-":
                continue
            if not self.commands:
                self.accepted = line.startswith(b"250")
                self.id = line.split()[-1].decode()
                self.has_ended = True
                return
            if line[:1] not in b"23":
                self.has_ended = True
                return
            self.left += self.commands.pop(0)

    def close(self):
        if self.socket is not None:
            self.socket.close()
