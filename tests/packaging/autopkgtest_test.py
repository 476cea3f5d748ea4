# SPDX-License-Identifier: MIT

"""Debian's own test of the installed packages, run as autopkgtest runs it."""

from support.mailchute import TOP

TESTS = TOP / "packaging/debian/tests"


def control():
    """The paragraphs of tests/control."""
    return [dict(line.split(": ", 1) for line in paragraph.splitlines())
            for paragraph in (TESTS / "control").read_text().strip().split("\n\n")]


def test_all(make_machine, packages):
    for paragraph in control():
        machine = make_machine("bare")
        machine.bring(*packages.both)
        machine.install_both(packages)
        for name in paragraph["Tests"].split():
            machine.write(f"/tmp/tests/{name}", (TESTS / name).read_bytes(), 0o755)
            machine.make_folder("/tmp/artifacts")
            result = machine.run([f"/tmp/tests/{name}"], timeout=120,
                                 env={"AUTOPKGTEST_TMP": "/tmp/artifacts"})
            assert result.status == 0, result
            # What is written there is a failure, unless it says otherwise.
            assert result.stderr == "" or "allow-stderr" in paragraph["Restrictions"], result
