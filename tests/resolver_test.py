# SPDX-License-Identifier: MIT

"""A name server that does not answer: the service asks it for this machine's name, and goes on."""

import signal
import sys

import pytest

from support import own_mounts
from support.mailchute import environment, needs_program
from support.wait import wait_for

pytestmark = [needs_program("sendmail", "mailchute"),
              pytest.mark.skipif(bool(own_mounts.why_not()), reason=own_mounts.why_not() or "")]

MESSAGE = b"Subject: who am I\n\ntext\n"

# Takes every question, and notes that there was one.  Asked by libc it costs minutes.
SILENT = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    open(sys.argv[1], "ab", 0).write(b"ready\\n")
    server.recv(1000)
"""
# Its /etc is its own: an empty machine has none of these files, another has links.
PREPARE = """
hostname nodot
ip link set lo up
cd "$1"
mkdir space
mount -t tmpfs tmpfs space
mkdir space/etc space/work
mount -t overlay overlay /etc -o "lowerdir=/etc,upperdir=$1/space/etc,workdir=$1/space/work"
rm -f /etc/nsswitch.conf /etc/resolv.conf /etc/hosts
printf 'hosts: files dns\\n' > /etc/nsswitch.conf
printf 'nameserver 127.0.0.1\\noptions timeout:30 attempts:5\\n' > /etc/resolv.conf
printf '127.0.0.1 localhost\\n' > /etc/hosts
"$2" -c "$3" asked &
while ! [ -s asked ]; do sleep 0.05; done
shift 3
exec "$@"
"""


@pytest.fixture
def service(make_service, make_sink):
    """Not started.  There is no network where it runs, so its smarthost is a socket."""
    made = make_service()
    made.sink = make_sink()
    path = made.sink.folder / "sink.sock"
    made.sink.spawn([made.programs.mailchute, "sink", "--listen", path, "--maildir",
                     made.sink.maildir], environment())
    made.sink.wait_for_text(f"listening on {path}")
    made.configure(f"smtp+unix://{path}", 'from = "alerts@far.example"')

    def start():
        made.spawn(own_mounts.command("unshare", "--uts", "--net", "sh", "-ec", PREPARE, "sh",
                                      made.folder, sys.executable, SILENT,
                                      made.programs.mailchute, "serve"), made.environment())
        wait_for(made.answers, 30, what=lambda: f"the service to listen:\n{made.tail()}")

    made.start = start
    return made


def send(service, count):
    """From what may be this machine's full name, to what may be it."""
    assert service.sendmail("-f", "me@nodot.far.example", "you@nodot.far.example",
                            input=MESSAGE).status == 0
    service.sink.wait_for_messages(count)


def questions(service):
    return (service.folder / "asked").read_bytes().count(b"\n") - 1


def test_messages_do_not_wait_for_a_name_server_again_and_again(service):
    service.start()
    for count in range(1, 4):
        send(service, count)
    # By the service, and by the receive process that it keeps for the next client: A and AAAA.
    assert 2 <= questions(service) <= 4


def test_it_starts_and_reads_its_settings_again(service):
    text = service.config.read_text()
    service.config.write_text(text.replace('ehlo = "client.test" domain = "here.example"', ""))
    service.start()
    asked = questions(service)
    assert asked != 0
    send(service, 1)
    assert questions(service) == asked
    service.signal(signal.SIGHUP)
    wait_for(lambda: questions(service) > asked, what="another question")
    send(service, 2)
