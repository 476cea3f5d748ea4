# SPDX-License-Identifier: MIT

"""What bash, zsh and fish offer behind `mailchute`: all that its help names, and nothing else."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.mailchute import TOP, end_processes, environment, run

FOLDER = TOP / "packaging" / "completions"
COMMANDS = ["setup", "doctor", "test", "explain", "queue", "config", "secret", "import", "sink",
            "newaliases", "serve", "help"]
# Commands that have verbs, with what each verb's options stand behind.
VERBS = {"queue": ["show", "retry", "hold", "release", "remove", "flush"],
         "secret": ["set", "list"], "sink": ["list", "show", "follow"]}

BASH = """\
. "$1/mailchute.bash"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_mailchute
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'source $argv[1]/mailchute.fish; complete -C $argv[2]'


def ask_bash(words, env):
    return ["bash", "--norc", "-c", BASH, "bash", FOLDER, *words], env


def ask_zsh(words, env):
    script = Path(__file__).parent / "complete.zsh"
    return ["zsh", "-f", script, FOLDER, " ".join(words)], env


def ask_fish(words, env):
    return ["fish", "--no-config", "-c", FISH, FOLDER, " ".join(words)], env


SHELLS = {"bash": ask_bash, "zsh": ask_zsh, "fish": ask_fish}


@pytest.fixture(scope="module")
def place(programs, tmp_path_factory):
    """Settings, and one message that waits."""
    folder = tmp_path_factory.mktemp("completions")
    (folder / "mailchute.conf").write_text(
        'smarthost "first" { url = "smtp+notls://127.0.0.1:1"  from = "me@far.example" }\n'
        'smarthost "second.one" { url = "smtp+notls://127.0.0.1:1" }\n'
        'alias "oncall" { to = { "me@far.example" } }\n'
        'alias "*" { to = { "me@far.example" } }\n')
    (folder / "files").mkdir()
    (folder / "files" / "a file.pem").touch()
    variables = environment(config=folder / "mailchute.conf", spool=folder / "spool",
                            PATH=f"{programs.mailchute.parent}:/usr/bin:/bin", HOME=folder,
                            socket=folder / "none.sock")
    sent = run([programs.sendmail, "-f", "me@far.example", "you@far.example"],
               b"Subject: waits\n\nHello.\n", env=variables)
    assert sent.status == 0, sent
    yield folder, variables
    end_processes(["serve --on-demand", str(folder / "spool")])


def require(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here: tests/packages packaging")


@pytest.fixture(params=SHELLS)
def offered(request, place):
    """What one of the shells offers behind these words, of which the last is begun."""
    folder, variables = place
    require(request.param)

    def ask(*words, env=variables, **options):
        command, env = SHELLS[request.param](words, env)
        options.setdefault("cwd", folder / "files")
        done = subprocess.run([str(word) for word in command], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, **options)
        assert done.stderr == "", done
        return {line.split("\t")[0] for line in done.stdout.splitlines() if line.strip()}

    return ask


def help_of(programs, *words):
    result = run([programs.mailchute, *words, "--help"], env=environment())
    assert result.status == 0, result
    return result.stdout.decode()


def options_in(text):
    text = re.sub(r'"[^"\n]*"', "", text)
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - {"--help"}


def test_every_command_is_offered(offered, programs):
    named = set(re.findall(r"^  ([a-z]+) +\S", help_of(programs), re.M))
    assert named == set(COMMANDS)
    assert {word for word in offered("mailchute", "") if word[0] != "-"} == named
    assert offered("mailchute", "-") | offered("mailchute", "--") == {"--help", "--version"}
    assert offered("mailchute", "help", "s") == {"setup", "secret", "sink", "serve"}


@pytest.mark.parametrize("name", COMMANDS[:-1])
def test_the_options_of_a_command_are_those_of_its_help(offered, programs, name):
    text = help_of(programs, name)
    everything = offered("mailchute", name, "--")
    assert "--help" in everything
    everything.discard("--help")
    verbs = VERBS.get(name, [])
    if verbs:
        assert set(re.findall(rf"^.* mailchute {name} ([a-z]+)\b", text, re.M)) == set(verbs)
        assert {word for word in offered("mailchute", name, "") if word[0] != "-"} == set(verbs)
    for verb in verbs:
        those = offered("mailchute", name, verb, "--")
        for option in those:
            result = run([programs.mailchute, name, verb, option, "1s", "--no-such-option"],
                         env=environment(config="/nonexistent"))
            assert f"unknown option {option}" not in result.stderr, (verb, result)
        everything |= those
    assert everything == options_in(text)


@pytest.mark.parametrize("words, expected", [
    (["queue", "--smarthost"], None),
    (["queue", "hold", "--smarthost", ""], {"first", "second.one"}),
    (["queue", "hold", "--smarthost", "s"], {"second.one"}),
    (["secret", "set", ""], {"first", "second.one"}),
    (["secret", "set", "first", "pass"], {"password", "password_file"}),
    (["doctor", ""], {"first", "second.one"}),
    (["doctor", "--as", "roo"], {"root"}),
    (["test", ""], {"root", "oncall"}),
    (["explain", "--json", "on"], {"oncall"}),
    (["setup", "--provider", "sparkpost"], {"sparkpost", "sparkpost-eu"}),
    (["setup", "--url", "smtps"], {"smtps://"}),
    (["import", "nullm"], {"nullmailer"}),
    (["help", "MC-CONF"], {"MC-CONF-14", "MC-CONF-15"}),
    (["help", "cod"], {"codes"}),
    (["config", "--file", "a"], {"a file.pem"}),
    (["setup", "--ca-file", "a"], {"a file.pem"}),
    (["setup", "--ca-file", "a", "--fo"], {"--force"}),
    (["setup", "--user", ""], set()),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_values_that_are_known_are_offered(offered, words, expected):
    found = {word.replace("\\", "") for word in offered("mailchute", *words)}
    if expected is not None:
        assert found == expected
    else:
        assert "--smarthost" not in found


def test_the_messages_that_wait_are_offered(offered, programs, place):
    listed = run([programs.mailchute, "queue", "--json"], env=place[1]).stdout.decode()
    ids = set(re.findall(r'"queue_id": "([^"]+)"', listed))
    assert len(ids) == 1, listed
    for verb in VERBS["queue"]:
        found = offered("mailchute", "queue", verb, "")
        assert {word for word in found if word[0] != "-"} == ids, verb


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_a_user_is_offered_his_own_messages(offered, place, make_service):
    service = make_service(url="smtp://127.0.0.1:1", queue='retry = { "1h" }').start()
    for user in (33, 34):
        result = service.sendmail("-f", "me@far.example", "you@far.example",
                                  input=b"Subject: waits\n\nHello.\n", user=user, group=user,
                                  extra_groups=[])
        assert result.status == 0, result
    mine, = (one["queue_id"] for one in map(json.loads, service.queue("--json").splitlines())
             if one.get("uid") == 33)
    env = environment(socket=service.socket, spool=service.spool, PATH=place[1]["PATH"])
    found = offered("mailchute", "queue", "show", "", env=env, cwd="/", user=33, group=33,
                    extra_groups=[])
    assert {word for word in found if word[0] != "-"} == {mine}


def test_settings_that_cannot_be_read_are_no_noise(offered, place):
    config = place[0] / "mailchute.conf"
    text = config.read_text()
    config.write_text(text + "nonsense\n")
    try:
        assert not {word for word in offered("mailchute", "doctor", "") if word[0] != "-"}
        assert offered("mailchute", "secret", "set", "first", "us") == {"user"}
    finally:
        config.write_text(text)


def test_all_three_know_every_code(offered, programs):
    listed = run([programs.mailchute, "help", "codes"], env=environment()).stdout.decode()
    assert offered("mailchute", "help", "MC-") == set(re.findall(r"^MC-\S+", listed, re.M))


def test_they_are_installed_where_shells_look(programs):
    share = programs.folder / "usr/share"
    for name, source in (("bash-completion/completions/mailchute", "mailchute.bash"),
                         ("zsh/site-functions/_mailchute", "_mailchute"),
                         ("fish/vendor_completions.d/mailchute.fish", "mailchute.fish")):
        assert (share / name).read_text() == (FOLDER / source).read_text()


# What a person types; TABs become what is meant.
TYPED = """\
{load}
PS1=
bind 'set bell-style none'
mailchute() {{ echo "<$*>"; }}
mailchute sec\tset second\ttoken_c\t# with all that bash has put in
exit
"""


@pytest.mark.parametrize("how", ["alone", "bash-completion"])
def test_a_line_is_completed_as_it_is_typed(place, how):
    folder, variables = place
    require("bash")
    load = f". {FOLDER}/mailchute.bash"
    if how != "alone":
        machinery = "/usr/share/bash-completion/bash_completion"
        if not os.path.exists(machinery):
            pytest.skip("no bash-completion here: tests/packages packaging")
        data = folder / "data/bash-completion/completions"
        data.mkdir(parents=True)
        shutil.copy(FOLDER / "mailchute.bash", data / "mailchute")
        # It is found by its name alone.
        load = f"XDG_DATA_DIRS={folder}/data; . {machinery}"
    done = subprocess.run(["script", "-qec", "bash --norc --noprofile -i", "/dev/null"],
                          input=TYPED.format(load=load), env={**variables, "TERM": "dumb"}, cwd=folder,
                          capture_output=True, text=True, timeout=60)
    assert "<secret set second.one token_command>" in done.stdout, done
