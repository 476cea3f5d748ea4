# SPDX-License-Identifier: MIT

"""The programs as their users meet them: installed, configured, run, watched, ended."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from support.wait import hold_port, wait_for

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("MAILCHUTE_BUILD", TOP / "build" / "release"))
VERSION = re.search(r"^project\(mailchute VERSION ([0-9.]+) ", (TOP / "CMakeLists.txt").read_text(),
                    re.MULTILINE).group(1)
SOURCES = {"sendmail": TOP / "src/sendmail/main.c", "mailchute": TOP / "src/admin/main.c"}

# What a test build needs to say about itself; all else of our environment stays here.
KEPT = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "MAILCHUTE_SANDBOX")


def needs_program(*names):
    """A mark: these tests are off while a program is not written at all.

    Once its main.c is there they are on for good: a build without the program
    is then a failure, never a skip.
    """
    missing = [name for name in names if not SOURCES[name].exists()]
    return pytest.mark.skipif(bool(missing), reason=f"not written yet: {', '.join(missing)}")


def environment(**variables):
    """A small clean environment; names of MAILCHUTE_ variables may be given in lower case."""
    result = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    result.update({name: os.environ[name] for name in KEPT if name in os.environ})
    for name, value in variables.items():
        result[name if name.isupper() else "MAILCHUTE_" + name.upper()] = str(value)
    return result


def sanitizer(*options):
    """The variable that tells AddressSanitizer also this; "detect_leaks=0" for strace's sake."""
    given = [os.environ["ASAN_OPTIONS"]] if "ASAN_OPTIONS" in os.environ else []
    return {"ASAN_OPTIONS": ":".join([*given, *options])}


class Programs:
    """The build, installed into a folder of its own (nothing outside it is touched)."""

    def __init__(self, folder):
        self.folder = Path(folder)
        done = subprocess.run(["cmake", "--install", str(BUILD), "--prefix", "/usr"],
                              env={**os.environ, "DESTDIR": str(folder)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        self.sendmail = self.folder / "usr/sbin/sendmail"
        self.mailchute = self.folder / "usr/bin/mailchute"
        self.mailq = self.folder / "usr/bin/mailq"
        self.newaliases = self.folder / "usr/bin/newaliases"
        for program in (self.sendmail, self.mailchute):
            assert program.exists(), f"{BUILD} installed no {program.name}; is it built?"
        # Others than root run them too.
        for path in [self.folder, *self.folder.parents]:
            if path == Path(tempfile.gettempdir()):
                break
            path.chmod(path.stat().st_mode | 0o055)


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr.decode(errors="replace")

    def __repr__(self):
        return f"<exit {self.status}, stdout {self.stdout!r}, stderr {self.stderr!r}>"


def run(command, input=b"", timeout=60, **options):
    """Runs a program to its end in a process group of its own."""
    options.setdefault("env", environment())
    if isinstance(input, str):
        input = input.encode()
    if hasattr(input, "read"):
        options["stdin"], input = input, None
    else:
        options.setdefault("stdin", subprocess.PIPE)
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True, **options)
    try:
        stdout, stderr = process.communicate(input, timeout=timeout)
    except subprocess.TimeoutExpired:
        end_group(process)
        stdout, stderr = process.communicate()
        raise AssertionError(f"{command} did not end in {timeout} s: {stdout} {stderr}")
    return Result(subprocess.CompletedProcess(command, process.returncode, stdout, stderr))


def end_group(process):
    """Kills the process group that this process leads."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def processes_of(group):
    """The processes of this group, but for those that are only waiting to be reaped."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    words = stat.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(words[2]) == group and words[0] != "Z":
                found.append(int(name))
    return found


def processes(words):
    """Processes whose command line and environment hold these words."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
            with open(f"/proc/{pid}/environ", "rb") as file:
                line += file.read().decode(errors="replace")
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(int(pid))
    return found


def end_processes(words):
    """Kills those whose command line and environment hold these words."""
    for pid in processes(words):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def is_answering(path):
    """Does a service greet whoever comes to this socket?"""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(20)
            probe.connect(str(path))
            return probe.recv(4) == b"220 "
    except OSError:
        return False


def children_of(pid):
    """Its living children, oldest first."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                words = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(words[1]) == pid and words[0] != "Z":
            found.append((int(words[19]), int(name)))
    return [child for _, child in sorted(found)]


def process_status(pid):
    """The fields of /proc/PID/status; empty once it is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return {name: value.split() for name, _, value in
                    (line.partition(":") for line in file)}
    except OSError:
        return {}


def is_sanitized(program):
    return b"__asan_init" in program.read_bytes()


class Daemon:
    """A program that runs until it is stopped; output goes to a file."""

    def __init__(self, folder, name):
        self.folder = Path(folder)
        self.output = self.folder / f"{name}.log"
        self.process = None

    def spawn(self, command, env, **options):
        assert self.process is None
        self._file = open(self.output, "ab")
        self._begin = self._file.tell()
        self.process = subprocess.Popen([str(word) for word in command], env=env,
                                        stdin=subprocess.DEVNULL, stdout=self._file,
                                        stderr=self._file, start_new_session=True, **options)

    def text(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def tail(self):
        """The end of what it wrote, for messages about failures."""
        return "\n".join(self.text().splitlines()[-25:])

    def check_clean(self):
        """No sanitizer and no assertion has spoken, be it in a child that nobody missed."""
        assert not re.search(r"Sanitizer|runtime error:|Assertion .* failed|stack smashing|"
                             r"buffer overflow detected", self.text()), self.text()

    def wait_for_text(self, words, timeout=30):
        """Until it wrote these words (a regular expression)."""
        wait_for(lambda: re.search(words, self.text(), re.IGNORECASE), timeout,
                 what=lambda: f"{words!r} in the output:\n{self.tail()}")

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def check_runs(self):
        assert self.is_running(), f"ended with {self.process.returncode}:\n{self.tail()}"

    def signal(self, number):
        self.process.send_signal(number)

    def terminate(self, timeout=20):
        """SIGTERM as an init would send it; returns the exit status."""
        self.process.terminate()
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there {timeout} s after SIGTERM:\n{self.tail()}") from None
        self.kill()
        return status

    def kill_alone(self):
        """SIGKILL to the one process; those it started have to notice by themselves."""
        group = self.process.pid
        self.process.kill()
        self.process.wait()
        self._file.close()
        self.process = None
        return group

    def kill(self):
        """SIGKILL to the whole group, as a crash of the machine would look from inside."""
        if self.process is None:
            return
        end_group(self.process)
        self._file.close()
        self.process = None


CONFIG = """\
identity {{ ehlo = "client.test" domain = "here.example" }}
{smarthost}
aliases_file = "{folder}/aliases"
submit {{ {submit} }}
queue {{ dir = "{spool}" {queue} }}
log {{ to = "stderr" }}
{extra}
"""
SHORT_RETRY = 'retry = { "200ms" }'


class Service(Daemon):
    """`mailchute serve` with files of its own, and everything that talks to it."""

    def __init__(self, programs, folder, url=None, smarthost="", submit="", queue=SHORT_RETRY,
                 extra="", variables=None, spool=None):
        super().__init__(folder, "service")
        self.programs = programs
        self.socket = self.folder / "submit.sock"
        self.spool = Path(spool or self.folder / "spool")
        self.config = self.folder / "mailchute.conf"
        self.variables = dict(variables or {})
        self.configure(url, smarthost, submit, queue, extra)

    def configure(self, url=None, smarthost="", submit="", queue=SHORT_RETRY, extra=""):
        block = f'smarthost "test" {{ url = "{url}" {smarthost} }}' if url else ""
        self.config.write_text(CONFIG.format(smarthost=block, folder=self.folder, submit=submit,
                                             spool=self.spool, queue=queue, extra=extra))
        self.config.chmod(0o644)

    def environment(self):
        return environment(config=self.config, socket=self.socket, spool=self.spool,
                           **self.variables)

    def start(self):
        self.spawn([self.programs.mailchute, "serve"], self.environment())
        wait_for(self.answers, 30, what=lambda: f"the service to listen:\n{self.tail()}")
        return self

    def answers(self):
        self.check_runs()
        return is_answering(self.socket)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    # what users do

    def sendmail(self, *arguments, input=b"", program=None, variables=None, **options):
        """Runs sendmail against this service, knowing no more than its socket."""
        options.setdefault("env", environment(socket=self.socket, **(variables or {})))
        return run([program or self.programs.sendmail, *arguments], input, **options)

    def admin(self, *arguments):
        return run([self.programs.mailchute, *arguments], env=self.environment())

    def queue(self, *arguments):
        """What `mailchute queue` prints."""
        result = self.admin("queue", *arguments)
        assert result.status == 0, result
        return result.stdout.decode(errors="replace")

    def count(self):
        return int(self.queue("--count"))

    def wait_for_queue(self, words, timeout=30):
        """Until `mailchute queue` shows these words (a regular expression)."""
        wait_for(lambda: re.search(words, self.queue(), re.IGNORECASE), timeout,
                 what=lambda: f"{words!r} in the queue:\n{self.queue()}\nlog:\n{self.tail()}")
        return self.queue()

    wait_for_log = Daemon.wait_for_text

    def wait_until_empty(self, timeout=30):
        wait_for(lambda: self.count() == 0, timeout,
                 what=lambda: f"an empty queue:\n{self.queue()}\nlog:\n{self.tail()}")


class Sink(Daemon):
    """`mailchute sink`: what it caught stands in a Maildir."""

    def __init__(self, programs, folder, *options):
        super().__init__(folder, "sink")
        self.programs = programs
        self.options = options
        self.maildir = self.folder / "caught"
        self.port = 0
        self._holder = None

    def start(self):
        begin = len(self.text())
        self.spawn([self.programs.mailchute, "sink", "--listen", f"127.0.0.1:{self.port}",
                    "--maildir", self.maildir, *self.options], environment())

        def first_line():
            self.check_runs()
            return re.search(r"^listening on (.*):(\d+)$", self.text()[begin:], re.MULTILINE)

        self.port = int(wait_for(first_line, what="'listening on HOST:PORT'").group(2))
        return self

    def kill(self):
        super().kill()
        # While it is gone, nobody else has its port, which may be another's network's.
        with contextlib.suppress(OSError):
            self._holder = hold_port(self.port)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    def messages(self):
        """Whole messages, LF or CRLF as the sink keeps them, oldest first."""
        new = self.maildir / "new"
        files = list(new.iterdir()) if new.exists() else []
        files.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [path.read_bytes() for path in files]

    def wait_for_messages(self, count, timeout=30):
        wait_for(lambda: len(self.messages()) >= count, timeout,
                 what=lambda: f"{count} messages in the sink, {len(self.messages())} are there")
        return self.messages()


def split(message):
    """(header, body) of a message, line ends made LF."""
    text = message.replace(b"\r\n", b"\n")
    header, _, body = text.partition(b"\n\n")
    return header + b"\n", body


def fields(message, name):
    """The values of all fields of this name, unfolded."""
    header = re.sub(rb"\n[ \t]+", b" ", split(message)[0])
    found = re.findall(rb"^" + name.encode() + rb"[ \t]*:[ \t]*(.*)$", header,
                       re.IGNORECASE | re.MULTILINE)
    return [value.decode(errors="replace") for value in found]


def make_folder():
    """A folder with a short name (unix sockets) that other users may enter."""
    folder = Path(tempfile.mkdtemp(prefix="chute-"))
    folder.chmod(0o755)
    return folder


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)
