# SPDX-License-Identifier: MIT

"""What a caller's command line and environment cannot change."""

import pytest

from support.mailchute import environment, fields, run, split
from support.own_mounts import command, why_not
from support.wait import free_port, wait_for

MESSAGE = b"To: b@far.example\nSubject: s\n\ntext\n"


def tree(folder):
    return sorted(path for path in folder.rglob("*"))


HOSTILE = [
    ["-X{0}/x", "-C{0}/evil.conf", "-OQueueDirectory={0}", "-oQ{0}", "-oA{0}/aliases"],
    ["-X", "{0}/x", "-C", "{0}/evil.conf", "-O", "QueueDirectory={0}"],
    ["-O", "QueueDirectory={0}", "-OLogLevel=99", "-OMailerDaemon={0}/x", "-odq"],
    ["-C{0}/evil.conf", "-be", "-bt"][:1],
    ["-oMr{0}", "-oD{0}/x", "-oH{0}/x", "-oS{0}/x", "-D{0}/x", "-L{0}/x"][:5],
]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_options_that_name_files_do_nothing(service, sink, folder, make_peer, words):
    """users.md 6, line 13: from a web form that passes on what it was given."""
    evil = folder / "evil"
    evil.mkdir(mode=0o777)
    peer = make_peer()
    (evil / "evil.conf").write_text(f'smarthost "x" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n')
    before = tree(evil)
    result = service.sendmail("-t", "-i", "-f", "a@there.example",
                              *[word.format(evil) for word in words], input=MESSAGE, cwd=evil)
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    message = sink.wait_for_messages(1)[0]
    assert fields(message, "Delivered-To") == ["b@far.example"]
    assert split(message)[1] == b"text\n"
    assert tree(evil) == before and peer.sessions == []


def test_they_do_nothing_on_the_way_without_a_service_either(programs, sink, folder, make_peer):
    evil = folder / "evil"
    evil.mkdir(mode=0o777)
    peer = make_peer()
    (evil / "evil.conf").write_text(f'smarthost "x" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n')
    before = tree(evil)
    result = run([programs.sendmail, "-t", "-i", f"-X{evil}/x", f"-C{evil}/evil.conf",
                  f"-OQueueDirectory={evil}", f"-oQ{evil}"], MESSAGE, cwd=evil,
                 env=environment(socket=folder / "none.sock", mode="direct", url=sink.url))
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    assert len(sink.wait_for_messages(1)) == 1
    assert tree(evil) == before and peer.sessions == []


@pytest.mark.parametrize("name", ("url", "root", "domain", "from", "spool", "mode"))
def test_an_empty_variable_is_none(programs, sink, folder, name):
    """Compose files set empty ones all the time."""
    variables = {"socket": folder / "none.sock", "mode": "direct", "domain": "here.example",
                 "url": sink.url, **{name: ""}}
    config = folder / "mailchute.conf"
    config.write_text(f'smarthost "x" {{ url = "{sink.url}" }}\nsubmit {{ mode = "direct" }}\n'
                      'identity { domain = "here.example" }\n')
    result = run([programs.sendmail, "-t", "-i"], MESSAGE,
                 env=environment(config=config, **variables))
    assert (result.status, result.stderr) == (0, ""), result
    assert len(sink.wait_for_messages(1)) == 1


def test_no_name_of_a_wish_to_capture_lets_mail_leave(make_service, make_peer, folder):
    """Nor where it cannot be granted: then nothing is sent, and the caller knows."""
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    config = folder / "own.conf"
    config.write_text(f'smarthost "x" {{ url = "smtp://127.0.0.1:{peer.port}" }}\n')
    for name, value in (("capture", "relative"), ("capture", "/proc/nowhere"),
                        ("capture_file", "/nonexistent"), ("capture_file", folder / "own.conf")):
        result = service.sendmail("-t", "-i", input=MESSAGE,
                                  variables={name: value, "mode": "direct", "config": config})
        assert result.status in (73, 78) and result.stderr.count("\n") == 1, (name, result)
    assert peer.sessions == [] and service.count() == 0
    (folder / "where").write_text(f"{folder / 'm'}\n")
    assert service.sendmail("-t", "-i", input=MESSAGE, variables={
        "capture_file": folder / "where", "config": config}).status == 0
    assert len(list((folder / "m/new").iterdir())) == 1 and peer.sessions == []


def test_who_clears_the_environment_clears_no_address(programs, folder):
    """An unset HOME, USER and PATH change nothing."""
    port = free_port()
    config = folder / "mailchute.conf"
    config.write_text(f'smarthost "x" {{ url = "smtp://127.0.0.1:{port}" }}\n')
    result = run([programs.sendmail, "-t", "-i"], MESSAGE,
                 env={"MAILCHUTE_CONFIG": str(config), "MAILCHUTE_MODE": "direct",
                      "MAILCHUTE_SOCKET": str(folder / "none.sock")})
    assert result.status == 69 and f"127.0.0.1:{port}" in result.stderr, result


@pytest.mark.parametrize("mode", ("direct", "spool"))
def test_the_bundle_of_a_container_is_the_one_that_counts(programs, folder, make_peer, authority,
                                                          mode):
    """SSL_CERT_FILE is what all other programs in there go by."""
    peer = make_peer(certificate=authority.certificate())

    def send(**variables):
        return run([programs.sendmail, "-i", "-odi", "b@far.example"], MESSAGE,
                   env=environment(socket=folder / "none.sock", mode=mode, spool=folder / "spool",
                                   url=f"smtp+tls://localhost:{peer.port}", idle="100ms",
                                   **{"from": "a@here.example"}, **variables))

    (folder / "spool").mkdir(mode=0o700)
    result = send(SSL_CERT_FILE=authority.ca)
    assert (result.status, result.stderr) == (0, ""), result
    wait_for(lambda: len(peer.messages) == 1)
    if mode == "direct":
        assert "MC-TLS-02" in send().stderr
        assert f"CA certificates: cannot read {folder}/none.pem" in send(
            SSL_CERT_FILE=folder / "none.pem").stderr


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "")
@pytest.mark.parametrize("host, domain, want", [
    ("3f2a91c0d4e5", "shop.example", "ops@far.example"),
    ("web1.shop.example", "shop.example", "ops@far.example"),
    # Customers have addresses of that name: they are not this machine's names.
    ("shop.example", "Shop.Example", None),
    ("shop.example", "", None),
])
def test_root_has_all_names_of_this_host_but_not_those_of_a_domain(programs, host, domain, want):
    variables = {"url": "smtps://smtp.example.com", "root": "ops@far.example", "domain": domain}
    done = run(command("unshare", "--uts", "sh", "-c", 'hostname "$1" && shift && exec "$@"', "sh",
                       host, programs.mailchute, "explain", "root", f"info@{host}"),
               env=environment(**variables))
    text = done.stdout.decode()
    assert "ops@far.example... deliverable" in text, done
    assert (f"info@{host}... aliased to ops@far.example" in text) == (want is not None), text
