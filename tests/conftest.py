# SPDX-License-Identifier: MIT

"""Fixtures for all tests of the programs; see tests/support for what stands behind them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import pytest  # noqa: E402

from support.certificates import Authority  # noqa: E402
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
