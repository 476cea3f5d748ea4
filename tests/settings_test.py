# SPDX-License-Identifier: MIT

"""Settings: where they come from, what is said of them, and that code, etc/ and manual agree."""

import contextlib
import json
import os
import re
import signal
from pathlib import Path

import pytest

from support.mailchute import environment, processes, run
from support.own_mounts import command, why_not
from support.wait import wait_for

TOP = Path(__file__).resolve().parent.parent
TWO_LINES = ('smarthost "provider" { url = "smtp+tls://smtp.example.com:587" '
             'from = "alerts@example.com" }\n'
             'alias "root" { to = { "me@example.com" } }\n')
NAMES = 'identity { ehlo = "h.example" domain = "d.example" }\n'


class Settings:
    """A folder with a mailchute.conf, and `mailchute config` for it."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        self.main = folder / "mailchute.conf"

    def write(self, text, name="mailchute.conf"):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
        return path

    def config(self, *options, main=True, **variables):
        env = environment(**{"config": self.main} if main else {})
        env.update({f"MAILCHUTE_{name}": str(value) for name, value in variables.items()})
        return run([self.programs.mailchute, "config", *options], env=env)

    def json(self, *options, **variables):
        result = self.config("--json", *options, **variables)
        assert result.status == 0, result
        return json.loads(result.stdout)["settings"]

    def values(self, *options, **variables):
        """{(block, title, option): (value, where)}"""
        return {(row["block"], row["title"], row["option"]): (row["value"], row["where"])
                for row in self.json(*options, **variables)}

    def faults(self, **variables):
        """[line] of standard error."""
        result = self.config(**variables)
        assert result.status == 78 and result.stdout == b"", result
        return result.stderr.splitlines()


@pytest.fixture
def settings(programs, folder):
    return Settings(programs, folder)


def table(settings):
    result = settings.config("--defaults", "--json")
    assert result.status == 0, result
    return json.loads(result.stdout)["options"]


# ---- code, etc/ and manual ----

def test_etc_shows_every_option_with_its_default(settings):
    text = []
    for line in (TOP / "etc/mailchute.conf").read_text().splitlines():
        is_example = re.match(r"#(?! )|#    ", line)
        text.append(line[1:] if is_example else line)
    path = settings.write("\n".join(text) + "\n", "etc.conf")
    shown = {}
    for row in settings.json("--file", path):
        if row["set"]:
            value = ", ".join(row["value"]) if isinstance(row["value"], list) else row["value"]
            shown.setdefault((row["block"], row["option"]), set()).add(value)
    # What "auto" comes to is in force.
    assert re.search(r'^    ehlo +=  *"auto"$', path.read_text(), re.MULTILINE)
    shown[("identity", "ehlo")] = {"auto"}
    for option in table(settings):
        name = (option["block"], option["option"])
        assert name in shown, f"{name} does not stand in etc/mailchute.conf"
        if option["default"] is not None:
            assert option["default"] in shown[name], f"{name}: {option['default']}, {shown[name]}"


def test_as_it_is_installed_etc_sets_nothing_and_setup_goes_on_from_there(settings, programs):
    for name in ("mailchute.conf", "secrets.ini"):
        settings.write((TOP / "etc" / name).read_text(), name)
    assert not [row for row in settings.json() if row["set"]]
    words = ["setup", "--provider", "gmail", "--user", "me@gmail.com", "--root", "me@gmail.com",
             "--no-check", "--into", settings.folder]
    result = run([programs.mailchute, *words], b"a password\n")
    assert result.status == 0, result
    assert settings.values()[("smarthost", "gmail", "from")][0] == "me@gmail.com"
    assert '[gmail]\nuser = "me@gmail.com"\npassword = "a password"\n' in \
        (settings.folder / "secrets.ini").read_text()


def test_the_manual_has_every_option_with_its_default(settings):
    text = (TOP / "packaging/man/mailchute.conf.5").read_text()
    text = text[text.index(".Sh OPTIONS"):text.index(".Sh ENVIRONMENT")]
    found = {}
    block = None
    for line in text.splitlines():
        head = re.match(r'\.Ss (\w+)', line)
        item = re.match(r"\.It Ic (\w+)(?: = Dq (.*))?$", line)
        if head:
            block = None if head.group(1) == "Outside" else head.group(1)
        if item:
            found[(block, item.group(1))] = item.group(2)
    assert found == {(option["block"], option["option"]): option["default"]
                     for option in table(settings)}


def test_the_manual_names_every_variable(settings):
    text = (TOP / "packaging/man/mailchute.conf.5").read_text()
    source = (TOP / "src/config/overrides.c").read_text()
    for name in set(re.findall(r'"(MAILCHUTE_[A-Z_]+[A-Z])"', source)):
        base = name.removesuffix("_FILE")
        assert base in text or base == "MAILCHUTE_SOCKET", f"{name} is not in the manual"


def test_defaults_load_and_are_the_defaults(settings):
    text = settings.config("--defaults").stdout.decode()
    path = settings.write(text, "defaults.conf")
    empty = settings.write("", "empty.conf")
    assert ({name: value for name, (value, _) in settings.values("--file", path).items()} ==
            {name: value for name, (value, _) in settings.values("--file", empty).items()})
    # And the examples in it are such as one may write.
    path.write_text(re.sub(r"(?m)^( *)#(    )?(?! )", r"\1\2", text))
    rows = settings.json("--file", path)
    assert {row["title"] for row in rows} == {None, "provider", "news", "root"}
    missing = [row["option"] for row in rows if not row["set"] and row["option"] != "ehlo"]
    assert missing == []


# ---- what is in force ----

def test_each_value_says_where_it_came_from(settings):
    settings.write(NAMES + TWO_LINES + f'include("{settings.folder}/more.inc")\n')
    settings.write('queue { retry = { "1s", "2s" } }\n', "more.inc")
    settings.write('\nsmarthost "provider" { rate = "10/min" from = "x@example.com" }\n',
                   "conf.d/10.conf")
    settings.write('smarthost "provider" { from = "y@example.com" }', "conf.d/20.conf")
    found = settings.values(DOMAIN="e.example")
    where = {name: place.replace(str(settings.folder) + "/", "")
             for name, (_, place) in found.items()}
    assert found["smarthost", "provider", "from"][0] == "y@example.com"
    assert where["smarthost", "provider", "from"] == "conf.d/20.conf line 1"
    assert where["smarthost", "provider", "rate"] == "conf.d/10.conf line 2"
    assert where["smarthost", "provider", "url"] == "mailchute.conf line 2"
    assert where["smarthost", "provider", "secret"] == "the title"
    assert where["queue", None, "retry"] == "more.inc line 1"
    assert found["queue", None, "retry"][0] == ["1s", "2s"]
    assert found["queue", None, "lifetime"] == ("5d", "built-in")
    assert found["identity", None, "domain"] == ("e.example", "MAILCHUTE_DOMAIN")
    assert found["smarthost", "provider", "ca_file"] == (None, "built-in")
    changed = settings.values("--changed", DOMAIN="e.example")
    assert changed == {name: row for name, row in found.items()
                       if row[1] not in ("built-in", "the title")}


def test_what_is_printed_can_be_read_again(settings):
    settings.write(NAMES + TWO_LINES + 'alias "a" { to = { "b", \'c$d\' } }\n'
                   'queue { bounce = "" warn = "1h" }\n'
                   'submit { users = { \'AD\\\\joe\', "33" } }\n')
    again = settings.write(settings.config().stdout.decode(), "again.conf")
    first, second = settings.values(), settings.values("--file", again)
    assert {name: value for name, (value, _) in first.items()} == {
        name: value for name, (value, _) in second.items()}
    assert first["submit", None, "users"][0] == ["AD\\joe", "33"]
    assert first["queue", None, "bounce"][0] == ""


def test_without_a_smarthost_it_says_what_was_looked_at(settings):
    settings.write(NAMES)
    text = settings.config("--changed").stdout.decode()
    assert "# MC-CONF-15: no smarthost is configured" in text
    assert f"(looked: {settings.main} (names none), /run/secrets/mailchute_url (" in text
    assert settings.config("--file", settings.write(text, "again.conf")).status == 0


ORDER = [
    # file, conf.d, variable: what holds
    ("one@x.example", None, None, "one@x.example"),
    ("one@x.example", "two@x.example", None, "two@x.example"),
    ("one@x.example", "two@x.example", "three@x.example", "three@x.example"),
    ("one@x.example", None, "", "one@x.example"),
    ("one@x.example", "${NOTHING}", "", "one@x.example"),
    ("one@x.example", "", None, None),
]


@pytest.mark.parametrize("main, drop_in, variable, want", ORDER)
def test_the_later_source_wins(settings, main, drop_in, variable, want):
    settings.write(NAMES + f'smarthost "p" {{ url = "smtp://h" from = "{main}" }}\n')
    if drop_in is not None:
        settings.write(f'smarthost "p" {{ from = "{drop_in}" }}\n', "conf.d/10.conf")
    found = settings.values(**{} if variable is None else {"FROM": variable})
    assert (found["smarthost", "p", "from"][0] or None) == want


def test_a_url_in_the_environment_is_a_setup_of_its_own(settings):
    settings.write(NAMES + TWO_LINES + 'route "r" { via = { "provider" } }\n')
    found = settings.values(URL="smtps://me%40x.example:hunter2@h.example", RATE="5/s")
    blocks = {name[:2] for name in found}
    assert ("smarthost", "default") in blocks and ("smarthost", "provider") not in blocks
    assert ("route", "r") not in blocks
    assert found["smarthost", "default", "url"] == ("smtps://h.example", "MAILCHUTE_URL")
    assert found["smarthost", "default", "user"] == ("me@x.example", "MAILCHUTE_URL")
    assert found["smarthost", "default", "password"] == ("***", "MAILCHUTE_URL")
    assert found["smarthost", "default", "from"] == ("me@x.example", "the login")
    assert found["smarthost", "default", "rate"] == ("5/s", "MAILCHUTE_RATE")
    assert found["smarthost", "default", "window"] == ("20", "built-in")


def test_secrets_are_never_printed(settings):
    settings.write(NAMES + TWO_LINES)
    secrets = settings.write('[provider]\nuser = "me@example.com"\npassword = "hunter2"\n',
                             "secrets.ini")
    secrets.chmod(0o600)
    private = settings.write(NAMES + 'smarthost "p" { url = "smtps://u:hunter2@h" }\n',
                             "private.conf")
    private.chmod(0o600)
    runs = [settings.config(), settings.config("--json"),
            settings.config("--file", private), settings.config("--file", private, "--json"),
            settings.config(URL="smtps://u:hunter2@h"), settings.config("--json",
                                                                        URL="smtps://u:hunter2@h"),
            settings.config(PASSWORD="hunter2", USER="u"), settings.config(TOKEN="hunter2", USER="u"),
            settings.config(URL="smtpx://u:hunter2@h"), settings.config(PASSWORD="hunter2")]
    for result in runs:
        assert "hunter2" not in result.stdout.decode() + result.stderr, result
    assert '# user "me@example.com", password ***: ' in runs[0].stdout.decode()
    assert "section [provider]" in runs[0].stdout.decode()


# ---- faults ----

def test_all_faults_of_all_files_are_told(settings):
    settings.write('smarthsot "a" { url = "smtp://x" }\n'
                   'smarthost "b" { uri = "smtp://x"; rate = 10/minute }\n'
                   'queue { lifetme = "5d"  warn = "soon" }\n'
                   'route "r" { from = { *@x.example } via = { "b" } }\n'
                   'submit { mode "auto" }\n'
                   'log { to = jornal }\n')
    settings.write('alias "root" { to = { "@x.example" } }\n', "conf.d/10.conf")
    settings.write('include("/nowhere/x.conf")\n', "conf.d/20.conf")
    lines = settings.faults(MODE="fast", FROM="root")
    want = ['conf line 1: there is no block "smarthsot"; fix: the nearest known one is "smarthost"',
            'conf line 2: there is no option "uri" in smarthost; fix: the nearest known one is "url"',
            "conf line 2: there are no semicolons in this file; fix: write: ",
            'conf line 2: rate = "10/minute" is no rate; fix: write: rate = "10/min"',
            'conf line 3: there is no option "lifetme" in queue; fix: the nearest known one is "lifetime"',
            'conf line 3: warn = "soon" is no time; fix: write ',
            'conf line 4: "*@x.example" must be in double quotes; fix: write: ',
            'conf line 5: there is no = after "mode"; fix: write: mode = "auto"',
            'conf line 6: to = "jornal" is no word that is known here; fix: write: to = "journal"',
            '10.conf line 1: to = "@x.example" is no mail address; fix: an unquoted * is dropped',
            '20.conf line 1: include("/nowhere/x.conf") names a file that does not exist',
            'environment: MAILCHUTE_FROM = "root" is no mail address',
            'environment: MAILCHUTE_MODE = "fast" is no word']
    for line, words in zip(lines, want):
        assert words in line, f"{words}\nis not in\n{line}"
        assert line.startswith("mailchute: MC-CONF-14 "), line
    assert len(lines) == len(want), lines
    result = settings.config("--json", MODE="fast", FROM="root")
    assert result.status == 78
    told = json.loads(result.stdout)["faults"]
    assert len(told) == len(want) and told[0]["next"] == 'the nearest known one is "smarthost"'


def test_a_caller_is_told_of_the_first_and_how_many_more(settings, programs):
    settings.write(NAMES + TWO_LINES)
    settings.write("x = 1\ny = 2\nz = 3\n", "conf.d/10.conf")
    result = run([programs.sendmail, "a@b.example"], b"\n",
                 env=environment(config=settings.main, spool=settings.folder / "spool"))
    assert result.status == 78, result
    assert '10.conf line 1: there is no option "x"' in result.stderr
    assert "(and 2 more: mailchute doctor shows them)" in result.stderr


def test_unsafe_drop_ins_are_refused_with_what_mends_them(settings):
    settings.write(NAMES + TWO_LINES)
    path = settings.write('queue { warn = "1h" }\n', "conf.d/10.conf")
    path.chmod(0o666)
    lines = settings.faults()
    assert len(lines) == 1 and f"; fix: chmod o-w {path} (" in lines[0], lines
    path.chmod(0o644)
    path.parent.chmod(0o777)
    assert f"; fix: chmod o-w {path.parent} (" in settings.faults()[0]
    path.parent.chmod(0o755)
    assert settings.values()["queue", None, "warn"][0] == "1h"


@pytest.mark.skipif(bool(why_not()), reason=str(why_not()))
def test_what_is_mounted_read_only_is_taken(settings):
    """As a ConfigMap is: everybody may write it by its mode, and nobody can."""
    settings.write(NAMES + TWO_LINES)
    path = settings.write('queue { warn = "1h" }\n', "conf.d/10.conf")
    path.chmod(0o666)
    os.chown(path, 1234, 1234)
    path.parent.chmod(0o777)
    here = path.parent
    script = (f"mount --bind {here} {here} && mount -o remount,bind,ro {here} && "
              f"exec {settings.programs.mailchute} config --changed")
    result = run(command("sh", "-c", script), env=environment(config=settings.main))
    assert result.status == 0 and f"# {path} line 1" in result.stdout.decode(), result
    assert settings.config().status == 78


@pytest.mark.skipif(bool(why_not()), reason=str(why_not()))
def test_run_secrets_come_before_the_environment_and_behind_the_files(settings):
    settings.write(NAMES + TWO_LINES)
    settings.write('smarthost "provider" { rate = "1/s" }', "conf.d/10.conf")
    place = settings.folder / "run"
    place.mkdir()
    (place / "mailchute_url").write_text("smtps://me@h.example\n")

    def where(**variables):
        script = (f"mount -t tmpfs none /run && cp -r {place} /run/secrets && "
                  f"exec {settings.programs.mailchute} config --json")
        env = environment(config=settings.main)
        env.update(variables)
        result = run(command("sh", "-c", script), env=env)
        assert result.status == 0, result
        rows = [row for row in json.loads(result.stdout)["settings"] if row["option"] == "url"]
        assert len(rows) == 1, rows
        return rows[0]["value"], rows[0]["where"]

    assert where() == ("smtps://h.example", "/run/secrets/mailchute_url")
    assert where(MAILCHUTE_URL="smtp://v.example") == ("smtp://v.example", "MAILCHUTE_URL")


def test_a_variable_with_a_typing_error_is_pointed_out(settings):
    settings.write(NAMES + TWO_LINES)
    text = settings.config(PASWORD="x").stdout.decode()
    assert ("MAILCHUTE_PASWORD is set, which is no variable of ours; "
            "the nearest known one is MAILCHUTE_PASSWORD") in text
    # Kubernetes sets such for a service of our name.
    assert "no variable" not in settings.config(SERVICE_PORT_SMTP="25").stdout.decode()


# ---- the service ----

def test_a_reload_sees_drop_ins_and_a_bad_one_changes_nothing(make_service, sink):
    service = make_service(url=sink.url, extra='alias "root" { to = { "a@far.example" } }').start()
    drop_ins = service.folder / "conf.d"
    drop_ins.mkdir()
    one = drop_ins / "10.conf"

    def send(count):
        result = service.sendmail("root", input=b"To: root\n\nx\n")
        assert result.status == 0, result
        return sink.wait_for_messages(count)[-1]

    assert b"a@far.example" in send(1)
    one.write_text('alias "root" { to = { "b@far.example" } }\n')
    service.signal(signal.SIGHUP)
    service.wait_for_log("configuration read anew")
    assert b"b@far.example" in send(2)
    one.write_text('alias "root" { to = { "c@far.example" } }\nx = 1\ny = 2\n')
    service.signal(signal.SIGHUP)
    service.wait_for_log(r'10\.conf line 2: there is no option "x"')
    service.wait_for_log(r'settings: .*10\.conf line 3: there is no option "y"')
    assert b"b@far.example" in send(3)
    one.write_text('alias "root" { to = { "c@far.example" } }\n')
    service.signal(signal.SIGHUP)
    wait_for(lambda: service.text().count("configuration read anew") >= 2,
             what=lambda: "the second reload:\n" + service.tail())
    assert b"c@far.example" in send(4)


def test_what_has_changed_counts_for_the_next_mail_soon(make_service, sink):
    """Nobody has to tell the service, which may be one that nobody knows of."""
    service = make_service(url=sink.url, extra='alias "root" { to = { "a@far.example" } }',
                           submit='wait = "disk"').start()
    drop_ins = service.folder / "conf.d"
    drop_ins.mkdir()
    sent = [0]

    def goes_to(address):
        assert service.sendmail("root", input=b"To: root\n\nx\n").status == 0
        sent[0] += 1
        return address in sink.wait_for_messages(sent[0])[-1]

    assert goes_to(b"a@far.example")
    (drop_ins / "10.conf").write_text('alias "root" { to = { "b@far.example" } }\n')
    wait_for(lambda: goes_to(b"b@far.example"), what="the new alias")
    assert service.text().count("configuration read anew") == 1


def test_a_service_that_starts_with_faults_says_all_of_them_once(make_service, sink):
    service = make_service(url=sink.url)
    right = service.config.read_text()
    service.config.write_text("x = 1\ny = 2\n" + right)
    service.start()
    for _ in range(2):
        result = service.sendmail("a@far.example", input=b"\n")
        assert result.status == 78 and 'there is no option "x"' in result.stderr, result
    assert service.text().count('settings: ') == 1, service.text()
    assert re.search(r'settings: .*line 2: there is no option "y"', service.text())
    service.config.write_text(right)
    assert service.sendmail("a@far.example", input=b"\n").status == 0


def test_callers_with_another_drop_in_do_not_join_a_service(settings, programs, sink):
    """Its digest is over all files, so who means something else gets a service of its own."""
    settings.write(NAMES + f'smarthost "p" {{ url = "{sink.url}" }}\n'
                   f'queue {{ dir = "{settings.folder}/spool" }}\n'
                   'submit { idle = "30s" }\nlog { to = "none" }\n'
                   'alias "root" { to = { "a@far.example" } }\n')
    env = environment(config=settings.main)

    def send(count):
        result = run([programs.sendmail, "root"], b"To: root\n\nx\n", env=env)
        return result, sink.messages() if result.status else sink.wait_for_messages(count)

    try:
        result, caught = send(1)
        assert result.status == 0 and b"a@far.example" in caught[-1], result
        settings.write('alias "root" { to = { "b@far.example" } }\n', "conf.d/10.conf")
        result, caught = send(2)
        assert result.status == 0 and b"b@far.example" in caught[-1], result
    finally:
        for pid in processes([str(settings.folder)]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
