# SPDX-License-Identifier: MIT

"""The examples of packaging/man, as a reader would copy them."""

import re

from support.mailchute import TOP

MAN = TOP / "packaging/man"


def plain(text):
    """What a reader sees of the lines of a literal block."""
    lines = [re.sub(r'^\.\\".*', "", line) for line in text.splitlines()]
    return "\n".join(lines).replace("\\e", "\\").replace("\\&", "").replace("\\-", "-") + "\n"


def named(page="mailchute-examples.7"):
    """{name: text} of the blocks that have one."""
    text = (MAN / page).read_text()
    found = re.findall(r'^\.\\" example: (\S+)\n\.Bd -literal.*?\n(.*?)^\.Ed$', text, re.M | re.S)
    assert len(found) == len({name for name, _ in found}) == text.count("\n.Bd -literal")
    return {name: plain(block) for name, block in found}


def example(name):
    return named()[name]


def literal_blocks(page):
    """All of a page, in its order."""
    return [plain(block) for block in
            re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", (MAN / page).read_text(), re.M | re.S)]


def lines(page):
    """The command lines that stand alone (.Dl), without their prompts."""
    text = (MAN / page).read_text().replace("\\(dq", '"')
    return [plain(line).strip() for line in re.findall(r"^\.Dl (?:[#$] )?(.*)$", text, re.M)]
