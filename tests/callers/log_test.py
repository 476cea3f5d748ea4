# SPDX-License-Identifier: MIT

"""What stands in the log, since nobody looks at an exit status or at php-fpm's stderr."""

import re

import pytest

from support.wait import wait_for


def wait_for_line(callers, begin, words):
    wait_for(lambda: re.search(words, "\n".join(callers.syslog.lines[begin:])), 10,
             what=lambda: f"{words!r} in syslog:\n{callers.syslog.text()}")


@pytest.mark.parametrize("words, line", [
    (["-N", "sucess"], r'gave -N "sucess", which means nothing'),
    (["-Rall"], r'gave -R "all", which means nothing'),
    (["-V", "gr\u00fcn"], r'gave -V "gr'),
    (["-N", "x\n<3>forged"], r'gave -N "x.<3>forged"'),
])
def test_a_value_that_means_nothing_is_a_matter_of_the_log(callers, token, words, line):
    """Emacs takes any output for a failure; and the mail is sent."""
    begin = len(callers.syslog.lines)
    result = callers.run(["sendmail", *words, "-fa@there.example", "b@far.example"], "alice",
                         f"\n{token}\n")
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    assert callers.message().body == f"{token}\n".encode()
    wait_for_line(callers, begin, line)


@pytest.mark.parametrize("words, status, line", [
    (["-Z", "b@far.example"], 64, "unknown option -Z"),
    (["-bt"], 64, "there is no mode -bt here"),
    (["-f", "a@b@c", "b@far.example"], 64, 'sender "a@b@c" is malformed'),
    ([], 64, "no recipients were given"),
    (["-t"], 65, "the message names no recipient"),
    (["b@@far.example"], 65, "no usable recipient"),
])
def test_what_no_service_has_heard_of(callers, words, status, line):
    begin = len(callers.syslog.lines)
    result = callers.run(["sendmail", *words], "alice", "\ntext\n")
    assert (result.status, result.stdout) == (status, b""), result
    assert line in result.stderr and result.stderr.count("\n") == 1
    callers.no_message()
    wait_for_line(callers, begin, "sendmail.*uid [0-9]+: .*" + re.escape(line))


def test_a_bad_recipient_among_good_ones(callers, token):
    begin = len(callers.syslog.lines)
    result = callers.run(["sendmail", "b@@far.example", "c@far.example"], "alice", f"\n{token}\n")
    assert result.status == 65, result
    assert callers.message().recipients == ["c@far.example"]
    wait_for_line(callers, begin, 'not sent to "b@@far.example"')


def test_nothing_about_what_went_well(callers, token):
    begin = len(callers.syslog.lines)
    callers.run_ok(["sendmail", "-N", "never", "b@far.example"], "alice", f"\n{token}\n")
    callers.message()
    assert not [line for line in callers.syslog.lines[begin:] if "sendmail[" in line]
