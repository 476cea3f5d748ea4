# SPDX-License-Identifier: MIT

"""php-fpm under a FastCGI client, as a web server would be one."""

import os
import re
import socket

import pytest

from support import fastcgi
from support.wait import wait_for

FPM = ["php-fpm8.2", "--nodaemonize"]
# All of a machine's sockets stand in one table: a name that nobody else has.
SOCKET = f"/run/php/fpm-{os.getpid()}.sock"
POOL = "/etc/php/8.2/fpm/pool.d/www.conf"
SCRIPT = """\
<?php
$sent = mail('b@far.example', 'from fpm', file_get_contents('/tmp/body'),
    ['From' => 'Web <web@there.example>', 'Bcc' => 'd@far.example'], '-fweb@there.example');
echo $sent ? "sent" : "failed";
"""


def start_fpm(callers):
    callers.make_folder("/run/php")
    callers.write(POOL, re.sub("(?m)^listen = .*", f"listen = {SOCKET}",
                               callers.read(POOL).decode()))
    callers.path(SOCKET).unlink(missing_ok=True)
    fpm = callers.spawn("fpm", FPM)
    wait_for(callers.path(SOCKET).exists, what=lambda: f"php-fpm's socket:\n{fpm.tail()}")
    return fpm


def request(callers, body, script=SCRIPT):
    callers.write("/tmp/body", body)
    callers.write("/var/www/mail.php", script)
    return fastcgi.request(callers.path(SOCKET), "/var/www/mail.php")


def test_mail(callers, body):
    start_fpm(callers)
    response = request(callers, body)
    assert (response.body, response.errors) == ("sent", ""), response.output
    message = callers.message()
    assert message.sender == "web@there.example"
    assert sorted(message.recipients) == ["b@far.example", "d@far.example"]
    assert message.fields("Bcc") == []
    assert message.field("From") == "Web <web@there.example>"
    assert message.body == body.encode() + b"\n"


def test_many_requests_of_few_workers(callers, token):
    start_fpm(callers)
    script = f"<?php echo mail('b@far.example', 's', '{token} ' . $_SERVER['QUERY_STRING']) ? 1 : 0;"
    callers.write("/var/www/many.php", script)
    for number in range(20):
        response = fastcgi.request(callers.path(SOCKET), "/var/www/many.php", str(number))
        assert response.body == "1", response.output
    bodies = sorted(message.body.decode() for message in callers.messages(20))
    assert bodies == sorted(f"{token} {number}\n" for number in range(20))


def test_mail_learns_of_a_refusal(callers, body):
    """PHP sees false; the reason is in no output of fpm, so it stands in syslog."""
    start_fpm(callers)
    callers.stop_service()
    begin = len(callers.syslog.lines)
    response = request(callers, body)
    assert response.body == "failed", response.output
    wait_for(lambda: "no service answers" in "\n".join(callers.syslog.lines[begin:]),
             what=lambda: f"the reason in syslog:\n{callers.syslog.text()}")


# A service that sendmail itself started under fpm

@pytest.fixture
def on_demand(make_callers):
    """No service, a spool that belongs to the web server, a smarthost that is down."""
    callers = make_callers()
    callers.stop_service()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        callers.make_folder("/var/spool/web", "www-data", 0o700)
        callers.write("/etc/mailchute/mailchute.conf",
                      f'smarthost "down" {{ url = "smtp://127.0.0.1:{closed.getsockname()[1]}" }}\n'
                      'queue { dir = "/var/spool/web" }\n')
        yield callers


def background(callers):
    """The services that run in there, by our numbers."""
    found = []
    for pid in callers.processes():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"mailchute" in file.read():
                    found.append(pid)
        except OSError:
            pass  # it has ended
    return found


def descriptors(pid):
    """What its open descriptors are; those that close meanwhile are not there."""
    found = set()
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return found  # a worker has ended
    for name in names:
        try:
            found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            pass
    return found


def sockets_of_fpm():
    """Its listening socket and the connections it accepted, as long as anybody has them open."""
    with open("/proc/net/unix") as table:
        return {f"socket:[{line.split()[6]}]" for line in table if line.endswith(f" {SOCKET}\n")}


def test_a_service_in_the_background_holds_nothing_of_fpm(on_demand, body):
    callers = on_demand
    fpm = start_fpm(callers)
    listening = sockets_of_fpm()
    response = request(callers, body)
    assert response.body == "sent", response.output
    wait_for(lambda: sockets_of_fpm() == listening, what="the end of the connection")
    services = background(callers)
    opened = {pid: descriptors(pid) for pid in services}
    assert any(opened.values()), "no service is left in the background: nothing was tested"
    for open_there in opened.values():
        assert not listening & open_there, open_there
        assert not [one for one in open_there if re.search("^pipe:|/www/|fpm", one)], open_there
    # And fpm can be ended and begun again while the service goes on.
    fpm.terminate()
    assert set(services) & set(background(callers))
    start_fpm(callers)
    assert request(callers, body).body == "sent"
    count = callers.run(["mailchute", "queue", "--count"], as_user="www-data")
    assert count.stdout == b"2\n", count
