# SPDX-License-Identifier: MIT

"""Who gets the mail: every way to write a recipient, aliases, lists; who may send, and how much."""

import os
import re
import subprocess

import pytest

from support.mailchute import end_processes, environment, needs_program, run
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

BODY = b"From: x@there.example\nSubject: names\n\ntext\n"
OTHER = 12345
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.strip()


HOST = output("hostname")
FULL = output("hostname", "-f") or HOST

ALIASES = """\
# what people have
postmaster: root
root: Me <me@far.example>
ops:  root, \\
      second@far.example,
  "Third, One" <third@far.example>
"mail drop": drop@far.example
loop: pool
pool: loop
prog: |/usr/bin/procmail, prog@far.example
file: /var/mail/file
www+shop: shop@far.example
www: www@far.example
self: self, copy@far.example
news: a@far.example, b@far.example
owner-news: boss@far.example
"""


@pytest.fixture
def make(make_service, make_peer):
    """A service with these aliases in front of a peer of its own."""
    def make(aliases=ALIASES, peer=None, **options):
        options.setdefault("submit", 'wait = "disk"')
        made = make_service(**options)
        made.peer = peer or make_peer()
        made.configure(url=f"smtp://127.0.0.1:{made.peer.port}",
                       submit=options["submit"], extra=options.get("extra", ""))
        (made.folder / "aliases").write_text(aliases.replace("\\\n", "\n"))
        return made.start()
    return make


@pytest.fixture
def service(make):
    return make()


def send(service, *arguments, message=BODY, **options):
    """The recipients and the message as they arrived; all in one transaction."""
    before = len(service.peer.messages)
    result = service.sendmail(*arguments, input=message, **options)
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: len(service.peer.messages) > before, what="the message")
    _, recipients, content = service.peer.messages[before]
    return sorted(recipients), content.decode()


def sender_of(service):
    return re.search(b"<(.*?)>", service.peer.messages[-1][0])[1].decode()


def test_the_recipient_matrix(service):
    """users.md 6, line 6: root in all the ways that programs write it."""
    me = ["me@far.example"]
    rows = {
        "root": me, "ROOT": me, "Root@LocalHost": me, "root@localhost.localdomain": me,
        f"root@{HOST}": me, f"root@{FULL}": me, f"root@{HOST.upper()}": me, "postmaster": me,
        "root+cron": me, "root+cron@localhost": me,
        "other@far.example": ["other@far.example"],
        "root@elsewhere.example": ["root@elsewhere.example"],
        "nobody": ["nobody@here.example"], "nobody+x": ["nobody+x@here.example"],
        "nobody@localhost": ["nobody@here.example"],
        "ops": ["me@far.example", "second@far.example", "third@far.example"],
        '"mail drop"': ["drop@far.example"],
        "www+shop": ["shop@far.example"], "www+blog": ["www@far.example"],
        "self": ["copy@far.example", "self@here.example"],
        "loop": ["pool@here.example"], "file": ["file@here.example"],
        "prog": ["prog@far.example"],
    }
    found = {given: send(service, given)[0] for given in rows}
    assert found == rows
    service.wait_for_log(r'alias "loop" \(\S+aliases line \d+\) is in a loop: loop -> pool -> loop')
    service.wait_for_log(r'aliases line \d+: "\|/usr/bin/procmail" is passed over: programs are '
                         "not run")


@pytest.mark.parametrize("header, arguments, recipients, shown", [
    (b"To: root\n", [], ["me@far.example"], "To: me@far.example\r\n"),
    (b"To: root\n", ["x@far.example"], ["me@far.example", "x@far.example"],
     "To: me@far.example\r\n"),
    (b"To: Big Root (boss) <root@localhost>,\n\t=?utf-8?Q?=C3=A4?= <x@far.example>\n", [],
     ["me@far.example", "x@far.example"],
     "To: Big Root (boss) <me@far.example>,\r\n\t=?utf-8?Q?=C3=A4?= <x@far.example>\r\n"),
    (b"Cc: root (the boss), nobody\n", [], ["me@far.example", "nobody@here.example"],
     "Cc: me@far.example (the boss), nobody@here.example\r\n"),
    (b"Bcc: root, y@far.example\n", [], ["me@far.example", "y@far.example"], None),
    (b"To: undisclosed-recipients:;\nBcc: y@far.example\n", [], ["y@far.example"],
     "To: undisclosed-recipients:;\r\n"),
    (b"To: team: root, Y <y@far.example>;, z@far.example\n", [],
     ["me@far.example", "y@far.example", "z@far.example"],
     "To: team: me@far.example, Y <y@far.example>;, z@far.example\r\n"),
    (b"To: news\n", [], ["a@far.example", "b@far.example"], "To: news@here.example\r\n"),
    (b"To: \"Ops, all\" <ops>, z@far.example\n", [],
     ["me@far.example", "second@far.example", "third@far.example", "z@far.example"],
     "To: \"Ops, all\" <me@far.example>, second@far.example, third@far.example, z@far.example\r\n"),
])
def test_recipients_of_the_header(service, header, arguments, recipients, shown):
    found, content = send(service, "-t", *arguments, message=header + BODY)
    assert found == sorted(recipients)
    assert "bcc" not in content.lower()
    if shown is not None:
        assert "\r\n" + shown in content, content
    assert "\r\nSubject: names\r\n" in content and content.endswith("\r\n\r\ntext\r\n")


def test_to_stays_where_it_is_to_stay(make):
    service = make(submit='rewrite_to = false')
    found, content = send(service, "-t", message=b"To: R <root>, x@localhost\n" + BODY)
    assert found == ["me@far.example", "x@here.example"]
    assert "\r\nTo: R <root@here.example>, x@localhost\r\n" in content


def test_one_bad_of_three(make, make_peer):
    """Those who can have it get it."""
    peer = make_peer(refuse={"bad@far.example": "550 5.1.1 nobody of that name"})
    service = make(peer=peer)
    found, _ = send(service, "a@far.example", "bad@far.example", "c@far.example")
    assert found == ["a@far.example", "c@far.example"]
    service.wait_for_log("bad@far.example.*nobody of that name")
    # One that is no address at all is named at once.
    before = len(peer.messages)
    result = service.sendmail("a@far.example", "b@@far.example", "c@far.example", input=BODY)
    assert result.status == 65 and "b@@far.example" in result.stderr, result
    wait_for(lambda: ["a@far.example", "c@far.example"] in
             [sorted(one[1]) for one in peer.messages[before:]], what="the message")


def test_the_owner_of_a_list_hears_of_it(service):
    recipients, _ = send(service, "-f", "x@there.example", "news")
    assert recipients == ["a@far.example", "b@far.example"]
    assert sender_of(service) == "boss@far.example"
    # A message has one sender: with others it stays.
    send(service, "-f", "x@there.example", "news", "other@far.example")
    assert sender_of(service) == "x@there.example"
    send(service, "-f", "<>", "news")
    assert sender_of(service) == ""


def test_a_list_in_a_file(make, folder):
    path = folder / "list"
    path.write_text("# us\na@far.example, root\n|/bin/cat\n")
    path.chmod(0o644)
    service = make(f"root: me@far.example\nall: :include:{path}\n"
                   f"both: :include:{path}, z@far.example\n")
    assert send(service, "all")[0] == ["a@far.example", "me@far.example"]
    service.wait_for_log(rf'{path} line 3: "\|/bin/cat" is passed over')

    def is_refused(words):
        result = service.sendmail("all", input=BODY)
        assert result.status == 78 and result.stderr.count("\n") == 1, result
        assert words in result.stderr and "nobody can be found for all now" in result.stderr
        # Mail for others is not lost with it, and the log says what to do.
        assert send(service, "both")[0] == ["z@far.example"]
        service.wait_for_log(f'aliases: alias "both" .*{re.escape(words)}')

    # It is read anew for each message.
    path.write_text("b@far.example\n")
    assert send(service, "all")[0] == ["b@far.example"]
    path.chmod(0o666)
    is_refused(f"{path} may be written by others (mode 0666)")
    assert f"chmod go-w {path}" in service.text()
    path.chmod(0o644)
    folder.chmod(0o777)
    is_refused(f"{folder} may be written by others (mode 0777)")
    folder.chmod(0o755)
    path.write_text("")
    path.unlink()
    is_refused(f"cannot read {path} as uid")
    path.write_text(f":include:{path}\n")
    path.chmod(0o644)
    is_refused(f"the list {path} includes itself")
    service.wait_until_empty()


@needs_root
def test_a_list_of_somebody_else(make, folder):
    path = folder / "list"
    path.write_text("a@far.example\n")
    os.chown(path, OTHER, OTHER)
    service = make(f"all: :include:{path}\n")
    result = service.sendmail("all", input=BODY)
    assert result.status == 78 and f"{path} belongs to uid {OTHER}" in result.stderr, result
    assert f"chown root {path}" in result.stderr
    # Whoever owns the aliases may own their lists.
    os.chown(service.folder / "aliases", OTHER, OTHER)
    assert send(service, "all")[0] == ["a@far.example"]


def test_aliases_need_no_command(service):
    """Pain 12: what is written counts for the next message."""
    assert send(service, "root")[0] == ["me@far.example"]
    (service.folder / "aliases").write_text("root: other@far.example\n")
    assert send(service, "root")[0] == ["other@far.example"]
    (service.folder / "aliases").unlink()
    assert send(service, "root")[0] == ["root@here.example"]


def test_the_configuration_comes_first(make):
    service = make(extra='alias "root" { to = { "boss@far.example" } }\n'
                         'alias "*" { to = { "rest@far.example" } }\n')
    assert send(service, "root")[0] == ["boss@far.example"]
    assert send(service, "postmaster")[0] == ["boss@far.example"]
    assert send(service, "www+blog")[0] == ["www@far.example"]
    assert send(service, "nobody+x@localhost")[0] == ["rest@far.example"]


# ---- who may, and how much ----

@needs_root
def test_who_may_submit(make):
    service = make(submit=f'users = {{ "daemon", "{OTHER}" }}')

    def attempt(uid):
        return service.sendmail("root", input=BODY, user=uid, group=uid, extra_groups=[])

    for uid in (0, OTHER, 1):
        assert attempt(uid).status == 0
    result = attempt(OTHER + 1)
    assert result.status == 77 and result.stderr.count("\n") == 1, result
    assert f"uid {OTHER + 1} may not send mail: submit {{ users }} does not name it" \
        in result.stderr
    assert f'submit {{ users = {{ "daemon", "{OTHER}", "{OTHER + 1}" }} }}' in result.stderr
    result = attempt(2)
    assert result.status == 77 and "uid 2 (bin) may not" in result.stderr, result
    assert '"bin" } }' in result.stderr
    service.wait_for_log(f"{OTHER + 1} may not send mail")


@needs_root
def test_who_relays_for_himself_has_the_same_rule(programs, folder, make_peer):
    """But the owner of a spool owns the service of it, and may."""
    peer = make_peer()
    spool = folder / "spool"
    spool.mkdir(mode=0o700)
    config = folder / "own.conf"
    variables = environment(config=config, spool=spool, socket=folder / "none.sock")

    def attempt(mode, uid):
        config.write_text(f'smarthost "p" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n'
                          'identity { domain = "here.example" }\n'
                          f'submit {{ mode = "{mode}" users = {{ "daemon" }} }}\n'
                          f'queue {{ dir = "{spool}" }}\n')
        config.chmod(0o644)
        return run([programs.sendmail, "b@far.example"], BODY, env=variables, user=uid, group=uid,
                   extra_groups=[])

    assert attempt("direct", 1).status == 0
    result = attempt("direct", OTHER)
    assert result.status == 77 and f"uid {OTHER} may not send mail" in result.stderr, result
    assert len(peer.messages) == 1
    os.chown(spool, OTHER, OTHER)
    try:
        assert attempt("spool", OTHER).status == 0
    finally:
        end_processes(["serve", str(spool)])


@needs_root
def test_everybody_may_submit(make):
    service = make(submit='users = { "*" }')
    result = service.sendmail("root", input=BODY, user=OTHER, group=OTHER, extra_groups=[])
    assert result.status == 0, result


@pytest.mark.parametrize("size, words", [
    (30000, "message is 29.3 KiB, and submit { max_size } allows 19.5 KiB (SIZE 20000)"),
    # What is streamed has no size before its end.
    (600000, "message is larger than 19.5 KiB, the most that submit { max_size } allows"),
])
def test_what_is_too_large_is_refused(make, size, words):
    service = make(submit='max_size = "20000"')
    assert send(service, "root", message=BODY + b"x" * 10000)[0] == ["me@far.example"]
    service.wait_until_empty()
    result = service.sendmail("root", input=BODY + b"a line\n" * (size // 7))
    assert result.status == 65 and result.stderr.count("\n") == 1, result
    assert "MC-SIZE-12" in result.stderr and words.split(" KiB", 1)[-1] in result.stderr, result
    assert service.count() == 0 and len(service.peer.messages) == 1
