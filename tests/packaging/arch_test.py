# SPDX-License-Identifier: MIT

"""Arch's packages, as far as Debian can tell: there is no makepkg and no pacman here.

The functions of PKGBUILD are run for real, in a shell where stand_in_makepkg plays makepkg.
"""

import os
import re
import shutil
import subprocess

import pytest

from support import recipes
from support.mailchute import TOP, VERSION, run
from support.own_mounts import command, why_not
from support.recipes import files, info
from support.supervised import fetch

ARCH = TOP / "packaging/arch"


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """The folder with a tree for each package."""
    return recipes.build("arch", "stand_in_makepkg", tmp_path_factory.mktemp("arch"))


@pytest.fixture
def root(trees, tmp_path):
    """Both packages in one place, hooks not yet run."""
    return recipes.unpack(trees, tmp_path / "root")


def test_one_package_has_the_program_the_other_the_names(trees):
    both = set(files(trees / "mailchute")), set(files(trees / "mailchute-mta"))
    assert not both[0] & both[1]
    assert {"usr/bin/mailchute", "usr/bin/sendmail.mailchute", "etc/mailchute/mailchute.conf",
            "usr/lib/systemd/system/mailchute.socket", "usr/lib/systemd/system/mailchute.service",
            "usr/lib/sysusers.d/mailchute.conf", "usr/lib/tmpfiles.d/mailchute.conf",
            "usr/share/bash-completion/completions/mailchute",
            "usr/share/licenses/mailchute/LICENSE"} <= both[0]
    assert both[1] == {
        "usr/bin/sendmail", "usr/bin/mailq", "usr/bin/newaliases", "usr/lib/sendmail",
        "usr/share/man/man8/sendmail.8.gz", "usr/share/man/man1/mailq.1.gz",
        "usr/share/man/man1/newaliases.1.gz", "usr/share/licenses/mailchute-mta/LICENSE"}
    # /usr/sbin and /usr/lib64 are links there; /run and /var are tmpfiles.d's.
    assert not [name for name in both[0] | both[1]
                if not re.match(r"usr/(bin|lib|share)/|etc/mailchute/", name)]


def test_all_links_lead_somewhere(root):
    links = [path for path in root.rglob("*") if path.is_symlink()]
    assert len(links) == 7
    assert [path for path in links if not path.exists()] == []


def test_relations(trees):
    program, names = info(trees, "mailchute"), info(trees, "mailchute-mta")
    assert program["backup"] == ["etc/mailchute/mailchute.conf", "etc/mailchute/secrets.ini"]
    assert program["install"] == ["mailchute.install"]
    assert program["conflicts"] == []
    assert names["provides"] == names["conflicts"] == ["smtp-forwarder"]
    assert f"mailchute={VERSION}-1" in names["depends"]


def test_each_library_is_of_a_package_that_is_required(trees):
    packages = {"libc": "glibc", "libconfuse": "confuse", "libcrypto": "openssl", "libssl": "openssl",
                "libgsasl": "gsasl", "libidn2": "libidn2", "libiniparser": "iniparser",
                "libseccomp": "libseccomp", "ld-linux-x86-64": "glibc", "ld-linux-aarch64": "glibc"}
    text = "".join(subprocess.run(["objdump", "-p", trees / "mailchute/usr/bin" / name], check=True,
                                  capture_output=True, text=True).stdout
                   for name in ("mailchute", "sendmail.mailchute"))
    needed = set(re.findall(r"NEEDED\s+(\S+?)\.so", text))
    assert {packages[name] for name in needed} == set(info(trees, "mailchute")["depends"])


# Reads: the root, where /etc is ours alone; what is run there.
INSIDE = """\
mount --bind "$1/etc" /etc
cd /
PATH=$2:$PATH exec bash -euc "$3"
"""
SCRIPT = f". {ARCH / 'mailchute.install'}; "


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "")
def test_what_pacman_makes_of_it(root):
    """post_install, then systemd-sysusers and systemd-tmpfiles as its hooks run them."""
    for name in ("passwd", "group"):
        (root / "etc" / name).write_text("root:x:0:0::/root:/bin/sh\n" if name == "passwd"
                                         else "root:x:0:\n")
    shutil.copytree(root / "usr/lib/sysusers.d", root / "etc/sysusers.d")
    assert fetch("systemd") is None
    programs = TOP / "build/unpacked/systemd/bin"
    hooks = f"systemd-sysusers --root={root}; systemd-tmpfiles --create --root={root}"

    def do(script):
        done = run(command("sh", "-ec", INSIDE, "sh", root, programs, script))
        assert done.status == 0, done

    def look(name):
        status = (root / name).stat()
        return status.st_mode & 0o7777, status.st_uid, status.st_gid

    secrets = root / "etc/mailchute/secrets.ini"
    assert look(secrets) == (0o640, 0, 0)
    do(SCRIPT + "post_install; " + hooks)
    uid, gid = (int(re.search(r"^mailchute:[^:]*:(\d+):", (root / "etc" / name).read_text(),
                              re.MULTILINE).group(1)) for name in ("passwd", "group"))
    assert look("var/spool/mailchute") == (0o700, uid, gid)
    assert look("run/mailchute") == (0o755, uid, gid)
    assert look(secrets) == (0o640, 0, gid)
    # An upgrade brings another example, as it is unpacked.
    os.chown(secrets, 0, 0)
    do(SCRIPT + "post_upgrade")
    assert look(secrets) == (0o640, 0, gid)
    # Made root's alone, for credentials.conf: neither a boot nor an upgrade takes that back.
    os.chown(secrets, 0, 0)
    secrets.chmod(0o600)
    do(SCRIPT + "post_upgrade; " + hooks)
    assert look(secrets) == (0o600, 0, 0)
    secrets.unlink()
    do(SCRIPT + "post_upgrade; " + hooks)
    assert not secrets.exists()


def test_mail_goes_out_by_the_links(root, sink):
    recipes.check_mail(root, sink, "usr/bin/sendmail", "usr/lib/sendmail",
                       "usr/bin/sendmail.mailchute")
