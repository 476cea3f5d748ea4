# SPDX-License-Identifier: MIT

"""Dovecot's submission service as the smarthost; behind it aiosmtpd keeps what it passes on.

Addresses that begin with "no-" are refused by aiosmtpd, and so by Dovecot.

A refused MAIL ends the process of Dovecot 2.3.19 unless a RSET, sent once the
refusal was read, is the next command (QUIT may be, too).  Its failed assertions:

BDAT behind it in the flight    trans != NULL in cmd_data_next (smtp-server-cmd-data.c);
                                not even the refusal is sent
RCPT behind it                  550 and 503, and at the next command !trans->reset in
                                smtp_client_transaction_fail_reply (smtp-client-transaction.c)
MAIL behind it                  cmd->conn == after->conn in smtp_client_command_submit_after

And one without any refusal: MAIL right behind a BDAT, without RSET, ends it
when the message is passed on but not yet answered (pending_rcpt_cmds == 0 in
smtp_server_transaction_finished).  Refused recipients do it no harm, in no order.

Below that, its LMTP.
"""

import re

from support.aiosmtpd_server import AioSmtpd
from support.chroot import BOX, Chroot

DOVECOT_CONF = """\
base_dir = /run/dovecot
log_path = /var/log/dovecot.log
protocols = submission
listen = 127.0.0.1
hostname = smarthost.test
ssl = required
ssl_cert = </etc/tls/certificate.pem
ssl_key = </etc/tls/key.pem
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
default_login_user = dovenull
default_internal_user = dovecot
passdb {{
  driver = passwd-file
  args = scheme=PLAIN /etc/dovecot/passwords
}}
userdb {{
  driver = static
  args = uid={box} gid={box} home=/var/mail/box
}}
mail_location = maildir:/var/mail/box
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
}}
# No counting, no punishment: each test is one client.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_max_recipients = 0
"""

class Dovecot(Chroot):
    packages = "dovecot"
    users = (("dovecot", 101), ("dovenull", 102))

    def __init__(self, folder, authority, **options):
        self.relay = AioSmtpd(folder / "relay", None)
        super().__init__(folder, authority, **options)

    def configure(self):
        self.make_folder("run/dovecot")
        self.make_folder("var/lib/dovecot")
        self.write("etc/dovecot/passwords", f"{self.user}:{self.password}:::::\n", 0o640, 101)
        self.write("etc/dovecot/dovecot.conf", DOVECOT_CONF.format(
            port=self.port, relay=self.relay.port, box=BOX))

    def command(self):
        return ["/usr/sbin/dovecot", "-F", "-c", "/etc/dovecot/dovecot.conf"]

    def start(self):
        self.relay.start()
        return super().start()

    def stop(self):
        super().stop()
        self.relay.stop()

    def files(self):
        return self.relay.files()

    def empty(self):
        self.relay.empty()

    def accepted(self):
        """How many messages it has said 250 to."""
        return self.relay.accepted()

    def delivered(self):
        return self.relay.delivered()


LMTP_CONF = """\
base_dir = /run/dovecot
log_path = /var/log/dovecot.log
protocols = lmtp
listen = 127.0.0.1
hostname = smarthost.test
ssl = no
default_login_user = dovenull
default_internal_user = dovecot
# Nobody logs in; LMTP asks only who there is.
passdb {{
  driver = static
  args = nologin=yes
}}
userdb {{
  driver = passwd-file
  args = /etc/dovecot/users
}}
mail_location = maildir:~
mail_plugins = quota
plugin {{
  quota = maildir:box
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    port = {port}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

TRACE = re.compile(rb"(?:(?:Return-Path|Delivered-To|Received):.*\n(?:[ \t].*\n)*)*", re.IGNORECASE)


class DovecotLmtp(Chroot):
    """Dovecot's LMTP by TCP and by a socket: a Maildir for each of its users and for nobody else.

    Users that begin with "full-" have no room for a message; that is found out
    when all of it has been read (552), each for himself.
    """

    packages = "dovecot"
    users = (("dovecot", 101), ("dovenull", 102))

    def __init__(self, folder, authority, people, **options):
        self.people = people
        super().__init__(folder, authority, **options)
        self.socket = self.root / "run/dovecot/lmtp"

    def configure(self):
        self.make_folder("run/dovecot")
        self.make_folder("var/lib/dovecot")
        self.write("etc/dovecot/dovecot.conf", LMTP_CONF.format(port=self.port))
        self.write("etc/dovecot/users", "".join(
            f"{name}::{BOX}:{BOX}::/var/mail/box/{name}::"
            f"{'userdb_quota_rule=*:storage=10B' if name.startswith('full-') else ''}\n"
            for name in self.people))

    def command(self):
        return ["/usr/sbin/dovecot", "-F", "-c", "/etc/dovecot/dovecot.conf"]

    def files(self):
        return list(self.mailbox.glob("*/new/*"))

    def delivered(self):
        """(recipient, content as it was handed over) of all that arrived."""
        for path in self.files():
            message = path.read_bytes()
            content = message[TRACE.match(message).end():]
            yield path.parent.parent.name, content
