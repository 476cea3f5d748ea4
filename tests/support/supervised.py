# SPDX-License-Identifier: MIT

"""A machine whose services are run by runit, s6 or OpenRC, with the files of packaging/.

It is a mount and process namespace in which /usr also holds the programs under test and the
supervisor (unpacked, never installed), and /etc, /run and /var are its own.
"""

import os
import shutil
import subprocess
from pathlib import Path

from support.inside import CLEAN, Inside
from support.mailchute import TOP, children_of

UNPACKED = TOP / "build" / "unpacked" / "supervisors"
PACKAGING = TOP / "packaging"
UID = 64990
SUPERVISORS = ("runsv", "s6-supervise", "supervise-daemo")

# Reads: the folder with etc, run, var and space; the folders above /usr; then the command.
ENTER = """\
files=$1 lower=$2
shift 2
mount -t overlay overlay /usr -o "lowerdir=$lower:/usr"
mount -t tmpfs tmpfs "$files/space"
mkdir "$files/space/upper" "$files/space/work"
mount -t overlay overlay /etc -o "lowerdir=/etc,upperdir=$files/space/upper,workdir=$files/space/work"
rm -rf /etc/mailchute /etc/init.d
cp -a "$files/etc/." /etc
mount --bind "$files/var" /var
mount --bind "$files/run" /run
cd /
exec "$@"
"""


def fetch(name):
    """Unpacks it once into build/unpacked; why not, or None."""
    done = subprocess.run([TOP / "tests/support/unpack", TOP / "build/unpacked", name],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return None if done.returncode == 0 else f"{name} cannot be unpacked: {done.stdout}"


class Machine(Inside):
    def __init__(self, programs, folder, url):
        super().__init__(folder / "machine")
        for name in ("etc/mailchute", "etc/init.d", "run", "space", "var/tmp", "var/log",
                     "var/spool", "usr"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "var/run").symlink_to("/run")
        # Debian's packages still put some of it into /sbin, /bin and /lib.
        for name in ("usr", "bin", "sbin", "lib"):
            target = self.folder / "usr" / ("" if name == "usr" else name)
            shutil.copytree(UNPACKED / name, target, symlinks=True, dirs_exist_ok=True)
        for name in ("rc.conf", "runlevels"):
            subprocess.run(["cp", "-a", UNPACKED / "etc" / name, self.folder / "etc"], check=True)
        self.write("etc/passwd", f"root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var:/bin/sh\n"
                   f"mailchute:x:{UID}:{UID}::/var/spool/mailchute:/bin/false\n")
        self.write("etc/group", f"root:x:0:\nwww-data:x:33:\nmailchute:x:{UID}:\n")
        self.write("etc/mailchute/mailchute.conf",
                   f'smarthost "test" {{ url = "{url}" from = "machine@here.example" }}\n')
        self.lower = f"{programs.folder}/usr:{self.folder}/usr"

    def install(self, source, path):
        """A file or folder of packaging/ to where a package puts it."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", PACKAGING / source, target], check=True)

    def start(self, *words):
        """With this as its process 1."""
        return self.enter(ENTER, self.folder, self.lower, *CLEAN, *words)

    def service(self):
        """The main process of the service as (pid outside, uid), or None.

        The children of one that was killed live a moment longer, and are named as it was.
        """
        todo = [self.inside]
        for parent in todo:
            for pid in children_of(parent):
                todo.append(pid)
                try:
                    line = Path(f"/proc/{pid}/cmdline").read_bytes()
                    above = Path(f"/proc/{parent}/comm").read_text().strip()
                    uid = os.stat(f"/proc/{pid}").st_uid
                except OSError:
                    continue
                if line.startswith(b"/usr/bin/mailchute\0serve\0") and above in SUPERVISORS:
                    return pid, uid
        return None
