# SPDX-License-Identifier: MIT

"""mailchute-examples(7), tried with the very programs that its examples are for."""

import os
import re

import pytest

from support import fastcgi, smartd
from support.manual import example, lines, literal_blocks
from support.wait import wait_for

ALIASES = "root: ops@far.example\n"


@pytest.fixture
def callers(callers):
    """Root's mail goes to ops@far.example; files that a test puts there are gone at the end."""
    callers.write("/etc/aliases", ALIASES)
    yield callers
    callers.write("/etc/aliases", "")


@pytest.fixture
def put(callers):
    """Writes an example where the page says, after replacements."""
    made = []

    def put(place, name, mode=0o644, owner="root", **replaced):
        text = example(name)
        for old, new in replaced.items():
            assert old in text, (name, old)
            text = text.replace(old, new)
        callers.write(place, text, mode, owner)
        made.append(place)
        return place

    yield put
    for place in made:
        callers.path(place).unlink(missing_ok=True)


def ask(callers, script, pool):
    """A request to php-fpm with this pool alone."""
    place = "/etc/php/8.2/fpm/pool.d/www.conf"
    before = callers.read(place)
    socket = f"/run/php/example-{os.getpid()}.sock"
    callers.make_folder("/run/php")
    callers.path(socket).unlink(missing_ok=True)
    callers.write(place, re.sub(
        "(?m)^listen = .*", f"listen = {socket}\nlisten.mode = 0666", pool))
    fpm = callers.spawn("fpm", ["php-fpm8.2", "--nodaemonize"])
    wait_for(callers.path(socket).exists, what=lambda: f"php-fpm's socket:\n{fpm.tail()}")
    callers.write("/var/www/mail.php", script)
    response = fastcgi.request(callers.path(socket), "/var/www/mail.php")
    fpm.terminate()
    callers.write(place, before)
    return response


# ---- PHP ----

def test_php(callers):
    result = callers.run(example("php-try"))
    assert (result.stdout, result.stderr) == (b"bool(true)\n", ""), result
    assert callers.message().recipients == ["ops@far.example"]


@pytest.mark.parametrize("parameter, sender", [("", "info@shop.example"),
                                               (", '', '-fother@shop.example'",
                                                "other@shop.example")])
def test_php_pool(callers, parameter, sender):
    pool = example("php-pool").replace("= shop\n", "= www-data\n")
    response = ask(callers, f"<?php echo mail('root', 's', 'text'{parameter}) ? 'sent' : 'no';",
                   pool)
    assert response.body == "sent", response.output
    assert callers.message().sender == sender


def test_clear_env(callers):
    pool = example("php-pool").replace("= shop\n", "= www-data\n")
    script = "<?php echo getenv('PATH') === false ? 'clear' : 'set';"
    assert ask(callers, script, pool).body == "clear"
    assert ask(callers, script, pool + example("clear-env")).body == "set"


SYMFONY = """\
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
$transport = Symfony\\Component\\Mailer\\Transport::fromDsn('%s');
(new Symfony\\Component\\Mailer\\Mailer($transport))->send((new Symfony\\Component\\Mime\\Email())
    ->from('web@there.example')->to('b@far.example')->subject('s')->text('text'));
"""


def test_symfony_and_laravel(callers):
    """Laravel hands its path to the same class."""
    [dsn] = re.findall("^MAILER_DSN=(.*)$", example("symfony-env"), re.M)
    [path] = re.findall('^MAIL_SENDMAIL_PATH="(.*)"$', example("laravel-env"), re.M)
    for one in (dsn, "sendmail://default?command=" + path.replace(" ", "%20")):
        callers.run_ok(["php", "-r", SYMFONY % one], "www-data")
    assert {one.sender for one in callers.messages(2)} == {"web@there.example"}


# ---- cron ----

def crontab(callers, text, user="root"):
    callers.run_ok("rm -f /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/*")
    for name in ("crond.pid", "crond.reboot"):
        callers.path(f"/run/{name}").unlink(missing_ok=True)
    callers.run_ok(["crontab", "-"], user, text)
    callers.spawn("cron", ["cron", "-f"])


def test_crontab(callers):
    callers.write("/usr/local/bin/backup", "#!/bin/sh\necho it went well\n", 0o755)
    crontab(callers, example("crontab").replace("0 3 * * *", "@reboot"))
    message = callers.message()
    assert sorted(message.recipients) == ["ops@example.com", "ops@far.example"]
    assert message.body == b"it went well\n"


def test_variables_of_a_crontab_are_for_its_jobs(callers):
    """Cron's own mail is not captured by one; the job's is."""
    crontab(callers, "MAILTO=b@far.example\nMAILCHUTE_CAPTURE=/tmp/caught\n@reboot echo cron; "
            "echo 'Subject: job' | /usr/sbin/sendmail c@far.example\n", "alice")
    message = callers.message()
    assert message.recipients == ["b@far.example"] and message.body == b"cron\n"
    listed = callers.run(["mailchute", "sink", "list", "/tmp/caught"], "alice").stdout
    assert b"c@far.example" in listed and listed.count(b"\n") == 1, listed
    callers.run_ok("rm -r /tmp/caught")


# ---- systemd ----

def test_units_are_right(callers):
    """The template, a unit that fails, and the file beside it that joins the two."""
    place = "/etc/systemd/system"
    callers.write(f"{place}/failure@.service", example("failure-unit"))
    callers.write(f"{place}/backup.service", "[Service]\nExecStart=/bin/true\n")
    callers.write(f"{place}/backup.service.d/failure.conf", example("failure-dropin"))

    def verify():
        said = callers.run(["systemd-analyze", "verify", "--man=no", "backup.service",
                            "failure@backup.service.service"])
        text = said.stdout.decode() + said.stderr
        return [line for line in text.splitlines() if re.search("failure|backup", line)]

    assert verify() == []
    callers.write(f"{place}/failure@.service", example("failure-unit").replace("oneshot", "once"))
    assert verify() != []
    callers.run_ok(f"rm -r {place}/failure@.service {place}/backup.service*")


def test_failure_unit(callers):
    """As the manager would run it for backup.service on this host."""
    text = example("failure-unit").replace("\\\n", "")
    [command] = re.findall("^ExecStart=/bin/sh -c '(.*)'$", text, re.M)
    command = command.replace("%i", "backup.service").replace("%H", "box")
    result = callers.run(["sh", "-c", command], "nobody")
    assert result.status == 0, result
    message = callers.message()
    assert message.recipients == ["ops@far.example"]
    assert message.field("Subject") == "backup.service has failed on box"


# ---- monitors ----

@pytest.mark.parametrize("name", ["smartd-conf", "smartd-script-conf"])
def test_smartd_reads_its_configuration(callers, put, name):
    put("/tmp/smartd.conf", name)
    put("/usr/local/bin/mail-by-sendmail", "mail-script", 0o755)
    result = callers.run(["smartd", "-c", "/tmp/smartd.conf", "-q", "onecheck"])
    said = result.stdout.decode()
    assert "DEVICESCAN" in said, result
    assert not re.search("unknown directive|Error|Exiting due to invalid", said, re.I), result
    callers.write("/tmp/smartd.conf", "DEVICESCAN -a -m root -M nonsense\n")
    wrong = callers.run(["smartd", "-c", "/tmp/smartd.conf", "-q", "onecheck"])
    assert wrong.status != result.status, wrong


def test_smartd_by_our_script(callers, put):
    [mailer] = re.findall(r"-M exec (\S+)", example("smartd-script-conf"))
    put(mailer, "mail-script", 0o755)
    callers.run_ok(smartd.WARNING, env={**smartd.VARIABLES, "SMARTD_MAILER": mailer,
                                        "SMARTD_ADDRESS": "root ops2@far.example"})
    message = callers.message()
    assert sorted(message.recipients) == ["ops2@far.example", "ops@far.example"]
    assert message.field("Subject") == smartd.SUBJECT
    assert smartd.VARIABLES["SMARTD_MESSAGE"].encode() in message.body


# What zed does with its settings, as all its versions do it.
ZED = """\
set -e
. /etc/zfs/zed.d/zed.rc
subject='ZFS scrub_finish event for tank on box'
command -v "$ZED_EMAIL_PROG" >/dev/null
options=$(echo "$ZED_EMAIL_OPTS" |
    sed -e "s/@ADDRESS@/$ZED_EMAIL_ADDR/g" -e "s/@SUBJECT@/$subject/g")
eval $ZED_EMAIL_PROG $options </tmp/note
"""


@pytest.mark.parametrize("program", ["", "mail"])
def test_zed(callers, put, program):
    put("/usr/local/bin/mail-by-sendmail", "mail-script", 0o755)
    put("/etc/zfs/zed.d/zed.rc", "zed-rc",
        **({"/usr/local/bin/mail-by-sendmail": program} if program else {}))
    callers.write("/tmp/note", "ZFS has finished a scrub:\n\n   eid: 12\n")
    callers.run_ok(ZED)
    message = callers.message()
    assert message.recipients == ["ops@far.example"]
    assert message.field("Subject") == "ZFS scrub_finish event for tank on box"
    assert message.body == b"ZFS has finished a scrub:\n\n   eid: 12\n"


def test_mdadm(callers, put):
    put("/etc/mdadm/mdadm.conf", "mdadm-conf")
    result = callers.run(["mdadm", "--monitor", "--test", "--oneshot", "/dev/md0"])
    assert (result.status, result.stdout) == (0, b""), result
    message = callers.message()
    assert message.recipients == ["ops@far.example"]
    assert message.field("From") == "alerts@example.com"


UPGRADES = """\
import importlib.machinery, importlib.util, io
loader = importlib.machinery.SourceFileLoader("upgrade", "/usr/bin/unattended-upgrade")
upgrade = importlib.util.module_from_spec(importlib.util.spec_from_loader("upgrade", loader))
loader.exec_module(upgrade)
upgrade.apt_pkg.init_config()
upgrade.send_summary_mail(["a-package"], True, "All upgrades installed",
                          upgrade.KeptPkgs(set), [], [], io.StringIO("log\\n"), "dpkg\\n")
"""


def test_unattended_upgrades(callers, put):
    """It reads the file by itself; without it nothing is sent."""
    callers.run(["python3", "-c", UPGRADES])
    callers.no_message()
    put("/etc/apt/apt.conf.d/52unattended-upgrades-local", "upgrades-conf")
    callers.run_ok(["python3", "-c", UPGRADES])
    assert callers.message().recipients == ["ops@far.example"]


# ---- people's programs ----

def test_s_nail(callers, put):
    put("/home/alice/.mailrc", "mailrc", owner="alice")
    callers.run_ok(["s-nail", "-s", "subject", "b@far.example"], "alice", b"text\n")
    message = callers.message()
    assert message.field("From") == "Ops <ops@example.com>" and message.body == b"text\n"


def test_mutt(callers, put):
    put("/home/alice/.muttrc", "muttrc", owner="alice")
    result = callers.run(["mutt", "-s", "subject", "b@far.example"], "alice", b"text\n")
    assert result.status == 0, result
    message = callers.message()
    assert message.sender == "ops@example.com"
    assert message.field("From") == "Ops <ops@example.com>"


GIT = """\
set -e
cd /home/alice
{config}
git init -q -b main work
cd work
git config user.name Alice
git config user.email alice@there.example
echo one >file
git add file
git commit -q -m one
git send-email --quiet --confirm=never --suppress-cc=all --to=list@far.example --root HEAD
"""


def test_git(callers):
    result = callers.run(GIT.replace("{config}", example("git-config")), "alice")
    assert result.status == 0, result
    message = callers.message()
    assert message.sender == "alice@there.example" and message.recipients == ["list@far.example"]
    callers.run_ok("find /home/alice -mindepth 1 -delete")


# ---- containers ----

def test_job(callers, put):
    callers.write("/usr/local/bin/backup", "#!/bin/sh\necho 3 files; exit 3\n", 0o755)
    put("/tmp/job", "job", 0o755)
    assert callers.run(["/tmp/job"]).status == 3
    message = callers.message()
    assert message.field("Subject") == "backup: 3" and message.body == b"3 files\n"


@pytest.fixture
def bare(make_callers):
    """Without service, configuration and spool."""
    callers = make_callers()
    callers.stop_service()
    callers.run_ok("rm -rf /etc/mailchute /var/spool/mailchute /run/mailchute")
    callers.make_folder("/run/secrets")
    yield callers


def test_a_secret_alone(bare):
    """What compose mounts for the web server, to whom no variable is known."""
    url = re.sub(r"smtps://(.*)@.*", bare.sink.url, example("url-secret"))
    bare.write("/run/secrets/mailchute_url", url, 0o444)
    result = bare.run(["php", "-r", "echo mail('b@far.example', 's', 'text');"], "www-data")
    assert (result.stdout, result.stderr) == (b"1", ""), result
    assert bare.message().recipients == ["b@far.example"]


def test_a_service_beside_it(bare):
    """Its command and variables, as compose would start it; the web server has the volume alone."""
    text = example("compose-service")
    command = ["mailchute", *re.findall('"([^"]+)"', re.search("command: (.*)", text).group(1))]
    [root] = re.findall("MAILCHUTE_ROOT: (.*)", text)
    for folder in ("/run/mailchute", "/var/spool/mailchute"):
        assert f":{folder}" in text
        bare.make_folder(folder)
    bare.write("/run/secrets/mailchute_url", bare.sink.url, 0o400)
    service = bare.spawn("beside", command, env={"MAILCHUTE_ROOT": root})
    wait_for(bare.path("/run/mailchute/submit.sock").exists, what=service.tail)
    result = bare.run(["php", "-r", "echo mail('root', 's', 'text');"], "www-data")
    assert (result.stdout, result.stderr) == (b"1", ""), result
    assert bare.message().recipients == [root]


# ---- the pages of the commands ----

def test_lines_of_doctor(callers):
    for line in lines("mailchute-doctor.1"):
        result = callers.run(line.split(" | ")[0])
        assert result.status <= 2 and result.stderr == "", (line, result)
        assert b"program.sendmail" in result.stdout


def test_lines_of_test(callers):
    for line in lines("mailchute-test.1"):
        result = callers.run(line)
        assert result.status == 0 and b"SENT:" in result.stdout, (line, result)
    assert [one.recipients for one in callers.messages(2)] == [["me@example.com"],
                                                               ["ops@far.example"]]


def test_lines_of_explain(callers):
    callers.write("/tmp/sample.eml", "To: b@far.example\nFrom: www-data@web1\n\ntext\n")
    said = [callers.run(line, cwd="/tmp") for line in lines("mailchute-explain.1")]
    assert [one.status for one in said] == [0, 0], said
    assert b"ops@far.example" in said[0].stdout and b"b@far.example" in said[1].stdout
    callers.no_message()


def test_lines_of_sink(callers):
    callers.write("/tmp/send.php", "<?php mail('b@far.example', 'caught', 'the text');")
    said = [callers.run(line, "alice", cwd="/tmp") for line in lines("mailchute-sink.1")]
    assert [one.status for one in said] == [0, 0, 0], said
    assert b"| caught" in said[1].stdout and b"the text" in said[2].stdout
    callers.no_message()
    callers.run_ok("rm -r /tmp/mail")


def test_lines_of_the_overview(callers):
    first, *_, last = literal_blocks("mailchute.1")
    for line in first.splitlines()[1:] + last.splitlines():
        result = callers.run(line)
        assert result.status in ((0, 1) if "doctor" in line else (0,)), (line, result)
    assert callers.message().recipients == ["me@example.com"]


def test_lines_of_import(bare):
    """Of a machine with ssmtp, a backup of one with Postfix, and an application."""
    bare.write("/etc/ssmtp/ssmtp.conf", "root=ops@far.example\nmailhub=mail.far.example:587\n"
               "UseSTARTTLS=YES\nAuthUser=u\nAuthPass=p\n")
    bare.write("/backup/etc/postfix/main.cf", "relayhost = [mail.far.example]:587\n"
               "smtp_tls_security_level = encrypt\n")
    bare.write("/srv/app/.env", "MAIL_HOST=mail.far.example\nMAIL_PORT=587\n"
               "MAIL_USERNAME=u\nMAIL_PASSWORD=p\nMAIL_FROM_ADDRESS=app@far.example\n")
    show, write, postfix, variables = lines("mailchute-import.1")
    for line, statuses in ((show, (0,)), (write, (0, 1, 2)), (postfix, (0,)), (variables, (0,))):
        result = bare.run(line, cwd="/tmp")
        assert result.status in statuses and b"mail.far.example" in result.stdout, (line, result)
    for place in ("/etc/mailchute", "/tmp/etc"):
        assert b"mail.far.example:587" in bare.read(f"{place}/mailchute.conf")
    bare.run_ok("rm -r /tmp/etc")


def test_lines_of_setup(bare):
    """It asks a terminal alone; and no provider is to be had here."""
    bare.write("/tmp/app-password", "abcdefghijklmnop\n")
    ask, given = lines("mailchute-setup.1")
    assert bare.run(ask, cwd="/tmp").status == 64
    assert bare.run(given, cwd="/tmp").status == 2
    assert b"smtp.gmail.com" in bare.read("/etc/mailchute/mailchute.conf")
    assert b"abcdefghijklmnop" in bare.read("/etc/mailchute/secrets.ini")


def test_lines_of_serve(bare):
    """Those of an entrypoint and of a sidecar; systemctl is not here."""
    bare.write("/run/secrets/mailchute_url", bare.sink.url, 0o400)
    found = [line for line in literal_blocks("mailchute-serve.1")[-1].splitlines()
             if line.startswith("mailchute ")]
    assert len(found) == 2
    bare.run_ok(found[0])
    bare.run_ok(["sendmail", "b@far.example"], "alice", b"Subject: s\n\ntext\n")
    assert bare.message().recipients == ["b@far.example"]
    said = bare.run(found[0])
    assert said.status == 0 and b"listens" in said.stdout


# ---- development ----

def test_capture_for_a_whole_machine(make_callers):
    callers = make_callers()
    callers.stop_service()
    callers.configure(extra=example("capture-conf"))
    callers.start_service()
    callers.run_ok(["sendmail", "b@far.example"], "alice", b"Subject: s\n\ntext\n")
    [place] = re.findall('"(.*)"', example("capture-conf"))
    wait_for(lambda: b"b@far.example" in callers.run(["mailchute", "sink", "list", place]).stdout,
             what="the letter")
    callers.no_message()


def test_the_second_smarthost_takes_over(make_callers):
    """With the first one down, and the sink for the second."""
    callers = make_callers()
    callers.stop_service()
    text = example("two-conf").replace("smtp+tls://smtp.example.com:587", "smtp://127.0.0.1:1")
    text = text.replace("smtps://smtp.example.net:465", callers.sink.url)
    callers.write("/etc/mailchute/mailchute.conf", text)
    callers.start_service()
    callers.run_ok(["sendmail", "b@far.example"], "alice", b"Subject: s\n\ntext\n")
    assert callers.message().recipients == ["b@far.example"]
