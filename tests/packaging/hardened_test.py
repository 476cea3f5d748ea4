# SPDX-License-Identifier: MIT

"""Mail from within hardened units: what their sandbox takes away is not needed to hand in mail."""

import pytest

# As systemd does it for NoNewPrivileges=, ProtectSystem=strict, PrivateTmp=, PrivateDevices=,
# PrivateNetwork= (which RestrictAddressFamilies=AF_UNIX comes to), and a DynamicUser=.
UNIT = """\
set -e
mount --make-rprivate / 2>/dev/null || true
mount -t tmpfs tmpfs /tmp
mount -o remount,bind,ro /
mount -o remount,bind,ro /run
exec unshare --net setpriv --reuid={uid} --regid={uid} {groups} --no-new-privs --bounding-set=-all \\
    --inh-caps=-all --ambient-caps=-all -- "$@"
"""
NAMED = ("33", "--init-groups")
NAMELESS = ("61184", "--clear-groups")


@pytest.fixture(scope="module")
def _machine(make_module_machine, packages):
    machine = make_module_machine()
    machine.install_both(packages)
    machine.configure()
    return machine.boot()


@pytest.fixture
def machine(_machine):
    _machine.empty()
    return _machine


def in_unit(machine, words, identity, input=b""):
    uid, groups = identity
    return machine.run(["unshare", "--mount", "sh", "-c", UNIT.format(uid=uid, groups=groups),
                        "unit", *words], input=input)


@pytest.mark.parametrize("identity", [NAMED, NAMELESS], ids=["www-data", "a dynamic user"])
def test_sendmail(machine, identity, token):
    result = in_unit(machine, ["sendmail", "-t"], identity,
                     f"To: root\nSubject: from a unit\n\n{token}\n".encode())
    assert (result.status, result.stderr) == (0, ""), result
    message = machine.message()
    assert message.recipients == ["ops@far.example"]
    assert message.body == f"{token}\n".encode()
    assert f"(uid {identity[0]})".encode() in message.header


@pytest.mark.parametrize("identity", [NAMED, NAMELESS], ids=["www-data", "a dynamic user"])
def test_php(machine, identity, token):
    result = in_unit(machine, ["php", "-r", f"exit(mail('root', 's', '{token}') ? 0 : 1);"],
                     identity)
    assert (result.status, result.stderr) == (0, ""), result
    assert machine.message().body == f"{token}\n".encode()


def test_the_place_is_as_bare_as_it_says(machine):
    """Else the others would prove nothing."""
    result = in_unit(machine, ["sh", "-c", "touch /var/x /run/x /etc/x /tmp/x; "
                               "grep -E '^(Cap(Eff|Bnd)|NoNewPrivs)' /proc/self/status; "
                               "grep -c : /proc/self/net/dev"], NAMELESS)
    assert result.stderr.count("Read-only file system") == 3, result
    assert result.stdout.split() == [b"CapEff:", b"0" * 16, b"CapBnd:", b"0" * 16, b"NoNewPrivs:",
                                     b"1", b"1"], result
