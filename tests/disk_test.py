# SPDX-License-Identifier: MIT

"""A full disk under the spool: a clear refusal, nothing half kept, and all well when there is room."""

import subprocess

import pytest

from support.mailchute import needs_program
from support.own_mounts import why_not

pytestmark = [needs_program("sendmail", "mailchute"),
              pytest.mark.skipif(bool(why_not()), reason=why_not() or "")]

LARGE = b"Subject: large\n\n" + b"x" * 60 + b"\n" + b"0123456789" * 6 + b"\n" * 3 * 1024 * 1024


@pytest.fixture
def small_spool(folder, own_mounts):
    """A spool on a file system of 2 MiB."""
    spool = folder / "small"
    spool.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "none", str(spool)],
                   check=True)
    yield spool
    subprocess.run(["umount", "--lazy", str(spool)], check=True)


def files(spool):
    return sorted(str(path.relative_to(spool)) for path in spool.rglob("*")
                  if path.is_file() and path.stat().st_size > 1000)


def test_a_message_that_does_not_fit_is_refused_whole(make_service, make_peer, small_spool):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", spool=small_spool,
                           submit='wait = "disk"').start()
    result = service.sendmail("-f", "a@there.example", "b@far.example", input=LARGE)
    assert result.status not in (0, 75), result
    assert "space" in result.stderr.lower() and result.stderr.count("\n") == 1, result
    assert len(result.stderr) < 900
    assert service.count() == 0
    assert files(small_spool) == []
    assert peer.messages == []
    # The room is there again.
    result = service.sendmail("-f", "a@there.example", "b@far.example", input=b"\nsmall\n")
    assert (result.status, result.stderr) == (0, ""), result
    service.wait_until_empty()
    assert len(peer.messages) == 1


def test_a_full_disk_lets_go_what_waits(make_service, make_peer, small_spool):
    """What was taken before the disk became full is delivered, and then new mail is taken."""
    peer = make_peer()
    peer.stop()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}", spool=small_spool,
                           submit='wait = "disk"').start()
    text = b"Subject: part\n\n" + b"y\n" * 100000
    accepted = 0
    for number in range(60):
        result = service.sendmail("-f", "a@there.example", f"r{number}@far.example", input=text)
        if result.status != 0:
            assert result.status != 75 and "space" in result.stderr.lower(), result
            break
        accepted += 1
    assert 0 < accepted < 60
    assert service.count() == accepted
    peer.start()
    service.wait_until_empty()
    assert len(peer.messages) == accepted
    result = service.sendmail("-f", "a@there.example", "late@far.example", input=text)
    assert (result.status, result.stderr) == (0, ""), result
