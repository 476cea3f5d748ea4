# SPDX-License-Identifier: MIT

"""Callers whose environment was taken away: php-fpm's clear_env, cron, env -i.

No service runs and nothing is configured but by files in /run/secrets.
"""

import os
import re

import pytest

from support import fastcgi
from support.wait import wait_for

SOCKET = f"/run/php/clear-{os.getpid()}.sock"
POOL = "/etc/php/8.2/fpm/pool.d/www.conf"
SCRIPT = """\
<?php
echo getenv('MAILCHUTE_URL') === false ? "clear " : "set ";
echo mail('b@far.example', 'from fpm', 'the text', 'From: web@there.example',
    '-fweb@there.example') ? "sent" : "failed";
"""


@pytest.fixture
def bare(make_callers):
    """Without service, configuration and spool."""
    callers = make_callers()
    callers.stop_service()
    callers.run_ok("rm -rf /etc/mailchute /var/spool/mailchute /run/mailchute")
    yield callers


def secret(callers, name, content, mode=0o444):
    callers.make_folder("/run/secrets")
    callers.write(f"/run/secrets/{name}", content, mode)


def request(callers, clear_env, **variables):
    callers.make_folder("/run/php")
    pool = re.sub("(?m)^listen = .*", f"listen = {SOCKET}", callers.read(POOL).decode())
    pool = re.sub("(?m)^;?clear_env.*\n", "", pool)
    callers.write(POOL, pool + f"\nclear_env = {clear_env}\n")
    callers.path(SOCKET).unlink(missing_ok=True)
    fpm = callers.spawn("fpm", ["php-fpm8.2", "--nodaemonize"], env=variables)
    wait_for(callers.path(SOCKET).exists, what=lambda: f"php-fpm's socket:\n{fpm.tail()}")
    callers.write("/var/www/mail.php", SCRIPT)
    return fastcgi.request(callers.path(SOCKET), "/var/www/mail.php")


def test_fpm_that_clears_its_environment_finds_the_secret(bare):
    secret(bare, "mailchute_url", bare.sink.url)
    response = request(bare, "yes", MAILCHUTE_URL="smtp://127.0.0.1:1")
    assert (response.body, response.errors) == ("clear sent", ""), response.output
    message = bare.message()
    assert message.sender == "web@there.example" and message.body == b"the text\n"


def test_fpm_that_does_not_has_its_variable(bare):
    response = request(bare, "no", MAILCHUTE_URL=bare.sink.url)
    assert response.body == "set sent", response.output
    assert bare.message().recipients == ["b@far.example"]


def test_fpm_without_either_says_so_in_the_log(bare):
    response = request(bare, "yes", MAILCHUTE_URL=bare.sink.url)
    assert response.body == "clear failed", response.output
    wait_for(lambda: "/run/secrets/mailchute_url" in bare.syslog.text(),
             what=lambda: f"the reason in syslog:\n{bare.syslog.text()}")
    bare.no_message()


def test_cron_finds_the_secret(bare):
    """Started by an init that hands on no variable of a container."""
    bare.run_ok("rm -f /etc/crontab /etc/cron.d/*")
    secret(bare, "mailchute_url", bare.sink.url + "\n")
    bare.run_ok(["crontab", "-"], "alice", "MAILTO=ops@far.example\n@reboot echo a line\n")
    bare.path("/run/crond.reboot").unlink(missing_ok=True)
    bare.spawn("cron", ["cron", "-f"])
    message = bare.message()
    assert message.recipients == ["ops@far.example"] and message.body == b"a line\n"


def test_nothing_but_the_program(bare):
    """env -i, and no shell in between."""
    secret(bare, "mailchute_url", bare.sink.url)
    result = bare.run(["env", "-i", "/usr/sbin/sendmail", "-f", "a@there.example",
                       "b@far.example"], "nobody", b"Subject: s\n\ntext\n")
    assert (result.status, result.stderr) == (0, ""), result
    assert bare.message().body == b"text\n"


def test_php_that_captures_sends_nothing_while_a_service_runs(callers):
    script = "echo mail('b@far.example', 'caught', 'text') ? 'true' : 'false';"
    result = callers.run(["php", "-r", script], "alice", env={"MAILCHUTE_CAPTURE": "/tmp/captured"})
    assert (result.stdout, result.stderr) == (b"true", ""), result
    listed = callers.run(["mailchute", "sink", "list", "/tmp/captured"], "alice").stdout.decode()
    assert "> b@far.example  | caught" in listed and listed.count("\n") == 1, listed
    callers.no_message()
    callers.run_ok("rm -r /tmp/captured")


def test_root_does_not_capture_where_settings_are_installed(callers):
    """As all its variables, so that nobody has its mail by what sudo lets through."""
    result = callers.run(["sendmail", "b@far.example"], input=b"Subject: s\n\ntext\n",
                         env={"MAILCHUTE_CAPTURE": "/tmp/captured"})
    # But whoever has set it is not to see the mail leave.
    assert result.status == 78 and "MC-CAPTURE-16" in result.stderr, result
    callers.no_message()
    assert not callers.path("/tmp/captured").exists()
