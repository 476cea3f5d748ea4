# SPDX-License-Identifier: MIT

"""A Debian of debootstrap into which packages are installed as their users do it: by apt.

Each machine is a layer over one of the roots that tests/packaging/roots makes, in namespaces of
its own, with a network of its own that has loopback alone.  The sink listens there, but stands
outside of the root.
"""

import re
import subprocess

from support import own_mounts
from support.callers_root import FURNISH, Callers
from support.mailchute import TOP, Sink
from support.stand_in import Units
from support.wait import wait_for

ROOTS = TOP / "build/packaging"

# Reads: the folder for the mount points, the root below, the archives.
ENTER = """\
set -eu
place=$1 base=$2 archives=$3
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/all" "$place/more" "$place/scratch"
chmod 755 "$place/upper"
root=$place/all
mount -t overlay overlay "$root" \\
    -o "lowerdir=$base,upperdir=$place/upper,workdir=$place/work" 2>/dev/null ||
    cp -a "$base/." "$root/"
# Each has its own lock there.
mount -t overlay overlay "$root/var/cache/apt/archives" \\
    -o "lowerdir=$archives,upperdir=$place/more,workdir=$place/scratch" 2>/dev/null ||
    cp "$archives"/*.deb "$root/var/cache/apt/archives/"
""" + FURNISH

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Nobody is there to be asked, so what was changed is kept.
APT = ["apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0",
       "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]


def why_not():
    """Why there can be no such machine here, or None."""
    if reason := own_mounts.why_not():
        return reason
    if not (ROOTS / "archives.done").exists():
        return "no roots of Debian; run tests/packaging/run, which makes them"
    return None


class Program:
    """mailchute for the sink: out of the package, unpacked outside of all roots."""

    def __init__(self, package, folder):
        self.folder = folder
        subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
        self.mailchute = folder / "usr/bin/mailchute"


class InnerSink(Sink):
    """In the network of a machine."""

    def __init__(self, programs, folder, machine):
        super().__init__(programs, folder)
        self._machine = machine

    def spawn(self, command, env, **options):
        super().spawn(["nsenter", "--target", str(self._machine.init), "--net", *command], env,
                      **options)


class Machine(Callers):
    """start(), then install(), configure() and run() what sends mail, then messages()."""

    namespaces = (*Callers.namespaces, "--net")

    def __init__(self, programs, folder, base="callers"):
        super().__init__(programs, None, folder)
        self.base = ROOTS / base
        self.units = None

    @property
    def users(self):
        lines = self.read("/etc/passwd").decode().splitlines()
        return {name: (int(uid), int(gid)) for name, _, uid, gid, *_ in
                (line.split(":") for line in lines)}

    @property
    def init(self):
        """Its process 1, as we see it."""
        return self._inside

    # life

    def start(self):
        place = self.folder / "root"
        place.mkdir()
        self._begin(own_mounts.command("unshare", "--net", "--uts", "sh", "-c", ENTER, "sh", place,
                                       self.base, ROOTS / "archives", pids=True))
        place = self.folder / "sink"
        place.mkdir(mode=0o755)
        self.sink = InnerSink(self.programs, place, self).start()
        return self

    def boot(self):
        """From here on maintainers' scripts find a systemd that runs (support/stand_in.py)."""
        self.units = Units(self)
        self.units.start()
        return self

    def shut_down(self):
        """The service and its socket are gone, as before boot()."""
        if self.units is not None:
            self.units.stop()
            self.units = None
            self.run_ok("rm -rf /run/systemd /run/stand-in.sock /usr/bin/systemctl")

    def stop(self):
        self.shut_down()
        if self.sink is not None:
            self.sink.kill()
        super().stop()

    def start_service(self):
        self.boot()

    def environment(self, as_user="root", **variables):
        return super().environment(as_user, **{"DEBIAN_FRONTEND": "noninteractive", "PATH": PATH,
                                               **variables})

    # packages

    def apt(self, *words, **options):
        """Runs apt-get to its good end; returns what it said."""
        result = self.run([*APT, *words], timeout=300, **options)
        text = result.stdout.decode(errors="replace") + result.stderr
        assert result.status == 0, text
        return text

    def bring(self, *packages):
        """Files of packages, to where apt finds them in there; their names there."""
        return [self.write(f"/packages/{package.name}", package.read_bytes())
                for package in packages]

    def install(self, *packages):
        """Names from the archive, or files."""
        names = [one if isinstance(one, str) else self.bring(one)[0] for one in packages]
        return self.apt("install", *names)

    def install_both(self, packages):
        """In one transaction."""
        return self.install(*self.bring(*packages.both))

    def state(self, package):
        """As dpkg -l shows it: "ii" is installed, "rc" is removed but configured."""
        result = self.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package])
        return result.stdout.decode().strip() or "un"

    def version(self, package):
        return self.run(["dpkg-query", "-W", "-f", "${Version}", package]).stdout.decode()

    def files(self, *but):
        """Every file in there with its kind, mode, owner and what it links to."""
        prune = [word for name in ("/proc", "/dev", "/run", "/sys", "/tmp", "/packages", *but)
                 for word in ("-path", name, "-prune", "-o")]
        result = self.run(["find", "/", *prune, "-printf", "%p %M %u %g %l\\n"])
        assert result.status == 0, result
        return set(result.stdout.decode().splitlines())

    # configuration

    def configure(self, extra="", **_):
        """The two lines."""
        self.write("/etc/mailchute/mailchute.conf",
                   f'smarthost "test" {{ url = "{self.sink.url}" from = "alerts@there.example" }}\n'
                   f'alias "root" {{ to = {{ "ops@far.example" }} }}\n{extra}')

    def arrived(self, words, timeout=60):
        """The one message in the sink that has these words."""
        def found():
            return [octets for octets in self.sink.messages() if words.encode() in octets]
        messages = wait_for(found, timeout, what=lambda: f"{words!r} in the sink; syslog:\n"
                            f"{self.syslog.text()}\n{self.units and self.units.text()}")
        assert len(messages) == 1, messages
        return messages[0].replace(b"\r\n", b"\n").decode(errors="replace")


def relabelled(package, version, folder, change=None):
    """The same package under another version; change gets its unpacked tree."""
    tree = folder / f"{package.name}.tree"
    subprocess.run(["dpkg-deb", "-R", str(package), str(tree)], check=True)
    control = tree / "DEBIAN/control"
    text = control.read_text()
    old = re.search(r"^Version: (.*)$", text, re.MULTILINE)[1]
    # Also where one depends on the other.
    control.write_text(text.replace(old, version))
    if change:
        change(tree)
    target = folder / package.name.replace(old, version)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", str(tree), str(target)],
                   check=True, stdout=subprocess.DEVNULL)
    return target
