# SPDX-License-Identifier: MIT

"""A server that is correct and quick, and keeps every octet as it came."""

import collections
import re
import socket
import threading

Arrival = collections.namedtuple("Arrival", "mail rcpts raw is_chunk")


class Capture:
    """extensions: what EHLO offers; None: EHLO is not known.  blunt: three-digit replies
    without text, several lines where one would do, and the connection lost at QUIT.

    A recipient with "-refused" is refused for good; with "-later", once.
    """

    def __init__(self, extensions, is_blunt=False):
        self.extensions = extensions
        self.is_blunt = is_blunt
        self.arrivals = []
        self.faults = []  # what broke the protocol
        self._seen = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._listener.getsockname()[1]
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def take(self):
        """What came since the last call."""
        with self._lock:
            taken, self.arrivals = self.arrivals, []
        return taken

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            _Conversation(self, connection).run()
        except (ConnectionError, OSError):
            pass
        finally:
            connection.close()

    def keep(self, arrival):
        with self._lock:
            self.arrivals.append(arrival)

    def is_first(self, recipient):
        with self._lock:
            is_new = recipient not in self._seen
            self._seen.add(recipient)
            return is_new


class _Conversation:
    def __init__(self, capture, connection):
        self.capture = capture
        self.connection = connection
        self.buffer = bytearray()
        self.mail, self.rcpts = None, []
        self.chunks = bytearray()
        self.is_over = False

    def fill(self):
        octets = self.connection.recv(1 << 20)
        if not octets:
            raise ConnectionError
        self.buffer += octets

    def take(self, length):
        taken = bytes(self.buffer[:length])
        del self.buffer[:length]
        return taken

    def read_line(self):
        while (end := self.buffer.find(b"\n")) < 0:
            self.fill()
        line = self.take(end + 1)
        if not line.endswith(b"\r\n") or re.search(rb"[\r\n\0]", line[:-2]) or len(line) > 2048:
            self.capture.faults.append(line)
        return line.rstrip(b"\r\n")

    def say(self, code, text):
        """A line; a blunt server says no more than it must, or says it twice."""
        if not self.capture.is_blunt or code == 220:
            answer = f"{code} {text}\r\n"
        elif code == 250:
            answer = f"250-{text}\r\n250-\r\n250\r\n"
        else:
            answer = f"{code}\r\n"
        # Not before what was sent ahead has been read: so replies go in few packets.
        self.connection.sendall(answer.encode())

    def run(self):
        self.say(220, "capture.test ESMTP")
        while not self.is_over:
            line = self.read_line()
            verb = line[:4].upper().decode("latin-1")
            getattr(self, "on_" + verb.strip().lower(), self.on_unknown)(line)

    def on_unknown(self, line):
        self.say(502, "5.5.1 not known")

    def on_ehlo(self, line):
        if self.capture.extensions is None:
            self.say(500, "what?")
            return
        lines = ["capture.test", *self.capture.extensions]
        self.connection.sendall("".join(
            f"250{'-' if number < len(lines) else ' '}{text}\r\n"
            for number, text in enumerate(lines, 1)).encode())

    def on_helo(self, line):
        self.say(250, "capture.test")

    def on_noop(self, line):
        self.say(250, "fine")

    def on_rset(self, line):
        self.mail, self.rcpts, self.chunks = None, [], bytearray()
        self.say(250, "forgotten")

    def on_mail(self, line):
        self.mail, self.rcpts, self.chunks = line, [], bytearray()
        self.say(250, "sender")

    def on_rcpt(self, line):
        if b"-refused" in line:
            self.say(550, "5.1.1 never")
        elif b"-later" in line and self.capture.is_first(line):
            self.say(450, "4.2.0 later")
        else:
            self.rcpts.append(line)
            self.say(250, "recipient")

    def on_data(self, line):
        if not self.rcpts:
            self.say(554, "5.5.1 nobody")
            return
        self.say(354, "go")
        begin = 0
        while not self.buffer.startswith(b".\r\n"):
            at = self.buffer.find(b"\r\n.\r\n", begin)
            if at >= 0:
                break
            begin = max(0, len(self.buffer) - 4)
            self.fill()
        else:
            at = -2
        raw = self.take(at + 2)
        self.take(3)
        self.end(raw, False)

    def on_bdat(self, line):
        words = line.split()
        length = int(words[1])
        while len(self.buffer) < length:
            self.fill()
        self.chunks += self.take(length)
        if not self.rcpts:
            self.say(554, "5.5.1 nobody")
        elif words[-1].upper() == b"LAST":
            self.end(bytes(self.chunks), True)
        else:
            self.say(250, "more")

    def end(self, raw, is_chunk):
        # Before the reply: whoever has seen the reply finds the message.
        self.capture.keep(Arrival(self.mail, list(self.rcpts), raw, is_chunk))
        self.mail, self.rcpts, self.chunks = None, [], bytearray()
        self.say(250, "taken")

    def on_quit(self, line):
        if not self.capture.is_blunt:
            self.say(221, "bye")
        self.is_over = True
