# SPDX-License-Identifier: MIT

"""Proves the fixture: what Postfix does when smtplib, not mailchute, talks to it."""

import smtplib
import ssl

import pytest

from support.postfix import why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")

CONTENT = b"From: a@sender.example\nTo: b@far.example\nSubject: octets\n\n.dot\n\xe4\n\n"


def context_of(postfix):
    return ssl.create_default_context(cafile=str(postfix.ca))


def connect(postfix):
    client = smtplib.SMTP("127.0.0.1", postfix.port, timeout=20)
    client.starttls(context=context_of(postfix))
    client.ehlo()
    return client


def test_takes_mail_after_starttls_and_login(postfix):
    with connect(postfix) as client:
        client.login(postfix.user, postfix.password)
        client.sendmail("a@sender.example", ["b@far.example", "c@far.example"],
                        CONTENT.replace(b"\n", b"\r\n"))
    messages = postfix.wait_for_messages(2)
    assert postfix.contents() == [CONTENT, CONTENT]
    assert b"Delivered-To: b@far.example" in b"".join(messages)
    log = postfix.log_text()
    assert "TLS connection established from" in log
    assert f"sasl_username={postfix.user}" in log


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"])
def test_offers_each_mechanism_after_tls_only(postfix, mechanism):
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=20) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        client.starttls(context=context_of(postfix))
        client.ehlo()
        assert mechanism in client.esmtp_features["auth"].split()


def test_relays_nothing_without_login(postfix):
    with connect(postfix) as client:
        client.mail("a@sender.example")
        assert client.rcpt("b@far.example")[0] == 554


def test_relays_nothing_without_tls(postfix):
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=20) as client:
        client.ehlo()
        assert client.mail("a@sender.example")[0] == 530


def test_refuses_a_wrong_password_and_a_changed_one(postfix):
    with connect(postfix) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(postfix.user, "wrong")
    postfix.set_password("changed")
    with connect(postfix) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(postfix.user, postfix.password)
    postfix.set_password(postfix.password)
    with connect(postfix) as client:
        client.login(postfix.user, postfix.password)


@pytest.mark.parametrize("kind, words", [
    ("other", "IP address mismatch"),
    ("expired", "certificate has expired"),
    ("stranger", "self-signed certificate"),
])
def test_shows_certificates_that_must_not_be_believed(make_postfix, kind, words):
    with make_postfix(certificate=kind) as postfix:
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            connect(postfix)


def test_speaks_tls_at_once_on_the_other_port(postfix):
    with smtplib.SMTP_SSL("127.0.0.1", postfix.tls_port, timeout=20,
                          context=context_of(postfix)) as client:
        client.login(postfix.user, postfix.password)


def test_stops_and_comes_back_at_the_same_port(make_postfix):
    postfix = make_postfix()
    with postfix:
        connect(postfix).quit()
    with pytest.raises(OSError):
        smtplib.SMTP("127.0.0.1", postfix.port, timeout=20)
    with postfix:
        connect(postfix).quit()


def test_can_refuse_a_recipient(make_postfix):
    extra = ("smtpd_recipient_restrictions = check_recipient_access "
             "inline:{ { no@far.example = 550 5.1.1 no such user },"
             " { later@far.example = 450 4.2.1 come back later } }\n")
    with make_postfix(extra=extra) as postfix, connect(postfix) as client:
        client.login(postfix.user, postfix.password)
        client.mail("a@sender.example")
        assert client.rcpt("no@far.example")[0] == 550
        assert client.rcpt("later@far.example")[0] == 450
        assert client.rcpt("yes@far.example")[0] == 250
