# SPDX-License-Identifier: MIT

"""A real OpenSMTPD as the smarthost, in clear text: a Maildir with a file a recipient.

No TLS, and so no login, with the one that Debian 12 has: 6.8.0p2 keeps the key
in another process and signs by methods of OpenSSL 1.1, which OpenSSL 3 passes
over, so that each handshake ends with "rsa routines::missing private key" (the
same with an EC key; OpenSMTPD's issues 1171 and 1239; mended in 7.3).  The port
tls_port shows it.

Recipients that begin with "no-" are refused, and all of a sender that does.
"""

import re

from support.chroot import Chroot
from support.wait import free_port

SMTPD_CONF = """\
pki smarthost.test cert "/etc/tls/certificate.pem"
pki smarthost.test key "/etc/tls/key.pem"
table boxes {{ "@" = "box" }}
queue ttl 1d
smtp max-message-size 200M
smtp limit max-mails 10000
smtp limit max-rcpt 10000
listen on 127.0.0.1 port {port} hostname smarthost.test
listen on 127.0.0.1 port {tls_port} tls-require pki smarthost.test hostname smarthost.test
action "box" maildir "/var/mail/box" virtual <boxes>
match from any mail-from regex "^no-" for any reject
match from any for any rcpt-to regex "^no-" reject
match from any for any action "box"
"""

TRACE = re.compile(rb"(?:(?:Return-Path|Delivered-To|Received):.*\n(?:[ \t].*\n)*)*", re.IGNORECASE)


class OpenSMTPD(Chroot):
    packages = "opensmtpd"
    users = (("opensmtpd", 101), ("opensmtpq", 102))
    folders = ("usr", "lib", "lib64", "bin")

    def configure(self):
        self.tls_port = free_port()
        self.make_folder("var/spool/smtpd", 0, 0o711)
        self.make_folder("var/lib/opensmtpd/empty", 0)
        self.write("etc/mailname", "smarthost.test\n")
        self.write("etc/smtpd.conf", SMTPD_CONF.format(port=self.port,
                                                        tls_port=self.tls_port))

    def command(self):
        return ["/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"]

    def accepted(self):
        """How many messages it has said 250 to."""
        return self.log_text().count(" smtp message msgid=")

    def delivered(self):
        """(recipient, content as it was handed over) of all that arrived."""
        for path in self.files():
            message = path.read_bytes()
            trace = TRACE.match(message).group()
            recipient = re.search(rb"^Delivered-To: (.*)$", trace, re.MULTILINE).group(1)
            yield recipient.decode(), message[len(trace):]
