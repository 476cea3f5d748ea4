# SPDX-License-Identifier: MIT

"""`mailchute test`: one mail, seen all the way to the smarthost's answer."""

import os
import re

import pytest

from support.mailchute import Daemon, end_processes, environment, fields, run, split
from support.wait import free_port, wait_for

SECRET = "a very secret word"


def run_test(programs, *words, **variables):
    variables = environment(**variables)
    return run([programs.mailchute, "test", *words], env=variables)


def end_services(word):
    """Those on demand."""
    end_processes(["serve --on-demand", word])


def text_of(result):
    assert result.stderr == "", result
    return result.stdout.decode()


def test_by_a_service_it_shows_all_that_was_said(make_service, make_sink, folder):
    sink = make_sink("--starttls", "--name", "localhost", "--user", "me", "--password", SECRET,
                     "--write-certificate", folder / "sink.pem").start()
    service = make_service(url=f"smtp+tls://localhost:{sink.port}",
                           smarthost=f'ca_file = "{folder / "sink.pem"}"',
                           extra='alias "root" { to = { "b@far.example" } }',
                           variables={"user": "me", "password": SECRET}).start()
    result = run_test(service.programs, "root", "--from", "a@there.example", "--subject", "a try",
                      socket=service.socket)
    text = text_of(result)
    assert result.status == 0, text
    message, = sink.messages()
    assert fields(message, "Subject") == ["a try"]
    assert fields(message, "From") == ["a@there.example"]
    assert b"test mail of mailchute" in split(message)[1]
    assert re.search(r"^ +0\.\d{3} > MAIL FROM:<a@there\.example>", text, re.MULTILINE)
    assert re.search(r"^ +0\.\d{3} > AUTH PLAIN \*+$", text, re.MULTILINE)
    assert re.search(r"^SENT: the smarthost has taken the mail$", text, re.MULTILINE)
    assert re.search(rf"^  via:     localhost:{sink.port} \[\S+\]$", text, re.MULTILINE)
    assert re.search(r"^  tls:     TLSv1\.3 ", text, re.MULTILINE)
    assert re.search(r"^  from:    a@there\.example$", text, re.MULTILINE)
    assert re.search(r"^  to:      b@far\.example$", text, re.MULTILINE)
    identity, = fields(message, "Message-ID")
    assert f"  id:      {identity}\n" in text
    assert "spam" in text and SECRET not in text and "\033" not in text


def test_what_is_shared_names_nobody(make_service, sink):
    service = make_service(url=sink.url).start()
    result = run_test(service.programs, "b@far.example", "--from", "a@there.example", "--share",
                      socket=service.socket)
    text = text_of(result)
    assert result.status == 0 and "MAIL FROM:<user" in text, text
    for name in ("far.example", "there.example", "127.0.0.1", os.uname().nodename):
        assert not re.search(rf"\b{re.escape(name)}\b", text), (name, text)


def test_a_refusal_in_direct_mode_says_what_and_why(programs, folder, make_peer):
    peer = make_peer(refuse={"b@far.example": "550 5.1.1 no such user here"})
    result = run_test(programs, "b@far.example", "--quiet", socket=folder / "none.sock",
                      mode="direct", url=f"smtp://127.0.0.1:{peer.port}", domain="here.example")
    text = text_of(result)
    assert result.status == 67, text
    assert text.startswith("FAILED: the mail was NOT sent\n")
    assert "550 5.1.1 no such user here" in text


def test_what_waits_is_followed_until_it_was_tried(make_service):
    service = make_service(url=f"smtp://127.0.0.1:{free_port()}", queue='retry = { "1h" }').start()
    result = run_test(service.programs, "b@far.example", socket=service.socket)
    text = text_of(result)
    assert result.status == 69, text
    assert re.search(r"^WAITING: the mail could not be sent yet$", text, re.MULTILINE)
    assert re.search(r"^127\.0\.0\.1:\d+: cannot connect", text, re.MULTILINE)
    assert re.search(r"^  fix:     ", text, re.MULTILINE)
    waiting = re.search(r"kept as (\S+): deferred, 1 attempt", text)
    assert waiting and f"mailchute queue remove {waiting.group(1)}" in text
    assert service.count() == 1


def test_by_a_spool_on_demand_it_is_followed_too(programs, folder):
    config = folder / "mailchute.conf"
    config.write_text('identity { domain = "here.example" }\n'
                      f'smarthost "x" {{ url = "smtp://127.0.0.1:{free_port()}" }}\n'
                      f'queue {{ dir = "{folder / "spool"}" }}\n')
    try:
        result = run_test(programs, "b@far.example", socket=folder / "none.sock", config=config,
                          idle="1s")
        assert result.status == 69 and "could not be sent yet" in text_of(result), result
    finally:
        end_services(str(config))


def test_captured_mail_is_said_to_be(programs, folder):
    result = run_test(programs, "b@far.example", socket=folder / "none.sock",
                      capture=folder / "m", domain="here.example")
    assert result.status == 0 and text_of(result).startswith("CAPTURED: "), result
    assert len(list((folder / "m/new").iterdir())) == 1


@pytest.mark.parametrize("words", [[], ["a@b.example", "c@d.example"], ["--from"], ["--unknown", "x"],
                                   ["x@y.example", "--subject", "two\nlines"],
                                   ["x@y.example", "--wait", "long"]])
def test_says_what_is_wrong_with_its_arguments(programs, folder, words):
    result = run_test(programs, *words, socket=folder / "none.sock", mode="direct",
                      url=f"smtp://127.0.0.1:{free_port()}")
    assert result.status in (64, 78) and result.stderr.count("\n") == 1, result
    assert result.stdout == b""


@pytest.mark.parametrize("way", ["service", "direct"])
def test_each_line_is_shown_when_it_is_said(programs, folder, make_service, make_peer, way):
    """Not when all is over: a server that stands still is seen to."""
    peer = make_peer(hold="end")
    url = f"smtp://127.0.0.1:{peer.port}"
    variables = dict(socket=folder / "none.sock", mode="direct", url=url, domain="here.example")
    if way == "service":
        variables = dict(socket=make_service(url=url, submit='wait_limit = "60s"').start().socket)
    test = Daemon(folder, "test")
    test.spawn([programs.mailchute, "test", "b@far.example"], environment(**variables))
    try:
        test.wait_for_text(r"> RCPT TO:<b@far\.example>")
        assert test.is_running() and "SENT" not in test.text()
        peer.release()
        test.wait_for_text("SENT: ")
        wait_for(lambda: not test.is_running(), what="its end")
        assert test.process.returncode == 0
        assert len(re.findall(r"> RCPT TO", test.text())) == 1
    finally:
        test.kill()
