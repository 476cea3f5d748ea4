# SPDX-License-Identifier: MIT

"""The service in front of servers that bear many commands at once, and of those that do not."""

import re

import pytest

from support.mailchute import needs_program
from support.peer import Peer
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")


def serve(make_service, peer):
    return make_service(url=f"smtp+notls://127.0.0.1:{peer.port}",
                        submit='wait = "disk"').start()


def submit(service, number):
    result = service.sendmail("-i", "-f", "a@there.example", f"b{number}@far.example",
                              input=f"Subject: {number}\n\nRSET\nMAIL FROM:<evil@far.example>\n"
                                    f"this is {number}.\n".encode())
    assert (result.status, result.stderr) == (0, ""), result


def arrived(peer):
    return sorted(int(re.search(rb"this is (\d+)\.", content).group(1))
                  for _, _, content in peer.messages)


@pytest.mark.parametrize("fault", ("close", "reset", "wrong-class", "garbage"))
def test_who_stumbles_is_spoken_to_step_by_step(make_service, fault):
    with Peer(at="rcpt", fault=fault, times=1) as peer:
        service = serve(make_service, peer)
        for number in range(3):
            submit(service, number)
        service.wait_until_empty()
        assert arrived(peer) == [0, 1, 2]
        # At once, not at the next retry.
        assert "status=deferred" not in service.text()
        assert service.text().count("spoken to step by step") == 1


def test_a_backlog_goes_through_the_window(make_service):
    count = 120
    with Peer(hold="greeting") as peer:
        service = serve(make_service, peer)
        for number in range(count):
            submit(service, number)
        peer.release()
        wait_for(lambda: len(peer.messages) >= count, timeout=60)
        service.wait_until_empty()
        # Each once, to its own recipient, and no text was run.
        assert arrived(peer) == list(range(count))
        for _, recipients, content in peer.messages:
            number = re.search(rb"this is (\d+)\.", content).group(1).decode()
            assert [f"b{number}@far.example"] == [
                one.decode() if isinstance(one, bytes) else one for one in recipients]
        commands = [line for session in peer.sessions for line in session.commands]
        assert not any(b"evil" in line for line in commands)
        assert any(line.startswith(b"BDAT 6 LAST") for line in commands)
        assert len(peer.sessions) <= 3
