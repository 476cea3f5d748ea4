# SPDX-License-Identifier: MIT

"""aiosmtpd as the smarthost: STARTTLS and login, without PIPELINING.  A program of its own.

Each message is one file: a line of JSON with the envelope, then the content.
Addresses that begin with "no-" are refused, sender and recipient.
"""

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

TRACE = re.compile(rb"(?:Received:.*\n(?:[ \t].*\n)*)*", re.IGNORECASE)


def why_not():
    """Why it cannot run here, or None."""
    done = subprocess.run(["/usr/bin/python3", "-c", "import aiosmtpd"], capture_output=True)
    return "python3-aiosmtpd is not installed; run tests/packages tests" if done.returncode else None


class AioSmtpd:
    """Without an authority: no TLS and no login, as the relay behind another server."""

    packages = "aiosmtpd"
    user = "relay@smarthost.test"
    password = "correct horse"
    host = "127.0.0.1"

    def __init__(self, folder, authority, certificate="right"):
        self.root = Path(folder)
        self.root.mkdir(parents=True, exist_ok=True)
        self.mailbox = self.root / "box"
        self.mailbox.mkdir()
        self.authority = authority
        self.ca = authority.ca if authority else None
        self.log = self.root / "log"
        self.port = free_port()
        self._process = None
        self.use_certificate(certificate)

    def use_certificate(self, kind):
        """Shows this certificate from the next start on."""
        self._files = self.authority.certificate(kind) if self.authority else ()

    def start(self):
        assert self._process is None
        self._output = open(self.log, "ab")
        self._process = subprocess.Popen(
            ["/usr/bin/python3", "-B", __file__, str(self.mailbox), str(self.port), self.user,
             self.password, *map(str, self._files)], stdin=subprocess.DEVNULL,
            stdout=self._output, stderr=self._output, start_new_session=True)
        wait_for(self._answers, what=lambda: "aiosmtpd; its log:\n" + self.log_text())
        return self

    def _answers(self):
        assert self._process.poll() is None, "aiosmtpd ended:\n" + self.log_text()
        try:
            with socket.create_connection((self.host, self.port), timeout=10) as probe:
                return probe.recv(4) == b"220 "
        except OSError:
            return False

    def stop(self):
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._output.close()
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def files(self):
        """The files of what was delivered."""
        return [path for path in self.mailbox.iterdir() if path.suffix == ".mail"]

    def empty(self):
        for path in self.files():
            path.unlink()

    def accepted(self):
        """How many messages it has said 250 to."""
        return len(self.files())

    def delivered(self):
        """(recipient, content as it was handed over) of all that arrived."""
        for path in self.files():
            envelope, _, message = path.read_bytes().partition(b"\n")
            content = message.replace(b"\r\n", b"\n")
            content = content[TRACE.match(content).end():]
            for recipient in json.loads(envelope)["recipients"]:
                yield recipient, content


class Keep:
    """aiosmtpd's handler: a message is there whole or not at all."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("no-"):
            return "550 5.1.8 nobody of that name sends"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("no-"):
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        draft = self.folder / f"{self.count}.draft"
        head = {"sender": envelope.mail_from, "recipients": envelope.rcpt_tos,
                "options": envelope.mail_options}
        draft.write_bytes(json.dumps(head).encode() + b"\n" + envelope.original_content)
        draft.rename(draft.with_suffix(".mail"))
        return f"250 2.0.0 Ok: queued as {self.count}"


def main(folder, port, user, password, certificate=None, key=None):
    import asyncio
    import ssl

    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

    def check(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (
            user.encode(), password.encode())
        return AuthResult(success=good, handled=False)

    options = {}
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        options = {"tls_context": context, "require_starttls": True, "auth_required": True,
                   "authenticator": check}
    handler = Keep(Path(folder))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(loop.create_server(
        lambda: SMTP(handler, hostname="smarthost.test", enable_SMTPUTF8=True, loop=loop,
                     data_size_limit=200 << 20, command_call_limit={"*": 1 << 30}, **options),
        "127.0.0.1", int(port)))
    loop.run_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
else:
    from support.wait import free_port, wait_for
