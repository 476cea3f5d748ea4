# SPDX-License-Identifier: MIT

"""capture: every mail goes all the way but the last step, which is a Maildir."""

import os
import re
import shutil
import signal

import pytest

from support.mailchute import end_processes, environment, fields, run, sanitizer, split
from support.wait import free_port, wait_for

MESSAGE = b"From: Shop <www-data@localhost>\nTo: root\nSubject: caught\n\ntext\n"
OTHER_UID = 12345

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


def end_services(word):
    """Those on demand."""
    end_processes(["serve --on-demand", word])


def captured(maildir):
    new = maildir / "new"
    return [path.read_bytes() for path in sorted(new.iterdir())] if new.exists() else []


def wait_for_captured(maildir, count):
    wait_for(lambda: len(captured(maildir)) >= count, what=f"{count} captured messages")
    return captured(maildir)


def check_marks(message, **expected):
    marks, = fields(message, "X-Mailchute-Captured")
    assert re.search(r"; id=[0-9A-Z]{25}; uid=-?\d+; smarthost=\S+ \(not sent\)$", marks), marks
    for name, values in expected.items():
        assert fields(message, name.replace("_", "-")) == values, message


# one caller's wish

def test_a_variable_suffices_where_nothing_is_configured(programs, folder):
    maildir = folder / "m"
    variables = environment(socket=folder / "none.sock", spool=folder / "spool", capture=maildir,
                            domain="here.example", root="me@far.example")
    result = run([programs.sendmail, "-v", "-f", "a@there.example", "root"], MESSAGE, env=variables)
    assert result.status == 0, result
    message, = captured(maildir)
    assert f"captured: kept as {maildir}/new/" in result.stderr
    check_marks(message, Return_Path=["a@there.example".join("<>")],
                Delivered_To=["me@far.example"], Subject=["caught"])
    assert split(message)[1] == b"text\n"
    assert maildir.stat().st_mode & 0o777 == 0o700
    assert [name.stat().st_mode & 0o777 for name in (maildir / "new").iterdir()] == [0o600]
    assert not list((maildir / "tmp").iterdir())
    assert not (folder / "spool").exists()


def test_nothing_leaves_while_a_service_runs(make_service, make_peer, folder):
    """The service would send it; the caller's wish goes past it."""
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    maildir = folder / "m"
    for way in ([], ["-odi"], ["-odq"]):
        result = service.sendmail("-f", "a@there.example", *way, "b@far.example", input=MESSAGE,
                                  variables={"capture": maildir})
        assert (result.status, result.stderr) == (0, "")
    session = b"MAIL FROM:<a@there.example>\r\nRCPT TO:<b@far.example>\r\nDATA\r\n\r\n.\r\nQUIT\r\n"
    result = service.sendmail("-bs", input=b"EHLO x\r\n" + session, variables={"capture": maildir})
    assert result.stdout.count(b"\r\n250 ") >= 2, result
    assert len(captured(maildir)) == 4
    # Who does not wish it is served by the service, as before.
    assert service.sendmail("-f", "a@there.example", "c@far.example", input=MESSAGE).status == 0
    service.wait_until_empty()
    assert [message[1] for message in peer.messages] == [["c@far.example"]]
    assert "b@far.example" not in service.text()


def test_nothing_that_is_queued_is_captured_by_the_wish_of_one_caller(programs, folder, make_peer):
    peer = make_peer(at="mail", fault="4xx")
    variables = dict(socket=folder / "none.sock", spool=folder / "spool", domain="here.example",
                     url=f"smtp://127.0.0.1:{peer.port}", root="me@far.example")
    try:
        assert run([programs.sendmail, "-odq", "-f", "a@there.example", "b@far.example"], MESSAGE,
                   env=environment(**variables)).status == 0
        assert run([programs.sendmail, "-f", "a@there.example", "c@far.example"], MESSAGE,
                   env=environment(capture=folder / "m", **variables)).status == 0
        message, = captured(folder / "m")
        assert fields(message, "Delivered-To") == ["c@far.example"]
        assert len(list((folder / "spool/queue").iterdir())) == 1
    finally:
        end_services(str(folder / "spool"))


def test_in_direct_mode_what_another_smarthost_would_have_is_a_letter_of_its_own(programs, folder):
    config = folder / "mailchute.conf"
    config.write_text(f"""\
identity {{ domain = "here.example" }}
smarthost "one" {{ url = "smtp://127.0.0.1:{free_port()}" from = "one@there.example" }}
smarthost "two" {{ url = "smtp://127.0.0.1:{free_port()}" from = "two@there.example" }}
route "two" {{ to = {{ "*@two.example" }} via = {{ "two" }} }}
route "one" {{ via = {{ "one" }} }}
submit {{ mode = "direct" }}
capture = "{folder / "m"}"
""")
    result = run([programs.sendmail, "-f", "www-data@localhost", "a@one.example", "b@two.example",
                  "c@one.example"], MESSAGE,
                 env=environment(socket=folder / "none.sock", config=config))
    assert (result.status, result.stderr) == (0, "")
    one, two = captured(folder / "m")
    check_marks(one, Return_Path=["<one@there.example>"],
                Delivered_To=["a@one.example", "c@one.example"], From=["Shop <one@there.example>"])
    check_marks(two, Return_Path=["<two@there.example>"], Delivered_To=["b@two.example"],
                From=["Shop <two@there.example>"])
    assert "smarthost=two (not sent)" in fields(two, "X-Mailchute-Captured")[0]


# the service's own settings

def capturing(make_service, folder, **options):
    return make_service(extra=f'capture = "{folder / "m"}"', **options)


def test_a_service_captures_without_any_smarthost(make_service, folder):
    service = capturing(make_service, folder, variables={"root": "me@far.example"}).start()
    assert service.sendmail("-f", "a@there.example", "root", input=MESSAGE).status == 0
    message, = wait_for_captured(folder / "m", 1)
    check_marks(message, Delivered_To=["me@far.example"])
    service.wait_until_empty()
    service.wait_for_log(r"to=<me@far\.example>, orig_to=<root>, relay=\S+, .*status=captured "
                         r"\(kept as \S+/m/new/\S+, not sent\)")
    result = service.sendmail("-odi", "-v", "-f", "a@there.example", "b@far.example", input=MESSAGE)
    assert result.status == 0 and "captured as" in result.stderr, result


def test_a_service_captures_as_its_smarthosts_would_have_it(make_service, make_peer, folder):
    peer = make_peer()
    service = capturing(make_service, folder, url=f"smtp://127.0.0.1:{peer.port}",
                        smarthost='from = "alerts@there.example"').start()
    assert service.sendmail("-f", "www-data@localhost", "b@far.example", "c@far.example",
                            input=MESSAGE).status == 0
    message, = wait_for_captured(folder / "m", 1)
    check_marks(message, Return_Path=["<alerts@there.example>"], From=["Shop <alerts@there.example>"],
                Delivered_To=["b@far.example", "c@far.example"])
    service.wait_until_empty()
    # Asked questions it gives no answer by a smarthost, either.
    service.sendmail("-bv", "b@far.example")
    assert peer.sessions == []


def test_what_waits_when_it_is_switched_on_never_leaves(make_service, make_peer, folder):
    peer = make_peer(at="mail", fault="4xx")
    url = f"smtp://127.0.0.1:{peer.port}"
    service = make_service(url=url, queue='retry = { "1h" }').start()
    for number in range(3):
        assert service.sendmail("-f", "a@there.example", f"b{number}@far.example",
                                input=MESSAGE).status == 0
    wait_for(lambda: service.text().count("status=deferred") == 3, what="three refusals")
    before = len(peer.sessions)
    service.configure(url, queue='retry = { "200ms" }', extra=f'capture = "{folder / "m"}"')
    service.signal(signal.SIGHUP)
    service.wait_for_log("capture is on: all mail is kept")
    assert service.admin("queue", "retry", "--all").status == 0
    assert len(wait_for_captured(folder / "m", 3)) == 3
    service.wait_until_empty()
    assert len(peer.sessions) == before and peer.messages == []
    # And when it is switched off again, the next ones leave.
    peer.fault = None
    service.configure(url, queue='retry = { "200ms" }')
    service.signal(signal.SIGHUP)
    wait_for(lambda: service.text().count("configuration read anew") >= 2, what="a reload")
    assert service.sendmail("-f", "a@there.example", "c@far.example", input=MESSAGE).status == 0
    service.wait_until_empty()
    assert [message[1] for message in peer.messages] == [["c@far.example"]]


def test_a_spool_on_demand_captures(programs, folder):
    config = folder / "mailchute.conf"
    config.write_text(f'identity {{ domain = "here.example" }}\ncapture = "{folder / "m"}"\n'
                      f'queue {{ dir = "{folder / "spool"}" }}\n')
    variables = environment(socket=folder / "none.sock", config=config, spool=folder / "spool",
                            idle="1s")
    try:
        result = run([programs.sendmail, "-f", "a@there.example", "b@far.example"], MESSAGE,
                     env=variables)
        assert (result.status, result.stderr) == (0, "")
        assert len(wait_for_captured(folder / "m", 1)) == 1
        assert (folder / "spool/queue").exists()
    finally:
        end_services(str(config))


# trouble

def test_a_folder_that_cannot_be_written_is_73_and_nothing_is_kept(programs, folder):
    result = run([programs.sendmail, "-f", "a@there.example", "b@far.example"], MESSAGE,
                 env=environment(socket=folder / "none.sock", spool=folder / "spool",
                                 capture="/proc/nowhere/m", domain="here.example"))
    assert result.status == 73, result
    assert 'MC-CAPTURE-16 capture = "/proc/nowhere/m": ' in result.stderr
    assert "MAILCHUTE_CAPTURE=DIR" in result.stderr and result.stderr.count("\n") == 1


def test_what_cannot_be_captured_waits_in_the_queue(make_service, folder):
    (folder / "m").write_text("no folder")
    service = capturing(make_service, folder).start()
    assert service.sendmail("-f", "a@there.example", "b@far.example", input=MESSAGE).status == 0
    service.wait_for_queue("MC-CAPTURE-16 .*/m")
    assert service.count() == 1
    (folder / "m").unlink()
    assert len(wait_for_captured(folder / "m", 1)) == 1
    service.wait_until_empty()


# kept as it is, and once

def test_a_body_is_kept_octet_for_octet(programs, folder):
    body = (b".\n..two\n" + b"x" * 5000 + b"\n\xff\x80 8-bit\n" + bytes(range(1, 10)) + b"\n"
            + b"a line of many\n" * 60000)
    result = run([programs.sendmail, "-i", "-f", "a@there.example", "b@far.example"],
                 b"Subject: s\n\n" + body,
                 env=environment(socket=folder / "none.sock", capture=folder / "m",
                                 domain="here.example", mode="direct"))
    assert (result.status, result.stderr) == (0, "")
    message, = captured(folder / "m")
    assert message.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n") == body


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_it_is_on_disk_before_the_reply(programs, folder):
    trace = folder / "trace"
    session = (b"EHLO x\r\nMAIL FROM:<a@there.example>\r\nRCPT TO:<b@far.example>\r\n"
               b"DATA\r\n\r\ntext\r\n.\r\nQUIT\r\n")
    result = run(["strace", "-f", "-s", "2000", "-o", trace, "-e",
                  "trace=fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,write,writev",
                  programs.mailchute, "serve", "--for-caller"], session,
                 env=environment(capture=folder / "m", domain="here.example",
                                 **sanitizer("detect_leaks=0")))
    assert b"250 2.0.0 captured: kept as " in result.stdout, result
    lines = trace.read_text().splitlines()
    renamed = next(i for i, line in enumerate(lines) if "rename" in line)
    answered = next(i for i, line in enumerate(lines) if "captured: kept as" in line
                    and "250 2.0.0" in line)
    synced = [i for i, line in enumerate(lines) if "sync(" in line]
    # The file before it has its name, and the folder before the reply.
    assert any(i < renamed for i in synced) and any(renamed < i < answered for i in synced), lines


def test_a_service_that_is_killed_loses_none_and_keeps_none_twice(make_service, folder):
    service = capturing(make_service, folder).start()
    count = 0
    for _ in range(5):
        for _ in range(8):
            count += 1
            assert service.sendmail("-f", "a@there.example", f"b{count}@far.example",
                                    input=MESSAGE).status == 0
        service.kill()
        service.start()
    service.wait_until_empty()
    recipients = [fields(message, "Delivered-To") for message in captured(folder / "m")]
    assert sorted(recipients) == sorted([f"b{number}@far.example"] for number in range(1, count + 1))


# whoever looks is told

def test_the_queue_says_so(make_service, folder):
    service = capturing(make_service, folder).start()
    line = f"-- capture is on: all mail is kept in {folder / 'm'}, none is sent"
    for words in ([service.programs.mailchute, "queue"], [service.programs.mailq]):
        result = run(words, env=service.environment())
        assert result.stdout.decode().splitlines() == [line, "Mail queue is empty"], result
    assert f'{{"capture": "{folder / "m"}"}}\n' == service.queue("--json")
    service.wait_for_log("capture is on: all mail is kept in the Maildir")
