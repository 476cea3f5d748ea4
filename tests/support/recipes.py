# SPDX-License-Identifier: MIT

"""Recipes for packages (APKBUILD, PKGBUILD) run without the programs that read them."""

import os
import shutil
import subprocess

from support.mailchute import TOP, environment, run, split


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


def unpack(trees, root):
    """Both packages in one place."""
    for name in ("mailchute", "mailchute-mta"):
        shutil.copytree(trees / name, root, symlinks=True, dirs_exist_ok=True)
    return root


def files(tree):
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*")
                  if path.is_symlink() or not path.is_dir())


def info(trees, name):
    """Each relation's words."""
    return {key: value.split() for key, value in (
        line.split("=", 1) for line in (trees / f"{name}.info").read_text().splitlines())}


def check_mail(root, sink, *names):
    """It goes out by each of these programs."""
    for name in names:
        result = run([root / name, "-t"], b"To: b@far.example\n\n" + name.encode() + b"\n",
                     # Root's own spool would be this machine's, where a service is for all.
                     env=environment(url=sink.url, mode="direct", **{"from": "a@here.example"}))
        assert (result.status, result.stderr) == (0, ""), result
    messages = sink.wait_for_messages(len(names))
    assert sorted(split(one)[1].decode().strip() for one in messages) == sorted(names)
