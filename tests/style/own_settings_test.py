# SPDX-License-Identifier: MIT

"""sendmail and the service agree on the variables that bring settings of one's own.

sendmail may not see config/, so each has its list; they must not grow apart, or
a mail that was to be captured leaves through the system's service.
"""

import re

import pytest

from house import TOP, code


def names(text, function):
    """The strings in the list called names inside of this function."""
    body = re.search(rf"^[a-z ]*\b{function}\(void\)\n{{(.*?)^}}", text, re.MULTILINE | re.DOTALL)
    assert body, f"there is no {function}"
    found = re.search(r"\bnames\[\] = {(.*?)}", body.group(1), re.DOTALL)
    assert found, f"{function} has no list called names"
    return set(re.findall(r'"([A-Z_]+)"', found.group(1)))


def read(name):
    return code((TOP / "src" / name).read_text(), keep_strings=True)


def test_both_lists_are_the_same():
    ours = names(read("config/environment.c"), "environment_has_own_settings")
    assert names(read("sendmail/way.c"), "has_own_settings") == ours
    # Each may be a file, too.
    assert {name.removesuffix("_FILE") + "_FILE" for name in ours} <= ours


def test_a_name_is_found():
    text = 'static bool has(void)\n{\n\tstatic const char *const names[] = { "A_B",\n\t\t"C" };\n}\n'
    assert names(text, "has") == {"A_B", "C"}
    with pytest.raises(AssertionError):
        names(text, "as")
