# SPDX-License-Identifier: MIT

"""What TLS promises, seen from both ends of the wire: T1 to T3 and T5, and the settings.

The certificates themselves are judged in tests/net/tls_test.c (T4)."""

import contextlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import warnings

import pytest

from support.mailchute import needs_program
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

USER, PASSWORD = "alice@sender.example", "hunter2-is-secret"
MESSAGE = (b"From: Alice <alice@sender.example>\nTo: b@far.example\nSubject: confidential-subject\n"
           b"\nconfidential-body\n")


class ClearServer:
    """Offers everything in clear and records every octet; scripted where TLS should begin."""

    def __init__(self, greeting=b"220 peer.test ESMTP\r\n", ehlo=None, starttls=None, after=None):
        """after: octets that follow its answer to STARTTLS in a segment of their own."""
        self.greeting, self.after = greeting, after
        self.ehlo = ehlo or b"250-peer.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"
        self.starttls = starttls or b"220 2.0.0 go\r\n"
        self.records = []
        self.ended = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        record = bytearray()
        self.records.append(record)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(20)
        try:
            with connection:
                self._talk(connection, record)
        except OSError:
            pass
        self.ended += 1

    def _talk(self, connection, record):
        connection.sendall(self.greeting)
        buffer = b""
        while octets := connection.recv(65536):
            record += octets
            buffer += octets
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                self._answer(connection, line.split(b" ")[0].strip().upper())

    def _answer(self, connection, verb):
        if verb == b"EHLO":
            connection.sendall(self.ehlo)
        elif verb == b"STARTTLS":
            connection.sendall(self.starttls)
            if self.after is not None:
                connection.sendall(self.after)
        elif verb == b"QUIT":
            connection.sendall(b"221 bye\r\n")
            connection.shutdown(socket.SHUT_WR)
        else:
            # Whatever it is, it is welcome.
            connection.sendall({b"AUTH": b"235 in\r\n", b"DATA": b"354 go\r\n"}.get(
                verb, b"250 ok\r\n"))


@pytest.fixture
def make_clear_server():
    made = []

    def make(**options):
        made.append(ClearServer(**options))
        return made[-1]

    yield make
    for server in made:
        server.stop()


def serve(make_service, port, authority, smarthost="", scheme="smtp+tls", host="127.0.0.1",
          trust=True):
    ca = f'ca_file = "{authority.ca}"' if trust else ""
    return make_service(url=f"{scheme}://{host}:{port}",
                        smarthost=f'{ca} from = "{USER}" {smarthost}',
                        submit='wait = "disk"',
                        variables={"user": USER, "password": PASSWORD}).start()


def submit(service, *recipients):
    result = service.sendmail("-i", "-f", USER, *(recipients or ("b@far.example",)), input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result


def make_tls_peer(make_peer, authority, kind="right", **options):
    return make_peer(certificate=authority.certificate(kind), users={USER: PASSWORD}, **options)


# T2

LINE = re.compile(rb"(EHLO|HELO) [!-~]+\r\n|STARTTLS\r\n|QUIT\r\n")


def check_nothing_was_told(record):
    """EHLO, STARTTLS and QUIT may be seen in clear, then TLS records, which begin with 22 or 21."""
    rest = bytes(record)
    while rest and rest[0] not in (21, 22):
        match = LINE.match(rest)
        assert match, f"in clear: {rest!r} of {bytes(record)!r}"
        rest = rest[match.end():]
    for secret in (USER.encode(), PASSWORD.encode(), b"confidential", b"far.example", b"AUTH",
                   b"MAIL", b"RCPT"):
        assert secret not in rest


WITHOUT = b"250-peer.test\r\n250 AUTH PLAIN LOGIN\r\n"
STRIPPED = {
    "no STARTTLS offered": dict(ehlo=WITHOUT),
    "STARTTLS in other letters": dict(ehlo=b"250-peer.test\r\n250-XSTARTTLS\r\n250 AUTH PLAIN\r\n"),
    "STARTTLS spoilt": dict(ehlo=b"250-peer.test\r\n250-STARTTLSX\r\n250 AUTH PLAIN\r\n"),
    "EHLO unknown": dict(ehlo=b"502 5.5.1 no EHLO here\r\n"),
    "STARTTLS deferred": dict(starttls=b"454 4.7.0 TLS not available\r\n"),
    "STARTTLS refused": dict(starttls=b"502 5.5.1 unknown\r\n"),
    "STARTTLS after login": dict(starttls=b"530 5.7.0 log in first\r\n"),
    "STARTTLS answered 250": dict(starttls=b"250 2.0.0 already secure\r\n"),
    "STARTTLS answered 354": dict(starttls=b"354 go\r\n"),
    "STARTTLS answered 235": dict(starttls=b"235 2.7.0 you are logged in\r\n"),
    "STARTTLS answered 421": dict(starttls=b"421 4.3.2 later\r\n"),
    "STARTTLS answered with garbage": dict(starttls=b"\x80\xff no reply\r\n"),
    "clear text for TLS": dict(after=b"250 2.0.0 go on in clear\r\n"),
    "an alert for TLS": dict(after=b"\x15\x03\x03\x00\x02\x02\x28"),
    "smtps in clear": dict(scheme="smtps"),
}


@pytest.mark.parametrize("what", STRIPPED)
def test_nothing_is_told_in_clear(make_service, make_clear_server, authority, what):
    options = dict(STRIPPED[what])
    scheme = options.pop("scheme", "smtp+tls")
    server = make_clear_server(**options)
    service = serve(make_service, server.port, authority, scheme=scheme)
    submit(service)
    # Twice, for what was learnt in the first attempt must not weaken the second.
    wait_for(lambda: server.ended >= 2, 60, what=lambda: f"two attempts:\n{service.tail()}")
    for record in server.records:
        check_nothing_was_told(record)
    assert service.count() == 1
    assert f"127.0.0.1:{server.port}" in service.queue()


# T1

@pytest.mark.parametrize("segments", [1, 2])
@pytest.mark.parametrize("injected", [b"250 2.0.0 injected\r\n", b"x",
                                      b"250-peer.test\r\n250 AUTH PLAIN LOGIN\r\n"])
def test_what_follows_starttls_in_clear_ends_the_session(
        make_service, make_clear_server, authority, segments, injected):
    if segments == 1:
        server = make_clear_server(starttls=b"220 2.0.0 go\r\n" + injected)
    else:
        server = make_clear_server(after=injected)
    service = serve(make_service, server.port, authority)
    submit(service)
    wait_for(lambda: server.ended >= 2, 60, what=lambda: f"two attempts:\n{service.tail()}")
    for record in server.records:
        check_nothing_was_told(record)
        if segments == 1:
            # No ClientHello either.
            assert bytes(record).endswith((b"STARTTLS\r\n", b"QUIT\r\n"))
    service.wait_for_queue("between STARTTLS and TLS|before TLS began|speaks in clear|"
                           "TLS failed|not a TLS|wrong version")
    assert service.count() == 1


# T3

def drop_connections(peer):
    with peer._lock:
        for connection in peer._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def send_anew(service, peer, count):
    """The message goes over a connection of its own; what that was like."""
    drop_connections(peer)
    wait_for(lambda: all(session.has_ended for session in peer.sessions), what="the old ones' end")
    submit(service)
    wait_for(lambda: len(peer.messages) >= count, 60, what=lambda: service.tail())
    service.wait_until_empty()
    return peer.sessions[-1]


def configure(service, peer, authority, smarthost):
    service.configure(url=f"smtp+tls://127.0.0.1:{peer.port}", submit='wait = "disk"',
                      smarthost=f'ca_file = "{authority.ca}" from = "{USER}" {smarthost}')


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_next_connection_goes_on_with_the_session(make_service, make_peer, authority, newest):
    peer = make_tls_peer(make_peer, authority)
    peer._context.maximum_version = newest
    service = serve(make_service, peer.port, authority)
    assert not send_anew(service, peer, 1).is_resumed
    for count in (2, 3, 4):
        session = send_anew(service, peer, count)
        assert session.is_resumed
        assert session.log_in == (USER, PASSWORD)


def test_other_settings_begin_anew(make_service, make_peer, authority):
    peer = make_tls_peer(make_peer, authority)
    service = serve(make_service, peer.port, authority)
    assert not send_anew(service, peer, 1).is_resumed
    assert send_anew(service, peer, 2).is_resumed
    for count, smarthost in ((3, "tls_min = 1.3"), (5, "tls_name = smarthost.test"),
                             (7, f'tls_fingerprint = "{fingerprint(authority)}"')):
        configure(service, peer, authority, smarthost)
        reloads = service.text().count("read anew")
        service.signal(signal.SIGHUP)
        wait_for(lambda: service.text().count("read anew") > reloads, what="the new settings")
        assert not send_anew(service, peer, count).is_resumed, smarthost
        assert send_anew(service, peer, count + 1).is_resumed, smarthost


# T5

def test_a_server_with_tls_1_2(make_service, make_peer, authority):
    peer = make_tls_peer(make_peer, authority)
    peer._context.maximum_version = ssl.TLSVersion.TLSv1_2
    service = serve(make_service, peer.port, authority)
    submit(service)
    wait_for(lambda: len(peer.messages) == 1, what=lambda: service.tail())
    assert peer.sessions[0].version == "TLSv1.2"


@pytest.mark.parametrize("newest, minimum", [("TLSv1", ""), ("TLSv1_1", ""),
                                             ("TLSv1_2", 'tls_min = "1.3"')])
def test_a_server_that_is_too_old(make_service, make_peer, authority, newest, minimum):
    peer = make_tls_peer(make_peer, authority)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        peer._context.set_ciphers("ALL:@SECLEVEL=0")
        peer._context.minimum_version = ssl.TLSVersion.TLSv1
        peer._context.maximum_version = getattr(ssl.TLSVersion, newest)
    service = serve(make_service, peer.port, authority, minimum)
    submit(service)
    shown = service.wait_for_queue("knows no version")
    assert ("from 1.3 on" in shown) == bool(minimum)
    assert peer.messages == []
    assert all(session.log_in is None for session in peer.sessions)


# The settings

def fingerprint(authority, kind="right"):
    certificate, _ = authority.certificate(kind)
    done = subprocess.run(["openssl", "x509", "-in", str(certificate), "-noout", "-fingerprint",
                           "-sha256"], capture_output=True, text=True, check=True)
    return "sha256:" + done.stdout.strip().split("=")[1]


@pytest.mark.parametrize("kind", ["right", "other", "expired", "stranger"])
def test_the_pinned_certificate_passes(make_service, make_peer, authority, kind):
    peer = make_tls_peer(make_peer, authority, kind)
    service = serve(make_service, peer.port, authority,
                    f'tls_fingerprint = "{fingerprint(authority, kind)}"', trust=False)
    submit(service)
    wait_for(lambda: len(peer.messages) == 1, what=lambda: service.tail())


def test_another_certificate_is_shown_so_that_it_can_be_pasted(make_service, make_peer, authority):
    peer = make_tls_peer(make_peer, authority, "stranger")
    service = serve(make_service, peer.port, authority,
                    f'tls_fingerprint = "{fingerprint(authority)}"')
    submit(service)
    service.wait_for_log("has the fingerprint sha256:[0-9a-f]{64}")
    assert peer.messages == []
    assert all(session.log_in is None for session in peer.sessions)
    seen = re.search(r"has the fingerprint (sha256:[0-9a-f]{64})", service.text()).group(1)
    configure(service, peer, authority, f'tls_fingerprint = "{seen}"')
    service.signal(signal.SIGHUP)
    wait_for(lambda: len(peer.messages) == 1, 60, what=lambda: service.tail())


def test_our_certificate_is_shown_to_who_wants_it(make_service, make_peer, authority):
    peer = make_tls_peer(make_peer, authority)
    peer._context.verify_mode = ssl.CERT_REQUIRED
    peer._context.load_verify_locations(str(authority.ca))
    certificate, key = authority.certificate("other")
    for path in (certificate, key):
        path.chmod(0o644)
        for folder in path.parents:
            if folder.stat().st_mode & 0o055 != 0o055:
                folder.chmod(folder.stat().st_mode | 0o055)
    service = serve(make_service, peer.port, authority,
                    f'client_cert = "{certificate}" client_key = "{key}"')
    submit(service)
    wait_for(lambda: len(peer.messages) == 1, what=lambda: service.tail())
    assert peer.sessions[0].client_name == "other.example"


def test_a_certificate_of_ours_that_cannot_be_used(make_service, make_peer, authority, folder):
    peer = make_tls_peer(make_peer, authority)
    certificate, _ = authority.certificate("right")
    _, key = authority.certificate("other")
    service = serve(make_service, peer.port, authority,
                    f'client_cert = "{certificate}" client_key = "{key}"')
    submit(service)
    shown = service.wait_for_queue("does not belong to the certificate")
    assert str(key) in shown and str(certificate) in shown
    configure(service, peer, authority, f'client_cert = "{folder}/missing.pem"')
    service.signal(signal.SIGHUP)
    service.wait_for_queue(f"cannot read the certificate {folder}/missing.pem")
    assert peer.messages == []


def test_another_name_is_verified_instead_of_the_host(make_service, make_peer, authority):
    peer = make_tls_peer(make_peer, authority, "other")
    service = serve(make_service, peer.port, authority, 'tls_name = "other.example"')
    submit(service)
    wait_for(lambda: len(peer.messages) == 1, what=lambda: service.tail())


def test_connections_come_from_the_source(make_service, make_peer, authority):
    peer = make_tls_peer(make_peer, authority)
    service = serve(make_service, peer.port, authority, 'source = "127.0.0.9"', host="localhost")
    submit(service)
    wait_for(lambda: len(peer.messages) == 1, what=lambda: service.tail())
    # Nor was the other family asked.
    assert {session.address[0] for session in peer.sessions} == {"127.0.0.9"}


def test_a_family_without_addresses(make_service, make_peer, authority):
    peer = make_tls_peer(make_peer, authority)
    service = serve(make_service, peer.port, authority, "ip = 6")
    submit(service)
    service.wait_for_queue("127.0.0.1 has no IPv6 address")
    assert peer.sessions == []
