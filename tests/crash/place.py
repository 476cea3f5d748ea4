# SPDX-License-Identifier: MIT

"""Where scenes are played: a folder with a spool, a configuration, and a sink beside it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

CONFIG = """\
identity {{ ehlo = "client.test" domain = "here.example" }}
smarthost "test" {{ url = "smtp://127.0.0.1:{port}" }}
aliases_file = "{folder}/aliases"
submit {{ wait = {wait} mode = {mode} }}
queue {{ dir = "{folder}/spool" retry = {{ {retry} }} warn = {warn} }}
log {{ to = "{folder}/log" }}
"""


# Seconds; the tracer says before what hangs.
PATIENCE = 300


class Place:
    def __init__(self, folder, tools, build):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.tools, self.build = Path(tools), Path(build)
        self.sendmail, self.mailchute = self.build / "sendmail", self.build / "mailchute"
        self.spool, self.socket = self.path("spool"), self.path("sock")
        self.ledger = self.path("ledger")
        self.write("aliases", b"")
        self.config = None
        self.ids = {}
        self.sink = subprocess.Popen([str(self.tools / "sink"), str(self.ledger)],
                                     stdout=subprocess.PIPE)
        self.port = int(self.sink.stdout.readline())
        self.control = socket.create_connection(("127.0.0.1", self.port))
        self.answers = self.control.makefile("rb")
        self.answers.readline()
        self.position = 0

    def close(self):
        self.sink.kill()
        self.sink.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return self.folder / name

    def write(self, name, octets):
        self.path(name).write_bytes(octets)

    def env(self, own):
        """A caller with MAILCHUTE_CONFIG starts what it needs; another only knows a socket."""
        words = ["PATH=/usr/bin:/bin", f"MAILCHUTE_SOCKET={self.socket}",
                 f"MAILCHUTE_SPOOL={self.spool}"]
        return [*words, f"MAILCHUTE_CONFIG={self.folder}/conf"] if own else words

    def configure(self, scene, retry='"100ms"'):
        text = CONFIG.format(port=self.port, folder=self.folder, retry=retry, **scene.config)
        if text != self.config:
            self.write("conf", text.encode())
        self.config = text

    def empty(self, files):
        """A spool with these queue files alone."""
        shutil.rmtree(self.spool, ignore_errors=True)
        for name in ("log", "sock"):
            self.path(name).unlink(missing_ok=True)
        for path in self.folder.glob("*.out"):
            path.unlink()
        if files:
            queue = self.spool / "queue"
            queue.mkdir(parents=True)
            self.spool.chmod(0o700)
            queue.chmod(0o700)
            for name, octets in files.items():
                (queue / name).write_bytes(octets)
                (queue / name).chmod(0o600)

    def settle_sink(self):
        """What anybody has sent to it is in the ledger; it has forgotten whom it put off."""
        for word in (b"XRESET\r\n", b"NOOP\r\n", b"NOOP\r\n"):
            self.control.sendall(word)
            self.answers.readline()

    def new_entries(self):
        with open(self.ledger, "rb") as file:
            file.seek(self.position)
            text = file.read()
            self.position = file.tell()
        return [line.split("\t") for line in text.decode().splitlines()]

    def play(self, scene, flags, files=None):
        """The words of the report, line by line."""
        self.configure(scene)
        self.empty(files)
        scene.write_inputs(self)
        self.write("scene", "\n".join(scene.lines(self)).encode() + b"\n")
        env = {"PATH": "/usr/bin:/bin"}
        if "MAILCHUTE_SANDBOX" in os.environ:
            env["MAILCHUTE_SANDBOX"] = os.environ["MAILCHUTE_SANDBOX"]
        command = [str(self.tools / "tracer"), *scene.flags, *flags, str(self.path("scene"))]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, env=env, check=False,
                                  timeout=PATIENCE)
            lines = [line.split() for line in done.stdout.decode().splitlines()]
            if done.returncode != 0:
                lines.append(["hang", f"the tracer itself ended with {done.returncode}"])
        except subprocess.TimeoutExpired:
            lines = [["hang", "the tracer itself"]]
        self.settle_sink()
        return lines

    def fill(self, scene):
        """The queue files of the messages that stand in the spool when this scene begins.

        They are taken by a service that is killed before it tries them.
        """
        self.configure(scene, retry='"3s"')
        self.empty({})
        env = dict(word.split("=", 1) for word in self.env(own=True))
        service = subprocess.Popen([str(self.mailchute), "serve"], env=env,
                                   start_new_session=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.submit_for_later(scene, service, env)
        finally:
            os.killpg(service.pid, signal.SIGKILL)
            service.wait()
        if scene.held:
            subprocess.run([str(self.mailchute), "queue", "hold", "--all"], check=True,
                           stdout=subprocess.DEVNULL, env=env)
        files = {path.name: path.read_bytes() for path in (self.spool / "queue").iterdir()
                 if re.fullmatch("[0-9A-Z]{25}", path.name)}
        assert len(files) == len(scene.queued), files.keys()
        ids = {mark_of(octets): name for name, octets in files.items()}
        for mark in scene.damaged:
            files[ids[mark]] = files[ids[mark]].replace(b"the end", b"an  end")
        return files, ids


    def submit_for_later(self, scene, service, env):
        while not self.socket.exists():
            time.sleep(0.001)
            assert service.poll() is None, self.path("log").read_text()
        env = {name: value for name, value in env.items() if name != "MAILCHUTE_CONFIG"}
        for one in scene.queued:
            subprocess.run([str(self.sendmail), "-odq", "-f", one.sender, *one.recipients],
                           input=one.text, env=env, check=True)


def mark_of(octets):
    found = re.search(rb"^X-Mark: (\S+)\r?$", octets, re.MULTILINE)
    return found.group(1).decode() if found else ""
