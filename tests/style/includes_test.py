# SPDX-License-Identifier: MIT

"""No #include without an arrow in src/CMakeLists.txt; foreign headers where they belong only."""

import re

import pytest

from house import FOREIGN, TOP, arrows, code, files, may_see

OURS = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
SYSTEM = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>]+)>", re.MULTILINE)


def faults(source):
    may = arrows(source)
    found = []
    for path in files(source):
        name = path.relative_to(source).as_posix()
        folder = path.parent.relative_to(source).as_posix()
        text = code(path.read_text(), keep_strings=True)
        if folder not in may:
            found.append(f"src/{name}: the folder {folder} has no line in src/CMakeLists.txt")
            continue
        for header in OURS.findall(text):
            other = header.rpartition("/")[0]
            if not (source / header).exists():
                found.append(f'src/{name}: "{header}" is no file of src (write the folder too)')
            elif other != folder and other not in may[folder]:
                found.append(f'src/{name}: "{header}": no arrow leads from {folder} to {other}')
        for header in SYSTEM.findall(text) + OURS.findall(text):
            for library, only in FOREIGN.items():
                if library in header and not (source / header).exists() \
                        and not may_see(name, only):
                    found.append(f"src/{name}: <{header}> belongs into src/{only} alone")
    return found


def test_the_house_is_in_order():
    assert faults(TOP / "src") == []


def test_the_arrows_point_one_way():
    """No folder reaches itself."""
    may = arrows(TOP / "src")
    assert "base" in may and may["base"] == set()
    for folder in may:
        reached, new = set(), set(may[folder])
        while new:
            reached |= new
            new = set().union(*(may.get(one, set()) for one in new)) - reached
        assert folder not in reached, f"{folder} includes itself by way of others"


# Proof that it can fail: a small house with one fault each.

HOUSE = """\
mailchute_folder(base)
mailchute_folder(net MAY_INCLUDE base FOREIGN OpenSSL::SSL)
mailchute_folder(smtp/client MAY_INCLUDE net
    base FOREIGN PkgConfig::GSASL)
"""


@pytest.mark.parametrize("name, text, words", [
    ("base/a.c", '#include "net/tls.h"', "no arrow leads from base to net"),
    ("base/a.c", '  #  include "net/tls.h"', "no arrow leads from base to net"),
    ("net/a.c", '#include "smtp/client/session.h"', "no arrow leads from net to smtp/client"),
    ("net/a.c", '#include "tls.h"', "is no file of src"),
    ("net/connect.c", "#include <openssl/ssl.h>", "belongs into src/net/tls*.c alone"),
    ("net/tls_trust.h", "#include <openssl/x509.h>", "belongs into src/net/tls*.c alone"),
    ("base/tls.c", "#include <openssl/ssl.h>", "belongs into src/net/tls*.c alone"),
    ("smtp/client/tls_a.c", "#include <openssl/ssl.h>", "belongs into src/net/tls*.c alone"),
    ("base/a.c", "#include <iniparser/iniparser.h>", "belongs into src/config/secrets.c"),
    ("base/a.c", "#include <gsasl.h>", "belongs into src/smtp/client/authenticate.c"),
    ("base/a.c", "#include <confuse.h>", "belongs into src/config/settings.c"),
    ("base/a.c", "#include <linux/seccomp.h>", "belongs into src/worker/sandbox.c"),
    ("cellar/a.c", "", "has no line in src/CMakeLists.txt"),
])
def test_a_planted_fault_is_found(tmp_path, name, text, words):
    plant(tmp_path, name, text)
    assert len(faults(tmp_path)) == 1
    assert words in faults(tmp_path)[0]


@pytest.mark.parametrize("name, text", [
    ("net/tls.c", "#include <openssl/ssl.h>"),
    ("net/tls_trust.c", "#include <openssl/x509.h>"),
    ("smtp/client/a.c", '#include "net/tls.h"\n#include "base/a.h"\n#include <stdio.h>'),
    ("base/b.c", '/*\n#include "net/tls.h"\n*/'),
])
def test_what_is_right_is_left_alone(tmp_path, name, text):
    plant(tmp_path, name, text)
    assert faults(tmp_path) == []


def test_a_pattern_stays_in_its_folder():
    assert may_see("net/tls.c", "net/tls*.c") and may_see("net/tls_a.c", "net/tls*.c")
    assert not may_see("net/tls/a.c", "net/tls*.c")
    assert not may_see("other/net/tls.c", "net/tls*.c")


def plant(folder, name, text):
    (folder / "CMakeLists.txt").write_text(HOUSE)
    for header in ("base/a.h", "net/tls.h", "smtp/client/session.h", name):
        (folder / header).parent.mkdir(parents=True, exist_ok=True)
        (folder / header).write_text("")
    (folder / name).write_text(text + "\n")
