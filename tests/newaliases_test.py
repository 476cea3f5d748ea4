# SPDX-License-Identifier: MIT

"""newaliases: other packages' scripts run it, and who wrote a line by hand."""

import os

import pytest

from support.mailchute import environment, needs_program, run

pytestmark = needs_program("sendmail", "mailchute")


@pytest.fixture
def check(programs, folder):
    """Runs it over this text; None: there is no file."""
    path = folder / "aliases"
    config = folder / "mailchute.conf"
    config.write_text(f'identity {{ domain = "here.example" }}\naliases_file = "{path}"\n')

    def check(text, *command, config=config, **options):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        command = command or [programs.newaliases]
        result = run(command, env=environment(config=config), **options)
        result.stderr = result.stderr.replace(str(path), "aliases")
        result.stdout = result.stdout.replace(str(path).encode(), b"aliases")
        return result

    check.path = path
    return check


@pytest.mark.parametrize("text", [
    None, "", "# nothing\n", "root: me@far.example\n", "root:\tme@far.example, \\root\n# x\n",
    "postmaster: root\nroot: a,\n  b@far.example\n", '"Mail Drop": "Bob, B" <b@far.example>\n',
])
def test_nothing_is_said_when_nothing_is_wrong(check, text):
    assert repr(check(text)) == "<exit 0, stdout b'', stderr ''>"


def test_every_name_of_it(check, programs):
    for command in ([programs.newaliases], [programs.sendmail, "-bi"], [programs.sendmail, "-I"],
                    [programs.mailchute, "newaliases"]):
        assert check("root a@far.example\n", *command).status == 78
        assert check("root: a@far.example\n", *command).status == 0


def test_a_summary_as_sendmail_prints_it(check, programs):
    result = check("root: a@b.c\nlist: d@e.f, g\n", programs.newaliases, "-v")
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout == b"aliases: 2 aliases, longest 8 bytes, 21 bytes total\n"
    assert b"no such file" in check(None, programs.newaliases, "-v").stdout


@pytest.mark.parametrize("text, line", [
    ("decode: |/usr/bin/uudecode\n",
     'aliases:1: decode: "|/usr/bin/uudecode" is passed over: programs are not run; '
     "mail for decode is sent to decode@here.example"),
    ("\n#\nbox: a@far.example, /var/mail/box\n",
     'aliases:3: box: "/var/mail/box" is passed over: files are not written to; '
     "mail for box goes to the others that it names"),
    ("*: root\nlist: :fail:no\n",
     'aliases:2: list: ":fail:no" is passed over: :fail: and its like are not obeyed; '
     'mail for list goes where "*" goes (aliases line 1)'),
    ("root: a\nRoot: b\n", "aliases:2: root stands in aliases line 1 already, and that one counts"),
])
def test_what_a_relay_cannot_do_is_no_error(check, text, line):
    """The scripts of packages that ship such lines must not fail."""
    result = check(text)
    assert (result.status, result.stdout) == (0, b"")
    assert result.stderr == f"newaliases: {line}\n"


@pytest.mark.parametrize("text, line", [
    ("root: a\nroot a@far.example\n",
     'aliases:2: "root a@far.example" is passed over: it is not "name: targets"; '
     "write: root: a@far.example"),
    ("root\n", 'aliases:1: "root" is passed over: it is not "name: targets"; '
     "write: name: you@example.com"),
    ("root:\n", 'aliases:1: "root" is passed over: it names nobody; '
     "mail for root is sent to root@here.example; write: root: you@example.com"),
    ("  x: y\n", 'aliases:1: "x: y" is passed over: it continues nothing; '
     "write: name: you@example.com"),
])
def test_what_is_wrong_is_named_with_its_line(check, text, line):
    result = check(text)
    assert (result.status, result.stdout) == (78, b"")
    assert result.stderr == f"newaliases: {line}\n"


def test_all_faults_at_once(check):
    result = check("a: b@@c\nd\n\x1b[2J\ne: /f, g@\n")
    assert result.status == 78
    assert [line.split(":")[2] for line in result.stderr.splitlines()] == ["1", "2", "3", "4", "4"]
    assert "\x1b" not in result.stderr


def test_lists_are_read_too(check, folder):
    """As for each message: who is on them, what is wrong with them."""
    path = folder / "list"
    path.write_text("# us\na@far.example\nroot\n")
    path.chmod(0o644)
    text = f"list: :include:{path}\nmore: list, b@far.example\nroot: me@far.example\n"
    assert repr(check(text)) == "<exit 0, stdout b'', stderr ''>"

    path.write_text("|/bin/x\na@far.example\n")
    result = check(text)
    assert result.status == 0
    assert result.stderr == (f'newaliases: {path} line 1: "|/bin/x" is passed over: '
                             "programs are not run\n")

    path.write_text("a b\na@far.example\n")
    result = check(text)
    assert result.status == 78
    assert result.stderr.count(f'{path} line 1: "a b" is passed over: it') == 1

    path.write_text("")
    result = check(text)
    assert result.status == 78
    assert result.stderr == (f'newaliases: alias "list" (aliases line 1): the list {path} '
                             "names nobody\n")

    path.write_text("a@far.example\n")
    path.chmod(0o666)
    result = check(text)
    assert result.status == 78
    assert result.stderr == (f'newaliases: alias "list" (aliases line 1): {path} may be written '
                             "by others (mode 0666), who could put anybody into the list; "
                             f"chmod go-w {path}\n")
    path.chmod(0o644)
    assert check(text).status == 0

    path.unlink()
    result = check(text)
    assert result.status == 78
    assert f'alias "list" (aliases line 1): cannot read {path} as uid' in result.stderr
    assert result.stderr.count("\n") == 1


def test_loops_are_named(check, folder):
    result = check("b: c\na: b, x@far.example\nc: a\nroot: root, d@far.example\n*: root\n")
    assert result.status == 78
    assert result.stderr == 'newaliases: alias "b" (aliases line 1) is in a loop: ' \
        "b -> c -> a -> b; let one of them name an address\n"
    path = folder / "list"
    path.write_text(f":include:{path}\n")
    path.chmod(0o644)
    result = check(f"list: :include:{path}, x@far.example\n")
    assert (result.status, result.stderr) == (
        78, f'newaliases: alias "list" (aliases line 1): the list {path} includes itself\n')
    chain = "".join(f"n{i}: n{i + 1}\n" for i in range(21))
    result = check(chain)
    assert result.status == 78
    assert 'alias "n20" (aliases line 21) stands at the end of more than 20 steps from n0; ' \
        "let it name the addresses themselves" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_file_that_may_not_be_read(check, programs):
    check("root: a\n")
    check.path.chmod(0o600)
    config = check.path.with_name("mailchute.conf")
    config.chmod(0o644)
    result = run([programs.newaliases], env=environment(config=config), user=12345, group=12345,
                 extra_groups=[])
    assert result.status == 78 and str(check.path) in result.stderr, result
