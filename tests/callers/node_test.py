# SPDX-License-Identifier: MIT

"""Nodemailer's sendmail transport: a socket as stdin, Bcc left in the header."""

import pytest

SCRIPT = """\
const nodemailer = require('/usr/share/nodejs/nodemailer');
const fs = require('fs');
const transport = nodemailer.createTransport(
    Object.assign({ sendmail: true, path: '/usr/sbin/sendmail' }, %s));
transport.sendMail({
    from: 'App <app@there.example>', to: 'Bob <b@far.example>', cc: 'c@far.example',
    bcc: 'd@far.example', subject: 'from Nodemailer', text: fs.readFileSync('/tmp/body', 'utf8'),
    textEncoding: '%s',
}).then(() => {}, (fault) => { console.log(fault.message); process.exitCode = 3; });
"""


@pytest.fixture
def node(callers, body):
    callers.write("/tmp/body", body)

    def run(options="{}", encoding="quoted-printable"):
        callers.write("/tmp/script.js", SCRIPT % (options, encoding))
        return callers.run(["node", "/tmp/script.js"], as_user="alice")

    return run


def check(message, body):
    assert message.sender == "app@there.example"
    assert sorted(message.recipients) == ["b@far.example", "c@far.example", "d@far.example"]
    assert message.fields("Bcc") == []
    assert message.field("From") == "App <app@there.example>"
    assert message.field("Date") and message.field("Message-ID")
    assert message.text().rstrip("\n") == body


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
def test_nodemailer(callers, node, body, encoding):
    result = node(encoding=encoding)
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    check(callers.message(), body)


@pytest.mark.parametrize("options", ["{ newline: 'windows' }", "{ newline: 'unix' }",
                                     "{ args: ['-i', '-t', '-f', 'app@there.example'] }"])
def test_nodemailer_with_options(callers, node, body, options):
    result = node(options)
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    check(callers.message(), body)


def test_nodemailer_learns_of_a_refusal(callers, node):
    callers.stop_service()
    result = node()
    assert result.status == 3 and b"Sendmail exited with code 78" in result.stdout, result
