# SPDX-License-Identifier: MIT

"""Containers without an engine: the images, examples of packaging/docker, and what runs of them.

A container is what compose.yaml or kubernetes.yaml says of it: its environment, mounts, secrets, uid
and privileges are read there.  All containers of a test are in one network, in which one server
is the provider that the examples name.
"""

import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from support.mailchute import TOP, Daemon, Result, Sink, children_of
from support.own_mounts import command
from support.wait import wait_for

DOCKER = TOP / "packaging/docker"
ENTER = Path(__file__).with_name("container_enter.py")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ADDRESS = "10.88.0.1"
NEW_NETWORK = 0x40000000

# Not every kernel has each of them.
MAKE_NETWORK = """\
ip link set lo up
ip link add eth0 type veth peer name other 2>/dev/null || ip link add eth0 type dummy
ip link set eth0 up
ip address add "$1/16" dev eth0
echo ready
exec sleep infinity
"""


class Network:
    """A network namespace; who runs in it is named as command()."""

    def __init__(self):
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-ec", MAKE_NETWORK, "sh", ADDRESS],
            stdout=subprocess.PIPE, start_new_session=True)
        assert self._holder.stdout.readline() == b"ready\n"
        self.path = f"/proc/{self._holder.pid}/ns/net"

    def command(self, *words):
        return ["nsenter", f"--net={self.path}", *map(str, words)]

    def connect(self, port):
        """A connection to 127.0.0.1 in there."""
        made = []

        def make():
            with open(self.path) as namespace:
                assert ctypes.CDLL(None).setns(namespace.fileno(), NEW_NETWORK) == 0
            made.append(socket.socket())

        # Only this thread goes there.
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        try:
            made[0].connect(("127.0.0.1", port))
        except OSError:
            made[0].close()
            return None
        return made[0]

    def stop(self):
        self._holder.kill()
        self._holder.communicate()


class Provider(Sink):
    """The smarthost of the examples, with a login and a certificate."""

    def __init__(self, program, network, folder, user, password, name="smtp.example.com"):
        super().__init__(None, folder)
        self.certificate = folder / "ca.pem"
        self.spawn(network.command(program, "sink", "--starttls", "--listen", f"{ADDRESS}:587",
                                   "--maildir", self.maildir, "--name", name, "--user", user,
                                   "--password", password, "--write-certificate",
                                   self.certificate), {"PATH": PATH})
        wait_for(self._is_ready, what=lambda: f"the provider:\n{self.tail()}")

    def _is_ready(self):
        return self.certificate.exists() and b"-----END" in self.certificate.read_bytes()

    def wait_for_messages(self, count):
        found = super().wait_for_messages(count)
        assert len(found) == count, self.tail()
        return found


# images

def _followed(layers, path):
    """Where a COPY to this path goes: links are followed, also the last one."""
    for _ in range(10):
        for layer in layers:
            link = layer / path.lstrip("/")
            if link.is_symlink():
                path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(link)))
                break
        else:
            return path
    raise AssertionError(f"too many links: {path}")


def apply_dockerfile(name, images, layers, layer):
    """Its COPY --from and RUN ln lines, on an image of layers, into one more."""
    text = (DOCKER / name).read_text()
    for line in re.findall(r"(?m)^(?!ARG|FROM|#)\S.*", text):
        if match := re.fullmatch(r"COPY --from=(\w+) (\S+) (\S+)", line):
            source = images[match[1]] / match[2].lstrip("/")
            target = layer / _followed([layer, *layers], match[3]).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode)
        elif match := re.fullmatch(r"RUN ln -sf (\S+) (\S+)", line):
            target = layer / match[2].lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(match[1])
        else:
            raise AssertionError(f"{name}: {line}")


def make_image(root, out):
    """What the build stage of the Dockerfile leaves in /image; ENTRYPOINT and CMD as a list."""
    text = (DOCKER / "Dockerfile").read_text()
    (script,) = re.findall(r"(?m)^RUN ((?:.*\\\n)*.*)", text)
    script = re.sub(r"(?<=[ =])/image\b", str(root), script.replace("\\\n", " "))
    script = re.sub(r"(?<=[ =])/out\b", str(out), script)
    subprocess.run(["sh", "-ec", script], cwd=TOP, check=True, stdout=subprocess.DEVNULL)
    # After FROM scratch
    text = text[text.index("FROM scratch"):]
    assert "COPY --from=build /image /\n" in text
    words = dict(re.findall(r"(?m)^(USER|ENTRYPOINT|CMD) (.*)", text))
    return json.loads(words["ENTRYPOINT"]) + json.loads(words["CMD"]), words["USER"]


# what the examples say

@dataclass
class Spec:
    """A container of an example."""

    uid: int
    gid: int
    environment: dict
    read_only: bool
    no_new_privileges: bool
    drop_all: bool
    #: (name, path, whether it is read-only)
    volumes: list
    #: path to name
    secrets: dict
    command: list


def compose_spec(document, name):
    service = document["services"][name]
    volumes = []
    for volume in service.get("volumes", []):
        source, path, *options = volume.split(":")
        assert source in document["volumes"]
        volumes.append((source, path, options == ["ro"]))
    volumes += [(f"{name}{path.replace('/', '-')}", path, False) for path in service.get("tmpfs", [])]
    for secret in service.get("secrets", []):
        assert document["secrets"][secret]["file"] == f"./{secret}.txt"
    uid, gid = map(int, service["user"].split(":"))
    return Spec(uid, gid, service.get("environment", {}), service["read_only"],
                "no-new-privileges:true" in service["security_opt"], service["cap_drop"] == ["ALL"],
                volumes, {f"/run/secrets/{secret}": secret for secret in service.get("secrets", [])},
                service.get("command"))


def kubernetes_spec(pod, name, secret):
    """secret: the document of that kind."""
    (container,) = [one for one in pod["containers"] if one["name"] == name]
    context = {**pod["securityContext"], **container["securityContext"]}
    sources = {one["name"]: one for one in pod.get("volumes", [])}
    volumes, secrets = [], {}
    for each in container.get("volumeMounts", []):
        source = sources[each["name"]]
        if "secret" in source:
            assert source["secret"]["secretName"] == secret["metadata"]["name"]
            assert each["readOnly"]
            for key in secret["stringData"]:
                secrets[f"{each['mountPath']}/{key}"] = key
        else:
            assert source["emptyDir"] == {}
            volumes.append((each["name"], each["mountPath"], each.get("readOnly", False)))
    assert context["runAsNonRoot"] and context["runAsUser"] != 0
    return Spec(context["runAsUser"], context["runAsGroup"],
                {one["name"]: one["value"] for one in container.get("env", [])},
                context["readOnlyRootFilesystem"], not context["allowPrivilegeEscalation"],
                context["capabilities"] == {"drop": ["ALL"]}, volumes, secrets,
                container.get("command"))


class Host:
    """Runs containers: in one network, with volumes that they share by name."""

    def __init__(self, folder, network, secrets):
        self.folder, self.network, self.secrets = folder, network, secrets
        self._count = 0
        self._daemons = []
        self.etc = folder / "etc"
        self.etc.mkdir()
        # The engine's, in each container.
        (self.etc / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} container smtp.example.com\n")
        (self.etc / "resolv.conf").write_text("")
        for path in self.etc.iterdir():
            path.chmod(0o644)

    def volume(self, name):
        """As Kubernetes makes an emptyDir."""
        path = self.folder / f"volume-{name}"
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
        return path

    def _secret(self, spec, path, name, place):
        # As Kubernetes and compose have them: root's, and readable for the group of the process.
        source = place / ("secret" + path.replace("/", "-"))
        source.write_text(self.secrets[name])
        os.chown(source, 0, spec.gid)
        source.chmod(0o440)
        return str(source)

    def command(self, layers, spec, words, **changes):
        self._count += 1
        place = self.folder / f"container{self._count}"
        (place / "root").mkdir(parents=True)
        mounts = [(str(self.etc / name), f"/etc/{name}", True) for name in ("hosts", "resolv.conf")]
        mounts += [(str(self.volume(name)), path, read_only) for name, path, read_only in spec.volumes]
        mounts += [(self._secret(spec, path, name, place), path, True)
                   for path, name in spec.secrets.items()]
        (place / "spec").write_text(json.dumps({
            "place": str(place / "root"), "layers": [str(layer) for layer in layers],
            "mounts": mounts, "uid": spec.uid, "gid": spec.gid, "read_only": spec.read_only,
            "drop_all": spec.drop_all, "no_new_privileges": spec.no_new_privileges,
            "environment": {"PATH": PATH, **spec.environment, **changes}}))
        return self.network.command(*command(
            "unshare", "--pid", "--uts", "--fork", "--kill-child", sys.executable, "-B", ENTER,
            place / "spec", *words))

    def run(self, layers, spec, *words, input=b"", timeout=60, **changes):
        done = subprocess.run(self.command(layers, spec, words, **changes), input=input,
                              capture_output=True, timeout=timeout)
        return Result(done)

    def start(self, name, layers, spec, *words):
        daemon = Container(self.folder, name)
        # Whoever runs in there may open its stderr.
        daemon.output.touch()
        daemon.output.chmod(0o666)
        daemon.spawn(self.command(layers, spec, words), {"PATH": os.environ["PATH"]})
        self._daemons.append(daemon)
        return daemon

    def stop(self):
        for daemon in self._daemons:
            daemon.kill()


class Container(Daemon):
    def stop(self, timeout=30):
        """As an engine does: SIGTERM to its process 1; the exit status."""
        (inner,) = children_of(self.process.pid)
        os.kill(inner, signal.SIGTERM)
        status = self.process.wait(timeout)
        self.check_clean()
        return status
