# SPDX-License-Identifier: MIT

"""The two .debs themselves, before anybody installs them."""

import re
import shutil
import subprocess

import pytest

from support.mailchute import TOP, VERSION

DEBIAN = TOP / "packaging/debian"
SCRIPTS = ("config", "postinst", "postrm", "prerm")


def output_of(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE,
                          text=True, **options).stdout


@pytest.fixture(scope="module")
def unpacked(packages, tmp_path_factory):
    """What is in mailchute, and DEBIAN with its scripts."""
    folder = tmp_path_factory.mktemp("unpacked") / "mailchute"
    output_of("dpkg-deb", "-R", packages.mailchute, folder)
    return folder


def contents(package):
    """{path: (mode, owner, target of a link)}"""
    found = {}
    for line in output_of("dpkg-deb", "-c", package).splitlines():
        mode, owner, _, _, _, path, *target = line.split()
        found[path.removeprefix("./")] = (mode, owner, target[1] if target else None)
    return found


def test_lintian_has_nothing_to_say(packages):
    result = subprocess.run(["lintian", "--allow-root", "--pedantic", "--info",
                             "--fail-on", "error,warning,info,pedantic",
                             *(str(one) for one in packages.both)], capture_output=True, text=True)
    assert (result.returncode, re.sub("^running with root.*\n", "", result.stdout)) == (0, ""), result


def test_the_same_sources_give_the_same_octets(packages, tmp_path):
    """In another folder, at another time, and whatever else is set where it is built."""
    place = tmp_path / "a-longer-folder-than-the-other"
    place.mkdir()
    command = 'umask 027; exec "$0" --output "$1"'
    subprocess.run(["sh", "-c", command, TOP / "packaging/deb", place / "made"], check=True,
                   stdout=subprocess.DEVNULL,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": str(place),
                        "HOME": str(place), "TZ": "Asia/Tokyo", "LC_ALL": "C", "CFLAGS": "-O0"})
    for one in packages.both:
        # Not compared in the assertion, which would print both.
        is_same = (place / "made" / one.name).read_bytes() == one.read_bytes()
        assert is_same, f"{one} is another when it is built again, or its sources have changed"


def test_the_version_is_that_of_the_program(packages):
    for one in packages.both:
        assert output_of("dpkg-deb", "-f", one, "Version") == f"{VERSION}\n"
    assert packages.mta.name == f"mailchute-mta_{VERSION}_all.deb"


def test_one_is_the_mail_transport_agent_and_the_other_is_not(packages):
    for field in ("Provides", "Conflicts", "Replaces"):
        assert output_of("dpkg-deb", "-f", packages.mta, field) == "mail-transport-agent\n"
        assert output_of("dpkg-deb", "-f", packages.mailchute, field) == "\n"
    assert output_of("dpkg-deb", "-f", packages.mailchute, "Recommends") == "ca-certificates\n"


def test_the_names_are_in_mta_alone(packages):
    links = {path: target for path, (_, _, target) in contents(packages.mta).items() if target}
    assert links == {
        "usr/sbin/sendmail": "sendmail.mailchute",
        "usr/lib/sendmail": "../sbin/sendmail.mailchute",
        "usr/bin/mailq": "../sbin/sendmail.mailchute",
        "usr/bin/newaliases": "../sbin/sendmail.mailchute",
        "usr/share/man/man8/sendmail.8.gz": "sendmail.mailchute.8.gz",
        "usr/share/man/man1/mailq.1.gz": "mailq.mailchute.1.gz",
        "usr/share/man/man1/newaliases.1.gz": "newaliases.mailchute.1.gz",
    }
    found = contents(packages.mailchute)
    assert "usr/sbin/sendmail.mailchute" in found and "usr/bin/mailchute" in found
    assert {path for path in links if path in found} == set()
    assert [path for path, (_, _, target) in found.items() if target] == []


def test_owners_and_modes(packages):
    """All is root's and readable, nothing is writable by others, nothing is set-id."""
    for package in packages.both:
        for path, (mode, owner, target) in contents(package).items():
            expected = ("drwxr-xr-x" if path.endswith("/") or path == "" else
                        "lrwxrwxrwx" if target else
                        "-rwxr-xr-x" if path in ("usr/bin/mailchute", "usr/sbin/sendmail.mailchute")
                        else "-rw-r--r--")
            assert (mode, owner) == (expected, "root/root"), path


def test_what_an_administrator_may_change(packages, unpacked):
    assert sorted((unpacked / "DEBIAN/conffiles").read_text().split()) == [
        "/etc/logrotate.d/mailchute", "/etc/mailchute/mailchute.conf"]
    for line in (unpacked / "etc/mailchute/mailchute.conf").read_text().splitlines():
        assert line == "" or line.startswith("#"), line
    # No file but these, so that no upgrade asks about what a script has made.
    assert [path for path in contents(packages.mailchute)
            if path.startswith("etc/") and not path.endswith("/")] == [
        "etc/logrotate.d/mailchute", "etc/mailchute/mailchute.conf"]


@pytest.mark.parametrize("path", ["usr/bin/mailchute", "usr/sbin/sendmail.mailchute"])
def test_the_programs_are_hardened(unpacked, path):
    def look(*options):
        return output_of("readelf", "--wide", *options, unpacked / path)

    assert "DYN (Position-Independent Executable file)" in look("--file-header")
    dynamic = look("--dynamic")
    assert re.search(r"FLAGS.*BIND_NOW", dynamic) and re.search(r"FLAGS_1.*\bNOW\b.*\bPIE\b", dynamic)
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic
    segments = look("--segments")
    assert "GNU_RELRO" in segments and re.search(r"GNU_STACK .* RW ", segments)
    assert not re.search(r"LOAD .* RWE ", segments)
    symbols = look("--dyn-syms")
    assert "__stack_chk_fail" in symbols and "__snprintf_chk" in symbols
    assert ".symtab" not in look("--section-headers"), "it is not stripped"


def test_sendmail_needs_libc_alone(unpacked):
    assert re.findall(r"NEEDED.*\[(.*)\]", output_of(
        "readelf", "-d", unpacked / "usr/sbin/sendmail.mailchute")) == ["libc.so.6"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_plain_sh(unpacked, name):
    script = unpacked / "DEBIAN" / name
    assert script.read_text().startswith("#!/bin/sh\n")
    assert output_of("dash", "-n", script, stderr=subprocess.STDOUT) == ""
    assert re.search(r"^set -e$", script.read_text(), re.MULTILINE)


def test_two_questions_at_most_and_each_may_be_left_empty(unpacked):
    templates = (unpacked / "DEBIAN/templates").read_text()
    assert re.findall("^Type: (.*)", templates, re.MULTILINE) == ["string", "string"]
    assert templates.count("Leave this empty") == 2 and "Default:" not in templates


def test_translators_have_what_is_asked(tmp_path):
    """templates.pot is made of the templates: debconf-updatepo in packaging."""
    shutil.copytree(DEBIAN, tmp_path / "debian")
    output_of("debconf-updatepo", f"--podir={tmp_path / 'debian/po'}")

    def messages(path):
        return [line for line in path.read_text().splitlines() if "POT-Creation-Date" not in line]

    assert messages(tmp_path / "debian/po/templates.pot") == messages(DEBIAN / "po/templates.pot")


def test_autopkgtest_has_its_programs():
    script = DEBIAN / "tests/sink"
    assert "Tests: sink\n" in (DEBIAN / "tests/control").read_text()
    assert script.stat().st_mode & 0o111 == 0o111
    assert output_of("dash", "-n", script, stderr=subprocess.STDOUT) == ""
