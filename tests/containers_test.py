# SPDX-License-Identifier: MIT

"""Containers: a read-only root, a uid without a name, no privileges, no environment, no spool.

The container is a mount namespace of its own in which all is read-only; the network is ours,
so the smarthost stands outside.
"""

import re
import shutil

import pytest

from support.mailchute import environment, fields, run, sanitizer, split
from support.own_mounts import command, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")

UID = 1000650000
MESSAGE = b"From: www-data@localhost\nTo: b@far.example\nSubject: contained\n\ntext\n"

# Reads: what is to be in /etc and /run, the uid, the command.
ENTER = """\
set -eu
files=$1 uid=$2
shift 2
mount -t tmpfs tmpfs "$files/space"
mkdir "$files/space/upper" "$files/space/work"
mount -t overlay overlay /etc -o "lowerdir=/etc,upperdir=$files/space/upper,workdir=$files/space/work"
rm -rf /etc/mailchute
mount -t tmpfs -o mode=755 tmpfs /run
cp -a "$files/etc/." /etc
cp -a "$files/run/." /run
# In a chroot no mount point holds them.
for place in /*/; do
    mount --rbind "$place" "$place" 2>/dev/null || :
done
while read -r _ _ _ _ point _; do
    mount -o remount,bind,ro "$point" 2>/dev/null || :
done < /proc/self/mountinfo
if [ -d /run/volume ]; then
    mount -t tmpfs -o mode=1777 tmpfs /run/volume
fi
cd /
exec setpriv --reuid="$uid" --regid=0 --clear-groups --no-new-privs --bounding-set=-all -- "$@"
"""

PLACES = "/ /tmp /var/tmp /run /dev /dev/shm /etc /var/spool /home"


class Container:
    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder / "container"
        for name in ("space", "etc", "run"):
            (self.folder / name).mkdir(parents=True)

    def write(self, path, content, mode=0o444):
        """A file below /etc or /run."""
        path = self.folder / path.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)

    def run(self, *words, input=b"", uid=UID, **variables):
        """With these variables and no other: not even a PATH."""
        kept = {name: value for name, value in environment().items()
                if name.startswith(("ASAN", "UBSAN", "LSAN", "MAILCHUTE"))}
        variables = {name if name.isupper() else "MAILCHUTE_" + name.upper(): value
                     for name, value in variables.items()}
        pairs = [f"{name}={value}" for name, value in {**kept, **variables}.items()]
        return run(command("sh", "-c", ENTER, "sh", self.folder, uid, "env", "-i", *pairs, *words),
                   input)

    def sendmail(self, *words, input=MESSAGE, **options):
        return self.run(self.programs.sendmail, *words, input=input, **options)


@pytest.fixture
def container(programs, folder):
    return Container(programs, folder)


def check_sent(result, sink, count=1):
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    messages = sink.wait_for_messages(count)
    assert split(messages[-1])[1] == b"text\n"
    assert len(messages) == count
    return messages[-1]


def test_nothing_in_there_can_be_written(container):
    """Else all that follows proves nothing."""
    script = f"for place in {PLACES}; do /bin/touch $place/x && echo $place; done; /usr/bin/id -u"
    result = container.run("/bin/sh", "-c", script)
    assert result.stdout.decode().split() == [str(UID)], result


@pytest.mark.parametrize("words", [["-t", "-i"], ["-i", "b@far.example"], ["-oi", "-odq", "-t"]])
def test_one_variable_suffices(container, sink, words):
    message = check_sent(container.sendmail(*words, url=sink.url, **{"from": "shop@there.example"}),
                         sink)
    assert fields(message, "From") == ["shop@there.example"]
    assert fields(message, "Return-Path") == ["<shop@there.example>"]


def test_a_session_on_stdio(container, sink):
    session = (b"EHLO x\r\nMAIL FROM:<a@there.example>\r\nRCPT TO:<b@far.example>\r\nDATA\r\n"
               b"Subject: s\r\n\r\ntext\r\n.\r\nQUIT\r\n")
    result = container.sendmail("-bs", input=session, url=sink.url)
    assert result.status == 0 and b"\r\n221 " in result.stdout, result
    assert split(sink.wait_for_messages(1)[0])[1] == b"text\n"


def test_a_refusal_is_told_and_nothing_is_kept(container, make_peer):
    peer = make_peer(refuse={"b@far.example": "550 5.1.1 no such user"})
    result = container.sendmail("-t", "-i", url=f"smtp://127.0.0.1:{peer.port}")
    assert result.status == 67 and "no such user" in result.stderr, result
    assert result.stderr.count("\n") == 1


def test_mail_is_captured_where_one_folder_can_be_written(container, sink):
    """A volume; all else stays as it is."""
    result = container.sendmail("-t", "-i", url=sink.url, capture="/tmp/nowhere")
    assert result.status == 73 and f"for uid {UID}" in result.stderr, result
    (container.folder / "run/volume").mkdir()
    script = f"{container.programs.sendmail} -t -i && /bin/cat /run/volume/m/new/*"
    result = container.run("/bin/sh", "-c", script, input=MESSAGE, url=sink.url,
                           capture="/run/volume/m")
    assert (result.status, result.stderr) == (0, ""), result
    assert fields(result.stdout, "Delivered-To") == ["b@far.example"]
    assert sink.messages() == []


def test_mail_waits_where_one_folder_can_be_written(container, sink):
    """A volume for the spool: a service of this uid that has no name, gone when all is done."""
    (container.folder / "run/volume").mkdir()
    script = (f"{container.programs.sendmail} -t -i && while count=$("
              f"{container.programs.mailchute} queue --count) && [ $count != 0 ]; do /bin/sleep 0.1;"
              " done; echo $count; /bin/ls -ld /run/volume/spool")
    result = container.run("/bin/sh", "-c", script, input=MESSAGE, url=sink.url,
                           spool="/run/volume/spool", idle="1s", **{"from": "shop@there.example"})
    assert result.status == 0 and result.stderr == "", result
    count, spool = result.stdout.decode().splitlines()
    assert count == "0" and re.match(rf"drwx------ \d+ {UID} ", spool), spool
    assert split(sink.wait_for_messages(1)[0])[1] == b"text\n"


# env -i: what is found without a variable

def login_sink(make_sink):
    return make_sink("--user", "me@there.example", "--password", "pass word").start()


def test_the_url_from_run_secrets(container, sink):
    container.write("/run/secrets/mailchute_url", sink.url + "\n")
    check_sent(container.sendmail("-t", "-i"), sink)


def test_the_password_from_run_secrets(container, make_sink):
    sink = login_sink(make_sink)
    container.write("/run/secrets/smtp_password", "pass word\n")
    message = check_sent(container.sendmail("-t", "-i", url=sink.url, user="me@there.example"), sink)
    assert fields(message, "From") == ["me@there.example"]


def test_both_from_run_secrets(container, make_sink):
    sink = login_sink(make_sink)
    container.write("/run/secrets/mailchute_url",
                    sink.url.replace("://", "://me%40there.example@"))
    container.write("/run/secrets/smtp_password", "pass word\n")
    check_sent(container.sendmail("-t", "-i"), sink)


def test_secrets_ini_from_run_secrets(container, make_sink):
    sink = login_sink(make_sink)
    container.write("/etc/mailchute/mailchute.conf", f'smarthost "x" {{ url = "{sink.url}" }}\n')
    container.write("/run/secrets/mailchute/secrets.ini",
                    '[x]\nuser = "me@there.example"\npassword = "pass word"\n')
    check_sent(container.sendmail("-t", "-i"), sink)


def test_a_secret_as_kubernetes_mounts_it(container, make_sink):
    """By links that change at once, 0440 for the group of all its uids; files named by variables."""
    sink = login_sink(make_sink)
    container.write("/run/secrets/smtp/..2026_11_23/password", "pass word", 0o440)
    place = container.folder / "run/secrets/smtp"
    (place / "..data").symlink_to("..2026_11_23")
    (place / "password").symlink_to("..data/password")
    check_sent(container.sendmail("-t", "-i", url=sink.url, user="me@there.example",
                                  password_file="/run/secrets/smtp/password"), sink)
    # And when it was rotated, the next mail has the new one.
    sink.kill()
    sink.options = ("--user", "me@there.example", "--password", "another")
    sink.start()
    (place / "..2026_11_24").mkdir()
    (place / "..2026_11_24/password").write_text("another\n")
    (place / "..data").unlink()
    (place / "..data").symlink_to("..2026_11_24")
    check_sent(container.sendmail("-t", "-i", url=sink.url, user="me@there.example",
                                  password_file="/run/secrets/smtp/password"), sink, 2)


def test_nothing_is_configured(container):
    result = container.sendmail("-t", "-i")
    assert result.status == 78 and result.stderr.count("\n") == 1, result
    assert "/run/secrets/mailchute_url" in result.stderr and "MAILCHUTE_URL" in result.stderr


# what process 1 has and we lack

def as_process_1(programs, *words, **variables):
    """The words without any variable, below a process 1 that has these."""
    pairs = [f"MAILCHUTE_{name.upper()}={value}" for name, value in variables.items()]
    kept = [f"{name}={value}" for name, value in environment().items() if name != "LANG"]
    script = 'cat > /dev/null < /dev/null; "$@"; exit $?'
    return run(command("env", *pairs, "sh", "-c", script, "sh", "env", "-i", *kept, *words,
                       pids=True), MESSAGE)


def test_a_variable_that_was_taken_away_is_named(programs):
    result = as_process_1(programs, programs.sendmail, "-t", "-i", url="smtp://there.example")
    assert result.status == 78, result
    assert re.search("MAILCHUTE_URL .*set for process 1.*clear_env.*cron", result.stderr), result
    # Not where it has none, either.
    result = as_process_1(programs, programs.sendmail, "-t", "-i")
    assert result.status == 78 and "process 1" not in result.stderr, result


# nothing is ever written at start

WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|\b(mkdir|unlink|rename|link|symlink|chmod|chown|"
                    r"mknod|truncate|utimens)(at|at2)?\(")
HARMLESS = re.compile(r"\"/dev/null\"|\"/dev/log\"|ENOENT|EACCES|EROFS")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_no_call_writes_to_a_file(programs, folder, sink):
    """Neither sendmail nor what it starts, up to the smarthost's answer."""
    trace = folder / "trace"
    variables = environment(socket=folder / "none.sock", mode="direct", url=sink.url,
                            **sanitizer("detect_leaks=0"))
    variables["MAILCHUTE_SANDBOX"] = "kill"
    result = run(["strace", "-f", "-s", "200", "-o", trace, "-e", "trace=%file", programs.sendmail,
                  "-t", "-i"], MESSAGE, env=variables)
    check_sent(result, sink)
    lines = trace.read_text(errors="replace").splitlines()
    assert len(lines) > 20
    assert [line for line in lines if WRITES.search(line) and not HARMLESS.search(line)] == []
