# SPDX-License-Identifier: MIT

"""Reads the house: its folders and arrows, its files, its C without comments."""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent

# Who may see a foreign library: one file, or those of a pattern (a * does not cross folders);
# patterns are separated by |.
FOREIGN = {
    "openssl": "net/tls*.c",
    "gsasl": "smtp/client/authenticate.c",
    "idn2": "smtp/client/idn.c",
    "confuse": "config/settings.c",
    "iniparser": "config/secrets.c|doctor/php.c|import/ssmtp.c",
    "seccomp": "worker/sandbox.c",
}


def arrows(source):
    """{folder: set of folders it may include} from src/CMakeLists.txt."""
    text = re.sub(r"#.*", "", (Path(source) / "CMakeLists.txt").read_text())
    result = {}
    for arguments in re.findall(r"^mailchute_folder\(([^)]*)\)", text, re.MULTILINE):
        words = arguments.split()
        folder, rest = words[0], words[1:]
        may = set()
        if rest and rest[0] == "MAY_INCLUDE":
            for word in rest[1:]:
                if word == "FOREIGN":
                    break
                may.add(word)
        result[folder] = may
    return result


def files(source, *suffixes):
    return sorted(path for path in Path(source).rglob("*") if path.suffix in (suffixes or
                                                                              (".c", ".h")))


def code(text, keep_strings=False):
    """The text with comments and string contents blanked; every line stays where it was."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token if keep_strings else token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)

    return pattern.sub(blank, text)


def may_see(name, only):
    """The file net/tls_trust.c is one of net/tls*.c."""
    return any(re.fullmatch(re.escape(one).replace(r"\*", "[^/]*"), name) for one in only.split("|"))


def line_of(text, position):
    return text.count("\n", 0, position) + 1
