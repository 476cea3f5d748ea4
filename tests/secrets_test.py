# SPDX-License-Identifier: MIT

"""secrets.ini is read when a connection is made: then anew, and not for each message on it."""

import re

import pytest

from support.mailchute import needs_program
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

MESSAGE = b"Subject: secrets\n\ntext\n"


@pytest.fixture
def rotate(tmp_path):
    """Writes secrets.ini with this user, or removes it."""
    path = tmp_path / "secrets.ini"

    def write(user):
        path.unlink(missing_ok=True)
        if user:
            path.write_text(f'[test]\nuser = "{user}"\npassword = "word"\n')
            path.chmod(0o600)
    return write


def send(service, peer):
    count = len(peer.messages)
    assert service.sendmail("-f", "root@localhost", "b@far.example", input=MESSAGE).status == 0
    wait_for(lambda: len(peer.messages) > count, what="the message at the smarthost")
    return re.search(rb"<(.*?)>", peer.messages[-1][0]).group(1).decode()


def test_they_are_read_for_a_connection(make_service, make_peer, tmp_path, rotate):
    first, second = "one@there.example", "two@there.example"
    peer = make_peer(users={first: "word", second: "word"})
    rotate(first)
    # Without a from: a sender that nobody accepts becomes the login.
    service = make_service(url=f"smtp+notls://127.0.0.1:{peer.port}",
                           variables={"CREDENTIALS_DIRECTORY": tmp_path}).start()
    assert send(service, peer) == first
    rotate(None)
    assert send(service, peer) == first
    rotate(second)
    assert send(service, peer) == first
    assert len(peer.sessions) == 1
    # The next connection is the other account's, and so is its mail.
    peer.stop()
    peer.start()
    assert send(service, peer) == second
    assert peer.sessions[-1].log_in == (second, "word")
