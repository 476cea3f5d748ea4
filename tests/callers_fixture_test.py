# SPDX-License-Identifier: MIT

"""Proves that the real callers run here: with a recorder in the place of sendmail."""

import pytest

from callers_test import PHP, S_NAIL, php, s_nail
from support.mailchute import environment


class Recorder:
    def __init__(self, folder):
        self.sendmail = folder / "sendmail"
        self.sendmail.write_text('#!/bin/sh\n{ echo "arguments: $*"; cat; } >>"$0.got"\n')
        self.sendmail.chmod(0o755)

    def text(self):
        return self.sendmail.with_suffix(".got").read_text()


@pytest.fixture
def recorder(folder):
    return Recorder(folder)


@pytest.mark.skipif(not PHP, reason="php-cli is not installed")
def test_php(recorder):
    result = php(recorder, "exit(mail('b@far.example', 's', 'text', '', '-fa@b.example') ? 0 : 1);",
                 environment())
    assert result.status == 0, result
    assert "arguments: -t -i -fa@b.example" in recorder.text()
    assert "text" in recorder.text()


@pytest.mark.skipif(not S_NAIL, reason="s-nail is not installed")
def test_s_nail(recorder, folder):
    result = s_nail(recorder, "text\n", environment(HOME=str(folder)), "-s", "s", "-r",
                    "a@b.example", "b@far.example")
    assert (result.status, result.stderr) == (0, ""), result
    assert "arguments: -i -f a@b.example -- b@far.example" in recorder.text()
    assert "text" in recorder.text()
