# SPDX-License-Identifier: MIT

"""A real Postfix as the smarthost: STARTTLS and SASL login on a high port of loopback.

It runs from packages that were unpacked, never installed (tests/support/unpack),
in a chroot of its own inside a mount and process namespace: its users, its
configuration, its queue and its mailbox are all in one folder, and when the
fixture's process ends the kernel ends all of Postfix with it.

Every accepted message ends in one Maildir, whoever it is for, so that a test
can compare octets.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from support.wait import free_port, wait_for

TOP = Path(__file__).resolve().parent.parent.parent
UNPACKED = Path(os.environ.get("MAILCHUTE_UNPACKED", TOP / "build" / "unpacked"))

MAIN_CF = """\
compatibility_level = 3.6
maillog_file = /var/log/postfix.log
mail_owner = postfix
setgid_group = postdrop
myhostname = smarthost.test
mydomain = smarthost.test
myorigin = smarthost.test
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
# What a relay must not touch stays untouched.
local_header_rewrite_clients =
# All mail goes into one Maildir.
default_transport = virtual:
relay_transport = virtual:
local_transport = virtual:
virtual_mailbox_base = /var/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_minimum_uid = 5000
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = {size}
smtpd_peername_lookup = no
smtpd_tls_cert_file = /etc/postfix/smarthost.pem
smtpd_tls_key_file = /etc/postfix/smarthost.key
smtpd_tls_security_level = {tls}
smtpd_tls_auth_only = yes
smtpd_tls_loglevel = 1
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = smarthost.test
cyrus_sasl_config_path = /etc/postfix/sasl
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
# No counting, no punishing: each test is one client.
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
{extra}
"""

MASTER_CF = """\
127.0.0.1:{port}  inet  n - n - - smtpd
127.0.0.1:{tls_port}  inet  n - n - - smtpd
    -o smtpd_tls_wrappermode=yes
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
proxywrite unix  - - n - 1 proxymap
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
virtual    unix  - n n - - virtual
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
showq      unix  n - n - - showq
postlog    unix-dgram n - n - 1 postlogd
"""

PASSWD = """\
root:x:0:0::/:/bin/false
postfix:x:101:101::/:/bin/false
nobody:x:65534:65534::/:/bin/false
box:x:5000:5000::/:/bin/false
"""
GROUP = "root:x:0:\npostfix:x:101:\npostdrop:x:102:\nnogroup:x:65534:\nbox:x:5000:\n"

# queue directory, owner, group, mode: as postfix-files has them
QUEUE = [
    (name, 101, 0, 0o700)
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
                 "private", "saved", "trace")
] + [("public", 101, 102, 0o710), ("maildrop", 101, 102, 0o730), ("pid", 0, 0, 0o755)]

# /usr and /lib come from the unpacked packages; the rest is the instance's own.
ENTER = """\
set -eu
root=$1 packages=$2 outside=$3
shift 3
if ! mount --make-rprivate / 2>/dev/null; then
    # In a chroot / may be no mount point.  What we mount must not show outside all the same.
    mount --bind "$root" "$root"
    if grep -qF " $root " "/proc/$outside/mountinfo"; then
        umount "$root"
        echo "mounts made here would show outside" >&2
        exit 1
    fi
fi
for folder in usr lib lib64; do
    mount --bind "$packages/$folder" "$root/$folder"
    mount -o remount,bind,ro "$root/$folder"
done
for device in null urandom random; do mount --bind "/dev/$device" "$root/dev/$device"; done
exec chroot "$root" "$@"
"""

ADDED = re.compile(rb"(?:(?:Return-Path|X-Original-To|Delivered-To|Received):.*\n(?:[ \t].*\n)*)+",
                   re.IGNORECASE)


def why_not():
    """Why Postfix cannot run here, or None."""
    if not (UNPACKED / "postfix.done").exists():
        return "Postfix is not unpacked; run tests/run, or tests/support/unpack build/unpacked"
    if os.geteuid() != 0:
        return "Postfix needs root for a namespace and a chroot of its own"
    test = subprocess.run(["unshare", "--mount", "--propagation", "unchanged", "--pid", "--fork",
                           "true"], capture_output=True)
    if test.returncode != 0:
        return "no namespaces here: " + test.stderr.decode(errors="replace").strip()
    return None


class Postfix:
    """start(), stop(), again as often as wanted; the port and the queue stay the same.

    The host is an address, for a small system may not know "localhost".
    """

    user = "relay@smarthost.test"
    password = "correct horse"
    host = "127.0.0.1"

    def __init__(self, folder, authority, certificate="right", tls="encrypt", size=0, extra=""):
        self.root = Path(folder)
        self.authority = authority
        self.ca = authority.ca
        self.port = free_port()
        self.tls_port = free_port()
        self.log = self.root / "var/log/postfix.log"
        self.mailbox = self.root / "var/mail/box"
        self._process = None
        self._make_root()
        self._write("etc/postfix/main.cf", MAIN_CF.format(tls=tls, size=size, extra=extra))
        self._write("etc/postfix/master.cf",
                    MASTER_CF.format(port=self.port, tls_port=self.tls_port))
        self.use_certificate(certificate)
        self.set_password(self.password)

    def _write(self, name, text, mode=0o644):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def _make_root(self):
        for folder in ("usr", "lib", "lib64", "dev", "tmp", "var/log", "var/mail",
                       "var/spool/postfix", "var/lib/postfix", "etc/postfix/sasl"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)
        os.chown(self.root / "var/lib/postfix", 101, 101)
        os.chown(self.root / "var/mail", 5000, 5000)
        for name, owner, group, mode in QUEUE:
            path = self.root / "var/spool/postfix" / name
            path.mkdir(exist_ok=True)
            os.chown(path, owner, group)
            path.chmod(mode)
        for device in ("null", "urandom", "random"):
            (self.root / "dev" / device).touch()
        self._write("etc/passwd", PASSWD)
        self._write("etc/group", GROUP)
        self._write("etc/nsswitch.conf", "hosts: files\npasswd: files\ngroup: files\n")
        self._write("etc/hosts", "127.0.0.1 localhost smarthost.test\n")
        self._write("etc/services", "smtp 25/tcp\n")
        # smtpd reads the real passwords, so every mechanism works, challenges too.
        self._write("etc/postfix/sasl/smtpd.conf", "pwcheck_method: auxprop\n"
                    "auxprop_plugin: sasldb\nmech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256\n"
                    "sasldb_path: /etc/sasldb2\n")
        dynamic = UNPACKED / "postfix/usr/share/postfix/dynamicmaps.cf"
        if dynamic.exists():
            shutil.copy(dynamic, self.root / "etc/postfix/dynamicmaps.cf")

    def use_certificate(self, kind):
        """Shows this certificate from the next start on."""
        certificate, key = self.authority.certificate(kind)
        shutil.copy(certificate, self.root / "etc/postfix/smarthost.pem")
        shutil.copy(key, self.root / "etc/postfix/smarthost.key")
        (self.root / "etc/postfix/smarthost.key").chmod(0o600)

    def set_password(self, password):
        """Changes the password at the server, at once; self.password stays what clients know."""
        name, realm = self.user.split("@")
        done = self._enter(["/usr/sbin/saslpasswd2", "-p", "-c", "-f", "/etc/sasldb2", "-u", realm,
                            name], input=password.encode(), capture_output=True)
        assert done.returncode == 0, done.stderr
        os.chown(self.root / "etc/sasldb2", 0, 101)
        (self.root / "etc/sasldb2").chmod(0o640)

    def _command(self, arguments):
        return ["unshare", "--mount", "--propagation", "unchanged", "--pid", "--fork",
                "--kill-child", "sh", "-c", ENTER, "sh", str(self.root),
                str(UNPACKED / "postfix"), str(os.getpid()), *arguments]

    def _enter(self, arguments, **options):
        return subprocess.run(self._command(arguments), **options)

    def start(self):
        assert self._process is None
        self._output = open(self.root / "var/log/master.out", "ab")
        self._process = subprocess.Popen(
            self._command(["/usr/lib/postfix/sbin/master", "-i", "-c", "/etc/postfix"]),
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._output,
            start_new_session=True)
        wait_for(self._answers, what=lambda: "Postfix; its log:\n" + self.log_text())
        return self

    def _answers(self):
        assert self._process.poll() is None, "Postfix ended at once:\n" + self.log_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as probe:
                return probe.recv(4) == b"220 "
        except OSError:
            return False

    def stop(self):
        if self._process is None:
            return
        # unshare takes the whole process namespace with it.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()
        self._process = None
        wait_for(self._is_gone, what="the port of Postfix to close")

    def _is_gone(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log_text(self):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        output = self.root / "var/log/master.out"
        return text + (output.read_text(errors="replace") if output.exists() else "")

    def messages(self):
        """What was delivered, oldest first, whole, as octets."""
        new = self.mailbox / "new"
        if not new.exists():
            return []
        files = sorted(new.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [path.read_bytes() for path in files]

    def contents(self):
        """The delivered messages without the fields that Postfix put on top."""
        return [message[ADDED.match(message).end():] for message in self.messages()]

    def wait_for_messages(self, count, timeout=30):
        wait_for(lambda: len(self.messages()) >= count, timeout,
                 what=lambda: f"{count} messages at Postfix; its log:\n{self.log_text()}")
        return self.messages()
