# SPDX-License-Identifier: MIT

"""An SMTP server that misbehaves at one chosen step and is correct at all others.

    Peer(at="rcpt", fault="reset")          at every connection
    Peer(at="end", fault="421", times=1)    at the first connection only

Steps are named after the reply that is due: "connect" (nothing sent yet),
"greeting", "ehlo", "starttls", "handshake", "auth", "mail", "rcpt", "data",
"content" (while it arrives), "end" (the reply to the message), "quit".

Faults: "close", "reset", "stall" (says nothing more, keeps the connection),
"garbage", "nul", "endless-line", "endless-lines", "4xx", "5xx", "421" (and
closes), "wrong-class", and at STARTTLS "injection" (more plain text behind
the 220, which RFC 3207 section 4.2 wants thrown away or refused).

    Peer(hold="content")                    stands still there until release()
"""

import base64
import socket
import ssl
import struct
import threading
import time

from support.wait import hold_port

EVERY_REPLY = ("close", "reset", "stall", "garbage", "nul", "endless-line", "endless-lines",
               "4xx", "5xx", "421", "wrong-class")
FAULTS = {
    "connect": ("close", "reset", "stall"),
    "greeting": EVERY_REPLY,
    "ehlo": EVERY_REPLY,
    "starttls": EVERY_REPLY + ("injection",),
    "handshake": ("close", "reset", "stall", "garbage"),
    "auth": EVERY_REPLY,
    "mail": EVERY_REPLY,
    "rcpt": EVERY_REPLY,
    "data": EVERY_REPLY,
    "content": ("close", "reset", "stall", "421"),
    "end": EVERY_REPLY,
    "quit": EVERY_REPLY,
}
GARBAGE = b"\x80\x81\xff\xfe no reply at all \x01\x02\r\n"


class Gone(Exception):
    """The session is over."""


class Session:
    """What one connection did."""

    def __init__(self):
        self.commands = []  # lines without CRLF, as octets
        self.moments = []  # when each of them was read, by time.monotonic()
        self.raw = bytearray()  # everything read, decrypted
        self.messages = []  # (sender, recipients, content) that got a 250
        self.log_in = None  # (user, password)
        self.is_tls = False
        self.address = None  # (host, port) that the client came from
        self.is_resumed = False  # TLS went on with a session of an earlier connection
        self.version = None  # of TLS, "TLSv1.3"
        self.client_name = None  # the common name in the client's certificate
        self.reached_fault = False
        self.reached_hold = False
        self.has_ended = False


class Peer:
    @property
    def conversation(self):
        """The class of its conversations, for those who want another."""
        return Conversation

    def __init__(self, at=None, fault=None, times=None,
                 extensions=("PIPELINING", "CHUNKING", "8BITMIME", "SIZE 50000000"),
                 certificate=None, users=None, refuse=None, endless=64 * 1024 * 1024,
                 hold=None, verify=None, refuses_null=False):
        """certificate: (file, key) offers STARTTLS; users: {name: password} offers AUTH;
        refuse: {recipient: reply} for RCPT; verify: {address: reply} for VRFY (252 to any
        other; a reply of "" hangs up; None: there is no VRFY); endless: octets after which
        even that ends; hold: the step at which every connection stands still until release()."""
        assert fault is None or fault in FAULTS[at], (at, fault)
        self.at, self.fault, self.times = at, fault, times
        self.extensions = list(extensions)
        self.users = users or {}
        self.refuse = refuse or {}
        self.verify = verify
        self.endless = endless
        self.hold = hold
        self.refuses_null = refuses_null
        self.sessions = []
        self._messages = []
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*map(str, certificate))
        self._stopping = threading.Event()
        self._released = threading.Event()
        self._open = set()
        self._lock = threading.Lock()
        self._listener = None
        self._holder = None
        self.port = None

    # life

    def start(self):
        self._stopping.clear()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.hold == "content":
            # So that little of a message fits on the way.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # While it is stopped, nobody else has its port.
        self._holder = self._holder or hold_port(self.port or 0)
        self.port = self._holder.getsockname()[1]
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(50)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def stop(self):
        if self._listener is None:
            return
        self._stopping.set()
        self._released.set()
        # Wakes accept(), which close() alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                _hang_up(connection)
        self._thread.join(10)
        self._listener = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _accept(self):
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        session = Session()
        session.address = connection.getpeername()[:2]
        # Several small replies in a row shall not wait for each other.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(connection)
            is_faulty = self.times is None or len(self.sessions) < self.times
            self.sessions.append(session)
        conversation = self.conversation(self, session, connection, is_faulty)
        try:
            conversation.run()
        except (Gone, OSError, ssl.SSLError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            conversation.close()
            session.has_ended = True

    def repair(self):
        """From now on a correct server."""
        self.fault = None

    def release(self):
        """Nobody stands still any more."""
        self.hold = None
        self._released.set()

    # what happened

    @property
    def messages(self):
        """Those of all sessions, in the order in which they were taken."""
        with self._lock:
            return list(self._messages)

    @property
    def reached_fault(self):
        with self._lock:
            return any(session.reached_fault for session in self.sessions)

    @property
    def reached_hold(self):
        with self._lock:
            return any(session.reached_hold for session in self.sessions)


def _hang_up(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Conversation:
    def __init__(self, peer, session, connection, is_faulty):
        self.peer, self.session, self.is_faulty = peer, session, is_faulty
        self.connection = connection
        self.buffer = bytearray()
        self.sender, self.recipients, self.content = None, [], bytearray()

    def close(self):
        self.connection.close()

    # octets

    def fill(self):
        octets = self.connection.recv(65536)
        if not octets:
            raise Gone
        self.session.raw += octets
        self.buffer += octets

    def read_line(self):
        seen = 0
        while (end := self.buffer.find(b"\r\n", seen)) < 0:
            seen = max(0, len(self.buffer) - 1)
            self.fill()
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        return line

    def read_octets(self, count):
        while len(self.buffer) < count:
            self.fill()
        octets = bytes(self.buffer[:count])
        del self.buffer[:count]
        return octets

    def say(self, *lines):
        *first, last = lines
        text = "".join(f"{line[:3]}-{line[4:]}\r\n" for line in first) + last + "\r\n"
        self.connection.sendall(text.encode())

    # faults

    def answer(self, step, *lines):
        """The reply that is due at this step, or the fault; False when it was a refusal."""
        self.stand_still(step)
        if not self.misbehaves_at(step):
            self.say(*lines)
            return True
        self.session.reached_fault = True
        return self.misbehave(step, lines)

    def stand_still(self, step):
        if self.peer.hold == step:
            self.session.reached_hold = True
            self.peer._released.wait()

    def misbehaves_at(self, step):
        return self.is_faulty and self.peer.fault is not None and self.peer.at == step

    def misbehave(self, step, lines):
        fault = self.peer.fault
        if fault == "4xx":
            self.say("454 4.7.0 peer says not now" if step == "auth" else
                     "451 4.3.0 peer says not now")
        elif fault == "5xx":
            self.say("535 5.7.8 peer says never" if step == "auth" else
                     "554 5.3.0 peer says never")
        elif fault == "421":
            self.say("421 4.3.2 peer is closing down")
            self.let_read()
            raise Gone
        elif fault == "wrong-class":
            self.say("250 2.0.0 wrong class" if lines[-1].startswith("3") else
                     "354 wrong class")
        elif fault == "garbage":
            self.connection.sendall(GARBAGE)
        elif fault == "nul":
            # Odd, but a reply of the right class: whoever goes on is not wrong.
            *first, last = lines
            text = "".join(f"{line[:3]}-{line[4:]}\r\n" for line in first)
            self.connection.sendall(text.encode() + last.encode() + b" with \0 inside\r\n")
            return True
        elif fault == "endless-line":
            self.pour(b"250 " + b"x" * 65532, b"x" * 65536)
        elif fault == "endless-lines":
            self.pour(b"", lines[-1][:3].encode() + b"-more\r\n")
        else:
            self.vanish(fault)
        return False

    def let_read(self):
        """Closing with octets unread sends a reset, which may overtake what was said."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(10)
        while self.connection.recv(65536):
            pass

    def vanish(self, fault):
        if fault == "reset":
            # Lingering for no time at all makes close() send a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
        elif fault == "stall":
            self.peer._stopping.wait()
        raise Gone

    def pour(self, first, octets):
        self.connection.sendall(first)
        sent = len(first)
        block = octets * max(1, 65536 // len(octets))
        while sent < self.peer.endless:
            self.connection.sendall(block)
            sent += len(block)
        raise Gone

    # the session

    def run(self):
        if self.misbehaves_at("connect"):
            self.session.reached_fault = True
            self.vanish(self.peer.fault)
        self.answer("greeting", "220 peer.test ESMTP")
        while True:
            line = self.read_line()
            self.session.moments.append(time.monotonic())
            self.session.commands.append(line)
            verb = line.split(b" ", 1)[0].upper().decode("latin-1")
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                self.say("502 5.5.1 peer does not know that")
            else:
                handler(line)

    def on_ehlo(self, line):
        lines = ["250 peer.test"] + ["250 " + word for word in self.peer.extensions]
        if self.peer._context and not self.session.is_tls:
            lines.append("250 STARTTLS")
        if self.peer.users:
            lines.append("250 AUTH PLAIN LOGIN")
        self.answer("ehlo", *lines)

    def on_helo(self, line):
        self.say("250 peer.test")

    def on_starttls(self, line):
        if self.misbehaves_at("starttls") and self.peer.fault == "injection":
            self.session.reached_fault = True
            self.connection.sendall(b"220 2.0.0 go\r\n250 2.0.0 injected\r\n")
        elif not self.answer("starttls", "220 2.0.0 go"):
            return
        if self.misbehaves_at("handshake"):
            self.session.reached_fault = True
            self.misbehave("handshake", ["220"])
            raise Gone
        self.buffer = bytearray()
        plain = self.connection
        self.connection = self.peer._context.wrap_socket(plain, server_side=True)
        with self.peer._lock:
            self.peer._open.discard(plain)
            self.peer._open.add(self.connection)
        self.session.is_tls = True
        self.session.is_resumed = self.connection.session_reused
        self.session.version = self.connection.version()
        shown = self.connection.getpeercert() or {}
        self.session.client_name = dict(part[0] for part in shown.get("subject", ())).get(
            "commonName")

    def on_auth(self, line):
        words = line.split()
        if words[1].upper() == b"PLAIN":
            blob = words[2] if len(words) > 2 else self.challenge("334 ")
            _, user, password = base64.b64decode(blob).split(b"\0")
        else:
            first = words[2] if len(words) > 2 else self.challenge("334 VXNlcm5hbWU6")
            user = base64.b64decode(first)
            password = base64.b64decode(self.challenge("334 UGFzc3dvcmQ6"))
        self.session.log_in = (user.decode(), password.decode())
        if self.peer.users.get(user.decode()) == password.decode():
            self.answer("auth", "235 2.7.0 welcome")
        else:
            self.say("535 5.7.8 wrong password")

    def challenge(self, text):
        self.say(text)
        return self.read_line()

    def on_mail(self, line):
        if self.peer.refuses_null and line.upper().startswith(b"MAIL FROM:<>"):
            self.say("550 5.7.1 peer takes no null sender")
        elif self.answer("mail", "250 2.1.0 sender"):
            self.sender, self.recipients, self.content = line, [], bytearray()

    def on_rcpt(self, line):
        address = line[line.index(b"<") + 1:line.index(b">")].decode()
        if address in self.peer.refuse:
            self.say(self.peer.refuse[address])
        elif self.sender is None:
            self.say("503 5.5.1 MAIL first")
        elif self.answer("rcpt", "250 2.1.5 recipient"):
            self.recipients.append(address)

    def on_vrfy(self, line):
        if self.peer.verify is None:
            self.say("502 5.5.1 peer has no VRFY")
            return
        address = line.split(b" ", 1)[1].decode()
        reply = self.peer.verify.get(address, "252 2.5.2 peer says send and see")
        if not reply:
            raise Gone
        self.say(*reply.split("\n"))

    def on_data(self, line):
        if not self.recipients:
            self.say("554 5.5.1 no valid recipients")
            return
        if not self.answer("data", "354 go"):
            return
        while True:
            self.break_content()
            text = self.read_line()
            if text == b".":
                break
            self.content += (text[1:] if text.startswith(b".") else text) + b"\r\n"
        self.end()

    def on_bdat(self, line):
        words = line.split()
        if int(words[1]) > 0 and self.peer.hold == "content":
            self.content += self.read_octets(1)
            self.stand_still("content")
            self.content += self.read_octets(int(words[1]) - 1)
        elif not self.misbehaves_at("content"):
            self.content += self.read_octets(int(words[1]))
        elif int(words[1]) > 0:
            self.content += self.read_octets(1)
            self.break_content()
        if not self.recipients:
            self.say("554 5.5.1 no valid recipients")
        elif len(words) > 2 and words[2].upper() == b"LAST":
            self.end()
        else:
            self.say("250 2.0.0 chunk")

    def break_content(self):
        if self.misbehaves_at("content"):
            self.session.reached_fault = True
            self.misbehave("content", ["250"])

    def end(self):
        message = (self.sender, self.recipients, bytes(self.content))
        self.sender, self.recipients, self.content = None, [], bytearray()
        if self.misbehaves_at("end") and self.peer.fault != "nul":
            self.answer("end", "250 2.0.0 taken")
            return
        # Before the reply, so that whoever saw the reply finds the message.
        with self.peer._lock:
            self.session.messages.append(message)
            self.peer._messages.append(message)
        self.answer("end", "250 2.0.0 taken as 1")

    def on_rset(self, line):
        self.sender, self.recipients, self.content = None, [], bytearray()
        self.say("250 2.0.0 forgotten")

    def on_noop(self, line):
        self.say("250 2.0.0 ok")

    def on_quit(self, line):
        self.answer("quit", "221 2.0.0 bye")
        raise Gone
