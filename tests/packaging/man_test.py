# SPDX-License-Identifier: MIT

"""The pages as mandoc and groff read them; what they say is tested by tests/manual_test.py."""

import re
import shutil
import subprocess

import pytest

from support.mailchute import TOP
from support.manual import example

PAGES = sorted((TOP / "packaging/man").iterdir())
# A line of our sources may have 100 columns, and what else is installed is no fault of a page.
HARMLESS = re.compile(r"input text line longer than 80 bytes|referenced manual not found"
                      r"|outdated mandoc.db")


def needs(program, package):
    return pytest.mark.skipif(shutil.which(program) is None,
                              reason=f"needs {program} (Debian's package {package})")


@needs("mandoc", "mandoc")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mandoc_finds_nothing(page):
    said = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True)
    faults = [line for line in said.stdout.splitlines() + said.stderr.splitlines()
              if not HARMLESS.search(line)]
    assert faults == []


def read(*command):
    """What a reader sees: no overstriking, no colours."""
    said = subprocess.run(command, capture_output=True)
    assert (said.returncode, said.stderr) == (0, b""), said
    return re.sub("\x1b\\[[0-9;]*m", "", re.sub(".\b", "", said.stdout.decode()))


def check(page, text):
    # groff cuts a long one at its head.
    assert page.name.rsplit(".", 1)[0].upper()[:16] in text.split("\n")[0]
    assert "NAME\n" in text and len(text.split()) > 30
    # A macro that is not known, or stands where none is.
    assert not re.search(r"^ *\.[A-Z][a-z]\b|\\f[BRI]|\\&", text, re.MULTILINE)
    assert re.search(r" (Fl|Ar|Xr|Ql|Op|Cm|Pa|Ev|Ns) ", text) is None


@needs("mandoc", "mandoc")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mandoc_shows_it(page):
    check(page, read("mandoc", "-T", "utf8", page))


@needs("groff", "groff-base")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_groff_shows_it(page):
    """As man-db asks for it."""
    check(page, read("groff", "-mandoc", "-ww", "-Tutf8", page))


@pytest.mark.parametrize("name, services", [("compose", {"web"}),
                                            ("compose-service", {"web", "mail"})])
def test_compose_files(name, services):
    import yaml
    found = yaml.safe_load(example(name))
    assert set(found["services"]) == services
    assert found["secrets"] == {"mailchute_url": {"file": "./mailchute_url"}}
    assert any("mailchute_url" in one.get("secrets", []) for one in found["services"].values())
