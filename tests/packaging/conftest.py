# SPDX-License-Identifier: MIT

"""Machines into which the packages are installed; see tests/support/debian_root.py."""

import os
import secrets
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.debian_root import Machine, Program, relabelled, why_not  # noqa: E402
from support.mailchute import TOP, make_folder, remove_folder  # noqa: E402


class Packages:
    """The built packages of one version."""

    def __init__(self, mailchute, mta):
        self.mailchute, self.mta = mailchute, mta
        self.both = (mailchute, mta)
        self.version = mailchute.name.split("_")[1]


def _one(folder, name):
    found = sorted(folder.glob(f"{name}_*.deb"))
    assert len(found) == 1, f"not one {name} in {folder}, but {found}: packaging/deb makes them"
    return found[0]


@pytest.fixture(scope="session")
def packages():
    if why_not():
        pytest.skip(why_not())
    folder = Path(os.environ.get("MAILCHUTE_PACKAGES", TOP / "build/packages"))
    return Packages(_one(folder, "mailchute"), _one(folder, "mailchute-mta"))


def _other_example(tree):
    """Its conffile is another, so that dpkg has something to decide."""
    path = tree / "etc/mailchute/mailchute.conf"
    path.write_text("# as it was in the version before\n" + path.read_text())


@pytest.fixture(scope="session")
def previous(packages, tmp_path_factory):
    """What was installed before: MAILCHUTE_PREVIOUS, or ours under a lower version."""
    if folder := os.environ.get("MAILCHUTE_PREVIOUS"):
        given = [_one(Path(folder), name) for name in ("mailchute", "mailchute-mta")]
    else:
        given = packages.both
    folder = tmp_path_factory.mktemp("previous")
    version = "0.0.9-1"
    return Packages(relabelled(given[0], version, folder, _other_example),
                    relabelled(given[1], version, folder))


@pytest.fixture(scope="session")
def outer_program(packages, tmp_path_factory):
    folder = make_folder()
    yield Program(packages.mailchute, folder)
    remove_folder(folder)


def _maker(program):
    made = []

    def make(base="callers"):
        folder = make_folder()
        made.append((Machine(program, folder, base), folder))
        return made[-1][0].start()

    yield make
    for machine, folder in made:
        machine.stop()
        remove_folder(folder)


@pytest.fixture
def make_machine(outer_program):
    """Makes and starts one; base: "bare", or "callers" with programs that send mail."""
    yield from _maker(outer_program)


@pytest.fixture(scope="module")
def make_module_machine(outer_program):
    """For a machine that the tests of a file share."""
    yield from _maker(outer_program)


@pytest.fixture
def token():
    """A word that is in no other message."""
    return secrets.token_hex(16)
