# SPDX-License-Identifier: MIT

"""Direct mode, where no spool is, in front of servers that stumble over commands sent ahead."""

import re

import pytest

from support.mailchute import environment, needs_program, run

pytestmark = needs_program("sendmail", "mailchute")

# The engine sends the first ahead of all replies; not the second, which a server might run.
HARMLESS = b"Subject: direct\n\nthis is the text.\n"
MESSAGES = (HARMLESS, b"Subject: direct\n\nRSET\nis the text.\n")


def variables(folder, peer, timeout="20s"):
    """A place without a spool, and a configuration that keeps it so."""
    config = folder / "mailchute.conf"
    config.write_text(f'submit {{ mode = "direct" timeout = "{timeout}" }}\n')
    return environment(socket=folder / "none.sock", config=config,
                       url=f"smtp+notls://127.0.0.1:{peer.port}")


def sendmail(programs, folder, peer, message=HARMLESS, **options):
    return run([programs.sendmail, "-i", "-f", "a@there.example", "b@far.example",
                "c@far.example"], message, env=variables(folder, peer, **options))


def flights(session):
    """The commands of its transactions."""
    return [line.split()[0] for line in session.commands
            if not re.match(rb"EHLO|QUIT", line)]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("at", ("mail", "rcpt"))
@pytest.mark.parametrize("fault", ("close", "reset", "wrong-class", "garbage"))
def test_who_stumbles_is_asked_again_step_by_step(programs, folder, make_peer, at, fault,
                                                     message):
    peer = make_peer(at=at, fault=fault, times=1)
    result = sendmail(programs, folder, peer, message)
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    assert [message[1] for message in peer.messages] == [["b@far.example", "c@far.example"]]
    assert len(peer.sessions) == 2


@pytest.mark.parametrize("message", MESSAGES)
def test_who_stumbles_over_single_steps_too_is_not_asked_a_third_time(programs, folder, make_peer,
                                                                      message):
    peer = make_peer(at="rcpt", fault="close")
    result = sendmail(programs, folder, peer, message)
    assert result.status == 69 and "nothing was kept" in result.stderr, result
    assert result.stderr.count("\n") == 1
    assert len(peer.sessions) == 2 and peer.messages == []
    # In the second nothing followed the RCPT that has no answer.
    assert flights(peer.sessions[1]) == [b"MAIL", b"RCPT"]


@pytest.mark.parametrize("fault", ("close", "reset"))
def test_what_is_in_doubt_goes_again_once(programs, folder, make_peer, fault):
    """All of it went ahead of the replies; the second time it is known what has none."""
    peer = make_peer(at="end", fault=fault)
    result = sendmail(programs, folder, peer)
    assert result.status == 69 and result.stderr.count("may have been delivered") == 1, result
    assert len(peer.sessions) == 2
    assert flights(peer.sessions[1]) == [b"MAIL", b"RCPT", b"RCPT", b"BDAT"]


def test_the_second_time_has_the_same_limit(programs, folder, make_peer):
    peer = make_peer(at="rcpt", fault="close", times=1, hold="end")
    result = sendmail(programs, folder, peer, timeout="6s")
    assert result.status == 69, result
    assert "within 6s, and may have taken the mail" in result.stderr, result
    assert len(peer.sessions) == 2


SESSION = b"""\
EHLO here
MAIL FROM:<a@there.example>
RCPT TO:<b@far.example>
DATA
Subject: 1

this is the text.
.
MAIL FROM:<a@there.example>
RCPT TO:<c@far.example>
DATA
Subject: 2

this is the text.
.
QUIT
""".replace(b"\n", b"\r\n")


def test_the_rest_of_a_session_is_spared_the_stumble(programs, folder, make_peer):
    peer = make_peer(at="rcpt", fault="close", times=1)
    result = run([programs.mailchute, "serve", "--for-caller"], SESSION,
                 env=variables(folder, peer))
    assert result.stdout.count(b"accepted by") == 2, result
    assert [message[1] for message in peer.messages] == [["b@far.example"], ["c@far.example"]]
    assert len(peer.sessions) == 3
