# SPDX-License-Identifier: MIT

"""Delivery by LMTP (RFC 2033) into a real Dovecot: after the content a result for each recipient."""

import collections
import re

import pytest

from support import chroot
from support.dovecot import DovecotLmtp
from support.mailchute import needs_program
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

GOOD = [f"good-{number}@far.example" for number in range(3)]
FULL = "full-up@far.example"
UNKNOWN = "nobody@far.example"
TEXT = (b"From: a@sender.example\nSubject: %d\nDate: Tue, 01 Jan 2019 00:00:00 +0000\n"
        b"Message-ID: <1@sender.example>\n\n.\n..\nthe text\n")
COUNT = 100


@pytest.fixture(scope="module")
def _dovecot(tmp_path_factory, authority):
    if chroot.why_not("dovecot"):
        pytest.skip(chroot.why_not("dovecot"))
    with DovecotLmtp(tmp_path_factory.mktemp("lmtp"), authority, [*GOOD, FULL]) as running:
        yield running


@pytest.fixture
def dovecot(_dovecot):
    _dovecot.empty()
    return _dovecot


@pytest.fixture(params=("socket", "TCP"))
def service(request, dovecot, make_service):
    url = {"socket": f"lmtp+unix://{dovecot.socket}", "TCP": f"lmtp://127.0.0.1:{dovecot.port}"}
    return make_service(url=url[request.param], submit='wait = "disk"').start()


def submit(service, number, recipients, *options):
    result = service.sendmail("-i", "-f", "a@sender.example", *options, *recipients,
                              input=TEXT % number)
    assert (result.status, result.stderr) == (0, ""), result


def wait_for_fates(service, count):
    """{recipient: [what the log says of it]}, once there are so many; reports of failures apart."""
    def fates():
        return re.findall(r": to=<(\S+@far.example)>.* status=(.*)", service.text())

    wait_for(lambda: len(fates()) >= count, 60, what=lambda: f"{count} fates:\n{service.tail()}")
    found = collections.defaultdict(list)
    for recipient, fate in fates():
        found[recipient].append(fate)
    return found


@pytest.mark.parametrize("recipients", (
    [GOOD[0], FULL, GOOD[1], UNKNOWN, GOOD[2]],
    [UNKNOWN, FULL, *GOOD],
    [*GOOD, UNKNOWN, FULL],
))
def test_each_recipient_has_its_own_result(dovecot, service, recipients):
    submit(service, 1, recipients)
    fates = wait_for_fates(service, len(recipients))
    for recipient in GOOD:
        assert [fate.startswith("sent ") for fate in fates[recipient]] == [True], fates
    assert re.match("bounced .*552 5.2.2 .*[Qq]uota", fates[FULL][0]), fates
    assert re.match("bounced .*refused RCPT .*550 5.1.1 ", fates[UNKNOWN][0]), fates
    assert sorted(dovecot.delivered()) == [(recipient, TEXT % 1) for recipient in GOOD]


@pytest.mark.parametrize("recipient, words", ((FULL, "552 5.2.2"), (UNKNOWN, "550 5.1.1")))
def test_a_lone_recipient_that_fails(dovecot, service, recipient, words):
    submit(service, 1, [recipient])
    submit(service, 2, [GOOD[0]])
    fates = wait_for_fates(service, 2)
    assert re.match(f"bounced .*{words}", fates[recipient][0]), fates
    assert list(dovecot.delivered()) == [(GOOD[0], TEXT % 2)]


def test_many_messages_in_a_row(dovecot, service):
    """Through the window, with failures in each: every result meets its own recipient."""
    for number in range(COUNT):
        submit(service, number, [GOOD[0], UNKNOWN, FULL, GOOD[1]], "-odq")
    fates = wait_for_fates(service, 4 * COUNT)
    expected = {GOOD[0]: "sent .*250", GOOD[1]: "sent .*250", FULL: "bounced .*552 5.2.2",
                UNKNOWN: "bounced .*550 5.1.1"}
    for recipient, words in expected.items():
        assert [fate for fate in fates[recipient] if not re.match(words, fate)] == []
        assert len(fates[recipient]) == COUNT
    assert collections.Counter(dovecot.delivered()) == collections.Counter(
        (recipient, TEXT % number) for number in range(COUNT) for recipient in GOOD[:2])
