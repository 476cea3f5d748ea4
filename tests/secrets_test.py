# SPDX-License-Identifier: MIT

"""secrets.ini is read when a connection is made: then anew, and not for each message on it.

And how `mailchute secret` writes it; where tokens come from.
"""

import base64
import os
import pty
import re
import select
import shutil
import stat
import termios

import pytest

from support import own_mounts
from support.mailchute import TOP, environment, needs_program, run, sanitizer
from support.peer import Conversation, Peer
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"Subject: secrets\n\ntext\n"


@pytest.fixture
def rotate(tmp_path):
    """Writes secrets.ini with this user, or removes it."""
    path = tmp_path / "secrets.ini"

    def write(user):
        path.unlink(missing_ok=True)
        if user:
            path.write_text(f'[test]\nuser = "{user}"\npassword = "word"\n')
            path.chmod(0o600)
    return write


def send(service, peer):
    count = len(peer.messages)
    assert service.sendmail("-f", "root@localhost", "b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) > count, what="the message at the smarthost")
    return re.search(rb"<(.*?)>", peer.messages[-1][0]).group(1).decode()


def test_they_are_read_for_a_connection(make_service, make_peer, tmp_path, rotate):
    first, second = "one@there.example", "two@there.example"
    peer = make_peer(users={first: "word", second: "word"})
    rotate(first)
    # Without a from: a sender that nobody accepts becomes the login.
    service = make_service(url=f"smtp+notls://127.0.0.1:{peer.port}",
                           variables={"CREDENTIALS_DIRECTORY": tmp_path}).start()
    assert send(service, peer) == first
    rotate(None)
    assert send(service, peer) == first
    rotate(second)
    assert send(service, peer) == first
    assert len(peer.sessions) == 1
    # The next connection is the other account's, and so is its mail.
    renew(service, peer)
    assert send(service, peer) == second
    assert peer.sessions[-1].log_in == (second, "word")


# ---- mailchute secret set ----


class Ini:
    """A secrets.ini, beside a mailchute.conf with the smarthosts gmail and work."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.path = folder / "secrets.ini"
        self.config = folder / "mailchute.conf"
        self.config.write_text('smarthost "gmail" { url = "smtp://127.0.0.1:9" }\n'
                               'smarthost "work" { url = "smtp://127.0.0.1:9" secret = "o365" }\n')
        self.config.chmod(0o644)

    def secret(self, *words, input=b"", program=(), **options):
        options.setdefault("env", environment(config=self.config, **sanitizer("detect_leaks=0")))
        return run([*program, self.programs.mailchute, "secret", *words], input, **options)

    def set(self, *words, **options):
        result = self.secret("set", *words, **options)
        assert result.status == 0, result
        return result

    def refused(self, *words, **options):
        """Nothing was changed, nothing is left behind."""
        def look():
            return sorted((path.name, path.read_bytes() if path.is_file() else b"")
                          for path in self.folder.iterdir())
        before = look()
        result = self.secret("set", *words, **options)
        assert result.status != 0 and look() == before, result
        return result


@pytest.fixture
def ini(programs, folder):
    return Ini(programs, folder)


OLD = """\
# mine
[work]\t
 user=w@x.example
; of work

[Gmail]
 password = 'old#word'  ; from 2019
# and so on
"""


def test_all_else_stays_as_it_is(ini):
    ini.path.write_text(OLD)
    ini.path.chmod(0o640)
    os.chown(ini.path, os.geteuid(), 12 if os.geteuid() == 0 else os.getegid())
    before = ini.path.stat()
    result = ini.set("gmail", "--user", "me@gmail.com", input="new'word\n")
    assert ini.path.read_text() == OLD.replace(
        "'old#word'", '"new\'word"').replace("2019\n", '2019\nuser = "me@gmail.com"\n')
    after = ini.path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (
        before.st_uid, before.st_gid, before.st_mode)
    assert os.listdir(ini.folder) and not [n for n in os.listdir(ini.folder) if n.startswith(".")]
    assert "8 characters" in result.stdout.decode() and "word" not in str(result).replace(
        "password", "")


def test_a_new_file_is_for_its_maker_alone(ini):
    ini.set("gmail", "--user", "me@gmail.com", input="word")
    mode = stat.S_IMODE(ini.path.stat().st_mode)
    assert mode == 0o600 or (mode == 0o640 and ini.path.group() == "mailchute")
    # Whoever has had it open is told; it is no more.
    ini.path.chmod(0o644)
    result = ini.set("gmail", "password", input="other")
    assert stat.S_IMODE(ini.path.stat().st_mode) == 0o640
    assert b"could be read by everyone" in result.stdout


def test_what_fits_no_quotes_has_a_file_of_its_own(ini):
    ini.set("work", "--user", "w@x.example", input="a\"b'c#d\n")
    own = ini.folder / "o365.password"
    assert own.read_text() == "a\"b'c#d\n" and stat.S_IMODE(own.stat().st_mode) == 0o600
    assert 'password_file = "o365.password"' in ini.path.read_text()
    ini.set("work", "password", input="e\"f'g#h")
    assert own.read_text() == "e\"f'g#h\n"
    # Nothing of it stays behind.
    result = ini.set("work", "token", input="ya29.x")
    assert b"taken out, for a section has one secret: password_file" in result.stdout
    assert not own.exists() and 'token = "ya29.x"' in ini.path.read_text()
    assert "password" not in ini.path.read_text().split("[", 1)[1]
    # Somebody else's file of that name is not ours to take.
    own.write_text("mine\n")
    assert "is there already" in ini.refused("work", "password", input="a\"b'c#d").stderr


def test_a_faulty_line_is_mended_and_other_faults_are_named(ini):
    ini.path.write_text("[gmail]\npassword = hunt#2\\\n[o365]\nuser = w@x.example\n")
    ini.path.chmod(0o600)
    ini.set("gmail", "--user", "me@gmail.com", input="word")
    assert ini.path.read_text() == ('[gmail]\npassword = "word"\nuser = "me@gmail.com"\n'
                                    "[o365]\nuser = w@x.example\n")
    # One after the other, too.
    ini.path.write_text("[gmail]\nuser = a\npassword = hunt#2\n[o365]\nuser = w\npassword = b#c\n")
    assert b"note: 1 other fault of the file remains" in ini.set(
        "work", "password", input="word").stdout
    assert b"note" not in ini.set("gmail", "password", input="word").stdout
    ini.path.write_text("[gmail]\npassword = hunt#2\n[o365]\nuser = w@x.example\n")
    result = ini.refused("work", "password", input="word")
    assert result.status == 78 and "secrets.ini line 2" in result.stderr
    assert "hunt" not in result.stderr


def test_who_is_meant(ini):
    assert "mailchute secret set gmail" in ini.refused("gmial", input="word").stderr
    assert "those that are: gmail, work" in ini.refused("elsewhere", input="word").stderr
    # Both its title and its section mean it.
    for name in ("work", "o365"):
        assert b"[o365]" in ini.set(name, "--user", "w@x.example", input="word").stdout
    ini.config.write_text("")
    result = ini.set("later", "--user", "w@x.example", input="word")
    assert b"no smarthost uses [later] yet" in result.stdout


def test_a_secret_is_no_argument(ini):
    for words in (("gmail", "password", "hunter2"), ("gmail", "token", "hunter2"),
                  ("gmail", "hunter2"), ("gmail", "user", "a", "hunter2")):
        result = ini.refused(*words)
        assert result.status == 64 and "hunter2" not in str(result)
    for input in ("", "\n", "a\nb\n", "a\tb\n", b"a\0b\n", "x" * 70000):
        assert ini.refused("gmail", "--user", "u", input=input).status == 64
    assert "--user you@example.com" in ini.refused("gmail", input="word").stderr


def test_links_and_what_is_not_ours(ini, tmp_path):
    real = tmp_path / "real.ini"
    real.write_text("[gmail]\nuser = a\n")
    ini.path.symlink_to(real)
    result = ini.refused("gmail", "password", input="word")
    assert f"is a symbolic link to {real}" in result.stderr and "--file" in result.stderr
    assert real.read_text() == "[gmail]\nuser = a\n"
    ini.path.unlink()
    os.mkfifo(ini.path)
    assert "is no file" in ini.secret("set", "gmail", "password", input="word").stderr
    ini.path.unlink()
    if os.geteuid() == 0:
        ini.path.write_text("[gmail]\nuser = a\n")
        ini.path.chmod(0o644)
        result = ini.refused("gmail", "password", input="word", user=65534, group=65534,
                             extra_groups=[])
        assert result.status == 77 and "belongs to uid 0" in result.stderr
        assert "sudo mailchute secret set" in result.stderr


def test_the_list_shows_no_secret(ini):
    ini.set("gmail", "--user", "me@gmail.com", input="hunter2")
    ini.set("work", "token_command", "/bin/echo hunter2")
    result = ini.secret("list")
    assert result.status == 0 and "hunter" not in str(result)
    assert re.search(r"^gmail +me@gmail.com +password \(line \d\)$", result.stdout.decode(), re.M)
    assert re.search(r"^o365 +- +token_command \(line \d\)\n +of smarthost \"work\"$",
                     result.stdout.decode(), re.M)
    # All faults, not the first alone.
    ini.path.write_text("[gmail\nuser = a\npassword = hunt#er\n[o365]\npasswort = hunter\n")
    result = ini.secret("list")
    assert result.status == 78 and "hunt" not in str(result)
    assert [int(n) for n in re.findall(r"line (\d+):", result.stderr)] == [1, 3, 5]
    # So does doctor, each once; with what each smarthost lacks.
    ini.path.write_text("[gmail]\nuser = a#b\n[o365]\npassword = hunt;er\n")
    told = run([ini.programs.mailchute, "doctor"], env=environment(config=ini.config))
    assert "hunt" not in str(told)
    assert [int(n) for n in re.findall(r"secrets.ini line (\d+)", told.stdout.decode())] == [2, 4]


def talk(command, env, answers):
    """Runs it at a terminal; answers: {prompt: what is typed}.  (status, all that was shown)."""
    shown = b""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, env)
    try:
        while True:
            assert select.select([terminal], [], [], 30)[0], shown
            shown += os.read(terminal, 4096)
            for prompt, typed in list(answers.items()):
                # Only once it does not echo any more.
                if prompt.encode() in shown and not (
                        "show" in prompt and termios.tcgetattr(terminal)[3] & termios.ECHO):
                    os.write(terminal, answers.pop(prompt))
                    break
            else:
                if any(prompt.encode() in shown for prompt in answers):
                    wait_for(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO,
                             what="a silent terminal")
                    os.write(terminal, answers.popitem()[1])
    except OSError:
        pass
    return os.waitpid(pid, 0)[1], shown.decode(), termios


def test_at_a_terminal_it_does_not_show(ini):
    command = [str(ini.programs.mailchute), "secret", "set", "gmail"]
    env = environment(config=ini.config)
    status, shown, _ = talk(command, env, {
        "login at gmail: ": b"me@gmail.com\n",
        "password for gmail (it does not show): ": b"wronx\x7fg\x15hunter \xc3\xa4\xc3\xb6\x7f2\n"})
    assert status == 0 and "hunter" not in shown and "wron" not in shown, shown
    assert 'password = "hunter \xe42"' in ini.path.read_text()
    # Longer than the kernel's own line.
    token = b"ya29." + b"x" * 6000
    status, shown, _ = talk(command + ["token"], env,
                            {"token for gmail (it does not show): ": token + b"\n"})
    assert status == 0 and "xxx" not in shown
    assert (ini.folder / "gmail.token").read_bytes() == token + b"\n"
    before = ini.path.read_text()
    for typed in (b"hunt\x03", b"\x04", b"\n"):
        status, shown, _ = talk(command + ["password"], env,
                                {"password for gmail (it does not show): ": typed})
        assert status != 0 and "hunt" not in shown and ini.path.read_text() == before


def test_what_one_must_know_of_a_provider(ini):
    ini.config.write_text('smarthost "gmail" { url = "smtps://smtp.gmail.com:465" }\n'
                          'smarthost "bulk" { url = "smtp+tls://smtp.sendgrid.net:587" }\n')
    status, shown, _ = talk(
        [str(ini.programs.mailchute), "secret", "set", "gmail"], environment(config=ini.config),
        {"login at gmail (your full address): ": b"me@gmail.com\n",
         "password for gmail (it does not show): ": b"abcd efgh ijkl mnop\n"})
    assert status == 0 and "https://myaccount.google.com/apppasswords" in shown, shown
    # The same for everybody there.
    ini.set("bulk", input="SG.key")
    assert '[bulk]\nuser = "apikey"\npassword = "SG.key"\n' in ini.path.read_text()


def test_a_refused_login_is_mended_while_the_service_runs(make_service, make_peer, programs):
    peer = make_peer(users={"me@there.example": "right#word"})
    service = make_service(url=f"smtp+notls://127.0.0.1:{peer.port}")
    env = service.environment()

    def set_password(word):
        result = run([programs.mailchute, "secret", "set", "test", "--user", "me@there.example"],
                     word, env=env)
        assert result.status == 0 and b"without a restart" in result.stdout, result

    set_password("wrong#word")
    assert (service.config.parent / "secrets.ini").exists()
    service.start()
    assert service.sendmail("-f", "a@there.example", "b@far.example", input=MESSAGE).status == 0
    service.wait_for_queue("535 5.7.8")
    set_password("right#word")
    assert service.admin("queue", "flush").status == 0
    wait_for(lambda: peer.messages, what="the message")
    assert peer.sessions[-1].log_in == ("me@there.example", "right#word")
    assert "#word" not in service.text()


def test_open_secrets_of_a_runtime_are_said_once(make_service, make_peer, tmp_path, rotate):
    peer = make_peer(users={"one@there.example": "word"})
    rotate("one@there.example")
    (tmp_path / "secrets.ini").chmod(0o644)
    service = make_service(url=f"smtp+notls://127.0.0.1:{peer.port}",
                           variables={"CREDENTIALS_DIRECTORY": tmp_path}).start()
    send(service, peer)
    send(service, peer)
    assert service.text().count("secrets.ini holds a secret and is 0644") == 1


CREDENTIALS = """\
mount -t tmpfs none /run/credentials 2>/dev/null || {
    mkdir -p /run/credentials && mount -t tmpfs none /run/credentials; }
mkdir /run/credentials/mailchute.service
mount -t tmpfs none /usr/local
mkdir /usr/local/upper /usr/local/work
mount -t overlay overlay /usr/bin -o lowerdir=/usr/bin,upperdir=/usr/local/upper,workdir=/usr/local/work
rm -f /usr/bin/systemctl
printf '#!/bin/sh\\necho "$@" >%s/called\\nexit %s\\n' "$FOLDER" "$STATUS" >/usr/bin/systemctl
chmod 755 /usr/bin/systemctl
exec "$@"
"""


@pytest.mark.skipif(bool(own_mounts.why_not()), reason=own_mounts.why_not() or "")
@pytest.mark.parametrize("status,words", (
    (0, "mailchute.service has been started anew"),
    (1, "so run: systemctl restart mailchute.service")))
def test_copies_that_systemd_keeps_need_a_restart(ini, status, words):
    env = {**environment(config=ini.config), "FOLDER": str(ini.folder), "STATUS": str(status)}
    result = run(own_mounts.command("sh", "-ec", CREDENTIALS, "sh", ini.programs.mailchute,
                                    "secret", "set", "gmail", "--user", "u"), b"word", env=env)
    assert result.status == 0 and words in result.stdout.decode(), result
    assert (ini.folder / "called").read_text() == "try-restart mailchute.service\n"


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("call,count", (("fchmod", 2), ("write", 2), ("fsync", 4),
                                        ("renameat", 2), ("unlinkat", 1)))
def test_a_sudden_end_leaves_the_old_or_the_new(ini, call, count):
    """From a password in a file of its own to another one, and back into the line."""
    old, new = "old\"'#", "new\"'#"
    for number in range(1, count + 1):
        for word in (new, "new"):
            ini.set("gmail", "--user", "u", input=old)
            result = ini.secret("set", "gmail", "password", input=word, program=[
                "strace", "-o", "/dev/null", "-e", f"trace={call}",
                "-e", f"inject={call}:signal=KILL:when={number}"])
            text = ini.path.read_text()
            listed = ini.secret("list")
            assert listed.status == 0, (result, listed, text)
            own = ini.folder / "gmail.password"
            found = own.read_text() if "password_file" in text else text
            assert old in found or word in found, (text, found)
            if result.status == 0:
                assert word in found
            if own.exists() and "password_file" not in text:
                # Its end came just before this was to go.  Nobody knows then whose it is.
                assert f"rm {own}" in ini.refused("gmail", "password", input=old).stderr
                own.unlink()


def test_manual_and_example_know_the_keys():
    source = (TOP / "src/config/lint_secrets.c").read_text()
    keys = re.findall(r'"(\w+)"', re.search(r"known_keys\[\] = {(.*?)}", source, re.S).group(1))
    manual = (TOP / "packaging/man/mailchute-secrets.5").read_text()
    example = (TOP / "etc/secrets.ini").read_text()
    assert len(keys) == 6
    assert re.findall(r"^\.It Cm (\w+)$", manual, re.M) == keys
    assert all(re.search(rf"\b{key} = ", example) for key in keys)


GROUP = """\
grep -v '^mailchute:' /etc/group >"$FOLDER/group"
echo mailchute:x:4711: >>"$FOLDER/group"
mount --bind "$FOLDER/group" /etc/group
exec "$@"
"""


@pytest.mark.skipif(bool(own_mounts.why_not()), reason=own_mounts.why_not() or "")
def test_the_group_of_the_service_may_read_a_new_one(ini):
    def set(word):
        env = {**environment(config=ini.config), "FOLDER": str(ini.folder)}
        result = run(own_mounts.command("sh", "-ec", GROUP, "sh", ini.programs.mailchute, "secret",
                                        "set", "gmail", "--user", "u"), word, env=env)
        assert result.status == 0, result
        return result.stdout.decode()
    assert "(0640 root:mailchute)" in set(b"a\"'#")
    for path in (ini.path, ini.folder / "gmail.password"):
        assert (path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) == (4711, 0o640)
    # What an administrator has made of it stays, and is told.
    os.chown(ini.path, 0, 0)
    assert f"cannot read it: chgrp mailchute {ini.path} && chmod 640 {ini.path}\n" in set(b"word")
    assert ini.path.stat().st_gid == 0


# ---- tokens ----


class TokenConversation(Conversation):
    def on_ehlo(self, line):
        self.say("250 peer.test", "250 AUTH XOAUTH2")

    def on_auth(self, line):
        words = line.split()
        blob = base64.b64decode(words[2] if len(words) > 2 else self.challenge("334 "))
        user, token = re.fullmatch(rb"user=(.*)\x01auth=Bearer (.*)\x01\x01", blob).groups()
        self.session.log_in = (user.decode(), token.decode())
        if token.decode() in self.peer.tokens:
            self.say("235 2.7.0 welcome")
        else:
            self.challenge("334 e30=")
            self.say("535 5.7.8 token expired")


class TokenPeer(Peer):
    conversation = TokenConversation
    tokens = ("ya29.first", "ya29.second")


@pytest.fixture
def token_peer():
    with TokenPeer() as peer:
        yield peer


def make_command(folder, text):
    path = folder / "token"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def token_service(make_service, token_peer, programs):
    service = make_service(url=f"smtp+notls://127.0.0.1:{token_peer.port}")
    service.config.parent.chmod(0o755)

    def set(*words):
        result = run([programs.mailchute, "secret", "set", "test", *words],
                     env=service.environment())
        assert result.status == 0, result
    service.set = set
    set("user", "me@there.example")
    return service


def renew(service, peer):
    """The next message makes a new connection."""
    # Before its answer has been noted, the last one would come again.
    service.wait_until_empty()
    peer.stop()
    peer.start()


def test_a_token_file_is_read_for_each_connection(token_service, token_peer, tmp_path):
    file = tmp_path / "token"
    token_service.set("token_file", file)
    for token in token_peer.tokens:
        file.write_text(token + "\n")
        file.chmod(0o600)
        if not token_service.is_running():
            token_service.start()
        assert send(token_service, token_peer) == "me@there.example"
        assert token_peer.sessions[-1].log_in == ("me@there.example", token)
        renew(token_service, token_peer)


def test_a_token_command_is_run_for_each_connection(token_service, token_peer, tmp_path):
    tokens = tmp_path / "tokens"
    command = make_command(tmp_path, f'echo "$#:$1:$2" >>{tmp_path}/calls; env >{tmp_path}/env\n'
                                     f"head -1 {tokens}")
    token_service.set("token_command", f"{command} 'an account' two")
    for token in token_peer.tokens:
        tokens.write_text(token + "\n")
        if not token_service.is_running():
            token_service.start()
        assert send(token_service, token_peer) == "me@there.example"
        # Two messages, one connection, one run.
        send(token_service, token_peer)
        assert token_peer.sessions[-1].log_in == ("me@there.example", token)
        renew(token_service, token_peer)
    assert (tmp_path / "calls").read_text() == "2:an account:two\n" * 2
    names = {line.split("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"PATH", "HOME", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}
    assert "ya29" not in token_service.text()


def test_a_failing_token_command_keeps_the_mail(token_service, token_peer, tmp_path):
    command = make_command(tmp_path, "echo 'refresh token expired' >&2; exit 4")
    token_service.set("token_command", command)
    token_service.start()
    assert token_service.sendmail("-f", "a@there.example", "b@far.example",
                                  input=MESSAGE).status == 0
    token_service.wait_for_queue("ended with status 4")
    make_command(tmp_path, "echo ya29.old")
    told = token_service.wait_for_queue("535 5.7.8 token expired")
    assert "have the token_command of secrets.ini, section [test], print a fresh token" in told
    assert "ya29" not in told + token_service.text()
    make_command(tmp_path, "echo ya29.first")
    assert token_service.admin("queue", "flush").status == 0
    wait_for(lambda: token_peer.messages, what="the message")


def test_a_slow_token_command_holds_up_nobody_else(token_service, token_peer, make_peer, tmp_path):
    other = make_peer()
    token_service.configure(url=f"smtp+notls://127.0.0.1:{token_peer.port}", extra=(
        f'smarthost "other" {{ url = "smtp+notls://127.0.0.1:{other.port}" auth = "none" }}\n'
        'route "other" { to = { "b@other.example" } via = { "other" } }\n'
        'route "rest" { via = { "test" } }\n'))
    os.mkfifo(tmp_path / "gate")
    command = make_command(tmp_path, f"touch {tmp_path}/waits; cat {tmp_path}/gate")
    token_service.set("token_command", command)
    token_service.start()
    assert token_service.sendmail("-odq", "-f", "a@there.example", "b@far.example",
                                  input=MESSAGE).status == 0
    wait_for((tmp_path / "waits").exists, what="the command to run")
    assert token_service.sendmail("-f", "a@there.example", "b@other.example",
                                  input=MESSAGE).status == 0
    wait_for(lambda: other.messages, what="the other message")
    wait_for(lambda: token_service.count() == 1, what="one message to be left")
    assert not token_peer.messages
    with open(tmp_path / "gate", "w") as gate:
        gate.write("ya29.first\n")
    wait_for(lambda: token_peer.messages, what="the first message")


def test_direct_mode_runs_it_too(programs, folder, token_peer, tmp_path):
    command = make_command(tmp_path, "echo ya29.second")
    config = folder / "mailchute.conf"
    config.write_text('smarthost "test" { url = "smtp+notls://127.0.0.1:%d" }\n'
                      'submit { mode = "direct" }\n' % token_peer.port)
    config.chmod(0o644)
    (folder / "secrets.ini").write_text(f"[test]\nuser = me@there.example\n"
                                        f"token_command = {command}\n")
    (folder / "secrets.ini").chmod(0o600)
    env = environment(config=config, socket=folder / "none.sock")
    result = run([programs.sendmail, "-f", "a@there.example", "b@far.example"], MESSAGE, env=env)
    assert result.status == 0 and len(token_peer.messages) == 1, result
    make_command(tmp_path, "echo no account >&2; exit 1")
    result = run([programs.sendmail, "-f", "a@there.example", "b@far.example"], MESSAGE, env=env)
    assert result.status == 69 and 'ended with status 1 ("no account")' in result.stderr, result
    # Whoever could write the file could have his command run as us.
    (folder / "secrets.ini").chmod(0o602)
    result = run([programs.sendmail, "-f", "a@there.example", "b@far.example"], MESSAGE, env=env)
    assert result.status == 78 and "everyone on this machine may change it" in result.stderr


# ---- who may not read it ----


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for the uid of another")
def test_unreadable_says_by_whom_and_what_to_do(programs, folder, make_peer):
    peer = make_peer()
    file = folder / "secrets.ini"
    file.write_text("[default]\nuser = u\npassword = hunter\n")
    file.chmod(0o600)
    config = folder / "mailchute.conf"
    config.write_text('submit { mode = "direct" }\n')
    config.chmod(0o644)
    base = {"config": config, "socket": folder / "none.sock",
            "url": f"smtp+notls://127.0.0.1:{peer.port}"}

    def send(**variables):
        result = run([programs.sendmail, "-f", "a@there.example", "b@far.example"], MESSAGE,
                     env=environment(**base, **variables), user=33, group=33, extra_groups=[])
        assert result.status == 78 and "hunter" not in result.stderr, result
        assert "MC-CONF-14" in result.stderr and result.stderr.count("\n") == 1
        return result.stderr

    # Beside the configuration: the service may read it, if it ran.
    told = send()
    assert f"cannot read {file} as www-data (33): Permission denied, the file is 0600 root:root" \
        in told and "systemctl start mailchute.socket" in told
    # Mounted into a container: nobody's service.
    told = send(CREDENTIALS_DIRECTORY=folder)
    assert f"cannot read {file} as www-data (33)" in told
    assert "Kubernetes: defaultMode: 0440 with fsGroup" in told and "systemctl" not in told
    told = send(user="u", password_file=file)
    assert f"MAILCHUTE_PASSWORD_FILE: cannot read {file} as www-data (33)" in told
    assert "0600 root:root" in told and "fsGroup" in told
    # A fault in it is a fault in it, service or not.
    file.chmod(0o644)
    file.write_text("[default]\nuser = u\npassword = hunt#er\n")
    os.chown(file, 33, 33)
    file.chmod(0o600)
    result = run([programs.sendmail, "-f", "a@there.example", "b@far.example"], MESSAGE,
                 env=environment(**base), user=33, group=33, extra_groups=[])
    assert 'line 3: the value of password' in result.stderr, result
    assert 'write: password = "..."' in result.stderr and "hunt" not in result.stderr
