# SPDX-License-Identifier: MIT

"""The images and examples of packaging/docker, run without an engine: see support/container.py.

What is tested is what stands in those files: Dockerfiles, compose*.yaml and kubernetes.yaml.
"""

import os
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

yaml = pytest.importorskip("yaml")

from support import callers_root, fastcgi  # noqa: E402
from support.container import (DOCKER, Host, Network, Provider, apply_dockerfile,  # noqa: E402
                               compose_spec, kubernetes_spec, make_image)
from support.mailchute import TOP, VERSION, fields, make_folder, remove_folder  # noqa: E402
from support.own_mounts import why_not  # noqa: E402
from support.wait import wait_for  # noqa: E402

REASON = why_not() or callers_root.why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "")

USER, PASSWORD = "shop@example.com", "the password"
MAIL = b"To: b@far.example\nSubject: contained\n\ntext\n"
ALMOST_ANYTHING = 1000650000
# As the image has it, but that workers say what went wrong.
POOL = """\
[global]
error_log = /proc/self/fd/2
daemonize = no
[www]
listen = 127.0.0.1:9000
pm = static
pm.max_children = 2
clear_env = no
catch_workers_output = yes
"""
SCRIPT = """<?php
echo mail('b@far.example', 'from fpm', "text\\n") ? 'sent' : 'failed', ' ', posix_getuid(), ' ',
    ini_get('sendmail_path');
"""


def documents(name):
    return list(yaml.safe_load_all((DOCKER / name).read_text()))


COMPOSE = documents("compose.yaml")[0]
COMPOSE_SERVICE = documents("compose-service.yaml")[0]
KUBERNETES = {(each["kind"], each["metadata"]["name"]): each for each in documents("kubernetes.yaml")}
SECRET = KUBERNETES["Secret", "smtp"]


def pod(kind, name):
    spec = KUBERNETES[kind, name]["spec"]
    if kind == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]["spec"]


def of_pod(kind, name, container):
    return kubernetes_spec(pod(kind, name), container, SECRET)


SPECS = {
    "compose: web": compose_spec(COMPOSE, "web"),
    "compose-service: web": compose_spec(COMPOSE_SERVICE, "web"),
    "compose-service: mailchute": compose_spec(COMPOSE_SERVICE, "mailchute"),
    "shop: php": of_pod("Deployment", "shop", "php"),
    "shop-with-service: php": of_pod("Deployment", "shop-with-service", "php"),
    "shop-with-service: mailchute": of_pod("Deployment", "shop-with-service", "mailchute"),
    "report": of_pod("CronJob", "report", "report"),
}


class Images:
    """Layers, the upper one first, as an engine would have them of the Dockerfiles."""

    def __init__(self, folder):
        scratch = folder / "scratch"
        scratch.mkdir()
        self.out = folder / "out"
        self.entry, self.user = make_image(scratch, self.out)
        self.program = scratch / "usr/bin/mailchute"
        self.certificates = folder / "certificates"
        self.certificates.mkdir()
        self.scratch = [self.certificates, scratch]
        named = {"mailchute": scratch}
        base = folder / "base"
        for path, text in {"etc/php/8.2/fpm/php-fpm.conf": POOL, "var/www/mail.php": SCRIPT}.items():
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            (base / path).write_text(text)
        # An Alpine, as far as its sendmail goes.
        for name, target in {"bin/busybox": None, "usr/sbin/sendmail": "/usr/bin/busybox"}.items():
            path = folder / "busybox/usr" / name.removeprefix("usr/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target) if target else path.write_text("all of Alpine's tools")
        self.php = self._made("php.Dockerfile", named, folder / "php",
                              [base, callers_root.ROOT])
        self.alpine = self._made("alpine.Dockerfile", named, folder / "alpine",
                                 [folder / "busybox", base, callers_root.ROOT])

    def _made(self, name, named, layer, layers):
        layer.mkdir()
        apply_dockerfile(name, named, layers, layer)
        return [self.certificates, layer, *layers]

    def trust(self, certificate):
        path = self.certificates / "etc/ssl/certs/ca-certificates.crt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(certificate.read_bytes())


@pytest.fixture(scope="session")
def images():
    folder = make_folder()
    os.chmod(folder, 0o755)
    yield Images(folder)
    remove_folder(folder)


@pytest.fixture
def network():
    made = Network()
    yield made
    made.stop()


@pytest.fixture
def provider(images, network, folder):
    made = Provider(images.program, network, folder, USER, PASSWORD)
    images.trust(made.certificate)
    yield made
    made.kill()
    made.check_clean()


@pytest.fixture
def host(network, provider, folder):
    secrets = {"smtp_password": PASSWORD + "\n", **SECRET["stringData"]}
    made = Host(folder, network, secrets)
    yield made
    made.stop()


def start_fpm(host, layers, spec):
    fpm = host.start("fpm", layers, spec, "/usr/sbin/php-fpm8.2", "--fpm-config",
                     "/etc/php/8.2/fpm/php-fpm.conf")
    fpm.wait_for_text("ready to handle connections")
    return fpm


def ask_fpm(host):
    connection = wait_for(lambda: host.network.connect(9000), what="php-fpm")
    return fastcgi.request(connection, "/var/www/mail.php")


def start_service(host, images, spec):
    service = host.start("service", images.scratch, spec, *images.entry)
    service.wait_for_text("ready at /run/mailchute/submit.sock")
    return service


# what the examples claim

@pytest.mark.parametrize("name", SPECS)
def test_an_example_is_as_tight_as_it_says(name):
    spec = SPECS[name]
    assert spec.read_only and spec.no_new_privileges and spec.drop_all and spec.uid != 0


def test_secrets_and_users_are_the_same_everywhere():
    assert SECRET["stringData"] == {"user": USER, "password": PASSWORD}
    for spec in SPECS.values():
        assert spec.environment.get("MAILCHUTE_USER", USER) == USER
        for name, value in spec.environment.items():
            assert not name.endswith("_FILE") or value in spec.secrets, name


def test_every_variable_is_one_that_mailchute_knows():
    source = (TOP / "src/config/overrides.c").read_text()
    known = set(re.findall(r'"(MAILCHUTE_\w+)"', source))
    assert "MAILCHUTE_URL" in known and "MAILCHUTE_SECRET" not in known
    for path in DOCKER.iterdir():
        for name in re.findall(r"\bMAILCHUTE_[A-Z_]+\b", path.read_text()):
            assert name in known, f"{path.name}: {name}"


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.environment])
def test_doctor_knows_of_no_fault_in_there(host, images, name):
    result = host.run(images.scratch, SPECS[name], "/usr/bin/mailchute", "doctor", "--quick")
    text = result.stdout.decode()
    assert re.findall("(?m)^(?:YELLOW|RED).*\\n.*", text) == [] and result.status == 0, text


def test_the_image_holds_what_it_needs(images):
    root = images.scratch[1]
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())
    assert found == ["etc/ssl/certs/ca-certificates.crt", "usr/bin/mailchute", "usr/bin/mailq",
                     "usr/bin/newaliases", "usr/sbin/sendmail"]
    text = subprocess.run(["readelf", "-lW", images.program], capture_output=True, text=True,
                          check=True).stdout
    assert " INTERP " not in text
    assert images.entry == ["/usr/bin/mailchute", "serve", "--listen", "/run/mailchute/submit.sock"]
    # runAsNonRoot wants a number.
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", images.user)
    for name in ("run/mailchute", "var/spool"):
        assert (root / name).stat().st_mode & 0o7777 == 0o1777, name


def test_the_file_that_is_released(images):
    """packaging/single made it for the image."""
    (program,) = [path for path in images.out.iterdir() if path.suffix != ".sha256"]
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    assert program.name == f"mailchute-{VERSION}-linux-{machine}"
    subprocess.run(["sha256sum", "--check", "--quiet", f"{program.name}.sha256"], cwd=images.out,
                   check=True)
    assert subprocess.run([program, "--version"], capture_output=True, text=True).stdout == \
        f"mailchute {VERSION}\n"
    assert str(TOP).encode() not in program.read_bytes()
    assert 5 << 20 < program.stat().st_size < 9 << 20


if "MAILCHUTE_FULL" in os.environ:

    def test_another_folder_makes_the_same_octets(images, tmp_path):
        source = tmp_path / "elsewhere/source"
        for name in ("CMakeLists.txt", "CMakePresets.json", "src", "packaging", "tests/packages", "etc"):
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (TOP / name).is_dir() else shutil.copy2)(TOP / name, target)
        subprocess.run([source / "packaging/single", "--output", tmp_path / "out"], check=True,
                       stdout=subprocess.DEVNULL)
        first, second = (sorted(folder.iterdir()) for folder in (images.out, tmp_path / "out"))
        assert [path.name for path in first] == [path.name for path in second]
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_copying_over_a_link_to_busybox_spares_busybox(images):
    layer = images.alpine[1]
    assert not (layer / "usr/bin/busybox").exists() and not (layer / "bin/busybox").exists()
    assert os.readlink(layer / "usr/sbin/sendmail") == "/usr/bin/mailchute"


# mail

@pytest.mark.parametrize("image", ["php", "alpine"])
@pytest.mark.parametrize("name", ["compose: web", "shop: php"])
def test_php_mail_without_a_service(host, images, provider, image, name):
    spec = SPECS[name]
    assert spec.uid == ALMOST_ANYTHING and [path for _, path, _ in spec.volumes] == ["/tmp"]
    fpm = start_fpm(host, getattr(images, image), spec)
    response = ask_fpm(host)
    assert response.body == f"sent {spec.uid} /usr/sbin/sendmail -t -i", fpm.tail()
    (message,) = provider.wait_for_messages(1)
    assert fields(message, "From") == [USER]
    assert fields(message, "Subject") == ["from fpm"]
    assert message.endswith(b"\r\n\r\ntext\r\n\r\n"), message


def test_nothing_in_there_can_be_written(host, images):
    """Else the tests above prove nothing; /tmp is PHP's."""
    script = "for each in / /usr /tmp /run /var/spool /etc /home; do touch $each/x && echo $each; done; id -u"
    result = host.run(images.php, SPECS["compose: web"], "/bin/sh", "-c", script)
    assert result.stdout.decode().split() == ["/tmp", str(ALMOST_ANYTHING)], result
    status = host.run(images.php, SPECS["compose: web"], "/bin/cat", "/proc/self/status").stdout
    assert b"NoNewPrivs:\t1\n" in status and b"CapBnd:\t0000000000000000\n" in status


@pytest.mark.parametrize("example", ["compose-service", "shop-with-service"])
def test_php_mail_by_the_service_beside_it(host, images, provider, example):
    web = SPECS[f"{example}: {'web' if example == 'compose-service' else 'php'}"]
    spec = SPECS[f"{example}: mailchute"]
    assert web.uid != spec.uid and not web.environment and not web.secrets
    service = start_service(host, images, spec)
    start_fpm(host, images.php, web)
    assert ask_fpm(host).body.startswith("sent ")
    (message,) = provider.wait_for_messages(1)
    assert fields(message, "From") == [USER]
    assert service.stop() == 0


def test_mail_waits_in_the_volume_while_the_provider_is_away(host, images, provider):
    """And is sent by the next container that has this volume."""
    spec, web = SPECS["shop-with-service: mailchute"], SPECS["shop-with-service: php"]
    wrong = {**spec.environment, "MAILCHUTE_URL": "smtp+tls://smtp.example.com:588"}
    service = start_service(host, images, replace(spec, environment=wrong))
    result = host.run(images.php, web, "/usr/sbin/sendmail", "-t", "-i", input=MAIL)
    assert (result.status, result.stderr) == (0, ""), result
    assert service.stop() == 0 and provider.messages() == []
    start_service(host, images, spec)
    # As docker exec and kubectl exec do.
    result = host.run(images.scratch, spec, "/usr/bin/mailchute", "queue", "flush", "--wait", "60s")
    assert result.status == 0, result
    (message,) = provider.messages()
    assert fields(message, "Subject") == ["contained"]


def test_a_volume_in_the_wrong_place_is_told(host, images, provider):
    spec = SPECS["shop-with-service: mailchute"]
    volumes = [(name, path.replace("/var/spool", "/var/spool/mailchute"), read_only)
               for name, path, read_only in spec.volumes]
    result = host.run(images.scratch, replace(spec, volumes=volumes), *images.entry)
    assert result.status == 77 and "volume is mounted one folder higher" in result.stderr, result
    # Who sends alone is not held up by it.
    alone = replace(SPECS["compose: web"], volumes=[("queue", "/var/spool/mailchute", False)])
    result = host.run(images.php, alone, "/usr/sbin/sendmail", "-t", "-i", input=MAIL)
    assert (result.status, result.stderr) == (0, ""), result
    provider.wait_for_messages(1)


def test_a_job_ends_when_its_mail_has_arrived(host, images, provider):
    spec = SPECS["report"]
    result = host.run(images.php, spec, *spec.command)
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    # No wait: it is there.
    (message,) = provider.messages()
    assert fields(message, "Subject") == ["report"] and f"{spec.uid}".encode() in message


def test_a_job_is_told_that_nobody_is_there(host, images, provider):
    spec = SPECS["report"]
    result = host.run(images.php, spec, *spec.command,
                      MAILCHUTE_URL="smtp+tls://smtp.example.com:588")
    assert result.status == 69 and "smtp.example.com" in result.stderr, result


def test_a_job_with_a_queue_ends_when_all_is_sent(host, images, provider):
    """What sendmail took into the volume is flushed at the end."""
    spec = replace(SPECS["report"], volumes=[("queue", "/var/spool", False)])
    script = ("for each in 1 2 3; do echo \"Subject: $each\" | sendmail admin@example.com; done;"
              "mailchute queue flush --wait 60s")
    result = host.run(images.alpine, spec, "/bin/sh", "-c", script)
    assert result.status == 0 and result.stderr == "", result
    assert sorted(fields(each, "Subject")[0] for each in provider.messages()) == ["1", "2", "3"]


# in other people's images

@pytest.fixture(scope="session")
def bare(images, tmp_path_factory):
    """The program and nothing else."""
    layer = tmp_path_factory.mktemp("bare")
    (layer / "usr/bin").mkdir(parents=True)
    shutil.copy(images.program, layer / "usr/bin/mailchute")
    return layer


def with_bundle(folder, certificate, place):
    layer = folder / "bundle"
    path = layer / place.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(certificate)
    return layer


def send_alone(host, layers, **changes):
    return host.run(layers, SPECS["compose: web"], "/usr/bin/mailchute", "sendmail", "-t", "-i",
                    input=MAIL, **changes)


@pytest.mark.parametrize("place", [
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora 43
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem",  # Alpine
])
def test_the_bundle_of_each_distribution_is_found(host, provider, bare, folder, place):
    layer = with_bundle(folder, provider.certificate.read_bytes(), place)
    result = send_alone(host, [layer, bare])
    assert (result.status, result.stderr) == (0, ""), result
    provider.wait_for_messages(1)


def test_a_bundle_that_a_variable_names(host, provider, bare, images, folder):
    """It goes before that of the system, which knows of other servers."""
    other = (images.scratch[1] / "etc/ssl/certs/ca-certificates.crt").read_bytes()
    system = with_bundle(folder / "system", other, "/etc/ssl/certs/ca-certificates.crt")
    ours = with_bundle(folder / "ours", provider.certificate.read_bytes(), "/srv/our.pem")
    result = send_alone(host, [ours, system, bare])
    assert result.status != 0 and "certificate" in result.stderr, result
    assert provider.messages() == []
    result = send_alone(host, [ours, system, bare], SSL_CERT_FILE="/srv/our.pem")
    assert (result.status, result.stderr) == (0, ""), result
    provider.wait_for_messages(1)


def test_without_a_bundle_nothing_is_sent(host, provider, bare, folder):
    # An overlay has more than one layer.
    layer = with_bundle(folder, b"", "/etc/unrelated")
    result = send_alone(host, [layer, bare])
    assert result.status == 78 and "MC-TLS-03" in result.stderr and "/etc/ssl/cert.pem" in result.stderr
    assert provider.messages() == []


def test_no_module_of_the_image_is_loaded(host, images, provider, folder):
    """What nsswitch.conf names is made for the shared libc, and would end a static program."""
    layer = folder / "modules"
    (layer / "etc").mkdir(parents=True)
    (layer / "etc/nsswitch.conf").write_text("".join(
        f"{table}: files trap dns\n" for table in ("passwd", "group", "hosts", "services")))
    libraries = [path.parent.relative_to(callers_root.ROOT)
                 for path in callers_root.ROOT.glob("usr/lib/*-linux-gnu/libc.so.6")]
    assert libraries
    path = layer / libraries[0] / "libnss_trap.so.2"
    path.parent.mkdir(parents=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-nostdlib", "-x", "c", "-", "-o", path], check=True,
                   input=b"__attribute__((constructor)) static void end(void) { __builtin_trap(); }")
    spec = SPECS["compose: web"]
    result = host.run([layer, *images.php], spec, "/usr/bin/id", "-un")
    assert result.status < 0 or result.status > 128, f"the trap does not work: {result}"
    result = host.run([layer, *images.php], spec, "/usr/sbin/sendmail", "-t", "-i", input=MAIL)
    assert (result.status, result.stderr) == (0, ""), result
    provider.wait_for_messages(1)
