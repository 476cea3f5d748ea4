# SPDX-License-Identifier: MIT

"""The first run: what the README tells a newcomer to type, typed."""

import re
import shlex

import pytest

from support.mailchute import TOP, environment, needs_program, run
from support.own_mounts import command, why_not
from support.wait import wait_for

pytestmark = [needs_program("sendmail", "mailchute"),
              pytest.mark.skipif(bool(why_not()), reason=why_not() or "")]

# Reads: a folder; the programs' folder; a script.  /etc, /usr, /run and /var/spool are its own.
ENTER = """\
set -eu
mkdir "$1/space"
mount -t tmpfs tmpfs "$1/space"
for each in etc usr; do
    mkdir "$1/space/$each" "$1/space/$each-work"
    mount -t overlay overlay /$each \
        -o "lowerdir=/$each,upperdir=$1/space/$each,workdir=$1/space/$each-work"
done
rm -rf /etc/mailchute /etc/aliases
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/spool
cp -a "$2/." /usr
exec sh -u "$3"
"""


def section(title):
    found = re.search(rf"^## {title}\n(.*?)^## ", (TOP / "README.md").read_text(), re.M | re.S)
    assert found, title
    return found.group(1)


def typed(text):
    """The commands of a section, each without its comment."""
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    return [" ".join(re.sub(r"\s#.*", "", line).split()) for line in lines
            if re.match(r"(mailchute|echo|cmake|systemd|tests/)", line)]


# No systemd is process 1 here: what it would start, when somebody comes, is started.
SERVICE = """\
mkdir -m 755 /run/mailchute
mailchute serve 2>/dev/null &
until test -S /run/mailchute/submit.sock; do sleep 0.05; done
"""


def test_what_the_readme_says_is_typed_and_works(make_peer, authority, programs, folder):
    peer = make_peer(certificate=authority.certificate(), users={"me@example.com": "a password"})
    (folder / "ca.pem").write_text(authority.ca.read_text())
    (folder / "password").write_text("a password\n")
    answers = ["--url", f"smtp+tls://localhost:{peer.port}", "--user", "me@example.com",
               "--password-file", str(folder / "password"), "--root", "me@far.example",
               "--ca-file", str(folder / "ca.pem")]
    commands = typed(section("Use it"))
    assert commands[:3] == ["tests/packages build",
                            "cmake --preset release && cmake --build build/release",
                            "cmake --install build/release"]
    assert re.fullmatch(r"systemd-sysusers && .* && systemctl enable --now mailchute\.socket", commands[3])
    # The last one is a server that a newcomer ends when he has seen enough.
    assert commands.pop() == "mailchute sink"
    script = [SERVICE]
    for line in commands[4:]:
        if line == "mailchute setup":
            line += " " + shlex.join(answers)
        name = line.split()[1] if line.startswith("mailchute") else "sendmail"
        script.append(f"{line}\necho exit $?: {name} >&2")
    assert len(script) >= 8, script
    (folder / "script").write_text("\n".join(script) + "\n")
    result = run(command("sh", "-c", ENTER, "sh", folder, programs.sendmail.parent.parent,
                         folder / "script", pids=True), env=environment())
    codes = re.findall(r"^exit (\d+): (\S+)$", result.stderr, re.M)
    assert len(codes) == len(script) - 1, result
    # Doctor, which setup ends with, may have a yellow word about the machine that runs this.
    for code, what in codes:
        assert code == "0" or (code == "1" and what in ("setup", "doctor")), result
    wait_for(lambda: len(peer.messages) == 2, what="both mails")
    assert [recipients for _, recipients, _ in peer.messages] == [["me@example.com"],
                                                                  ["me@far.example"]]
    assert b"Subject: it works" in peer.messages[1][2]
