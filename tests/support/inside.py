# SPDX-License-Identifier: MIT

"""A machine of one's own inside this one: mounts and processes that nobody else sees.

The network is ours, so a smarthost may stand outside.  Its end is the end of all that runs in it.
"""

import subprocess

from support.mailchute import children_of, end_group, run
from support.own_mounts import command
from support.wait import wait_for

CLEAN = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
SIGN = b"PATH=/usr/sbin:/usr/bin:/sbin:/bin\0HOME=/root\0"


class Inside:
    def __init__(self, folder):
        self.folder = folder
        self.process = None

    def write(self, path, text):
        (self.folder / path).write_text(text)

    def enter(self, script, *words):
        """The script (sh) mounts what is wanted, and ends in exec of the machine's process 1."""
        self.output = open(self.folder / "output", "ab")
        self.process = subprocess.Popen(
            command("sh", "-euc", script, "sh", *words, pids=True), stdin=subprocess.DEVNULL,
            stdout=self.output, stderr=self.output, start_new_session=True)
        self.inside = wait_for(self._find_inside, what=lambda: f"a machine:\n{self.text()}")
        return self

    def _find_inside(self):
        """The pid that process 1 has outside, once it is what it is to be."""
        assert self.process.poll() is None, self.text()
        for pid in children_of(self.process.pid):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if file.read().startswith(SIGN):
                        return pid
            except OSError:
                pass
        return None

    def stop(self):
        if self.process is not None:
            end_group(self.process)
            self.output.close()

    def text(self):
        return (self.folder / "output").read_text(errors="replace")

    def run(self, *words, uid=0, **options):
        """A command in there, as a user types it."""
        # --root, too: this machine may stand in a chroot itself.
        return run(["nsenter", "--target", self.inside, "--mount", "--pid", "--root", "--wd",
                    "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *CLEAN, *words],
                   **options)

    def must(self, *words, **options):
        """The same; what it printed."""
        result = self.run(*words, **options)
        assert result.status == 0, f"{words}: {result} {self.text()}"
        return result.stdout.decode(errors="replace")
