# SPDX-License-Identifier: MIT

"""Logins that Postfix has no use for: by a certificate, by a token, by SCRAM-SHA-1.

The server is Dovecot; tokens are JSON Web Tokens that it checks by itself.
The workers run with MAILCHUTE_SANDBOX=kill.
"""

import base64
import hashlib
import hmac
import json
import time

import pytest

from support import aiosmtpd_server, chroot
from support.dovecot import Dovecot
from support.mailchute import needs_program
from support.wait import wait_for

WHY_NOT = aiosmtpd_server.why_not() or chroot.why_not("dovecot")

pytestmark = [needs_program("sendmail", "mailchute"),
              pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "")]

MESSAGE = (b"From: Alice <alice@sender.example>\nTo: b@far.example\nSubject: login\n"
           b"Date: Tue, 01 Jan 2019 00:00:00 +0000\nMessage-ID: <1@sender.example>\n\nhello\n")

KEY = b"a key that only Dovecot and this test know"

BY_CERTIFICATE = """\
ssl_ca = </etc/tls/ca.pem
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
passdb {
  driver = static
  args = nopassword=y
}
"""

BY_TOKEN = """\
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = /etc/dovecot/oauth2.conf
}
"""

OAUTH2_CONF = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=/etc/dovecot/keys/
username_attribute = sub
"""


class LoginDovecot(Dovecot):
    """Dovecot that offers these mechanisms, and no passwords where extra brings a passdb."""

    def __init__(self, folder, authority, mechanisms, extra=""):
        self.mechanisms, self.extra = mechanisms, extra
        super().__init__(folder, authority)

    def configure(self):
        super().configure()
        conf = self.root / "etc/dovecot/dovecot.conf"
        text = conf.read_text()
        if self.extra:
            start = text.index("passdb {")
            end = text.index("}\n", start) + 2
            text = text[:start] + self.extra + text[end:]
        conf.write_text(text + f"auth_mechanisms = {self.mechanisms}\nauth_verbose = yes\n")
        self.write("etc/tls/ca.pem", self.ca.read_text())
        self.write("etc/dovecot/oauth2.conf", OAUTH2_CONF)
        self.write("etc/dovecot/keys/default/HS256/default", base64.b64encode(KEY).decode())


@pytest.fixture
def make_dovecot(tmp_path, authority):
    made = []

    def make(*arguments):
        made.append(LoginDovecot(tmp_path / f"dovecot{len(made)}", authority, *arguments))
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


def token(user, lifetime=3600):
    def part(value):
        octets = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(octets).rstrip(b"=")

    now = int(time.time())
    text = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(
        {"sub": user, "iat": now - 10, "nbf": now - 10, "exp": now + lifetime})
    return (text + b"." + part(hmac.new(KEY, text, hashlib.sha256).digest())).decode()


def serve(make_service, dovecot, options="", **variables):
    service = make_service(
        url=f"smtp+tls://{dovecot.host}:{dovecot.port}",
        smarthost=f'ca_file = "{dovecot.ca}" from = "alice@sender.example" {options}',
        submit='wait = "disk"', variables={"MAILCHUTE_SANDBOX": "kill", **variables})
    return service.start()


def submit(service):
    result = service.sendmail("-i", "-f", "alice@sender.example", "b@far.example", input=MESSAGE)
    assert (result.status, result.stderr) == (0, ""), result


def check_arrived(service, dovecot):
    wait_for(lambda: dovecot.files(), 30,
             what=lambda: f"the message; the service:\n{service.text()}\n{dovecot.log_text()}")
    service.wait_until_empty()
    assert [content for _, content in dovecot.delivered()] == [MESSAGE]


@pytest.mark.parametrize("offered, method", [
    ("plain login cram-md5 scram-sha-1 scram-sha-256", "SCRAM-SHA-256"),
    ("plain login cram-md5 scram-sha-1", "SCRAM-SHA-1"),
    ("plain login cram-md5", "CRAM-MD5"),
    ("plain login", "PLAIN"),
    ("login", "LOGIN"),
])
def test_a_password(make_service, make_dovecot, offered, method):
    dovecot = make_dovecot(offered)
    service = serve(make_service, dovecot, user=dovecot.user, password=dovecot.password)
    submit(service)
    check_arrived(service, dovecot)
    assert f"method={method}," in dovecot.log_text()


def test_a_certificate(make_service, make_dovecot, authority):
    dovecot = make_dovecot("external", BY_CERTIFICATE)
    certificate, key = authority.certificate("right")
    service = serve(make_service, dovecot,
                    f'auth = "external" client_cert = "{certificate}" client_key = "{key}"')
    submit(service)
    check_arrived(service, dovecot)
    # The name is the certificate's.
    assert "user=<smarthost.test>, method=EXTERNAL," in dovecot.log_text()


@pytest.mark.parametrize("word, method", [
    ("xoauth2", "XOAUTH2"),
    ("oauthbearer", "OAUTHBEARER"),
    ("auto", "OAUTHBEARER"),
])
def test_a_token(make_service, make_dovecot, word, method):
    dovecot = make_dovecot("plain xoauth2 oauthbearer", BY_TOKEN)
    service = serve(make_service, dovecot, f'auth = "{word}"', user=dovecot.user,
                    token=token(dovecot.user))
    submit(service)
    check_arrived(service, dovecot)
    assert f"user=<{dovecot.user}>, method={method}," in dovecot.log_text()


@pytest.mark.parametrize("word, method", [("xoauth2", "XOAUTH2"), ("oauthbearer", "OAUTHBEARER")])
def test_a_token_that_has_expired(make_service, make_dovecot, word, method):
    dovecot = make_dovecot("plain xoauth2 oauthbearer", BY_TOKEN)
    secret = token(dovecot.user, -5)
    service = serve(make_service, dovecot, f'auth = "{word}"', user=dovecot.user, password=secret)
    submit(service)
    shown = service.wait_for_queue(f"AUTH {method}")
    # The challenge with the reason was answered, so that the 535 could come.
    assert "535" in shown and '"status":' in shown.replace('\\"', '"'), shown
    assert "token" in shown
    assert service.count() == 1
    assert secret not in service.text() + shown
    assert not dovecot.files()
