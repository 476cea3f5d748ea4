# SPDX-License-Identifier: MIT

"""What tests/packaging/run does, which see, once there is a Python."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
PACKAGES = TOP / "build/packages"
ROOTS = TOP / "build/packaging"
PREVIOUS = ROOTS / "previous"
# Those begin first, so that none of them is left alone at the end.
LONG = ("rpm_test", "upgrade_test", "others_test", "remove_test", "alpine_test", "arch_test")
SOURCES = ("CMakeLists.txt", "LICENSE", "README.md", "etc", "packaging", "src")


def debs(folder):
    return [*folder.glob("mailchute_*.deb"), *folder.glob("mailchute-mta_*.deb")]


def newest(path):
    return max((one.stat().st_mtime for one in [path, *path.rglob("*")] if one.is_file()), default=0)


def build():
    """Makes the packages unless they are there, one of each, and newer than what they are made of."""
    found = debs(PACKAGES)
    if len(found) == 2 and min(one.stat().st_mtime for one in found) > \
            max(newest(TOP / name) for name in SOURCES):
        return
    for one in found:
        one.unlink()
    print("building the packages", flush=True)
    subprocess.run([TOP / "packaging/deb", "--output", PACKAGES], check=True,
                   stdout=subprocess.DEVNULL)


def build_programs():
    """Tests of what is beside Debian's packages install the build themselves."""
    folder = Path(os.environ.get("MAILCHUTE_BUILD", TOP / "build/release"))
    if not (folder / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release", "-B", folder], cwd=TOP, check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", "sendmail_program",
                    "mailchute_program"], check=True, stdout=subprocess.DEVNULL)


def git(*words, **options):
    return subprocess.run(["git", "-C", TOP, *words], capture_output=True, **options)


def earlier():
    """The tag, or else the commit, before this one that can be built as a package; None: no history."""
    tags = git("tag", "--merged", "HEAD~", "--sort=-creatordate").stdout.decode().split()
    commits = git("rev-list", "--max-count=100", "HEAD~").stdout.decode().split()
    for one in (*tags, *commits):
        if git("cat-file", "-e", f"{one}:packaging/deb").returncode == 0:
            return git("rev-parse", f"{one}^{{commit}}").stdout.decode().strip()
    return None


def build_previous():
    """The folder with the packages of the version before, or None."""
    commit = earlier()
    if commit is None:
        print("no history here: the version to upgrade from is this one, under a lower number")
        return None
    folder = PREVIOUS / commit
    if len(debs(folder)) != 2:
        print(f"building the packages of {commit[:12]}", flush=True)
        subprocess.run(["rm", "-rf", PREVIOUS], check=True)
        (folder / "source").mkdir(parents=True)
        tree = git("archive", commit, check=True).stdout
        subprocess.run(["tar", "-x", "-C", folder / "source"], input=tree, check=True)
        subprocess.run([TOP / "packaging/deb", "--source", folder / "source", "--output", folder],
                       check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", folder / "source"], check=True)
    return folder


def run_file(path, env):
    """Runs the tests of one file; returns its outcomes."""
    report = ROOTS / "results" / f"{path.stem}.xml"
    done = subprocess.run(["/usr/bin/python3", "-B", "-m", "pytest", "-q", "--no-header", "--tb=short",
                           "-rs", "-p", "no:cacheprovider", f"--junitxml={report}", path.name],
                          cwd=HERE, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    shown = lines[-1:] if done.returncode == 0 else lines
    skips = sorted(set(re.findall(r"^SKIPPED.*", done.stdout, re.MULTILINE)))
    print("\n".join([f"{path.stem}: {' '.join(shown[-1:])}", *skips,
                     *(shown if done.returncode else [])]), done.stderr, flush=True)
    counts = Counter()
    if report.exists():
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            kinds = {child.tag for child in case}
            counts["failed" if kinds & {"failure", "error"} else
                   "skipped" if "skipped" in kinds else "passed"] += 1
    # pytest itself may have failed; 5: all tests of the file are for --full.
    if done.returncode not in (0, 5) and not counts["failed"]:
        counts["failed"] += 1
    return counts


def main():
    words = sys.argv[1:]
    full = "--full" in words
    names = [word for word in words if word != "--full"]
    if unknown := [word for word in names if not (HERE / Path(word).name).exists()]:
        sys.exit(f"usage: run [--full] [FILE_test.py ...], and {unknown[0]} is not one")
    env = dict(os.environ)
    build_programs()
    if os.geteuid() == 0:
        build()
        if full:
            env["MAILCHUTE_FULL"] = "1"
            if previous := build_previous():
                env["MAILCHUTE_PREVIOUS"] = str(previous)
        subprocess.run([HERE / "roots", *(["--full"] if full else []), ROOTS, *debs(PACKAGES)],
                       check=True)
    (ROOTS / "results").mkdir(parents=True, exist_ok=True)
    files = [HERE / Path(name).name for name in names] or \
        sorted(HERE.glob("*_test.py"), key=lambda path: (path.stem not in LONG, path.stem))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        total = sum(pool.map(lambda path: run_file(path, env), files), Counter())
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    if total["skipped"] and os.environ.get("MAILCHUTE_NO_SKIPS"):
        sys.exit("a skipped test counts as a failure here")
    sys.exit(1 if total["failed"] or not total["passed"] else 0)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"tests/packaging/run: {error}")
