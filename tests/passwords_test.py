# SPDX-License-Identifier: MIT

"""Any printable password works, in every place where one may stand, and shows nowhere.

The server compares octet for octet; the password is in its answer to AUTH and in no output, no
log, no spool, no command line.
"""

import base64
import os
import random
import re
import threading
import urllib.parse
from pathlib import Path

import pytest

from support import own_mounts
from support.mailchute import environment, needs_program, run
from support.peer import Conversation, Peer
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"Subject: passwords\n\ntext\n"
MARK = "zQ9k"  # in each of them, to be looked for
TRICKY = "#;:=%$\"'\\& |@/"
SPECIAL = TRICKY + "?*[]{}()<>!~^`,+-.äß€漢😀"


def make_passwords():
    """Each character; tricky ones first, in the middle and last; quotes and escapes in pairs."""
    dice = random.Random(6)
    made = [text for c in TRICKY for text in (f"{c}{MARK}", f"{MARK[:2]}{c}{MARK}", f"{MARK}{c}")]
    made += [f"{MARK}{SPECIAL[i:i + 3]}{MARK}" for i in range(len(TRICKY), len(SPECIAL), 3)]
    made += [f"{a}{MARK}{b}" for a in "\"'\\#" for b in "\"'\\;"]
    made += ["".join(dice.choices(SPECIAL, k=8)) + MARK + "".join(dice.choices(SPECIAL, k=8))
             for _ in range(12)]
    # What a normalization would change.
    made += [f"{MARK}e\u0301\ufb01", f"{MARK}\u00a0\u2163", f"\u00a0{MARK}\u3000"]
    made += [f"{MARK}" + "x" * 1200, f"$HOME {MARK} ${{HOME}} %s %n %41", f"abcd {MARK} ijkl mnop"]
    return sorted(set(made), key=made.index)


PASSWORDS = make_passwords()


def name(index):
    return f"p{index}"


def written(password):
    """The value as a person would write it who has read mailchute-secrets(5); None: nowhere."""
    if "\\" not in password and len(password) < 900:
        if '"' not in password:
            return f'"{password}"'
        if "'" not in password:
            return f"'{password}'"
    if re.search(r"[#;]|^[\"'= ]|[ \\]$", password) or len(password) >= 900:
        return None
    return password


class Watch:
    """Looks at every command line of the machine while something happens."""

    def __enter__(self):
        self.seen = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self):
        while not self._over.wait(0.005):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    line = Path(f"/proc/{pid}/cmdline").read_bytes()
                except OSError:
                    continue
                if MARK.encode() in line:
                    self.seen.add(line)

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        assert not self.seen


def check_hidden(*outputs):
    for output in outputs:
        text = output if isinstance(output, bytes) else str(output).encode()
        assert MARK.encode() not in text, text


def check_folder(folder, but=()):
    """No file of the spool, no log."""
    for path in Path(folder).rglob("*"):
        if path.is_file() and path.name not in but:
            check_hidden(path.read_bytes())


def smarthosts(port, auth):
    """One for each password, and the route to it."""
    return "".join(
        f'smarthost "{name(i)}" {{ url = "smtp+notls://127.0.0.1:{port}" auth = "{auth}" }}\n'
        f'route "{name(i)}" {{ to = {{ "b@{name(i)}.example" }} via = {{ "{name(i)}" }} }}\n'
        for i in range(len(PASSWORDS)))


def by_set(programs, file):
    for i, password in enumerate(PASSWORDS):
        result = run([programs.mailchute, "secret", "set", name(i), "--file", file,
                      "--user", f"{name(i)}@u.example"], password)
        assert result.status == 0, result
        check_hidden(result)


def by_set_again(programs, file):
    """Each replaces another, in the same place or a file of its own."""
    for i, password in enumerate(PASSWORDS[::-3]):
        result = run([programs.mailchute, "secret", "set", name(i), "--file", file,
                      "--user", f"{name(i)}@u.example"], password + "\n")
        assert result.status == 0, result
    by_set(programs, file)


def by_hand(programs, file):
    del programs
    with open(file, "w") as ini:
        for i, password in enumerate(PASSWORDS):
            value = written(password)
            ini.write(f"[{name(i)}]\nuser = '{name(i)}@u.example'\n")
            if value is not None:
                ini.write(f"password = {value}\n")
            else:
                beside = file.parent / f"hand{i}"
                beside.write_text(password + "\r\n")
                beside.chmod(0o600)
                ini.write(f"password_file = hand{i}\n")
    file.chmod(0o600)


def by_files(programs, file):
    del programs
    with open(file, "w") as ini:
        for i, password in enumerate(PASSWORDS):
            beside = file.parent / f"file{i}"
            beside.write_text(password + ("\n" if i % 2 else ""))
            beside.chmod(0o600)
            ini.write(f'[{name(i)}]\nuser = "{name(i)}@u.example"\npassword_file = "{beside}"\n')
    file.chmod(0o600)


def check_logins(peer):
    got = {session.log_in for session in peer.sessions if session.log_in}
    assert got == {(f"{name(i)}@u.example", password) for i, password in enumerate(PASSWORDS)}


@pytest.mark.parametrize("way,auth", (
    (by_set_again, "plain"), (by_hand, "login"), (by_files, "login")))
def test_every_password_of_secrets_ini(programs, make_service, make_peer, tmp_path, way, auth):
    peer = make_peer(users={f"{name(i)}@u.example": p for i, p in enumerate(PASSWORDS)})
    file = tmp_path / "secrets.ini"
    recipients = [f"b@{name(i)}.example" for i in range(len(PASSWORDS))]
    with Watch():
        way(programs, file)
        service = make_service(extra=smarthosts(peer.port, auth),
                               variables={"CREDENTIALS_DIRECTORY": tmp_path}).start()
        result = service.sendmail("-f", "a@there.example", *recipients, input=MESSAGE)
        assert result.status == 0, result
        wait_for(lambda: len(peer.messages) == len(PASSWORDS), 60,
                 what=lambda: f"{len(PASSWORDS)} logins, {len(peer.messages)}: {service.tail()}")
        listed = run([programs.mailchute, "secret", "list", "--file", file])
        assert listed.status == 0, listed
    check_logins(peer)
    check_hidden(result, listed, service.text(), service.queue())
    check_folder(service.folder)


def send(programs, folder, peer, variables):
    """One message without any service; the login that the server saw."""
    config = folder / "mailchute.conf"
    config.write_text('submit { mode = "direct" }\n')
    count = len(peer.sessions)
    result = run([programs.sendmail, "-i", "-f", "a@there.example", "b@far.example"], MESSAGE,
                 env=environment(socket=folder / "none.sock", config=config, **variables))
    check_hidden(result)
    assert result.status == 0, result
    return peer.sessions[count].log_in


def in_variable(password, url, folder):
    del folder
    # A Kubernetes secret that was made with echo has a line end.
    return {"url": url, "user": "u@u.example\n", "password": password + "\n"}


def in_file(password, url, folder):
    file = folder / "word"
    file.write_text(password + "\n")
    return {"url": url, "user": "u@u.example", "password_file": file}


def in_url(password, url, folder):
    del folder
    scheme, _, host = url.partition("//")
    return {"url": f"{scheme}//u%40u.example:{urllib.parse.quote(password, safe='')}@{host}"}


@pytest.mark.parametrize("way", (in_variable, in_file, in_url))
def test_every_password_of_the_environment(programs, folder, make_peer, way):
    class Any(dict):
        def get(self, user, default=None):
            return self.expected if user == "u@u.example" else default
    users = Any({"u@u.example": ""})
    peer = make_peer(users=users)
    url = f"smtp+notls://127.0.0.1:{peer.port}"
    with Watch():
        # No parser but that of the URL stands between.
        for i, password in enumerate(PASSWORDS if way is in_url else PASSWORDS[::3]):
            users.expected = password
            variables = way(password, url, folder)
            seen = send(programs, folder, peer, {"auth": ("plain", "login")[i % 2], **variables})
            assert seen == ("u@u.example", password)


RUN_SECRETS = """\
mkdir -p /run/secrets && mount -t tmpfs none /run/secrets
cp "$FOLDER/word" /run/secrets/smtp_password
exec "$@"
"""


@pytest.mark.skipif(bool(own_mounts.why_not()), reason=own_mounts.why_not() or "")
def test_passwords_that_a_container_mounts(programs, folder, make_peer):
    """Found without any variable but those of the address and the user."""
    users = {"u@u.example": ""}
    peer = make_peer(users=users)
    config = folder / "mailchute.conf"
    config.write_text('submit { mode = "direct" }\n')
    env = environment(config=config, socket=folder / "none.sock", user="u@u.example",
                      url=f"smtp+notls://127.0.0.1:{peer.port}")
    for password in PASSWORDS[::9]:
        users["u@u.example"] = password
        in_file(password, "", folder)
        result = run(own_mounts.command("sh", "-ec", RUN_SECRETS, "sh", programs.sendmail, "-i",
                                        "-f", "a@there.example", "b@far.example"),
                     MESSAGE, env={**env, "FOLDER": str(folder)})
        check_hidden(result)
        assert result.status == 0, result
        assert peer.sessions[-1].log_in == ("u@u.example", password)


def test_what_cannot_be_read_is_refused_with_the_line_to_write(programs, tmp_path):
    """Unquoted as somebody types it: right, or refused by number; never another password."""
    file = tmp_path / "secrets.ini"
    refused = 0
    for password in PASSWORDS:
        if len(password) > 900 or password[0] in "\"'":
            continue
        file.write_text(f"[main]\nuser = u@u.example\npassword = {password}\n")
        file.chmod(0o600)
        result = run([programs.mailchute, "secret", "list", "--file", file])
        check_hidden(result)
        if re.search(r"[#;]|^=|\\ *$", password):
            assert result.status == 78, (password, result)
            assert "secrets.ini line 3: the value of password " in result.stderr
            assert re.search(r"write: password = |secret set main password", result.stderr)
            refused += 1
        else:
            assert result.status == 0, (password, result)
    assert refused > 20


class Oauth(Conversation):
    def on_ehlo(self, line):
        self.say("250 peer.test", "250 AUTH XOAUTH2")

    def on_auth(self, line):
        if len(line.split()) < 3:
            self.challenge("334 ")
        self.say("235 2.7.0 welcome")


class OauthPeer(Peer):
    conversation = Oauth


@pytest.mark.parametrize("auth,key", (("plain", "password"), ("login", "password"),
                                      ("xoauth2", "token"), ("plain", "refused")))
def test_no_transcript_shows_one(programs, make_service, make_peer, tmp_path, auth, key):
    """Not even in the form that it has on the wire."""
    user, word = "u@u.example", f"a#{MARK}/b"
    peer = (OauthPeer().start() if key == "token" else
            make_peer(users={user: word if key == "password" else "other"}))
    extra = (f'smarthost "main" {{ url = "smtp+notls://127.0.0.1:{peer.port}" auth = "{auth}" '
             'from = "me@there.example" }\nalias "root" { to = { "b@far.example" } }\n')
    service = make_service(extra=extra, variables={"CREDENTIALS_DIRECTORY": tmp_path})
    file = tmp_path / "secrets.ini"
    shown = [run([programs.mailchute, "secret", "set", "main", "token" if key == "token" else
                  "password", "--user", user, "--file", file], word)]
    service.spawn([programs.mailchute, "serve", "--verbose"], service.environment())
    wait_for(service.answers, 30, what="the service to listen")
    shown.append(service.sendmail("-v", "-odi", "-f", "a@there.example", "b@far.example",
                                  input=MESSAGE))
    for words in (("test", "b@far.example"), ("explain", "b@far.example"), ("config",),
                  ("doctor",), ("doctor", "--online"), ("queue", "show", "--all"),
                  ("secret", "list")):
        shown.append(service.admin(*words))
    service.terminate()
    peer.stop()
    octets = word.encode()
    wire = [octets, b"\0" + user.encode() + b"\0" + octets, user.encode() + b"\0" + octets,
            f"user={user}\1auth=Bearer {word}\1\1".encode()]
    # What can be cut out of base64 whatever stands before.
    forms = [octets] + [base64.b64encode(form).rstrip(b"=")[:-1] for form in wire]
    sent = b"".join(bytes(session.raw) for session in peer.sessions)
    assert any(form in sent for form in forms)
    for text in (*(str(result).encode() for result in shown), service.text().encode()):
        assert not [form for form in forms if form in text], text
    check_folder(service.folder)
    assert "AUTH" in service.text() and "AUTH" in str(shown[1])
