# SPDX-License-Identifier: MIT

"""systemd's units, by systemd's own programs; and that the sandbox leaves what the service uses.

No systemd runs here.  What was tried under one by hand stands in packaging/systemd beside the
settings concerned.
"""

import os
import re
import shutil
import signal
import stat
import subprocess
from types import SimpleNamespace

import pytest

from support import activation
from support.mailchute import Service, Sink, children_of, make_folder, remove_folder
from support.stand_in import settings
from support.wait import wait_for

UNITS = ("mailchute.socket", "mailchute.service")
FILTER = ("@system-service seccomp landlock_create_ruleset landlock_add_rule "
          "landlock_restrict_self")


@pytest.fixture(scope="module")
def tree(packages):
    """mailchute, unpacked where everybody may look."""
    folder = make_folder()
    subprocess.run(["dpkg", "-x", packages.mailchute, folder], check=True)
    yield folder
    remove_folder(folder)


def read(tree, name):
    """{name: [value, ...]} of a unit, or of a drop-in."""
    return settings((tree / name).read_text())


@pytest.fixture
def service_unit(tree):
    return read(tree, "lib/systemd/system/mailchute.service")


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def test_the_sandbox_is_rated_well(tree):
    result = run("systemd-analyze", "security", "--offline=yes", "--no-pager",
                 tree / "lib/systemd/system/mailchute.service")
    rating = re.search(r"Overall exposure level for mailchute.service: ([0-9.]+)", result.stdout)
    assert rating and float(rating.group(1)) <= 2.5, result


def test_systemd_understands_every_line(tree, tmp_path):
    for name in UNITS:
        text = (tree / "lib/systemd/system" / name).read_text()
        # It looks whether the program is there.
        (tmp_path / name).write_text(text.replace("ExecStart=/usr", f"ExecStart={tree}/usr"))
    for name in ("credentials.conf", "sandbox.conf"):
        drop_ins = tmp_path / "mailchute.service.d"
        drop_ins.mkdir(exist_ok=True)
        text = (tree / "usr/share/doc/mailchute/examples" / name).read_text()
        (drop_ins / name).write_text(re.sub("^#([A-Z])", r"\1", text, flags=re.MULTILINE))
    result = run("systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in UNITS))
    said = [line for line in result.stderr.splitlines() if "mailchute" in line]
    assert said == [], result


def test_the_socket_is_for_everybody_and_is_never_given_up(tree):
    unit = read(tree, "lib/systemd/system/mailchute.socket")
    assert unit["ListenStream"] == ["/run/mailchute/submit.sock"]
    assert unit["SocketMode"] == ["0666"] and unit["DirectoryMode"] == ["0755"]
    assert unit["Backlog"] == ["4096"]
    assert unit["TriggerLimitIntervalSec"] == ["0"]
    assert unit["WantedBy"] == ["sockets.target"] and unit["Also"] == ["mailchute.service"]


def test_the_service_starts_at_boot_and_after_each_end(service_unit):
    assert service_unit["ExecStart"] == ["/usr/bin/mailchute serve"]
    assert service_unit["Type"] == ["notify"] and "WatchdogSec" in service_unit
    assert service_unit["StartLimitIntervalSec"] == ["0"] and service_unit["Restart"] == ["always"]
    assert service_unit["WantedBy"] == ["multi-user.target"]
    # The socket unit and tmpfiles.d make /run/mailchute, which outlives the service.
    assert "RuntimeDirectory" not in service_unit


def test_who_hands_in_a_message_outlives_the_service(service_unit):
    """mixed: what is left when the main process has ended is killed at once."""
    assert service_unit["KillMode"] == ["process"]


def test_users_are_told_apart_by_the_kernel(service_unit):
    """With PrivateUsers all of them but root would be nobody."""
    assert "PrivateUsers" not in service_unit and "DynamicUser" not in service_unit


def test_a_credential_that_is_missing_is_not_fatal(tree):
    drop_in = read(tree, "usr/share/doc/mailchute/examples/credentials.conf")
    assert drop_in["LoadCredential"] == ["secrets.ini:/etc/mailchute/secrets.ini"]
    name, _, value = drop_in["SetCredential"][0].partition(":")
    assert name == "secrets.ini" and value.startswith("#"), "systemd 252 takes empty for none"


def test_user_and_folders(tree):
    root = tree / "root"
    (root / "etc").mkdir(parents=True)
    for kind in ("sysusers", "tmpfiles"):
        place = root / f"usr/lib/{kind}.d"
        place.mkdir(parents=True)
        shutil.copy(tree / f"usr/lib/{kind}.d/mailchute.conf", place)
    for command in (["systemd-sysusers", "mailchute.conf"],
                    ["systemd-tmpfiles", "--create", "mailchute.conf"]):
        result = run(command[0], f"--root={root}", *command[1:])
        assert result.returncode == 0, result
    name, _, uid, gid, _, home, shell = (root / "etc/passwd").read_text().strip().split(":")
    assert (name, home, shell) == ("mailchute", "/var/spool/mailchute", "/usr/sbin/nologin")
    assert int(uid) < 1000 and f"mailchute:x:{gid}:" in (root / "etc/group").read_text()
    for path, mode in (("run/mailchute", 0o755), ("var/spool/mailchute", 0o700)):
        status = (root / path).stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (
            mode, int(uid), int(gid)), path


def allowed_calls():
    """Those of the unit's filter, groups of groups unfolded."""
    groups, name = {}, None
    listing = run("systemd-analyze", "syscall-filter", "--no-pager").stdout
    for line in listing.splitlines():
        if line.startswith("@"):
            name = line.strip()
            groups[name] = []
        elif name and line.startswith("    ") and not line.strip().startswith("#"):
            groups[name].append(line.strip())

    def unfold(word):
        if not word.startswith("@"):
            return {word}
        return set().union(*(unfold(one) for one in groups[word]))

    return set().union(*(unfold(word) for word in FILTER.split()))


def test_the_filter_has_every_call_of_the_service(tree, service_unit, tmp_path):
    """Receiving, looking up a name, TLS, a login, the command of a token, a reload, the end."""
    assert service_unit["SystemCallFilter"] == [FILTER]
    programs = SimpleNamespace(mailchute=tree / "usr/bin/mailchute",
                               sendmail=tree / "usr/sbin/sendmail.mailchute")
    folder = tree / "run"
    folder.mkdir()
    sink = Sink(programs, folder, "--starttls", "--name", "localhost", "--user", "me",
                "--password", "p", "--write-certificate", folder / "cert.pem")
    trace = folder / "trace"
    with sink:
        service = Service(programs, folder, f"smtp+tls://localhost:{sink.port}",
                          f'from = "me@example.com" ca_file = "{folder}/cert.pem"',
                          extra='smarthost "lost" { url = "smtp+tls://nowhere.invalid:587" }\n'
                                f'smarthost "token" {{ url = "smtp+tls://localhost:{sink.port}" '
                                f'ca_file = "{folder}/cert.pem" }}\n'
                                'route "l" { to = { "lost.example" } via = { "lost" } }\n'
                                'route "t" { to = { "token.example" } via = { "token" } }\n')
        (folder / "secrets.ini").write_text(
            '[test]\nuser = "me"\npassword = "p"\n[token]\nuser = "me"\n'
            'token_command = "/bin/echo a-token"\n')
        (folder / "secrets.ini").chmod(0o600)
        activation.spawn(service, "strace", "-f", "-qq", "-o", trace)
        try:
            for number in range(3):
                assert service.sendmail("b@far.example",
                                        input=b"Subject: %d\n\nx\n" % number).status == 0
            for name in ("lost", "token"):
                assert service.sendmail(f"c@{name}.example", input=b"Subject: x\n\nx\n").status == 0
            large = b"Subject: large\n\n" + b"x" * 70 * 1000 + b"\n"
            assert service.sendmail("b@far.example", input=large * 10).status == 0
            sink.wait_for_messages(4)
            service.wait_for_log("c@lost.example.*status=deferred")
            wait_for(lambda: '"/bin/echo"' in trace.read_text(), what="the token's command")
            os.kill(children_of(service.process.pid)[0], signal.SIGHUP)
            service.wait_for_log("read anew")
            os.kill(children_of(service.process.pid)[0], signal.SIGTERM)
            assert service.process.wait(30) == 0, service.tail()
        finally:
            service.kill()
    text = trace.read_text()
    text = text[text.index(f'execve("{programs.mailchute}"'):]
    calls = set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z_0-9]+)[( ]", text, re.MULTILINE))
    # It has seen the parts that matter: the workers' sandbox, a client, a message on disk.
    assert {"seccomp", "accept4", "linkat", "fsync", "connect"} <= calls, calls
    assert sorted(calls - allowed_calls()) == []
    families = set(re.findall(r"socket\((AF_[A-Z0-9]+)", text))
    assert families <= set(service_unit["RestrictAddressFamilies"][0].split()), families
    # What MemoryDenyWriteExecute forbids.
    assert re.findall(r"mmap\(.*PROT_WRITE\|PROT_EXEC|mprotect\(.*PROT_EXEC", text) == []
