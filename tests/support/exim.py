# SPDX-License-Identifier: MIT

"""A real Exim as the smarthost: STARTTLS, login, one file a message in a Maildir.

Addresses that begin with "no-" are refused, sender and recipient.

As everywhere, smtp_accept_max_nonmail is 10: the RSET after a message counts not,
but that after a refused transaction does, and at the 11th in a connection Exim
closes it, saying so (554) in clear text on a TLS connection ("wrong version number").
"""

import re

from support.chroot import BOX, Chroot

CONFIGURE = """\
primary_hostname = smarthost.test
log_file_path = /var/log/exim4/%slog
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts = *
tls_certificate = /etc/tls/certificate.pem
tls_privatekey = /etc/tls/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
dsn_advertise_hosts = *
pipelining_connect_advertise_hosts =
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
message_size_limit = 200M
# No name service, no counting, no punishment: each test is one client.
host_lookup =
helo_try_verify_hosts =
rfc1413_hosts =
smtp_accept_max = 100
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
recipients_max = 0
smtp_max_synprot_errors = 1000
smtp_max_unknown_commands = 1000
message_logs = false
never_users =
{extra}

begin acl
mail:
  deny    !encrypted = *
          message = must issue STARTTLS first
  deny    senders = ^no-
          message = 5.1.8 nobody of that name sends
  accept
rcpt:
  deny    local_parts = ^no-
          message = 5.1.1 nobody of that name
  accept  authenticated = *
  deny    message = relay not permitted

begin routers
# Taken, and then it turns out that there is no such box.
fails:
  driver = redirect
  domains = fails.example
  allow_fail
  data = :fail: nobody of that name after all
all:
  driver = accept
  transport = box

begin transports
# All recipients of a message in one file, named in Envelope-to.
box:
  driver = appendfile
  directory = /var/mail/box
  maildir_format
  create_directory = false
  batch_max = 1000
  envelope_to_add
  return_path_add
  user = box
  group = box
  quota = 0

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_set_id = $auth2
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_set_id = $auth1
  server_condition = ${{if and{{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_set_id = $auth1
  server_secret = ${{if eq{{$auth1}}{{{user}}}{{{password}}}fail}}
"""

TRACE = re.compile(rb"(?:(?:Return-path|Envelope-to|Received):.*\n(?:[ \t].*\n)*)*", re.IGNORECASE)


class Exim(Chroot):
    packages = "exim"
    users = (("Debian-exim", 101),)

    def __init__(self, folder, authority, extra="", **options):
        self.extra = extra
        super().__init__(folder, authority, **options)

    def configure(self):
        self.make_folder("var/spool/exim4", 101)
        self.make_folder("var/log/exim4", 101)
        self.make_folder("run/exim4", 101)
        self.write("etc/exim4/exim4.conf", CONFIGURE.format(
            port=self.port, user=self.user, password=self.password, extra=self.extra))
        for name in ("tmp", "new", "cur"):
            self.make_folder(f"var/mail/box/{name}", BOX)

    def use_certificate(self, kind):
        super().use_certificate(kind)
        self.write("etc/tls/key.pem", (self.root / "etc/tls/key.pem").read_text(), 0o600, 101)

    def command(self):
        return ["/usr/sbin/exim4", "-bdf", "-q30m"]

    def accepted(self):
        """How many messages it has said 250 to."""
        log = self.root / "var/log/exim4/mainlog"
        return log.read_text(errors="replace").count(" <= ") if log.exists() else 0

    def delivered(self):
        """(recipient, content as it was handed over) of all that arrived."""
        for path in self.files():
            message = path.read_bytes()
            trace = TRACE.match(message).group()
            content = message[len(trace):]
            field = re.search(rb"^Envelope-to: (.*\n(?:[ \t].*\n)*)", trace, re.MULTILINE)
            for recipient in field.group(1).split(b","):
                yield recipient.strip().decode(), content
