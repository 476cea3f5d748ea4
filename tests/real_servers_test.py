# SPDX-License-Identifier: MIT

"""The same mixed messages through each of the servers one meets: every octet, once.

MAILCHUTE_MESSAGES=200 makes it quick.  A server that is missing says why.
"""

import collections
import os
import re
import shutil
import smtplib
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import aiosmtpd_server, chroot
from support.aiosmtpd_server import AioSmtpd
from support.dovecot import Dovecot
from support.exim import Exim
from support.mailchute import Service, make_folder, needs_program, remove_folder
from support.mixed_messages import mixed_messages, refused_messages
from support.opensmtpd import OpenSMTPD
from support.postfix import ADDED, Postfix, why_not
from support.wait import free_port, wait_for

pytestmark = needs_program("sendmail", "mailchute")

COUNT = int(os.environ.get("MAILCHUTE_MESSAGES", "1000"))
TIMEOUT = 120
ASKED = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "LIMITS")

# Addresses that begin with "no-" are refused, sender and recipient; so do the others.
REFUSES = """\
smtpd_delay_reject = no
smtpd_sender_restrictions =
    check_sender_access regexp:{ { /^no-/ 550 5.1.8 nobody of that name sends } }
smtpd_recipient_restrictions =
    check_recipient_access regexp:{ { /^no-/ 550 5.1.1 nobody of that name } }
"""


class RealPostfix(Postfix):
    """The fixture of the other tests, asked as the other servers are."""

    def __init__(self, folder, authority):
        super().__init__(folder, authority, extra=REFUSES)

    def empty(self):
        for path in (self.mailbox / "new").glob("*"):
            path.unlink()

    def delivered(self):
        for message in self.messages():
            trace = ADDED.match(message).group()
            recipient = re.search(rb"^Delivered-To: (.*)$", trace, re.MULTILINE).group(1)
            yield recipient.decode(), message[len(trace):]

    def accepted(self):
        return self.log_text().count(" from=<alice@sender.example>, size=")


SERVERS = {
    "postfix": (RealPostfix, why_not),
    "exim": (Exim, lambda: chroot.why_not("exim")),
    "opensmtpd": (OpenSMTPD, lambda: chroot.why_not("opensmtpd")),
    "dovecot": (Dovecot, lambda: aiosmtpd_server.why_not() or chroot.why_not("dovecot")),
    "aiosmtpd": (AioSmtpd, aiosmtpd_server.why_not),
}
# These end connections in which much is refused; support/exim.py and support/dovecot.py say why.
DROPS = ("exim", "dovecot")
# OpenSMTPD of Debian 12 has no TLS that works, and login only with it: support/opensmtpd.py.
WITH_TLS = [name for name in SERVERS if name != "opensmtpd"]


@pytest.fixture(scope="module")
def messages():
    return mixed_messages(COUNT)


@pytest.fixture(scope="module")
def some_refused():
    return refused_messages(min(COUNT, 300))


def submit_all(programs, folder, messages):
    """A spool into which sendmail and the service put them; each server gets a copy."""
    with Service(programs, folder, url=f"smtp://127.0.0.1:{free_port()}", submit='wait = "disk"',
                 queue='retry = { "1h" }') as service:
        def submit(message):
            result = service.sendmail("-i", "-odq", "-f", message.sender, *message.recipients,
                                      input=message.source)
            assert (result.status, result.stderr) == (0, ""), result

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(submit, messages))
        assert service.count() == len(messages)
    service.check_clean()
    return service.spool


@pytest.fixture(scope="module")
def submitted(programs, messages):
    folder = make_folder()
    yield submit_all(programs, folder, messages)
    remove_folder(folder)


@pytest.fixture(scope="module")
def submitted_some_refused(programs, some_refused):
    folder = make_folder()
    yield submit_all(programs, folder, some_refused)
    remove_folder(folder)


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


def smarthost_of(server, password=None):
    if isinstance(server, OpenSMTPD):
        return {"url": f"smtp://{server.host}:{server.port}"}
    return {"url": f"smtp+tls://{server.host}:{server.port}",
            "smarthost": f'ca_file = "{server.ca}"',
            "variables": {"user": server.user, "password": password or server.password}}


def announced(server):
    """What it says to EHLO, behind TLS where it can."""
    with smtplib.SMTP(server.host, server.port, timeout=20) as client:
        client.ehlo()
        if not isinstance(server, OpenSMTPD):
            client.starttls(context=ssl.create_default_context(cafile=str(server.ca)))
            client.ehlo()
        return {name.upper(): value for name, value in client.esmtp_features.items()}


def waiting(spool):
    return len(os.listdir(spool / "queue"))


def differences(expected, found):
    """The first few, said so that one can look for them."""
    said = [f"{len(expected)} copies expected, {found.total()} found"]
    by_recipient = collections.defaultdict(list)
    for recipient, content in found.elements():
        by_recipient[recipient].append(content)
    for recipient, content in expected:
        there = by_recipient.pop(recipient, [])
        if there == [content]:
            continue
        others = [other for other in there if other != content]
        said.append(f"{recipient}: {len(there)} times, {len(others)} of them changed")
        for other in others[:1]:
            at = next((at for at, pair in enumerate(zip(content, other)) if pair[0] != pair[1]),
                      min(len(content), len(other)))
            said.append(f"  {len(content)} octets became {len(other)}; from {at} on "
                        f"{content[at - 30:at + 60]!r} became {other[at - 30:at + 60]!r}")
    said.extend(f"{recipient}: nobody sent this" for recipient in by_recipient)
    return "\n".join(said[:20])


def troubles(service):
    """What the service logged of attempts that did not go well."""
    return [line for line in service.text().splitlines()
            if re.search(r"status=(?!sent)", line)]


@on(SERVERS)
def test_all_arrive_once_octet_for_octet(server, request, messages, submitted, folder,
                                         make_service, capsys, record_property):
    name = request.node.callspec.params["server"]
    offers = announced(server)
    server.empty()
    before = server.accepted()
    spool = folder / "spool"
    shutil.copytree(submitted, spool, ignore=shutil.ignore_patterns("*.sock"))
    expected = [(recipient, message.content) for message in messages
                for recipient in message.recipients]

    begin = time.monotonic()
    service = make_service(**smarthost_of(server), spool=spool).start()
    wait_for(lambda: waiting(spool) == 0 or troubles(service), TIMEOUT,
             what=lambda: f"{waiting(spool)} messages to leave the queue:\n{service.tail()}")
    assert troubles(service) == []
    took = time.monotonic() - begin
    # What was taken is known before it is in the mailbox: a second copy cannot be late.
    assert server.accepted() - before == len(messages)
    # Postfix and Exim answer before they have delivered.
    found = {}

    def all_there():
        found["now"] = collections.Counter(server.delivered())
        return found["now"].total() >= len(expected)

    try:
        wait_for(all_there, 30)
    except AssertionError:
        pass
    assert found["now"] == collections.Counter(expected), differences(expected, found["now"])

    words = " ".join(word if word in offers else f"({word})" for word in ASKED)
    record_property(f"{name} announces", words)
    with capsys.disabled():
        print(f"\n{name}: {words}; {len(messages)} messages, {len(expected)} recipients, "
              f"sent in {took:.1f} s", end=" ")


@on(WITH_TLS)
def test_a_certificate_of_another_name_is_refused(server, messages, make_service):
    before = server.accepted()
    server.stop()
    server.use_certificate("other")
    try:
        server.start()
        service = make_service(**smarthost_of(server), submit='wait = "disk"').start()
        service.sendmail("-i", "-f", "alice@sender.example", "b@far.example",
                         input=messages[3].source)
        shown = service.wait_for_queue(r"other\.example|does not match|mismatch|not valid for")
        assert "b@far.example" in shown
        assert (service.count(), server.accepted()) == (1, before)
        service.kill()
    finally:
        server.stop()
        server.use_certificate("right")
        server.start()


@on(WITH_TLS)
def test_a_wrong_password_keeps_the_mail_with_the_reason(server, messages, make_service):
    before = server.accepted()
    service = make_service(**smarthost_of(server, "very wrong word"),
                           submit='wait = "disk"').start()
    service.sendmail("-i", "-f", "alice@sender.example", "b@far.example",
                     input=messages[3].source)
    assert "b@far.example" in service.wait_for_queue("535")
    service.wait_for_log("535")
    assert (service.count(), server.accepted()) == (1, before)
    assert "very wrong word" not in service.text()


@on(["opensmtpd"])
def test_a_server_whose_tls_does_not_work(server, messages, make_service):
    """Should this fail one day, OpenSMTPD has learnt TLS: move it to WITH_TLS."""
    with smtplib.SMTP(server.host, server.tls_port, timeout=20) as client:
        with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
            client.starttls(context=ssl.create_default_context(cafile=str(server.ca)))
    before = server.accepted()
    service = make_service(url=f"smtp+tls://{server.host}:{server.tls_port}",
                           smarthost=f'ca_file = "{server.ca}"', submit='wait = "disk"').start()
    service.sendmail("-i", "-f", "alice@sender.example", "b@far.example",
                     input=messages[3].source)
    assert "b@far.example" in service.wait_for_queue("internal error")
    assert (service.count(), server.accepted()) == (1, before)


def hope(name, sender, recipient):
    """What the log must say at last of a recipient."""
    if "no-" not in (recipient[:3], sender[:3]):
        return "sent "
    if name == "opensmtpd":
        return "bounced .* refused RCPT .*550"
    if sender.startswith("no-"):
        return "bounced .* refused MAIL .*5.1.8 .*nobody of that name sends"
    return "bounced .* refused RCPT .*5.1.1 .*nobody of that name"


@on(SERVERS)
def test_refusals_never_touch_another_message(server, request, some_refused,
                                              submitted_some_refused, folder, make_service):
    spool = folder / "spool"
    shutil.copytree(submitted_some_refused, spool, ignore=shutil.ignore_patterns("*.sock"))
    server.empty()
    service = make_service(**smarthost_of(server), spool=spool).start()
    accepted = [(recipient, message.content) for message in some_refused
                for recipient in message.recipients
                if "no-" not in (recipient[:3], message.sender[:3])]
    name = request.node.callspec.params["server"]
    hoped = {recipient: hope(name, message.sender, recipient) for message in some_refused
             for recipient in message.recipients}

    def wrong():
        """Recipients about whom the service's last words are not what they should be."""
        said = dict(re.findall(r": to=<(\S+@far\.example)>.* status=(.*)", service.text()))
        return [f"{recipient}: {said.get(recipient)}, not {words}"
                for recipient, words in hoped.items()
                if not re.match(words, said.get(recipient, ""))]

    try:
        wait_for(lambda: wrong() == [], 60)
    except AssertionError:
        pass
    assert wrong() == []
    again = [line for line in troubles(service) if "status=bounced" not in line]
    # A Dovecot that dies between passing on and answering leaves a doubt, and so a second copy.
    doubtful = set(re.findall(r": to=<(\S+?)>", "\n".join(again))) if name == "dovecot" else ()
    if name in DROPS:
        again = [line for line in again if not re.search("lost|closed the connection", line)]
    assert again == []

    # Reports of what was refused go to the senders through it, too.
    def found():
        copies = collections.Counter(pair for pair in server.delivered()
                                     if pair[0].endswith("@far.example"))
        copies.update({pair: 1 - count for pair, count in copies.items() if pair[0] in doubtful})
        return copies

    try:
        wait_for(lambda: found().total() >= len(accepted), 30)
    except AssertionError:
        pass
    assert found() == collections.Counter(accepted), differences(accepted, found())


@on(["dovecot"])
def test_who_dies_of_a_refusal_in_a_flight_is_spoken_to_step_by_step(server, make_service):
    """What Dovecot 2.3.19 cannot bear is in support/dovecot.py.

    A MAIL that it refuses, with the rest of the transaction behind it, ends its
    process before the refusal is said; what it had passed on in that moment and
    not yet answered is in doubt.  A connection that has served others may be
    lost for any reason, so that is no sign yet; but sooner or later who is refused
    comes first in one of the next connections, and there it is.  From then on MAIL goes
    alone and RSET follows it, so nothing dies, and nothing comes twice.
    """
    server.empty()
    service = make_service(**smarthost_of(server), submit='wait = "disk"').start()

    def submit(numbers, refused):
        for number in numbers:
            sender = "no-body@there.example" if number % refused == 1 else "a@there.example"
            service.sendmail("-i", "-odq", "-f", sender, f"d{number}@far.example",
                             input=f"Subject: {number}\n\ntext\n".encode())

    def wait_for_fates(numbers):
        wait_for(lambda: not numbers - {int(number) for number in re.findall(
            r": to=<d(\d+)@far\.example>.* status=(?:sent|bounced)", service.text())}, 60,
            what=lambda: f"their fates:\n{service.tail()}")

    # Now and then its process has said the refusal before it dies, and nothing shows.
    for first in range(200, 600, 20):
        submit(range(first, first + 20), 19)
        wait_for_fates(set(range(first, first + 20)))
        if "spoken to step by step" in service.text():
            break
    assert service.text().count("spoken to step by step") == 1
    assert "refused MAIL" in service.text() and "5.1.8 nobody of that name" in service.text()

    deaths = server.log_text().count("Panic")
    assert deaths > 0
    said = len(service.text())
    submit(range(100, 160), 4)
    wait_for_fates(set(range(100, 160)))
    assert server.log_text().count("Panic") == deaths
    assert not re.search("lost|deferred|doubt", service.text()[said:]), service.text()[said:]
    copies = collections.Counter(recipient for recipient, _ in server.delivered()
                                 if re.match(r"d1\d\d@", recipient))
    assert copies == {f"d{number}@far.example": 1 for number in range(100, 160) if number % 4 != 1}
