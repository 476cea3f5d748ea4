# SPDX-License-Identifier: MIT

"""Shell scripts, from /etc and from the wiki: what they pipe in, and how they leave us."""

import pytest

from support.wait import wait_for

def test_here_document(callers, token):
    callers.run_ok(f"""sendmail -t <<end
To: b@far.example
Subject: from sh

{token}
end
""", as_user="alice")
    message = callers.message()
    assert message.sender == "alice@here.example"
    assert message.recipients == ["b@far.example"]
    assert message.field("From") == "Alice Example <alice@here.example>"
    assert message.body == f"{token}\n".encode()


@pytest.mark.parametrize("command", [
    "sendmail -f app@there.example b@far.example c@far.example",
    "/usr/sbin/sendmail -i -fapp@there.example -- b@far.example c@far.example",
    "/usr/lib/sendmail -oi -oem -odi -r app@there.example b@far.example,c@far.example",
    "sendmail -v -oi -f 'App <app@there.example>' 'Bob <b@far.example>, c@far.example' 2>/dev/null",
    "sendmail -F App -f app@there.example -B8BITMIME -om -m b@far.example c@far.example",
    "sendmail -N failure,delay -R hdrs -V envelope -f app@there.example b@far.example c@far.example",
    "sendmail -G -oee -odi -oi -pUUCP:host1.UUCP -fapp@there.example b@far.example c@far.example",
    "sendmail -bm -ti -oep -odq -fapp@there.example b@far.example c@far.example",
])
def test_ways_to_say_it(callers, token, command):
    callers.run_ok(f"printf 'Subject: s\\n\\n{token}\\n' | {command}")
    message = callers.message()
    assert message.sender == "app@there.example"
    assert sorted(message.recipients) == ["b@far.example", "c@far.example"]
    assert message.body == f"{token}\n".encode()


@pytest.mark.parametrize("input, header, body", [
    ("Subject: hello", "Subject: hello", ""),
    ("Subject: hello\n", "Subject: hello", ""),
    ("hello", None, "hello\n"),
    ("hello\nthere", None, "hello\nthere\n"),
    ("\nSubject: not one\n", None, "Subject: not one\n"),
    ("http://x is down\n", None, "http://x is down\n"),
    ("Warning: disk is full\n", "Warning: disk is full", ""),
    ("Subject: a\r\nX-B: c\r\n\r\nd\r\n", "Subject: a", "d\n"),
    ("From alice Mon Nov 23 09:00:00 2026\nSubject: a\n\nb\n", "Subject: a", "b\n"),
    ("Subject: a\n\nb\n.\nc\n", "Subject: a", "b\n"),
])
def test_first_and_last_lines(callers, input, header, body):
    callers.run_ok(["sendmail", "b@far.example"], "alice", input)
    message = callers.message()
    assert message.body == body.encode()
    assert header is None or header in message.header.decode().split("\n")
    assert len(message.fields("Subject")) == (header or "").startswith("Subject")


# A job that is piped in while it runs; each piece is more than the pipe holds.

PIECES = """\
{{
    printf 'Subject: s\\n\\n'
    yes 'a line {token}' | head -c {size}; echo
    touch /tmp/first
    until [ -e /tmp/go ]; do sleep 0.05; done
    echo the last line
}} | sendmail b@far.example; echo "status $?"
"""


def start_pieces(callers, token, size):
    callers.run_ok("rm -f /tmp/first /tmp/go")
    job = callers.spawn("pieces", PIECES.format(token=token, size=size), "alice")
    wait_for(callers.path("/tmp/first").exists, what=lambda: f"the first piece:\n{job.text()}")
    callers.no_message()
    return job


@pytest.mark.parametrize("size", [100, 600_000, 3_000_000])
def test_pieces(callers, token, size):
    job = start_pieces(callers, token, size)
    callers.write("/tmp/go", "")
    job.wait_for_text("status 0")
    assert job.text().startswith("status 0\n")
    line = f"a line {token}\n".encode()
    assert callers.message().body == \
        (line * (size // len(line) + 1))[:size] + b"\nthe last line\n"


@pytest.mark.parametrize("size", [100, 600_000])
def test_service_ends_between_pieces(callers, token, size):
    job = start_pieces(callers, token, size)
    callers.stop_service()
    callers.write("/tmp/go", "")
    job.wait_for_text("status [1-9]")
    callers.start_service()
    callers.no_message()


# What a process may inherit

@pytest.mark.parametrize("prepare", [
    "exec >&-", "exec 2>&-", "exec >&- 2>&-", "exec >&- 2>&- 3</etc/passwd 4</etc/group",
    "trap '' PIPE", "trap '' HUP INT QUIT TERM TSTP TTIN TTOU CHLD", "umask 777", "cd /proc/self",
    "ulimit -n 20", "ulimit -c 0", "ulimit -s 256", "exec 9>/tmp/inherited",
    "export PATH= HOME=/root LD_DEBUG= TZ=Nowhere/Land LC_ALL=xx_YY TMPDIR=/nonexistent",
    "unset PATH HOME USER LOGNAME LANG",
    "mkdir /tmp/gone && cd /tmp/gone && rmdir /tmp/gone",
])
def test_odd_surroundings(callers, token, prepare):
    command = f"{prepare}; printf 'Subject: s\\n\\n{token}\\n' | /usr/sbin/sendmail -i b@far.example"
    callers.run_ok(command, as_user="alice")
    message = callers.message()
    assert message.sender == "alice@here.example"
    assert message.body == f"{token}\n".encode()


@pytest.mark.parametrize("ignored", ["PIPE", "CHLD", "INT,QUIT,PIPE,HUP,TSTP,TTIN,TTOU,CHLD"])
def test_ignored_signals(callers, token, ignored):
    """As PHP, swaks and sudo leave them; sh itself would set SIGCHLD right."""
    callers.run_ok(["env", f"--ignore-signal={ignored}", "sendmail", "-i", "b@far.example"],
                   "alice", f"\n{token}\n")
    assert callers.message().body == f"{token}\n".encode()


def test_blocked_signals(callers, token):
    callers.run_ok(["env", "--block-signal", "sendmail", "-i", "b@far.example"], "alice",
                   f"\n{token}\n")
    assert callers.message().body == f"{token}\n".encode()


def test_empty_environment(callers, token):
    callers.run_ok(["env", "-i", "/usr/sbin/sendmail", "-i", "b@far.example"], "alice",
                   f"\n{token}\n")
    message = callers.message()
    assert message.sender == "alice@here.example"
    assert message.body == f"{token}\n".encode()


def test_unreadable_folder(callers, token):
    callers.make_folder("/root/private", mode=0o700)
    callers.run_ok(["sendmail", "b@far.example"], "alice", f"\n{token}\n", cwd="/root/private")
    assert callers.message().body == f"{token}\n".encode()


def test_user_without_a_name(callers, token):
    callers.run_ok(["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups", "sendmail",
                    "b@far.example"], "root", f"\n{token}\n")
    message = callers.message()
    assert message.sender.endswith("@here.example") and "4242" in message.sender
    assert message.body == f"{token}\n".encode()


@pytest.mark.parametrize("stdin", ["<&-", "</dev/null"])
def test_no_input(callers, stdin):
    """It does not wait, and what it opens first does not become the message."""
    callers.run_ok(f"sendmail b@far.example {stdin}", as_user="alice")
    assert callers.message().body == b""


def test_closed_input_with_t(callers):
    result = callers.run("sendmail -t <&-", as_user="alice")
    assert result.status != 0 and result.stderr.count("\n") == 1, result
    callers.no_message()


def test_usage_error(callers):
    result = callers.run(["sendmail", "-Z", "b@far.example"], "alice", "x\n")
    assert result.status == 64 and result.stderr.count("\n") == 1, result
    callers.no_message()
