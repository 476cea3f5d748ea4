# SPDX-License-Identifier: MIT

"""mailchute in front of a real Postfix: TLS, login, and what happens when they fail."""

import re

import pytest

from support.mailchute import needs_program
from support.postfix import why_not
from support.wait import wait_for

pytestmark = [needs_program("sendmail", "mailchute"),
              pytest.mark.skipif(bool(why_not()), reason=why_not() or "")]

MESSAGE = (b"From: Alice <alice@sender.example>\nTo: b@far.example\nSubject: octets\n"
           b"Date: Tue, 01 Jan 2019 00:00:00 +0000\nMessage-ID: <1@sender.example>\n\n"
           b".dot\n..\n.\n\xe4\xf6\xfc\nFrom here\n\n")


def serve(make_service, postfix, smarthost="", port=None, scheme="smtp+tls", password=None,
          variables=None, **options):
    return make_service(
        url=f"{scheme}://{postfix.host}:{port or postfix.port}",
        smarthost=f'ca_file = "{postfix.ca}" from = "alice@sender.example" {smarthost}',
        submit='wait = "disk"',
        variables={"user": postfix.user, "password": password or postfix.password,
                   **(variables or {})},
        **options).start()


def submit(service, *recipients, input=MESSAGE):
    result = service.sendmail("-i", "-f", "alice@sender.example", *recipients, input=input)
    assert (result.status, result.stderr) == (0, ""), result


def test_accepted_with_tls_and_login(make_service, make_postfix):
    with make_postfix() as postfix:
        service = serve(make_service, postfix)
        submit(service, "b@far.example", "c@far.example")
        messages = postfix.wait_for_messages(2)
        service.wait_until_empty()
        # Octet for octet, below the Received field that each hop may add.
        for content in postfix.contents():
            assert content == MESSAGE
        assert {b"b@far.example", b"c@far.example"} == {
            re.search(rb"^Delivered-To: (.*)$", one, re.MULTILINE).group(1) for one in messages}
        assert re.search(rb"^Return-Path: <alice@sender.example>$", messages[0], re.MULTILINE)
        log = postfix.log_text()
        assert re.search(r"TLS connection established from .*TLSv1\.[23]", log)
        assert f"sasl_username={postfix.user}" in log
        assert re.search(r"status=sent", service.text())
        # The password is nowhere to be seen.
        assert postfix.password not in service.text()


def test_accepted_with_tls_at_once(make_service, make_postfix):
    with make_postfix() as postfix:
        service = serve(make_service, postfix, scheme="smtps", port=postfix.tls_port)
        submit(service, "b@far.example")
        postfix.wait_for_messages(1)
        assert postfix.contents() == [MESSAGE]
        assert f"sasl_username={postfix.user}" in postfix.log_text()


def test_a_large_message_arrives_whole(make_service, make_postfix):
    body = b"".join(b"%08d %s\n" % (number, b"x" * 60) for number in range(150000))
    text = MESSAGE.split(b"\n\n", 1)[0] + b"\n\n" + body
    with make_postfix() as postfix:
        service = serve(make_service, postfix)
        submit(service, "b@far.example", input=text)
        postfix.wait_for_messages(1)
        assert postfix.contents() == [text]


def test_many_messages_share_connections(make_service, make_postfix):
    with make_postfix() as postfix:
        service = serve(make_service, postfix)
        for number in range(30):
            submit(service, f"r{number}@far.example")
        messages = postfix.wait_for_messages(30)
        service.wait_until_empty()
        assert len(messages) == 30
        assert len(set(re.findall(rb"^Delivered-To: (.*)$", b"".join(messages),
                                  re.MULTILINE))) == 30


@pytest.mark.parametrize("word, mechanism", [
    ("auto", "SCRAM-SHA-256"),
    ("scram", "SCRAM-SHA-256"),
    ("cram-md5", "CRAM-MD5"),
    ("plain", "PLAIN"),
    ("login", "LOGIN"),
])
def test_every_mechanism(make_service, make_postfix, word, mechanism):
    with make_postfix() as postfix:
        # A system call that the sandbox does not know would end the worker.
        service = serve(make_service, postfix, smarthost=f'auth = "{word}"',
                        variables={"MAILCHUTE_SANDBOX": "kill"})
        submit(service, "b@far.example")
        postfix.wait_for_messages(1)
        assert postfix.contents() == [MESSAGE]
        wait_for(lambda: f"sasl_method={mechanism}, sasl_username={postfix.user}" in
                 postfix.log_text(), what=lambda: f"{mechanism} in the log:\n{postfix.log_text()}")
        assert postfix.password not in service.text()


def test_no_weaker_mechanism_after_a_refused_one(make_service, make_postfix):
    with make_postfix() as postfix:
        service = serve(make_service, postfix, password="very wrong word")
        submit(service, "b@far.example")
        shown = service.wait_for_queue("AUTH SCRAM-SHA-256")
        assert "535" in shown and "secrets.ini" in shown
        wait_for(lambda: postfix.log_text().count("SASL SCRAM-SHA-256 authentication failed") >= 2,
                 30, what="the second attempt")
        for weaker in ("CRAM-MD5", "PLAIN", "LOGIN"):
            assert f"SASL {weaker} authentication" not in postfix.log_text()


def test_no_common_mechanism_prints_both_lists(make_service, make_postfix):
    with make_postfix() as postfix:
        service = serve(make_service, postfix, smarthost='auth = "xoauth2"')
        submit(service, "b@far.example")
        shown = service.wait_for_queue("we have XOAUTH2")
        for offered in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            assert offered in shown
        assert 'auth = "auto"' in shown
        assert service.count() == 1
        assert "authentication failed" not in postfix.log_text()


def test_a_refused_login_keeps_the_message(make_service, make_postfix):
    with make_postfix() as postfix:
        service = serve(make_service, postfix, password="very wrong word")
        submit(service, "b@far.example")
        shown = service.wait_for_queue("535 5.7.8")
        assert "b@far.example" in shown and "alice@sender.example" in shown
        assert service.count() == 1
        service.wait_for_log("535 5.7.8")
        assert "very wrong word" not in service.text() + shown
        assert postfix.messages() == []
        # The account is mended at the server: the waiting message goes by itself.
        postfix.set_password("very wrong word")
        postfix.wait_for_messages(1)
        service.wait_until_empty()


@pytest.mark.parametrize("kind, words", [
    ("other", r"other\.example|does not match|mismatch|not valid for|is not for"),
    ("expired", "expired"),
    ("stranger", "self.signed|unable to|not trusted|unknown|issuer"),
])
def test_a_certificate_that_cannot_be_believed(make_service, make_postfix, kind, words):
    with make_postfix(certificate=kind) as postfix:
        service = serve(make_service, postfix)
        submit(service, "b@far.example")
        shown = service.wait_for_queue(words)
        assert service.count() == 1
        assert "b@far.example" in shown
        service.wait_for_log(words)
        # Neither name nor password was told to it.
        assert "sasl" not in postfix.log_text().replace("sasl_path", "")
        assert postfix.messages() == []


def test_a_smarthost_that_is_gone_comes_back(make_service, make_postfix):
    postfix = make_postfix()
    service = serve(make_service, postfix)
    submit(service, "b@far.example")
    shown = service.wait_for_queue("refused")
    assert postfix.host in shown and str(postfix.port) in shown
    assert service.count() == 1
    with postfix:
        postfix.wait_for_messages(1)
        service.wait_until_empty()
        assert postfix.contents() == [MESSAGE]
    submit(service, "c@far.example")
    service.wait_for_queue("refused")
    with postfix:
        postfix.wait_for_messages(2)
        service.wait_until_empty()
        assert postfix.contents() == [MESSAGE, MESSAGE]


def test_a_refused_recipient_does_not_stop_the_others(make_service, make_postfix):
    extra = ("smtpd_recipient_restrictions = check_recipient_access "
             "inline:{ { no@far.example = 550 5.1.1 nobody of that name },"
             " { later@far.example = 450 4.2.1 come back later } }\n")
    with make_postfix(extra=extra) as postfix:
        service = serve(make_service, postfix)
        submit(service, "no@far.example", "yes@far.example", "later@far.example")
        messages = postfix.wait_for_messages(1)
        assert b"Delivered-To: yes@far.example" in messages[0]
        service.wait_for_log("nobody of that name")
        assert "later@far.example" in service.wait_for_queue("come back later")
        # However often the others are tried again, who has it gets it once.
        wait_for(lambda: postfix.log_text().count("come back later") >= 3, 30,
                 what="the third attempt")
        to_yes = [one for one in postfix.messages() if b"Delivered-To: yes@far.example" in one]
        assert len(to_yes) == 1


def test_a_message_too_large_for_the_smarthost(make_service, make_postfix):
    with make_postfix(size=20000) as postfix:
        service = serve(make_service, postfix)
        submit(service, "b@far.example", input=MESSAGE + b"\n" * 30000)
        service.wait_for_log("size|5.3.4|too (big|large|long)")
        assert postfix.messages() == []


def test_tls_is_never_done_without(make_service, make_postfix):
    with make_postfix(tls="none") as postfix:
        service = serve(make_service, postfix)
        submit(service, "b@far.example")
        service.wait_for_queue("STARTTLS")
        assert postfix.messages() == []
        assert "sasl_username" not in postfix.log_text()
