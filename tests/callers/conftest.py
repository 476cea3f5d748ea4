# SPDX-License-Identifier: MIT

"""Real callers, run against the real sendmail; see tests/support/callers_root.py."""

import secrets

import pytest

from support.callers_root import Callers, why_not
from support.mailchute import Sink, make_folder, remove_folder


@pytest.fixture(scope="session")
def _callers(programs):
    if why_not():
        pytest.skip(why_not())
    folder = make_folder()
    place = folder / "k"
    place.mkdir(mode=0o755)
    with Sink(programs, place) as sink:
        callers = Callers(programs, sink, folder)
        try:
            yield callers.start()
        finally:
            callers.stop()
            remove_folder(folder)
        sink.check_clean()


@pytest.fixture
def callers(_callers):
    """A running service among the callers, shared by the tests of a file; nothing caught yet."""
    _callers.empty()
    yield _callers
    _callers.empty()


@pytest.fixture
def make_callers(programs):
    """Makes and starts one of one's own, for tests that change more than their own files."""
    made = []

    def make():
        folder = make_folder()
        place = folder / "k"
        place.mkdir(mode=0o755)
        sink = Sink(programs, place).start()
        made.append((Callers(programs, sink, folder), sink, folder))
        return made[-1][0].start()

    yield make
    for callers, sink, folder in made:
        callers.stop()
        sink.kill()
        sink.check_clean()
        remove_folder(folder)


@pytest.fixture
def token():
    """A word that is in no other message."""
    return secrets.token_hex(16)


@pytest.fixture
def body(token):
    """A text of LF lines with all that has ever been lost on the way, and no newline at its end."""
    return "\n".join([token, ".", "..", ".a dot in front", "", "From the start: gr\u00fc\u00dfe \u2713",
                      "x" * 900, "a blank at the end ", "\ta tab", "", f"the end of {token}"])
