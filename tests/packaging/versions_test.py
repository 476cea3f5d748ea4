# SPDX-License-Identifier: MIT

"""CMakeLists.txt says the version; who repeats it says the same."""

import re

import pytest

from support.mailchute import TOP, VERSION

PLACES = {
    "packaging/rpm/mailchute.spec": r"^Version:\s*(\S+)$",
    "packaging/alpine/APKBUILD": r"^pkgver=(\S+)$",
    "packaging/arch/PKGBUILD": r"^pkgver=(\S+)$",
    "packaging/debian/changelog": r"\Amailchute \(([^-)]+)(?:-[^)]*)?\)",
}


def find(path, pattern):
    found = re.search(pattern, (TOP / path).read_text(), re.MULTILINE)
    assert found, f"no version in {path}"
    return found.group(1)


@pytest.mark.parametrize("path", PLACES)
def test_all_name_the_same_version(path):
    assert find(path, PLACES[path]) == VERSION


def test_the_newest_change_of_the_spec_is_of_this_version():
    spec = "packaging/rpm/mailchute.spec"
    newest = find(spec, r"^%changelog\n\* .* - (\S+)$")
    assert newest == f"{find(spec, PLACES[spec])}-1"
