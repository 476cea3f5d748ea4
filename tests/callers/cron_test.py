# SPDX-License-Identifier: MIT

"""What runs jobs and mails their output: cron, at and batch, anacron."""

import pytest

from support.wait import wait_for


def programs_named(callers, name):
    found = []
    for pid in callers.processes():
        try:
            with open(f"/proc/{pid}/comm") as comm:
                if comm.read().strip() == name:
                    found.append(pid)
        except OSError:
            pass
    return found


def check_complete(message):
    assert message.field("From") and message.field("Date") and message.field("Message-ID")


# cron

@pytest.fixture
def cron(callers):
    """Starts cron with these crontabs alone; jobs for @reboot run at once."""
    callers.run_ok("rm -f /etc/crontab /etc/cron.d/*")

    def start(**crontabs):
        for name in ("crond.pid", "crond.reboot"):
            callers.path(f"/run/{name}").unlink(missing_ok=True)
        for user, lines in crontabs.items():
            callers.run_ok(["crontab", "-"], user.replace("_", "-"), lines)
        return callers.spawn("cron", ["cron", "-f"])

    yield start
    callers.run_ok("rm -f /var/spool/cron/crontabs/* /etc/cron.d/job /tmp/job* /tmp/go")


def check_from_cron(message, sender, job):
    assert message.sender == f"{sender}@here.example"
    assert message.field("From") == "root@here.example (Cron Daemon)"
    assert message.field("Subject") == f"Cron <{sender}@box> {job}"
    check_complete(message)


def test_cron_of_root(callers, cron, body):
    """MAILTO is one word, whatever it holds; the output is 8-bit and has a lone dot."""
    callers.write("/tmp/job", body)
    cron(root="MAILTO=ops@far.example,bob@far.example\n@reboot cat /tmp/job\n")
    message = callers.message()
    check_from_cron(message, "root", "cat /tmp/job")
    assert message.recipients == ["ops@far.example", "bob@far.example"]
    assert message.field("To") == "ops@far.example,bob@far.example"
    assert message.body == body.encode() + b"\n"


def test_cron_of_a_user(callers, cron, token):
    cron(alice=f"@reboot echo {token}\n")
    message = callers.message()
    check_from_cron(message, "alice", f"echo {token}")
    assert message.recipients == ["alice@here.example"]
    assert message.field("To") == "alice@here.example"
    assert message.body == f"{token}\n".encode()


def test_cron_of_the_system(callers, cron, token):
    """Nobody is to hear of the first job, two others of the second."""
    callers.write("/etc/cron.d/job", 'MAILTO=""\n@reboot root echo x | tee /tmp/job\n'
                  f"MAILTO=root,ops@far.example\n@reboot www-data echo {token}\n")
    cron()
    message = callers.message()
    check_from_cron(message, "www-data", f"echo {token}")
    assert message.recipients == ["root@here.example", "ops@far.example"]
    assert message.field("To") == "root@here.example,ops@far.example"
    assert message.body == f"{token}\n".encode()
    assert callers.read("/tmp/job") == b"x\n"


def test_cron_and_a_silent_job(callers, cron):
    cron(root="@reboot touch /tmp/job\n")
    wait_for(callers.path("/tmp/job").exists, what="the job")
    wait_for(lambda: len(programs_named(callers, "cron")) == 1, what="cron to have seen it end")
    callers.no_message()


JOB = """\
yes 'a line {token}' | head -c {size}; echo
touch /tmp/job.first
until [ -e /tmp/go ]; do sleep 0.05; done
echo the last line
"""


@pytest.mark.parametrize("size", [100, 3_000_000])
def test_cron_and_a_job_that_speaks_in_pieces(callers, cron, token, size):
    """Debian's cron keeps the output in a file until the job ends; see shell_test for a pipe."""
    callers.write("/tmp/job", JOB.format(token=token, size=size))
    cron(root="MAILTO=ops@far.example\n@reboot sh /tmp/job\n")
    wait_for(callers.path("/tmp/job.first").exists, what="the first piece")
    callers.no_message()
    callers.write("/tmp/go", "")
    message = callers.message()
    check_from_cron(message, "root", "sh /tmp/job")
    line = f"a line {token}\n".encode()
    assert message.body == (line * (size // len(line) + 1))[:size] + b"\nthe last line\n"


def test_cron_learns_that_the_service_is_gone(callers, cron):
    callers.stop_service()
    cron(root="@reboot echo lost\n")
    wait_for(lambda: "MAIL (mailed 5 bytes of output but got status 0x004e from MTA" in
             callers.syslog.text(), what="cron's own line in the log")
    callers.start_service()
    callers.no_message()


# at and batch

@pytest.fixture
def atd(callers):
    """Starts atd; however busy this machine is, batch jobs run."""
    def start():
        callers.path("/run/atd.pid").unlink(missing_ok=True)
        return callers.spawn("atd", ["atd", "-f", "-l", "1000", "-b", "1"])

    yield start
    callers.run_ok("rm -f /var/spool/cron/atjobs/a* /var/spool/cron/atjobs/b*"
                   " /var/spool/cron/atjobs/=* /var/spool/cron/atspool/* /tmp/job")


def give(callers, command, job, as_user):
    """at and batch tell about it on stderr."""
    result = callers.run(command, as_user, job)
    assert result.status == 0 and "job " in result.stderr, result


def check_from_at(message, user):
    assert message.sender == f"{user}@here.example"
    assert message.recipients == [f"{user}@here.example"]
    assert message.field("To") == f"{user}@here.example"
    assert message.field("Subject").startswith("Output from your job")
    check_complete(message)


@pytest.mark.parametrize("user", ["root", "alice"])
@pytest.mark.parametrize("command", ["at now", "batch"])
def test_at(callers, atd, body, user, command):
    callers.write("/tmp/job", body)
    give(callers, command, "cat /tmp/job\n", user)
    atd()
    message = callers.message()
    check_from_at(message, user)
    assert message.field("From").endswith(f"<{user}@here.example>")
    assert message.body == body.encode() + b"\n"


def test_at_with_a_silent_job(callers, atd):
    """-m: mail all the same."""
    give(callers, "at -m now", "true\n", "alice")
    atd()
    message = callers.message()
    check_from_at(message, "alice")
    assert message.body == b""


def test_at_while_the_service_is_gone(callers, atd):
    """It tells nobody; the log has what sendmail wrote there."""
    callers.stop_service()
    give(callers, "at now", "echo lost; touch /tmp/job\n", "alice")
    atd()
    wait_for(callers.path("/tmp/job").exists, what="the job")
    wait_for(lambda: "is refused" in callers.syslog.text(), what="sendmail to have tried")
    callers.start_service()
    callers.no_message()


# anacron

@pytest.fixture
def anacron(callers):
    def run(lines):
        callers.make_folder("/tmp/anacron")
        callers.write("/tmp/anacrontab", "SHELL=/bin/sh\nPATH=/usr/sbin:/usr/bin\n" + lines)
        return callers.run(["anacron", "-d", "-f", "-n", "-s", "-t", "/tmp/anacrontab", "-S",
                            "/tmp/anacron"])

    yield run
    callers.run_ok("rm -rf /tmp/anacron /tmp/anacrontab /tmp/job")


def test_anacron(callers, anacron, body):
    """It passes no -i, so a lone dot ends its message, as with every sendmail."""
    callers.write("/tmp/job", body)
    result = anacron("MAILTO=ops@far.example\n1 0 a.job cat /tmp/job\n")
    assert result.status == 0 and "Normal exit (1 job run)" in result.stderr, result
    message = callers.message()
    assert message.sender == "root@here.example"
    assert message.recipients == ["ops@far.example"]
    assert message.field("From") == "Anacron <root@here.example>"
    assert message.field("Subject") == "Anacron job 'a.job' on box"
    check_complete(message)
    assert message.body == body.encode().partition(b"\n.\n")[0] + b"\n"


def test_anacron_to_a_bare_name(callers, anacron, token):
    anacron(f"1 0 a.job echo {token}\n1 0 other.job echo {token}\n")
    for message in callers.messages(2):
        assert message.recipients == ["root@here.example"]
        assert message.field("To") == "root@here.example"
        assert message.body == f"{token}\n".encode()


def test_anacron_learns_of_a_refusal(callers, anacron):
    callers.stop_service()
    result = anacron("1 0 a.job echo lost\n")
    assert "mailer process (/usr/sbin/sendmail) exited with status 78" in result.stderr, result
    callers.start_service()
    callers.no_message()
