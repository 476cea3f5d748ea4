# SPDX-License-Identifier: MIT

"""Alpine's packages, as far as Debian can tell: there is no abuild, no apk and no musl here.

The functions of APKBUILD are run for real, in a shell where stand_in_abuild plays abuild.
"""

import os
import re

import pytest

from support import recipes
from support.mailchute import TOP, VERSION, run
from support.recipes import files, info

ALPINE = TOP / "packaging/alpine"


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """The folder with a tree for each package."""
    return recipes.build("alpine", "stand_in_abuild", tmp_path_factory.mktemp("alpine"))


def test_the_program_alone_takes_no_name_of_others(trees):
    assert files(trees / "mailchute") == [
        "etc/mailchute/mailchute.conf", "etc/mailchute/secrets.ini", "usr/bin/mailchute",
        "usr/sbin/sendmail.mailchute"]
    assert (trees / "mailchute/var/spool/mailchute").stat().st_mode & 0o7777 == 0o700
    assert (trees / "mailchute/etc/mailchute/secrets.ini").stat().st_mode & 0o7777 == 0o640
    assert (trees / "owners").read_text().splitlines() == [
        "root:mailchute mailchute/etc/mailchute/secrets.ini",
        "mailchute:mailchute mailchute/var/spool/mailchute"]


def test_the_names_are_in_mta(trees):
    links = {name: os.readlink(trees / "mailchute-mta" / name)
             for name in files(trees / "mailchute-mta")}
    assert links == {"usr/bin/mailq": "../sbin/sendmail", "usr/bin/newaliases": "../sbin/sendmail",
                     "usr/lib/sendmail": "../sbin/sendmail", "usr/sbin/sendmail": "sendmail.mailchute"}
    relations = info(trees, "mailchute-mta")
    assert relations["depends"] == [f"mailchute={VERSION}-r0", "ca-certificates-bundle"]
    assert {"busybox", "ssmtp", "postfix"} <= set(relations["replaces"])


def test_the_rest_is_in_packages_that_come_when_wanted(trees):
    assert files(trees / "mailchute-openrc") == ["etc/conf.d/mailchute", "etc/init.d/mailchute"]
    assert os.access(trees / "mailchute-openrc/etc/init.d/mailchute", os.X_OK)
    assert {"usr/share/man/man8/sendmail.mailchute.8", "usr/share/man/man1/mailchute.1",
            "usr/share/doc/mailchute/examples/mailchute.conf",
            "usr/share/licenses/mailchute/LICENSE"} <= set(files(trees / "mailchute-doc"))
    for shell in ("bash", "zsh", "fish"):
        assert len(files(trees / f"mailchute-{shell}-completion")) == 1
    # Nothing of systemd, and nothing that a package of another's has.
    everything = [name for tree in trees.glob("mailchute*") if tree.is_dir()
                  for name in files(tree)]
    assert len(everything) == len(set(everything))
    assert not [name for name in everything if re.search(r"systemd|man./(mailq|newaliases)\.1|"
                                                         r"man8/sendmail\.8", name)]


def test_mail_goes_out_by_the_links(trees, sink, tmp_path):
    recipes.check_mail(recipes.unpack(trees, tmp_path / "root"), sink, "usr/sbin/sendmail",
                       "usr/lib/sendmail", "usr/sbin/sendmail.mailchute")


def test_the_user_is_made_before_anything_is_unpacked(tmp_path):
    """By the scripts' own words, with programs that write down how they were called."""
    for name in ("addgroup", "adduser"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$*" >>{tmp_path}/calls\nexit 1\n')
        (tmp_path / name).chmod(0o755)
    result = run(["sh", ALPINE / "mailchute.pre-install"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert result.status == 0  # also when both are there already
    assert (tmp_path / "calls").read_text().splitlines() == [
        "addgroup -S mailchute",
        "adduser -S -D -H -h /var/spool/mailchute -s /sbin/nologin -G mailchute -g mailchute mailchute"]
    declared = re.search(r'^install="(.*)"', (ALPINE / "APKBUILD").read_text(), re.MULTILINE)
    assert declared.group(1) == "$pkgname.pre-install"
