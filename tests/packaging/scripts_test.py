# SPDX-License-Identifier: MIT

"""Every shell script of packaging/, and every recipe that is one: its shell reads it to the end, and
shellcheck has nothing to say."""

import re
import shutil
import subprocess

import pytest

from support.mailchute import TOP

PACKAGING = TOP / "packaging"
# Recipes set variables for the program that reads them, and read its own.
RECIPES = {"alpine/APKBUILD": "dash", "openrc/mailchute.initd": "dash", "openrc/mailchute.confd": "dash",
           "arch/PKGBUILD": "bash", "arch/mailchute.install": "bash"}
EXCLUDED = {"dash": "SC2034,SC2154,SC3043", "bash": "SC2034,SC2154"}


def shell_of(path):
    """None: it is no script."""
    with open(path, "rb") as file:
        found = re.match(rb"#!/bin/((?:ba)?sh)\b", file.readline(100))
    return found and found[1].decode()


SCRIPTS = sorted(str(path.relative_to(PACKAGING)) for path in PACKAGING.rglob("*")
                 if path.is_file() and shell_of(path))


def check(path, shell, *words):
    done = subprocess.run([shell, "-n", PACKAGING / path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    if not shutil.which("shellcheck"):
        pytest.skip("no shellcheck; tests/packages packaging installs it")
    done = subprocess.run(["shellcheck", "--severity=warning", "--format=gcc", *words,
                           PACKAGING / path], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", SCRIPTS)
def test_script(path):
    check(path, shell_of(PACKAGING / path))


@pytest.mark.parametrize("path", RECIPES)
def test_recipe(path):
    # The settings of a service begin with a comment that looks like "#!" to it.
    excluded = EXCLUDED[RECIPES[path]] + (",SC2096,SC1113" if path.endswith(".confd") else "")
    check(path, RECIPES[path], f"--shell={RECIPES[path]}", f"--exclude={excluded}")


def test_there_are_some():
    assert {"rpm/build", "runit/mailchute/run", "s6/mailchute/run", "tarball"} <= set(SCRIPTS)
