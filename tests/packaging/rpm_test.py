# SPDX-License-Identifier: MIT

"""The RPM, built and installed by rpm on Debian: what Fedora adds to it is not here.

The machine is this one with another /etc, /usr and /var above it, in which alternatives(8) is
Debian's update-alternatives: it takes the same words.
"""

import os
import re
import subprocess

import pytest

from support.inside import CLEAN, Inside
from support.mailchute import TOP, fields
from support.own_mounts import why_not
from support.wait import wait_for

RPM = TOP / "packaging/rpm"
SPEC = RPM / "mailchute.spec"
WWW = 33
# What is a link of alternatives.
NAMES = ("/usr/sbin/sendmail", "/usr/bin/mailq", "/usr/bin/newaliases", "/usr/lib/sendmail",
         "/usr/share/man/man8/sendmail.8.gz", "/usr/share/man/man1/mailq.1.gz",
         "/usr/share/man/man1/newaliases.1.gz")

# Reads: the folder for what is written; the command.
ENTER = """\
space=$1
shift
mount -t tmpfs tmpfs "$space"
mkdir "$space/upper" "$space/work" "$space/root"
mount -t overlay overlay "$space/root" -o "lowerdir=/,upperdir=$space/upper,workdir=$space/work"
cd "$space/root"
mount --rbind /dev dev
mount --rbind /proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
rm -rf etc/mailchute var/spool/mailchute var/lib/rpm var/lib/alternatives etc/alternatives/mta*
ln -s /usr/bin/update-alternatives usr/sbin/alternatives
! grep -q ^mailchute: etc/passwd etc/group
exec chroot . "$@"
"""

OTHER = """\
#!/bin/sh
echo I am Postfix
"""


def build(folder, *words):
    done = subprocess.run([RPM / "build", "--output", folder, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return sorted(folder.glob("*.rpm"))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package; beside it lies its source."""
    return [path for path in build(tmp_path_factory.mktemp("rpm"))
            if not path.name.endswith(".src.rpm")][0]


NEXT_BODY = """
%prep
%setup -q -T -c
cp {top}/LICENSE {top}/README.md .
%install
cp -a {files}/. %{{buildroot}}
cd %{{buildroot}}
echo '# of the next version' >>etc/mailchute/mailchute.conf
for ghost in {ghosts}; do
    test -e .$ghost || touch .$ghost
done
"""
GHOST = 64  # RPMFILE_GHOST


@pytest.fixture(scope="module")
def next_package(package, tmp_path_factory):
    """The same files as another release, with another mailchute.conf: the spec but for its middle."""
    work = tmp_path_factory.mktemp("next")
    files = work / "files"
    files.mkdir()
    subprocess.run(f"rpm2cpio {package} | cpio -idm --quiet --no-absolute-filenames", shell=True,
                   cwd=files, check=True)
    flags = query(package, "--queryformat", r"[%{FILENAMES} %{FILEFLAGS} %{FILEMODES:perms}\n]")
    ghosts = [name for name, flag, mode in map(str.split, flags.splitlines())
              if int(flag) & GHOST and not mode.startswith("d")]
    spec = SPEC.read_text()
    begin, end = spec.index("%prep\n"), spec.index("%if 0%{?suse_version}\n%pre -f")
    (work / "next.spec").write_text(
        spec[:begin].replace("Release:        1", "Release:        2")
        + NEXT_BODY.format(top=TOP, files=files, ghosts=" ".join(ghosts))
        + "mkdir -p run/mailchute\n" + spec[end:])
    done = subprocess.run(["rpmbuild", "-bb", "--nodeps", "--define", f"_topdir {work}",
                           work / "next.spec"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(work.glob("RPMS/*/*.rpm"))


def query(package, *words):
    return subprocess.run(["rpm", "-qp", *words, package], check=True, capture_output=True,
                          text=True).stdout


@pytest.fixture
def machine(package, folder):
    """With nothing of ours in it; the package is /tmp/mailchute.rpm."""
    if why_not():
        pytest.skip(why_not())
    (folder / "space").mkdir()
    made = Inside(folder)
    try:
        made.enter(ENTER, folder / "space", *CLEAN, "sh", "-c", "while :; do sleep 1; done")
        made.must("sh", "-c", "cat >/tmp/mailchute.rpm", input=package.read_bytes())
        yield made
    finally:
        made.stop()


def rpm(machine, *words):
    """--nodeps: rpm knows nothing of what dpkg has installed."""
    return machine.run("rpm", "--force-debian", "--dbpath=/var/lib/rpm", "--nodeps", *words)


def install(machine):
    result = rpm(machine, "-i", "/tmp/mailchute.rpm")
    assert result.status == 0, result
    assert "warning" not in result.stderr and "failed" not in result.stderr, result


def look(machine, *paths):
    return machine.must("stat", "-c", "%a %U:%G %n", *paths).splitlines()


def configure(machine, sink):
    machine.must("sh", "-c", "cat >/etc/mailchute/mailchute.conf", input=(
        f'smarthost "test" {{ url = "{sink.url}" from = "machine@here.example" }}\n'
        'alias "root" { to = { "me@far.example" } }\n'))


def test_installed_and_configured_in_two_lines_mail_arrives(machine, sink):
    install(machine)
    assert look(machine, "/etc/mailchute", "/etc/mailchute/mailchute.conf",
                "/etc/mailchute/secrets.ini", "/var/spool/mailchute", "/usr/bin/mailchute") == [
        "755 root:root /etc/mailchute", "644 root:root /etc/mailchute/mailchute.conf",
        "640 root:mailchute /etc/mailchute/secrets.ini",
        "700 mailchute:mailchute /var/spool/mailchute", "755 root:root /usr/bin/mailchute"]
    assert machine.must("find", "/usr/bin/mailchute", "/usr/sbin/sendmail.mailchute", "-perm",
                        "/6000") == ""
    # Nothing breaks unconfigured: it says what to do.
    result = machine.run("/usr/sbin/sendmail", "root", uid=WWW, input=b"x\n")
    assert result.status == 78 and "smarthost" in result.stderr, result

    configure(machine, sink)
    # What the socket's unit does where there is systemd.
    machine.must("install", "-d", "-o", "mailchute", "/run/mailchute")
    machine.must("setpriv", "--reuid=mailchute", "--regid=mailchute", "--clear-groups", "mailchute",
                 "serve", "--background")
    for name in ("/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/sbin/sendmail.mailchute"):
        machine.must(name, "-i", "root", uid=WWW, input=f"Subject: {name}\n\nx\n")
    messages = sink.wait_for_messages(3)
    assert {value for message in messages for value in fields(message, "Subject")} == {
        "/usr/sbin/sendmail", "/usr/lib/sendmail", "/usr/sbin/sendmail.mailchute"}
    wait_for(lambda: "empty" in machine.must("mailq"), what="an empty queue")
    assert machine.run("newaliases").status == 0

    # Names and pages lead to where alternatives points.
    for name in NAMES:
        assert ".mailchute" in machine.must("readlink", "-e", name)


def test_who_has_another_mail_program_keeps_it(machine):
    """Postfix's priority is higher; and which was chosen by hand stays chosen."""
    machine.must("sh", "-c", "cat >/usr/sbin/sendmail.postfix; chmod 755 /usr/sbin/sendmail.postfix",
                 input=OTHER)
    machine.must("alternatives", "--install", "/usr/sbin/sendmail", "mta",
                 "/usr/sbin/sendmail.postfix", "30")
    install(machine)
    assert machine.must("/usr/sbin/sendmail") == "I am Postfix\n"
    machine.must("alternatives", "--set", "mta", "/usr/sbin/sendmail.mailchute")
    assert "mailchute" in machine.must("/usr/sbin/sendmail", "--version")
    assert rpm(machine, "-e", "mailchute").status == 0
    assert machine.must("/usr/sbin/sendmail") == "I am Postfix\n"


def test_an_upgrade_keeps_what_is_there(machine, next_package):
    install(machine)
    machine.must("sh", "-c", "echo '# mine' >>/etc/mailchute/mailchute.conf;"
                 "echo '[provider]' >>/etc/mailchute/secrets.ini; touch /var/spool/mailchute/a-message")
    machine.must("sh", "-c", "cat >/tmp/next.rpm", input=next_package.read_bytes())
    result = rpm(machine, "-U", "/tmp/next.rpm")
    assert result.status == 0, result
    assert machine.must("tail", "-n", "1", "/etc/mailchute/mailchute.conf") == "# mine\n"
    assert machine.must("tail", "-n", "1", "/etc/mailchute/secrets.ini") == "[provider]\n"
    assert machine.must("tail", "-n", "1", "/etc/mailchute/mailchute.conf.rpmnew") == (
        "# of the next version\n")
    assert look(machine, "/etc/mailchute/secrets.ini", "/var/spool/mailchute/a-message") == [
        "640 root:mailchute /etc/mailchute/secrets.ini", "644 root:root /var/spool/mailchute/a-message"]
    assert machine.must("rpm", "--dbpath=/var/lib/rpm", "-q", "--qf", "%{release}",
                        "mailchute") == "2"
    for name in NAMES:
        assert ".mailchute" in machine.must("readlink", "-e", name)
    # The conffile alone differs, and passwords are nobody's business.
    changed = rpm(machine, "-V", "mailchute").stdout.decode()
    assert [line.split()[-1] for line in changed.splitlines()] == ["/etc/mailchute/mailchute.conf"]


def test_its_end_leaves_no_link_and_no_password_is_lost(machine):
    install(machine)
    machine.must("sh", "-c", "echo '[provider]' >>/etc/mailchute/secrets.ini;"
                 "touch /var/spool/mailchute/a-message")
    result = rpm(machine, "-e", "mailchute")
    assert result.status == 0, result
    gone = [*NAMES, "/usr/sbin/sendmail.mailchute", "/usr/bin/mailchute", "/etc/alternatives/mta"]
    found = [path for path in gone if machine.run("test", "-L", path).status == 0
             or machine.run("test", "-e", path).status == 0]
    assert found == []
    # Passwords and mail that waits are for who comes back.
    assert look(machine, "/etc/mailchute/secrets.ini.rpmsave")[0].startswith("640 root:mailchute")
    assert machine.must("ls", "/var/spool/mailchute") == "a-message\n"


def test_what_it_provides_and_requires(package):
    provides = {line.split()[0] for line in query(package, "--provides").splitlines()}
    assert {"MTA", "smtpdaemon", "mailchute"} <= provides
    assert "server(smtp)" not in provides  # nothing listens on port 25
    requires = query(package, "--requires")
    for library in ("libconfuse", "libgsasl", "libseccomp", "libidn2", "libssl", "libiniparser"):
        assert library in requires
    assert "/usr/sbin/alternatives" in requires
    listed = query(package, "--configfiles").split()
    assert listed == ["/etc/mailchute/mailchute.conf", "/etc/mailchute/secrets.ini"]


def test_rpmlint_has_nothing_to_say(package):
    done = subprocess.run(["rpmlint", "-c", RPM / "rpmlint.toml", SPEC, *package.parent.glob("*.rpm")],
                          capture_output=True, text=True)
    assert re.findall(r"^\S+: [EW]: .*", done.stdout, re.MULTILINE) == [], done.stdout
    assert "0 errors, 0 warnings" in done.stdout, done.stdout + done.stderr


# What each has defined, as far as the spec asks; the macros stand for what they really are.
SYSTEMD = {"systemd_post()": "systemctl preset %*", "systemd_preun()": "systemctl disable %*",
           "systemd_postun_with_restart()": "systemctl restart %*", "systemd_requires": "%nil",
           "cmake": "cmake -B build", "cmake_build": "cmake --build .", "cmake_install": "cmake --install .",
           "_unitdir": "/usr/lib/systemd/system", "_sysusersdir": "/usr/lib/sysusers.d",
           "_tmpfilesdir": "/usr/lib/tmpfiles.d"}
DISTRIBUTIONS = {
    "fedora 41": {"fedora": "41", **SYSTEMD},
    "fedora 42": {"fedora": "42", "_sbindir": "/usr/bin", **SYSTEMD},
    "epel 9": {"rhel": "9", **SYSTEMD},
    "epel 10": {"rhel": "10", **SYSTEMD},
    "opensuse": {"suse_version": "1600", "sysusers_requires": "Requires(pre): sysuser-shadow",
                 "sysusers_generate_pre()": "touch %2.pre", "service_add_pre()": "true %*",
                 "tmpfiles_create()": "systemd-tmpfiles --create %*", **SYSTEMD},
}


def parse(name, tmp_path):
    """The spec as rpmbuild reads it there, cut into its sections."""
    defines = [word for key, value in DISTRIBUTIONS[name].items()
               for word in ("--define", f"{key} {value}")]
    done = subprocess.run(["rpmspec", "-P", *defines, SPEC], capture_output=True, text=True,
                          cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sections = re.split(r"^(%(?:pre|post|preun|postun|build|install|check|files.*|package.*))\b", done.stdout,
                        flags=re.MULTILINE)
    found = {"": sections[0]}
    for title, text in zip(sections[1::2], sections[2::2]):
        found[title.split("#")[0].strip()] = found.get(title.strip(), "") + text
    return found


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_all_conditions_of_the_spec_hold_together(name, tmp_path):
    sections = parse(name, tmp_path)
    for title in ("%build", "%install", "%check", "%pre", "%post", "%preun", "%postun"):
        text = re.split(r"^%\w", sections.get(title, ""), flags=re.MULTILINE)[0]
        text = "\n" + re.sub(r"\A -f \S+\n", "", text)
        done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), text
        assert not re.search(r"%\{?[a-z_]{3,}", text), text
    assert "mailchute.socket" in sections["%post"]
    if name == "opensuse":
        assert "alternatives" not in "".join(sections.values())
        assert "Conflicts:      smtp_daemon" in sections["%package mta"]
        assert "/usr/sbin/sendmail\n" in sections["%files mta"]
    else:
        assert "--install" in sections["%post"] and "--remove mta" in sections["%postun"]
        assert not [title for title in sections if title.startswith("%package")]
    # Who makes the user: rpm itself since Fedora 42.
    assert ("useradd" in sections.get("%pre", "")) == (name not in ("fedora 42", "opensuse"))
    if name == "fedora 42":
        assert "Provides:       /usr/sbin/sendmail" in sections[""]
        assert "/usr/sbin" not in sections["%post"] + sections["%install"]


if "MAILCHUTE_FULL" in os.environ:
    @pytest.mark.parametrize("like", ["fedora", "suse"])
    def test_laid_out_as_there(like, tmp_path):
        names = "".join(query(path, "-l") for path in build(tmp_path, f"--{like}")
                        if not path.name.endswith(".src.rpm"))
        if like == "fedora":
            assert "/usr/bin/sendmail.mailchute\n" in names and "/usr/sbin/" not in names
        else:
            assert "/usr/sbin/sendmail\n" in names and "/usr/sbin/sendmail.mailchute\n" in names
