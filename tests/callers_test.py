# SPDX-License-Identifier: MIT

"""PHP's mail() and s-nail of this machine, for those who are not root; see also callers/."""

import glob
import secrets
import shutil

import pytest

from support.mailchute import environment, fields, needs_program, run, split

pytestmark = needs_program("sendmail", "mailchute")

PHP = shutil.which("php")
S_NAIL = shutil.which("s-nail")


def php(programs, script, env):
    return run([PHP, "-n", "-d", f"sendmail_path={programs.sendmail} -t -i", "-r", script],
               env=env)


def s_nail(programs, body, env, *arguments):
    return run([S_NAIL, "-:/", "-S", f"mta={programs.sendmail}", "-S", "sendwait", "-S",
                "v15-compat", *arguments], body, env=env)


@pytest.fixture
def token():
    return secrets.token_hex(16)


@pytest.fixture
def env(service, folder):
    return environment(socket=service.socket, HOME=str(folder))


def only_message(service, sink):
    messages = sink.wait_for_messages(1)
    service.wait_until_empty()
    assert len(sink.messages()) == 1
    return messages[0]


@pytest.mark.skipif(not PHP, reason="php-cli is not installed")
def test_php_mail(programs, service, sink, env, token):
    script = (f"exit(mail('b@far.example', 'from php', \"line one\\n.\\n{token}\\n\","
              " \"From: Web <web@there.example>\\r\\nCc: c@far.example\\r\\nBcc: d@far.example\","
              " '-fbounce@there.example') ? 0 : 1);")
    result = php(programs, script, env)
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    message = only_message(service, sink)
    assert split(message)[1] == f"line one\n.\n{token}\n\n".encode() or \
        split(message)[1] == f"line one\n.\n{token}\n".encode()
    assert fields(message, "From") == ["Web <web@there.example>"]
    assert fields(message, "Subject") == ["from php"]
    assert fields(message, "Bcc") == []


@pytest.mark.skipif(not PHP, reason="php-cli is not installed")
def test_php_gives_the_envelope_sender(programs, make_service, make_peer, folder):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    script = "exit(mail('b@far.example', 's', 'x', '', '-fbounce@there.example') ? 0 : 1);"
    result = php(programs, script, environment(socket=service.socket))
    assert result.status == 0, result
    service.wait_until_empty()
    assert peer.messages[0][0].startswith(b"MAIL FROM:<bounce@there.example>")


@pytest.mark.skipif(not PHP, reason="php-cli is not installed")
def test_php_learns_of_a_refusal(programs, folder):
    (folder / "empty.conf").write_text("")
    env = environment(socket=folder / "none.sock", config=folder / "empty.conf", mode="direct")
    result = php(programs, "exit(mail('b@far.example', 's', 'x') ? 0 : 3);", env)
    assert result.status == 3 and "smarthost" in result.stderr, result


@pytest.mark.skipif(not PHP, reason="php-cli is not installed")
@pytest.mark.parametrize("parameters", [
    "-X/tmp/mailchute-injected.log", "-C/tmp/mailchute-injected.conf",
    "-OQueueDirectory=/tmp/mailchute-injected",
])
def test_php_cannot_be_used_to_write_files(programs, service, sink, env, parameters, folder):
    result = php(programs, "mail('b@far.example', 's', 'x', '', "
                 f"'-fa@there.example {parameters}');", env)
    assert result.status == 0, result
    service.wait_until_empty()
    assert glob.glob("/tmp/mailchute-injected*") == []


@pytest.mark.skipif(not S_NAIL, reason="s-nail is not installed")
def test_s_nail(programs, service, sink, env, token):
    result = s_nail(programs, f"first\n..\n{token}\n", env, "-s", "from s-nail", "-r",
                    "me@there.example", "-c", "c@far.example", "b@far.example")
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    message = only_message(service, sink)
    assert split(message)[1] == f"first\n..\n{token}\n".encode()
    assert fields(message, "Subject") == ["from s-nail"]
    assert "me@there.example" in fields(message, "From")[0]


@pytest.mark.skipif(not S_NAIL, reason="s-nail is not installed")
def test_s_nail_learns_of_a_refusal(programs, folder):
    (folder / "empty.conf").write_text("")
    env = environment(socket=folder / "none.sock", config=folder / "empty.conf", mode="direct",
                      HOME=str(folder))
    result = s_nail(programs, "x\n", env, "-s", "s", "b@far.example")
    assert result.status != 0 and "smarthost" in result.stderr, result
