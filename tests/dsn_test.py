# SPDX-License-Identifier: MIT

"""What a sender asked to be told (RFC 3461), at real servers: judged by the reports they write.

The service is asked by SMTP on its socket, or by sendmail's options; its
smarthosts are asked the same, or nothing where they offer no DSN.
"""

import json
import re
import smtplib
import socket

import pytest

from support import aiosmtpd_server, chroot
from support.aiosmtpd_server import AioSmtpd
from support.dovecot import Dovecot
from support.exim import Exim
from support.mailchute import needs_program
from support.peer import Peer
from support.postfix import Postfix, why_not
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")



class RealPostfix(Postfix):
    """Takes mail for fails.example, and then it turns out that nobody is there."""

    def __init__(self, folder, authority):
        super().__init__(folder, authority, extra="smtpd_reject_unlisted_recipient = no\n"
                         "virtual_mailbox_maps = regexp:{ { !/@fails\\.example/ box/ } }")

    def files(self):
        return list((self.mailbox / "new").glob("*"))


SERVERS = {
    "postfix": (RealPostfix, why_not),
    "exim": (Exim, lambda: chroot.why_not("exim")),
    "aiosmtpd": (AioSmtpd, aiosmtpd_server.why_not),
    "dovecot": (Dovecot, lambda: aiosmtpd_server.why_not() or chroot.why_not("dovecot")),
}
WITH_DSN = ("postfix", "exim")
WITHOUT = ("aiosmtpd", "dovecot")


@pytest.fixture(scope="module")
def server(request, tmp_path_factory, authority):
    make, reason = SERVERS[request.param]
    if reason():
        pytest.skip(reason())
    made = make(tmp_path_factory.mktemp(request.param), authority)
    try:
        yield made.start()
    finally:
        made.stop()


def on(names):
    return pytest.mark.parametrize("server", names, indirect=True)


@pytest.fixture
def service(server, make_service):
    return make_service(url=f"smtp+tls://{server.host}:{server.port}",
                        smarthost=f'ca_file = "{server.ca}"', submit='wait = "disk"',
                        variables={"user": server.user, "password": server.password}).start()


def submit(service, sender, recipients, mail_options=()):
    """recipients: {address: parameters}; all of it over the service's socket."""
    client = smtplib.SMTP()
    client.sock = socket.socket(socket.AF_UNIX)
    client.sock.connect(str(service.socket))
    assert client.getreply()[0] == 220
    client.ehlo("here")
    assert client.has_extn("dsn")
    assert client.mail(sender, mail_options)[0] == 250
    for recipient, options in recipients.items():
        code, text = client.rcpt(recipient, options)
        assert code == 250, text
    code, text = client.data("From: a@sender.example\nTo: b@far.example\nSubject: dsn\n"
                             "Message-ID: <1@sender.example>\n\nthe text of it\n")
    assert code == 250, text
    client.quit()


def submit_by_sendmail(service, sender, recipient, *options):
    result = service.sendmail("-f", sender, *options, recipient, input=(
        b"From: a@sender.example\nTo: b@far.example\nSubject: dsn\n"
        b"Message-ID: <1@sender.example>\n\nthe text of it\n"))
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


def reports(server, sender):
    """The reports that reached this sender."""
    found = []
    for path in server.files():
        text = path.read_bytes().decode(errors="replace")
        if re.search(rf"^(Delivered-To|Envelope-to): {re.escape(sender)}$", text, re.MULTILINE):
            found.append(re.sub(r"\n[ \t]+", " ", text))
    return found


def the_report(server, sender):
    wait_for(lambda: reports(server, sender), what=f"a report for {sender}")
    report, = reports(server, sender)
    return report


def field(report, name):
    """All values of this field of a report's machine-readable part."""
    part = report.split("message/delivery-status", 1)[-1].split("message/global-delivery-status")[-1]
    return re.findall(rf"^{name}: *(.*?)\s*$", part, re.MULTILINE | re.IGNORECASE)


@on(WITH_DSN)
def test_success_is_reported_with_what_was_given(server, service):
    sender = "success@sender.example"
    submit(service, sender, {
        "one@far.example": ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first+2Btag@there.example"],
        "two@far.example": ["NOTIFY=FAILURE"],
    }, ["RET=HDRS", "ENVID=QQ+2B314159+3Dx"])
    service.wait_until_empty()
    report = the_report(server, sender)
    # Exim leaves xtext as it is.
    assert field(report, "Original-Envelope-Id") in (["QQ+314159=x"], ["QQ+2B314159+3Dx"])
    assert field(report, "Final-Recipient") in (["rfc822; one@far.example"],
                                                ["rfc822;one@far.example"])
    assert field(report, "Original-Recipient") in (["rfc822;first+tag@there.example"],
                                                   ["rfc822;first+2Btag@there.example"])
    assert field(report, "Action")[0].startswith("delivered")


@on(WITH_DSN)
@pytest.mark.parametrize("ret", ("FULL", "HDRS"))
def test_failure_is_reported_with_as_much_as_was_asked_for(server, service, ret):
    sender = f"failure-{ret.lower()}@sender.example"
    submit(service, sender, {"one@fails.example": ["NOTIFY=FAILURE"]}, [f"RET={ret}"])
    service.wait_until_empty()
    report = the_report(server, sender)
    assert field(report, "Action") == ["failed"]
    assert ("the text of it" in report) == (ret == "FULL")


@on(WITH_DSN)
def test_who_wants_no_report_gets_none(server, service):
    """Those for the last come after those of the others would have come."""
    for notify, name in (("NEVER", "never"), ("SUCCESS", "only"), ("FAILURE", "known")):
        submit(service, f"{name}@sender.example", {"one@fails.example": [f"NOTIFY={notify}"]})
        service.wait_until_empty()
    the_report(server, "known@sender.example")
    assert reports(server, "never@sender.example") == []
    assert reports(server, "only@sender.example") == []


@on(WITH_DSN)
def test_success_is_reported_to_who_asked_sendmail(server, service):
    sender = "cli-success@sender.example"
    submit_by_sendmail(service, sender, "one@far.example", "-N", "success", "-R", "hdrs", "-V",
                       "QQ+314 159=x")
    service.wait_until_empty()
    report = the_report(server, sender)
    # Exim leaves xtext as it is.
    assert field(report, "Original-Envelope-Id") in (["QQ+314 159=x"], ["QQ+2B314+20159+3Dx"])
    assert field(report, "Final-Recipient") in (["rfc822; one@far.example"],
                                                ["rfc822;one@far.example"])
    assert field(report, "Action")[0].startswith("delivered")
    assert "the text of it" not in report


@on(WITH_DSN)
@pytest.mark.parametrize("ret", ("full", "hdrs"))
def test_failure_is_reported_to_who_asked_sendmail(server, service, ret):
    sender = f"cli-failure-{ret}@sender.example"
    submit_by_sendmail(service, sender, "one@fails.example", "-Nfailure,delay", f"-R{ret}")
    service.wait_until_empty()
    report = the_report(server, sender)
    assert field(report, "Action") == ["failed"]
    assert ("the text of it" in report) == (ret == "full")


@on(WITH_DSN)
def test_who_wants_no_report_by_sendmail_gets_none(server, service):
    """The one for the last comes after that for the first would have come."""
    for notify, name in (("never", "cli-never"), ("failure", "cli-known")):
        submit_by_sendmail(service, f"{name}@sender.example", "one@fails.example", "-N", notify)
        service.wait_until_empty()
    the_report(server, "cli-known@sender.example")
    assert reports(server, "cli-never@sender.example") == []


@on(WITH_DSN)
def test_an_original_in_utf8(server, service):
    sender = "original@sender.example"
    submit(service, sender, {"one@far.example": [
        "NOTIFY=SUCCESS", r"ORCPT=utf-8;b\x{FC}cher@there.example"]})
    service.wait_until_empty()
    report = the_report(server, sender)
    assert field(report, "Original-Recipient") in (["utf-8;bücher@there.example"],
                                                   [r"utf-8;b\x{FC}cher@there.example"])


@on(WITHOUT)
def test_nothing_is_asked_of_who_has_no_dsn(server, service):
    """aiosmtpd and Dovecot refuse parameters that they have not offered."""
    recipient = "without@far.example"
    submit(service, "a@sender.example", {
        recipient: ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first@there.example"],
    }, ["RET=HDRS", "ENVID=QQ314159"])
    service.wait_until_empty()
    assert f"to=<{recipient}>" in service.text() and "status=bounced" not in service.text()
    envelope, = (found for found in (json.loads(path.read_bytes().partition(b"\n")[0])
                                     for path in server.files())
                 if recipient in found["recipients"])
    assert not re.search("RET|ENVID", " ".join(envelope["options"]))


GIVEN = [
    (["RET=FULL", "ENVID=a+2Bb"], ["NOTIFY=SUCCESS,FAILURE,DELAY", "ORCPT=rfc822;x+3Dy@z.example"]),
    (["RET=HDRS"], ["NOTIFY=NEVER"]),
    (["ENVID=" + "e" * 100], ["ORCPT=x400;/C+3Dde/S+3Db"]),
    ([], [r"ORCPT=utf-8;b\x{FC}cher@there.example"]),
    ([], []),
]


@pytest.mark.parametrize("offers", (True, False))
def test_the_commands_are_those_given(make_service, offers):
    extensions = ["PIPELINING", "8BITMIME"] + ["DSN"] * offers
    with Peer(extensions=extensions) as peer:
        service = make_service(url=f"smtp+notls://127.0.0.1:{peer.port}",
                               submit='wait = "disk"').start()
        for mail, rcpt in GIVEN:
            submit(service, "a@sender.example", {"b@far.example": rcpt}, mail)
        service.wait_until_empty()
        lines = [line.decode() for session in peer.sessions for line in session.commands]
        for verb, given in (("MAIL FROM:<a@sender.example>", [mail for mail, _ in GIVEN]),
                            ("RCPT TO:<b@far.example>", [rcpt for _, rcpt in GIVEN])):
            asked = [line[len(verb):].split() for line in lines if line.startswith(verb)]
            assert sorted(asked) == sorted(given if offers else [[]] * len(GIVEN))


@pytest.mark.parametrize("words, mail, rcpt", [
    (["-N", "success,delay", "-R", "hdrs", "-V", "a+b=c d"], ["RET=HDRS", "ENVID=a+2Bb+3Dc+20d"],
     ["NOTIFY=SUCCESS,DELAY"]),
    (["-Nnever", "-Rfull"], ["RET=FULL"], ["NOTIFY=NEVER"]),
    # The last counts; what means nothing is passed over.
    (["-Nnever", "-N", "FAILURE"], [], ["NOTIFY=FAILURE"]),
    (["-N", "sucess", "-R", "all", "-V", "\u00e4"], [], []),
    (["-N", "never,failure", "-V", "e" * 101], [], []),
])
@pytest.mark.parametrize("offers", (True, False))
def test_what_sendmail_was_given_is_asked_for(make_service, offers, words, mail, rcpt):
    with Peer(extensions=["8BITMIME"] + ["DSN"] * offers) as peer:
        service = make_service(url=f"smtp+notls://127.0.0.1:{peer.port}",
                               submit='wait = "disk"').start()
        submit_by_sendmail(service, "a@sender.example", "b@far.example,c@far.example", *words)
        service.wait_until_empty()
        asked = [line.decode().split()[1:] for session in peer.sessions
                 for line in session.commands if line.startswith((b"MAIL", b"RCPT"))]
        given = [mail, rcpt, rcpt] if offers else [[], [], []]
        # Where it is not offered a report of ours may follow.
        assert asked[:3] == [["FROM:<a@sender.example>", *given[0]],
                         ["TO:<b@far.example>", *given[1]], ["TO:<c@far.example>", *given[2]]]


def test_an_alias_in_utf8_is_told_as_the_original(make_service):
    with Peer(extensions=["8BITMIME", "SMTPUTF8", "DSN"]) as peer:
        service = make_service(url=f"smtp+notls://127.0.0.1:{peer.port}", submit='wait = "disk"')
        (service.folder / "aliases").write_text("grün: b@far.example\n")
        service.start()
        result = service.sendmail("-i", "-f", "a@sender.example", "grün", input=b"\ntext\n")
        assert (result.status, result.stderr) == (0, ""), result
        service.wait_until_empty()
        commands = [line.decode() for session in peer.sessions for line in session.commands]
        assert r"RCPT TO:<b@far.example> ORCPT=utf-8;gr\x{FC}n" in commands, commands
