# SPDX-License-Identifier: MIT

"""What waits in the spool: listed with its reason, tried again, expired, put aside."""

import os
import re

import pytest

from support.mailchute import run
from support.wait import wait_for

MESSAGE = b"Subject: queue\n\ntext\n"


def queue_files(service):
    folder = service.spool / "queue"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_what_waits_is_listed_in_postfix_columns(make_service):
    service = make_service(url="smtp://127.0.0.1:1", queue='retry = { "1h" }').start()
    assert service.sendmail("-f", "a@there.example", "b@far.example", "c@far.example",
                            input=MESSAGE).status == 0
    text = service.wait_for_queue("next in ")
    assert "Connection refused" in text
    assert text.startswith("-Queue ID-")
    identifier = queue_files(service)[0].name
    assert re.search(rf"^{identifier} +\d+ \w{{3}} \w{{3}} .\d \d\d:\d\d:\d\d  a@there.example$",
                     text, re.MULTILINE), text
    assert re.search(r"^ {50,}b@far.example\n {50,}c@far.example$", text, re.MULTILINE), text
    assert re.search(r"1 attempts, next in (59m\d+s|1h\d*m?)", text), text
    assert re.search(r"^-- \d+ Kbytes in 1 Request\.$", text, re.MULTILINE), text
    assert service.count() == 1


def test_what_is_too_old_fails_for_good(make_service):
    service = make_service(url="smtp://127.0.0.1:1",
                           queue='retry = { "100ms" } lifetime = "1s"').start()
    assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    service.wait_for_log(r"status=expired \(not delivered within 1s; .*Connection refused")
    # The report of it expires too, and then there is nobody to be told.
    service.wait_until_empty()
    service.wait_for_log("nobody can be told that it failed: kept in")
    assert service.text().count("status=expired") == 2


def test_a_damaged_file_is_put_aside_and_the_others_flow(make_service, make_peer):
    peer = make_peer()
    service = make_service(url="smtp://127.0.0.1:1", queue='retry = { "1h" }').start()
    for name in ("one", "two", "three"):
        assert service.sendmail(f"{name}@far.example", input=MESSAGE).status == 0
    wait_for(lambda: service.queue().count("attempts, next") == 3, what="three attempts")
    service.kill()
    damaged = queue_files(service)[1]
    content = bytearray(damaged.read_bytes())
    content[-3] ^= 1
    damaged.write_bytes(content)
    (service.spool / "queue" / "not a queue file").write_bytes(b"x")
    os.mkfifo(service.spool / "queue" / ("0" * 25))
    # A file of no length, as a power cut may leave it.
    (service.spool / "queue" / ("1" * 25)).write_bytes(b"")
    service.configure(url=f"smtp://127.0.0.1:{peer.port}")
    service.start()
    wait_for(lambda: (service.spool / "corrupt" / ("1" * 25)).exists(), what="the empty file aside")
    assert service.sendmail("four@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) >= 1, what="the others at the smarthost")
    service.wait_for_log("does not check out and is put aside")


def test_an_alias_that_is_mended_counts_for_new_mail(make_service, make_peer):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    aliases = service.folder / "aliases"
    aliases.write_text("root: first@far.example\n")
    assert service.sendmail("root", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) == 1, what="the first message")
    # No newaliases run, no restart.
    aliases.write_text("root: second@far.example, \"|/bin/false\"\n")
    assert service.sendmail("root", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) == 2, what="the second message")
    assert [message[1] for message in peer.messages] == [["first@far.example"],
                                                         ["second@far.example"]]
    service.wait_for_log("aliases: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_the_queue_is_not_for_everybody(make_service):
    service = make_service(url="smtp://127.0.0.1:1").start()
    assert service.sendmail("b@far.example", input=MESSAGE).status == 0
    result = run([service.programs.mailchute, "queue"], env=service.environment(), user=12345,
                 group=12345, extra_groups=[])
    assert result.status == 77 and "sudo mailchute queue" in result.stderr, result
    assert result.stdout == b""
