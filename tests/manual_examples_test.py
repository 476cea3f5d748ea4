# SPDX-License-Identifier: MIT

"""The examples of the manual, tried: settings load, command lines run, scripts are right.

Those that need the programs they are for are tried in callers/examples_test.py.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from support.mailchute import TOP, environment, needs_program, run
from support.manual import example, lines, literal_blocks, named
from support.wait import free_port

pytestmark = needs_program("sendmail", "mailchute")

TRIED = "\n".join(path.read_text() for path in
                  (Path(__file__), TOP / "tests/callers/examples_test.py",
                   TOP / "tests/packaging/man_test.py"))


@pytest.mark.parametrize("name", sorted(named()))
def test_every_example_is_tried(name):
    assert f'"{name}"' in TRIED


# ---- settings ----

CONFS = ["host-conf", "two-conf", "news-conf", "capture-conf"]


def load(programs, path, *options):
    result = run([programs.mailchute, "config", "--file", path, "--json", *options],
                 env=environment(config=path))
    assert result.status == 0, result
    return json.loads(result.stdout)["settings"]


@pytest.mark.parametrize("name", CONFS)
def test_settings_load(programs, folder, name):
    path = folder / "mailchute.conf"
    path.write_text(example(name))
    assert [row for row in load(programs, path) if row["set"] and row["where"] != "built-in"]


def test_host(programs, folder):
    path = folder / "mailchute.conf"
    path.write_text(example("host-conf"))
    said = run([programs.mailchute, "explain", "root", "www-data"], env=environment(config=path))
    assert said.status == 0 and said.stdout.count(b"ops@example.com") >= 2, said


def test_a_newsletter_goes_another_way(programs, folder):
    path = folder / "mailchute.conf"
    path.write_text(example("news-conf"))

    def leg(sender):
        said = run([programs.mailchute, "explain", "--json", "-f", sender, "me@example.org"],
                   env=environment(config=path))
        return said.status, [one["smarthost"] for one in json.loads(said.stdout)["legs"]]

    assert leg("list@news.example.com") == (0, ["bulk"])
    assert leg("root@web1.example.com") == (0, ["provider"])


def sites(folder, programs):
    """The sites' settings, for users that every machine has, and the command."""
    def ours(text):
        return text.replace('{ "shop" }  via', '{ "daemon" }  via').replace(
            '{ "blog" }  via', '{ "nobody" }  via').replace("--as shop", "--as daemon").replace(
            "--as blog", "--as nobody")

    path = folder / "mailchute.conf"
    path.write_text(ours(example("sites-conf")))
    return path, ours(example("sites-try"))


def test_sites_send_as_themselves(programs, folder):
    path, command = sites(folder, programs)
    for user, sender, host in (("daemon", "info@shop.example", "mail.shop.example"),
                               ("nobody", "me@blog.example", "mail.blog.example")):
        said = shell(programs, command.replace("daemon", user), folder,
                     environment(config=path)).stdout.decode()
        assert f"customer@example.net... deliverable: mailer relay, host {host}" in said
        assert re.search(rf"sender www-data@web1\S* (becomes|goes as) {sender}", said), said


@pytest.mark.parametrize("number", range(4))
def test_the_page_of_the_settings(programs, folder, authority, number):
    """Each block of mailchute.conf(5), with the files that it names."""
    text = literal_blocks("mailchute.conf.5")[number]
    certificate, key = authority.certificate()
    for name, path in (("ca.pem", authority.ca), ("host.pem", certificate), ("host.key", key)):
        text = text.replace(f"/etc/mailchute/{name}", str(path))
    path = folder / "mailchute.conf"
    path.write_text(text)
    assert [row for row in load(programs, path) if row["set"] and row["where"] != "built-in"]
    assert len(literal_blocks("mailchute.conf.5")) == 4


def test_the_page_of_the_secrets(programs, folder):
    path = folder / "secrets.ini"
    path.write_text(literal_blocks("mailchute-secrets.5")[0])
    path.chmod(0o600)
    said = run([programs.mailchute, "secret", "list", "--file", path])
    assert b"example.alerts@gmail.com" in said.stdout and b"token_command" in said.stdout, said
    assert "abcd" not in str(said)


# ---- command lines ----

def shell(programs, text, folder, env=None, status=0):
    """By sh, step by step, with our programs for those that are installed."""
    text = text.replace("/usr/sbin/sendmail", str(programs.sendmail))
    env = {**(env or environment()), "HOME": str(folder),
           "PATH": f"{programs.sendmail.parent}:{programs.mailchute.parent}:/usr/bin:/bin"}
    result = run(["sh", "-ec", text], env=env, cwd=folder)
    assert result.status == status, (text, result)
    return result


@pytest.fixture
def service(make_service, sink):
    with make_service(sink.url, 'from = "alerts@here.example"',
                      extra='alias "root" { to = { "ops@here.example" } }') as running:
        yield running


def test_host_commands(programs, folder, make_service, sink):
    """With a password that is asked for where there is a terminal, and a sink in place of it."""
    secret, doctor, test = example("host-commands").splitlines()
    service = make_service(sink.url, 'from = "alerts@here.example"',
                           extra='alias "root" { to = { "ops@here.example" } }')
    text = service.config.read_text().replace('"test"', '"provider"')
    service.config.write_text(text)
    with service:
        done = run(["sh", "-ec", secret], b"secret\n", env={
            **service.environment(), "PATH": f"{programs.mailchute.parent}:/usr/bin:/bin"})
        assert done.status == 0, done
        ini = service.config.parent / "secrets.ini"
        assert 'user = "alerts@example.com"' in ini.read_text()
        # The sink takes no login.
        ini.unlink()
        # The machine itself may lack a sendmail; of the smarthost all is well.
        said = run(["sh", "-c", doctor], env={**service.environment(), "PATH": (
            f"{programs.mailchute.parent}:/usr/bin:/bin")}).stdout.decode()
        assert re.search("^ok +online.sender .*alerts@here.example accepted", said, re.M), said
        assert b"SENT:" in shell(programs, test, folder, service.environment()).stdout
    assert sink.wait_for_messages(1)


def test_sendmail(programs, folder, service, sink):
    block = literal_blocks("sendmail.8")[-1]
    said = shell(programs, block.replace("me@example.com", "ops@here.example"), folder,
                 service.environment())
    assert "250 " in said.stderr and b"ops@here.example... deliverable" in said.stdout, said
    messages = sink.wait_for_messages(3)
    assert all(b"Subject: it works" in one for one in messages)
    assert any(b"<alerts@example.com>" in one for one in messages)


def test_mailq(programs, folder, make_service):
    listing, *_, block = literal_blocks("mailq.1")
    if shutil.which("jq") is None:
        block = block.split(" |")[0]
    with make_service("smtp://127.0.0.1:1") as service:
        service.sendmail("-odq", "a@far.example", input=b"Subject: s\n\nx\n")
        service.wait_for_queue("a@far.example")
        said = shell(programs, block, folder, service.environment()).stdout.decode()
        shown = listing.splitlines()
        assert said.splitlines()[0] == shown[0]
        assert re.search(r"(?m)^-- \d+ Kbytes in 1 Request\.$", said), said
        assert shown[-1] == "-- 1 Kbytes in 1 Request."


def test_newaliases(programs, folder, service):
    aliases, lists = literal_blocks("newaliases.1")[0], folder / "list"
    lists.write_text("b@far.example\n")
    place = folder / "aliases"
    place.write_text(aliases.replace("/etc/mail/backup-list", str(lists)))
    service.config.write_text(re.sub('(?m)^alias "root".*|(?<=aliases_file = ).*', lambda match: (
        "" if match.group(0).startswith("alias") else f'"{place}"'), service.config.read_text()))
    said = shell(programs, literal_blocks("newaliases.1")[-1].replace("root", "backup"), folder,
                 service.environment())
    assert b"4 aliases" in said.stdout and b"b@far.example... deliverable" in said.stdout, said


def test_queue(programs, folder, make_service):
    block = literal_blocks("mailchute-queue.1")[-1]
    # None is being tried while something is done to it.
    with make_service("smtp://127.0.0.1:1", queue='retry = { "1h" }') as service:
        for sender in ("a@shop.example.com", "b@far.example"):
            service.sendmail("-odq", "-f", sender, "you@far.example", input=b"Subject: s\n\nx\n")
        listed = service.queue("--json").splitlines()
        ids = {one["sender"]: one["queue_id"] for one in map(json.loads, listed)
               if "queue_id" in one}
        block = re.sub(r"\b1M[0-9A-Z]{20,}\b", ids["b@far.example"], block)
        *others, last = [line for line in block.splitlines() if line and line[0] != "#"]
        said = shell(programs, "\n".join(others), folder, service.environment()).stdout.decode()
        assert f"{ids['b@far.example']}: is due now" in said and "removed" in said, said
        assert service.count() == 1
        # The smarthost is down; a shorter wait tells the same.
        shell(programs, last.replace("60s", "1s"), folder, service.environment(), status=69)


def test_capture(programs, folder):
    text = example("capture").replace("/tmp/caught", f"{folder}/caught")
    if shutil.which("php") is None:
        text = text.replace("php -r", ": ")
    else:
        text = text.replace("php -r", "php -d 'sendmail_path=/usr/sbin/sendmail -t -i' -r")
    if os.geteuid() == 0 and Path("/etc/mailchute/mailchute.conf").exists():
        pytest.skip("root's variables do not count on this machine")
    said = shell(programs, text, folder).stdout.decode()
    assert "Your order" in said and "Thank you." in said, said


def test_sink(programs, folder):
    port = free_port()
    start, *rest = example("sink").replace("/tmp/caught", "caught").replace(
        "2525", str(port)).splitlines()
    # A person is slower than the sink.  A session left at its greeting is told on stderr.
    wait = (f"until (exec 3<>/dev/tcp/127.0.0.1/{port} && read -r greeting <&3 && "
            r"printf 'QUIT\r\n' >&3 && read -r closing <&3) 2>/dev/null; do :; done")
    text = "\n".join([start, "trap 'kill $!' EXIT", wait, *rest])
    done = run(["bash", "-ec", text], cwd=folder, env=environment(mode="direct", PATH=(
        f"{programs.sendmail.parent}:{programs.mailchute.parent}:/usr/bin:/bin")))
    assert done.status == 0 and done.stderr == "", done
    [caught] = (folder / "caught/new").iterdir()
    assert b"Subject: it works" in caught.read_bytes()


def test_config(programs, folder):
    (folder / "new.conf").write_text(example("host-conf"))
    text = "\n".join(lines("mailchute-config.1")).replace("/etc/mailchute/mailchute.conf",
                                                          f"{folder}/installed.conf")
    said = shell(programs, text, folder, environment(config=folder / "new.conf"))
    assert b"smtp.example.com" in said.stdout
    assert (folder / "installed.conf").read_text() == example("host-conf")


# ---- what is written for others ----

@pytest.mark.parametrize("name", ["mail-script", "job"])
def test_scripts_are_right(folder, name):
    path = folder / "script"
    path.write_text(example(name))
    assert run(["sh", "-n", path]).status == 0
    if shutil.which("shellcheck"):
        said = run(["shellcheck", path])
        assert said.status == 0, said.stdout.decode()


@pytest.mark.parametrize("name", ["dockerfile", "dockerfile-alpine"])
def test_a_dockerfile_copies_what_the_image_has(name):
    """No container engine is here: it is the path in the image, and where sendmail is looked for."""
    image = (TOP / "packaging/docker/Dockerfile").read_text()
    [source] = re.findall(r"^COPY --from=mailchute (\S+) ", example(name), re.M)
    assert source in image and example(name).rstrip().endswith(" /usr/sbin/sendmail")


def test_a_url_as_a_secret_is_a_whole_setup(programs, folder):
    """The login's characters come out of the URL as they are, and mail is sent as it."""
    secret = folder / "mailchute_url"
    secret.write_text(example("url-secret"))
    said = run([programs.mailchute, "config", "--json"], env={
        **environment(config=os.devnull), "MAILCHUTE_URL_FILE": str(secret)})
    assert said.status == 0, said
    values = {row["option"]: row["value"] for row in json.loads(said.stdout)["settings"]
              if row["block"] == "smarthost"}
    assert values["from"] == "alerts@example.com", values
    assert "password" not in str(values["url"])
