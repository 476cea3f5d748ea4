# SPDX-License-Identifier: MIT

"""Fixtures for all tests of the programs; see tests/support for what stands behind them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import pytest  # noqa: E402

from support import own_mounts as mounts  # noqa: E402
from support.certificates import Authority  # noqa: E402
from support.mailchute import Programs, Service, Sink, make_folder, remove_folder  # noqa: E402
from support.peer import Peer  # noqa: E402
from support.postfix import Postfix  # noqa: E402


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def _postfix(tmp_path_factory, authority):
    with Postfix(tmp_path_factory.mktemp("postfix"), authority) as running:
        yield running


@pytest.fixture
def postfix(_postfix):
    """A running Postfix, shared by the tests of a file, with an empty mailbox."""
    for message in (_postfix.mailbox / "new").glob("*"):
        message.unlink()
    return _postfix


@pytest.fixture
def make_postfix(tmp_path, authority):
    """Makes a Postfix of one's own, not yet started; stopped at the end."""
    made = []

    def make(**options):
        made.append(Postfix(tmp_path / f"postfix{len(made)}", authority, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="session")
def programs():
    """The build, installed once into a folder of its own."""
    folder = make_folder()
    yield Programs(folder)
    remove_folder(folder)


@pytest.fixture
def folder():
    """Short enough for unix sockets, open for other users."""
    made = make_folder()
    yield made
    remove_folder(made)


@pytest.fixture(scope="module")
def own_mounts():
    """From here on what this process and its children mount is theirs alone."""
    if reason := mounts.why_not():
        pytest.skip(reason)
    mounts.own_mounts()


@pytest.fixture
def make_service(programs, folder):
    """Makes a `mailchute serve`, not yet started; killed at the end."""
    made = []

    def make(*positional, **options):
        place = folder / f"s{len(made)}"
        place.mkdir(mode=0o755)
        made.append(Service(programs, place, *positional, **options))
        return made[-1]

    yield make
    for service in made:
        service.kill()
    for service in made:
        service.check_clean()


@pytest.fixture
def make_sink(programs, folder):
    made = []

    def make(*options):
        place = folder / f"k{len(made)}"
        place.mkdir(mode=0o755)
        made.append(Sink(programs, place, *options))
        return made[-1]

    yield make
    for sink in made:
        sink.kill()
        sink.check_clean()


@pytest.fixture
def sink(make_sink):
    """A running sink."""
    return make_sink().start()


@pytest.fixture
def service(make_service, sink):
    """A running service in front of the sink."""
    return make_service(url=sink.url).start()


@pytest.fixture
def make_peer():
    """Makes and starts a Peer."""
    made = []

    def make(**options):
        made.append(Peer(**options).start())
        return made[-1]

    yield make
    for peer in made:
        peer.stop()
