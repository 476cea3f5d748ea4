# SPDX-License-Identifier: MIT

"""Functions that nobody calls here, no goto, and no macros that look like functions."""

import re

import pytest

from house import TOP, code, files, line_of

BANNED = ("strcpy strcat sprintf strncpy strncat strtok atoi gmtime localtime ctime alloca setjmp "
          "longjmp system popen signal").split()
CALL = re.compile(r"(?<![\w.])(?<!->)(" + "|".join(BANNED) + r")\s*\(")
MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)\(", re.MULTILINE)
GOTO = re.compile(r"\bgoto\b")
ALLOWED_MACROS = {("base/memory.h", "CLEANUP")}


def faults(source):
    found = []
    for path in files(source):
        name = path.relative_to(source).as_posix()
        text = code(path.read_text())
        for match in CALL.finditer(text):
            found.append(f"src/{name}:{line_of(text, match.start())}: {match.group(1)}() is banned")
        for match in MACRO.finditer(text):
            if (name, match.group(1)) not in ALLOWED_MACROS:
                found.append(f"src/{name}:{line_of(text, match.start())}: {match.group(1)}() is a "
                             "macro; write a function")
        for match in GOTO.finditer(text):
            found.append(f"src/{name}:{line_of(text, match.start())}: goto; use CLEANUP")
        if not path.read_text().startswith("/* SPDX-License-Identifier: MIT */\n"):
            found.append(f"src/{name}:1: the first line is /* SPDX-License-Identifier: MIT */")
    return found


def test_src_is_free_of_them():
    assert faults(TOP / "src") == []


@pytest.mark.parametrize("line", [
    *(f"{name}(x);" for name in BANNED),
    "x = strcpy (a, b);",
    "(void)atoi(a);",
    "#define TWICE(x) ((x) + (x))",
    "#  define TWICE(x) ((x) + (x))",
    "#define CLEANUP(x) x",
    "goto end;",
])
def test_a_planted_fault_is_found(tmp_path, line):
    plant(tmp_path, f"void f(void)\n{{\n\t{line}\n}}\n" if line[0] != "#" else line + "\n")
    assert len(faults(tmp_path)) == 1, faults(tmp_path)


@pytest.mark.parametrize("line", [
    "/* strcpy(a, b) is banned */",
    "// goto end;",
    'puts("system(x)");',
    "gmtime_r(&a, &b);",
    "pthread_signal(a);",
    "signalfd(a);",
    "handler->signal(a);",
    "handler.system(a);",
    "#define LIMIT (10)",
])
def test_what_is_right_is_left_alone(tmp_path, line):
    plant(tmp_path, line + "\n")
    assert faults(tmp_path) == []


def test_a_file_without_its_licence_line_is_found(tmp_path):
    (tmp_path / "a.c").write_text("int x;\n")
    assert len(faults(tmp_path)) == 1


def plant(folder, text):
    (folder / "a.c").write_text("/* SPDX-License-Identifier: MIT */\n\n" + text)
