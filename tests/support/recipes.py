# SPDX-License-Identifier: MIT

"""Recipes for packages (APKBUILD, PKGBUILD) run without the programs that read them."""

import os
import subprocess

from support.mailchute import TOP


def build(folder, stand_in, work):
    """A tree for each package that the recipe in packaging/FOLDER makes: the folder of them."""
    subprocess.run([TOP / "packaging" / folder / "build", "--output", work], check=True,
                   capture_output=True)
    output = work / "trees"
    output.mkdir()
    # Fast: what is looked at is where all of it ends up.
    variables = {**os.environ, "CFLAGS": "-O0 -Wno-cpp"}
    done = subprocess.run([TOP / "tests/packaging" / stand_in, work / "mailchute", output],
                          env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return output
