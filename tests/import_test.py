# SPDX-License-Identifier: MIT

"""mailchute import as an administrator meets it; what becomes of which file: tests/import."""

import re
import socket
import stat

import pytest
from setup_test import ENTER

from support.good_root import GoodRoot
from support.mailchute import TOP, environment, needs_program, run
from support.own_mounts import command, why_not

pytestmark = needs_program("sendmail", "mailchute")
needs_mounts = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")

PASSWORD = "p#ss;w\"o'rd\\ |:="
MSMTPRC = """\
defaults
auth on
tls on
tls_trust_file {ca}
logfile /var/log/msmtp.log
account work
host localhost
port {port}
from alerts@example.com
user alerts@example.com
password {password}
account default : work
"""


def files_of(folder, **files):
    """Files below the folder; __ in a name is a slash."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_conf", ".conf").replace("_cf", ".cf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def importing(programs):
    def importing(*words, **variables):
        result = run([programs.mailchute, "import", *words], env=environment(**variables))
        result.output = result.stdout.decode()
        assert PASSWORD not in result.output + result.stderr
        return result

    return importing


def test_it_shows_and_writes_nothing(importing, folder):
    root = files_of(folder / "root", etc__ssmtp__ssmtp_conf="mailhub=smtp.gmail.com:587\n"
                    "UseSTARTTLS=YES\nAuthUser=me@gmail.com\nAuthPass=geheim99\nMinUserId=5\n")
    before = sorted(folder.rglob("*"))
    result = importing("--root", root)
    assert result.status == 0 and result.stderr == ""
    assert 'url  = "smtp+tls://smtp.gmail.com:587"' not in result.output
    assert 'url         = "smtp+tls://smtp.gmail.com:587"' in result.output
    assert 'password = "..."' in result.output and "geheim99" not in result.output
    assert "/etc/ssmtp/ssmtp.conf line 5: MinUserId" in result.output
    assert result.output.endswith("Nothing was written.  The same with --write writes it.\n")
    assert sorted(folder.rglob("*")) == before


def test_several_predecessors_want_a_choice(importing, folder):
    root = files_of(folder / "root", etc__ssmtp__ssmtp_conf="mailhub=a.example.com\n",
                    etc__dma__dma_conf="SMARTHOST b.example.com\n")
    result = importing("--root", root)
    assert result.status == 64
    assert "ssmtp (/etc/ssmtp/ssmtp.conf), dma (/etc/dma/dma.conf)" in result.stderr
    assert "mailchute import ssmtp" in result.stderr
    assert "b.example.com" in importing("dma", "--root", root).output


@pytest.mark.parametrize("words, status, text", [
    (["--root", "/nonexistent"], 66, "nothing to import"),
    (["exim"], 64, "neither a program"),
    (["msmtp", "/nonexistent/msmtprc"], 66, "there is no /nonexistent/msmtprc"),
    (["--frobnicate"], 64, "--frobnicate"),
    (["variables"], 66, "no variable"),
])
def test_what_cannot_be_is_said(importing, words, status, text):
    result = importing(*words)
    assert result.status == status and text in result.stderr, result


def test_a_file_tells_its_program_by_its_name(importing, folder):
    files_of(folder, app_env="SMTP_HOST=smtp.example.com\nSMTP_PORT=587\n",
             main_cf="relayhost = [smtp.example.com]:587\nsmtp_tls_security_level = secure\n")
    (folder / "app_env").rename(folder / "app.env")
    for name in ("app.env", "main.cf"):
        result = importing(folder / name)
        assert result.status == 0 and '"smtp+tls://smtp.example.com:587"' in result.output, result


def test_the_environment(importing):
    result = importing("variables", RELAYHOST="[smtp.example.com]:587", RELAYHOST_USERNAME="me",
                       RELAYHOST_PASSWORD=PASSWORD)
    assert result.status == 0
    assert '"smtp+tls://smtp.example.com:587"' in result.output


def test_what_is_there_stays(importing, folder):
    root = files_of(folder / "root", etc__msmtprc="account a\nhost a.example.com\nauth on\n"
                    f"user me@example.com\npassword {PASSWORD}\ntls on\n")
    into = files_of(folder / "into", mailchute_conf='smarthost "old" { url = "smtp://o.example" }\n')
    result = importing("--root", root, "--into", into, "--write")
    assert result.status == 73 and "has settings already" in result.stderr
    assert "--force" in result.stderr
    assert [path.name for path in into.iterdir()] == ["mailchute.conf"]
    assert importing("--root", root, "--into", into, "--write", "--force").status == 0
    assert sorted(path.name for path in into.iterdir()) == [
        "a.password", "mailchute.conf", "mailchute.conf.old", "secrets.ini"]
    assert "o.example" in (into / "mailchute.conf.old").read_text()
    assert (into / "a.password").read_text() == PASSWORD + "\n"
    assert stat.S_IMODE((into / "a.password").stat().st_mode) == 0o600
    # Once more: now the login is in the way, too.
    (into / "mailchute.conf").write_text("# nothing\n")
    result = importing("--root", root, "--into", into, "--write")
    assert result.status == 73 and "[a]" in result.stderr
    assert importing("--root", root, "--into", into, "--write", "--force").status == 0


def test_a_file_of_comments_gives_way(importing, folder):
    root = files_of(folder / "root", etc__msmtprc="account a\nhost a.example.com\n")
    into = files_of(folder / "into", mailchute_conf="# the example\n#log { }\n\n")
    result = importing("--root", root, "--into", into, "--write")
    assert result.status == 0, result
    assert "a.example.com" in (into / "mailchute.conf").read_text()
    assert (into / "mailchute.conf.old").read_text() == "# the example\n#log { }\n\n"


@needs_mounts
def test_a_mail_goes_where_it_went_before(folder, programs, make_peer, authority):
    peer = make_peer(certificate=authority.certificate(), users={"alerts@example.com": PASSWORD})
    text = MSMTPRC.format(port=peer.port, password=PASSWORD, ca=authority.ca)
    files_of(folder, etc__msmtprc=text)
    script = f"{programs.mailchute} import msmtp --write && echo || [ $? -lt 3 ]\n" \
        f"printf 'To: you@far.example\\nSubject: moved\\n\\ntext\\n' | {programs.sendmail} -t"
    result = run(command("sh", "-c", ENTER, "sh", folder, "sh", "-c", script))
    output = result.stdout.decode() + result.stderr
    assert result.status == 0 and PASSWORD not in output, result
    # It ends with the doctor.
    assert "settings.smarthost" in output and "lost" not in result.stderr
    (message,) = peer.messages
    sender, recipients, content = message
    assert b"<alerts@example.com>" in sender and recipients == ["you@far.example"]
    assert b"Subject: moved" in content
    assert {session.log_in for session in peer.sessions if session.log_in} == \
        {("alerts@example.com", PASSWORD)}
    assert (folder / "etc/msmtprc").read_text() == text


SETUPS = {
    "ssmtp": {"etc/ssmtp/ssmtp.conf": "root=me@example.com\nmailhub=smarthost.test:587\n"
              "UseSTARTTLS=YES\nAuthUser=alerts@example.com\nAuthPass=geheim99\n"},
    "msmtp": {"etc/msmtprc": "account default\nhost smarthost.test\nport 587\ntls on\nauth on\n"
              "user alerts@example.com\nfrom alerts@example.com\npassword geheim99\n"},
    "nullmailer": {"etc/nullmailer/remotes": "smarthost.test smtp --port=587 --starttls "
                   "--user=alerts@example.com --pass='geheim99'\n",
                   "etc/nullmailer/me": "host.example.com\n",
                   "etc/nullmailer/adminaddr": "me@example.com\n"},
    "dma": {"etc/dma/dma.conf": "SMARTHOST smarthost.test\nPORT 587\nSECURETRANSFER\nSTARTTLS\n"
            "AUTHPATH /etc/dma/auth.conf\nMAILNAME host.example.com\n",
            "etc/dma/auth.conf": "alerts@example.com|smarthost.test:geheim99\n"},
    "postfix": {"etc/postfix/main.cf": "relayhost = [smarthost.test]:587\n"
                "smtp_sasl_auth_enable = yes\nsmtp_tls_security_level = encrypt\n"
                "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
                "myhostname = host.example.com\nmyorigin = $mydomain\n",
                "etc/postfix/sasl_passwd": "[smarthost.test]:587 alerts@example.com:geheim99\n"},
    "variables": {"srv/.env": "RELAYHOST=[smarthost.test]:587\nRELAYHOST_PASSWORD=geheim99\n"
                  "RELAYHOST_USERNAME=alerts@example.com\n"},
}


@needs_mounts
@pytest.mark.parametrize("program", SETUPS)
def test_the_doctor_finds_nothing_afterwards(tmp_path, programs, authority, program):
    good = GoodRoot(tmp_path / "root", programs, authority)
    for name in ("mailchute.conf", "secrets.ini"):
        good.path(f"etc/mailchute/{name}").unlink()
    for name, text in SETUPS[program].items():
        good.write(name, text, 0o600)
    good.write("etc/mailname", "example.com\n")
    name = socket.gethostname().partition(".")[0]
    good.write("etc/hosts", f"127.0.0.1 {name}.example.com {name} smarthost.test localhost\n")
    good.write("etc/aliases", "root: me@example.com\n")
    words = ["/srv/.env"] if program == "variables" else []
    status, output, errors = good.run("import", *words, "--write", network=True)
    assert (status, errors) == (0, ""), output + errors
    assert "written: /etc/mailchute/secrets.ini (0640 root:mailchute)" in output
    assert "geheim99" not in output
    for colour in ("YELLOW", "RED"):
        assert colour not in output
    assert "alerts@example.com, password of 8 characters" in output


SAMPLES = TOP / "tests/import/samples"
# What is true of the predecessor's own set-up, and no fault of what we have written.
TRUE = {("YELLOW", name) for name in ("settings.from", "settings.cleartext", "settings.login",
                                      "aliases.root")}
MISSING = ("No such file", "which does not exist", "has no password")


@needs_mounts
@pytest.mark.parametrize("program", sorted(path.name for path in SAMPLES.iterdir()))
def test_all_samples_are_taken_by_the_doctor(tmp_path, programs, authority, program):
    """users.md 6, line 18: ten of each; what is red is a file that the sample does not have."""
    green = 0
    for sample in sorted((SAMPLES / program).iterdir()):
        good = GoodRoot(tmp_path / sample.name, programs, authority)
        for name in ("mailchute.conf", "secrets.ini"):
            good.path(f"etc/mailchute/{name}").unlink()
        names = [str(path.relative_to(sample)) for path in sample.rglob("*")
                 if path.is_file() and path.name != "expected"]
        for name in names:
            good.write(name, "", 0o600)
            good.path(name).write_bytes((sample / name).read_bytes())
        good.write("etc/mailname", "example.com\n")
        good.write("etc/aliases", "root: me@example.com\n")
        host = socket.gethostname().partition(".")[0]
        good.write("etc/hosts", f"127.0.0.1 {host}.example.com {host} localhost\n")
        words = [f"/{name}" for name in names] if program == "variables" else [program]
        status, output, errors = good.run("import", *words, "--write", network=True)
        if errors:
            # There is no smarthost in it, and nothing is written.
            assert status in (65, 66) and re.search(r" (has|names) no ", errors), (sample, errors)
            continue
        found = re.findall(r"^(YELLOW|RED) +(\S+) +(.*)$", output, re.M)
        for level, name, text in found:
            assert (level, name) in TRUE or \
                name in ("settings.tls", "settings.secret") and any(
                    words in text for words in MISSING), (sample, text)
        assert status == max([{"YELLOW": 1, "RED": 2}[level] for level, *_ in found], default=0)
        green += not found
    assert green >= 2
