# SPDX-License-Identifier: MIT

"""`mailchute sink`: the smarthost of the demo and a developer's mail catcher."""

import re
import smtplib
import socket
import ssl

import pytest

from support.mailchute import environment, process_status, run, split
from support.wait import wait_for

TEXT = "Subject: caught\r\n\r\n.dot\r\n..two\r\nlast"


def lines_of(sink):
    return re.findall(r"^message .*$", sink.text(), re.MULTILINE)


def trusting(path):
    """Believes the certificate that the sink wrote, name included."""
    return ssl.create_default_context(cafile=str(path))


def test_keeps_a_message_octet_for_octet_and_prints_one_line(sink):
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=20) as client:
        client.sendmail("a@there.example", ["b@far.example", "c@far.example"], TEXT)
    message = sink.wait_for_messages(1)[0]
    assert message == (b"Return-Path: <a@there.example>\r\nDelivered-To: b@far.example\r\n"
                       b"Delivered-To: c@far.example\r\n" + TEXT.encode() + b"\r\n")
    wait_for(lambda: len(lines_of(sink)) == 1, what="a line")
    assert re.fullmatch(r"message new/\S+ from=<a@there.example> "
                        r"to=<b@far.example>,<c@far.example> size=\d+", lines_of(sink)[0])
    assert not list((sink.maildir / "tmp").iterdir())


def test_many_messages_in_one_session_and_nothing_of_a_broken_one(sink):
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=20) as client:
        for number in range(3):
            client.sendmail("a@there.example", f"to{number}@far.example", TEXT)
    with socket.create_connection(("127.0.0.1", sink.port), timeout=20) as client:
        client.sendall(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@far.example>\r\nDATA\r\nSubject: half")
        while b"354" not in client.recv(4096):
            pass
    assert len(sink.wait_for_messages(3)) == 3
    wait_for(lambda: not list((sink.maildir / "tmp").iterdir()), what="the half message to go")
    assert len(sink.messages()) == 3


def test_starttls_and_login_with_a_certificate_made_at_start(make_sink, folder):
    sink = make_sink("--starttls", "--user", "me", "--password", "secret word",
                     "--name", "sink.test", "--write-certificate", folder / "sink.pem").start()
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=20) as client:
        client.ehlo()
        assert client.has_extn("starttls") and not client.has_extn("auth")
        assert client.docmd("MAIL", "FROM:<a@there.example>")[0] == 530
        # smtplib checks the certificate against the name that it was told to connect to.
        client._host = "sink.test"
        client.starttls(context=trusting(folder / "sink.pem"))
        with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
            client.login("me", "wrong")
        assert refusal.value.smtp_code == 535
        client.login("me", "secret word")
        client.sendmail("a@there.example", "b@far.example", TEXT)
    sink.wait_for_messages(1)
    wait_for(lambda: lines_of(sink), what="a line")
    assert re.search(r" tls=TLSv1\.\d \S+ login=me$", lines_of(sink)[0])


def test_tls_at_once_and_only_for_its_name(make_sink, folder):
    sink = make_sink("--tls", "--name", "sink.test", "--write-certificate",
                     folder / "sink.pem").start()
    with socket.create_connection(("127.0.0.1", sink.port), timeout=20) as plain:
        with pytest.raises(ssl.SSLCertVerificationError):
            trusting(folder / "sink.pem").wrap_socket(plain, server_hostname="other.test")
    with socket.create_connection(("127.0.0.1", sink.port), timeout=20) as plain:
        with trusting(folder / "sink.pem").wrap_socket(plain, server_hostname="sink.test") as secure:
            assert secure.recv(100).startswith(b"220 sink.test ")


def test_on_a_unix_socket(programs, make_sink, folder):
    sink = make_sink()
    path = folder / "sink.sock"
    sink.spawn([programs.mailchute, "sink", "--listen", path, "--maildir", sink.maildir],
               environment())
    wait_for(lambda: f"listening on {path}" in sink.text(), what="the sink to listen")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(path))
        client.sendall(b"EHLO x\r\nMAIL FROM:<a@there.example>\r\nRCPT TO:<b@far.example>\r\n"
                       b"BDAT 6 LAST\r\nhello\nQUIT\r\n")
        received = b""
        while b"221" not in received:
            received += client.recv(4096)
    # A chunk is kept as it came.
    assert sink.wait_for_messages(1)[0].endswith(b"\r\nhello\n")


def test_sleeps_while_nobody_comes(sink):
    def sleeps():
        return process_status(sink.process.pid)["State"][0] == "S"

    wait_for(sleeps, what="the sink to sleep")
    with socket.create_connection(("127.0.0.1", sink.port), timeout=20) as client:
        assert client.recv(4) == b"220 "
    wait_for(sleeps, what="the sink to sleep again")


def test_delivers_what_mailchute_sends_over_tls(make_service, make_sink, folder):
    sink = make_sink("--starttls", "--name", "localhost", "--user", "me", "--password", "p w",
                     "--write-certificate", folder / "sink.pem").start()
    service = make_service(url=f"smtp+tls://localhost:{sink.port}",
                           smarthost=f'ca_file = "{folder / "sink.pem"}"',
                           variables={"user": "me", "password": "p w"}).start()
    result = service.sendmail("-f", "a@there.example", "b@far.example", input=b"Subject: s\n\nb\n")
    assert (result.status, result.stderr) == (0, "")
    assert split(sink.wait_for_messages(1)[0])[1] == b"b\n"
    service.wait_until_empty()


@pytest.mark.parametrize("options, words", [
    (["--listen", "nonsense"], "nonsense"),
    (["--maildir", "/proc/nowhere/maildir"], "/proc/nowhere/maildir"),
    (["--certificate", "/nonexistent.pem", "--tls"], "/nonexistent.pem"),
    (["--unknown"], "--unknown"),
    (["--listen"], "--listen needs a value"),
])
def test_says_what_is_wrong_with_its_options(programs, folder, options, words):
    result = run([programs.mailchute, "sink", "--listen", "127.0.0.1:0", "--maildir",
                  folder / "m", *options], timeout=20)
    assert result.status not in (0, 75) and words in result.stderr, result
    assert result.stderr.count("\n") == 1
