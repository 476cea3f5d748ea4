# SPDX-License-Identifier: MIT

"""The picture in the README shows what the programs say now."""

import difflib
import os
import re
import subprocess
import xml.etree.ElementTree as tree

import pytest

from support.mailchute import BUILD, TOP, needs_program
from support.own_mounts import why_not

pytestmark = [needs_program("sendmail", "mailchute"),
              pytest.mark.skipif(bool(why_not()), reason=why_not() or "")]

PICTURE = TOP / "packaging" / "picture.svg"


def lines_of(svg):
    """What can be read in it."""
    return ["".join(one.itertext()) for one in tree.fromstring(svg).findall(".//{*}text")]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    output = tmp_path_factory.mktemp("picture") / "picture.svg"
    done = subprocess.run([TOP / "packaging" / "picture", "--build", BUILD, "--output", output],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stderr == "", done
    return output.read_text()


def test_it_is_what_the_programs_say_now(drawn):
    kept = PICTURE.read_text()
    changes = "\n".join(difflib.unified_diff(lines_of(kept), lines_of(drawn), lineterm=""))
    assert kept == drawn, f"run packaging/picture, and look at it:\n{changes}"


def test_it_tells_its_story(drawn):
    text = "\n".join(lines_of(drawn))
    told = re.search(r"^# mailchute doctor --online$.*^RED .*MC-AUTH-01$.*^  fix: .*"
                     r"^# mailchute secret set .*^# mailchute test root$.*^SENT: ", text, re.M | re.S)
    assert told, text
    assert text.count("\n        ...") == 2, text


def test_it_names_nobody_and_has_no_password(drawn):
    for name in (os.uname().nodename, "correct", "picture-", str(TOP)):
        assert not re.search(rf"\b{re.escape(name)}\b", drawn), name
    assert not re.search(r"[^\n -~]", drawn)


def test_all_of_it_is_within_its_frame(drawn):
    root = tree.fromstring(drawn)
    assert len(root.findall(".//{*}text")) > 40
    width, height = (float(root.get(name)) for name in ("width", "height"))
    for one in root.findall(".//{*}text"):
        assert float(one.get("y")) < height
        assert float(one.get("x")) + float(one.get("textLength")) < width


def test_who_cannot_see_it_is_told_what_it_shows(drawn):
    shown = re.search(r'<img src="packaging/picture\.svg" alt="([^"]+)"', (TOP / "README.md").read_text())
    assert shown and len(shown.group(1)) > 100, "README.md has no picture with words for it"
    assert 'role="img"' in drawn and "<title" in drawn and "<desc" in drawn
