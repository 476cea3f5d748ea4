# SPDX-License-Identifier: MIT

"""Callers where no service runs, as in a container: sendmail brings what it needs."""

import pytest

from support.wait import free_port

SPOOL = "/var/spool/alone"
CONFIG = """\
identity {{ ehlo = "client.test" domain = "here.example" }}
smarthost "test" {{ url = "{url}" }}
submit {{ mode = "{mode}" }}
queue {{ dir = "{spool}" retry = {{ "200ms" }} }}
"""
MAIL = ["mail", "-s", "s", "-b", "c@far.example", "b@far.example"]
MUTT = ["mutt", "-n", "-F", "/dev/null", "-e", "set sendmail='/usr/sbin/sendmail -oem -oi'", "-e",
        "set copy=no", "-s", "s", "-b", "c@far.example", "b@far.example"]
PHP = ["php", "-r", """\
exit(mail('b@far.example', 's', stream_get_contents(STDIN), ['Bcc' => 'c@far.example']) ? 0 : 1);
"""]
SYMFONY = ["php", "-r", """\
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
$email = (new Symfony\\Component\\Mime\\Email())->from('me@there.example')->to('b@far.example')
    ->bcc('c@far.example')->subject('s')->text(stream_get_contents(STDIN));
$transport = Symfony\\Component\\Mailer\\Transport::fromDsn('sendmail://default');
foreach (range(1, 3) as $number) $transport->send($email);
"""]
NODE = ["node", "-e", """\
const transport = require('nodemailer').createTransport({ sendmail: true });
transport.sendMail({ from: 'me@there.example', to: 'b@far.example', bcc: 'c@far.example',
    subject: 's', text: require('fs').readFileSync(0) }, (fault) => process.exit(fault ? 1 : 0));
"""]
SH = "cat >/tmp/a; for i in 1 2 3 4 5; do sendmail -i b@far.example c@far.example </tmp/a; done"


@pytest.fixture(params=["on demand", "direct"])
def alone(callers, request):
    """Prepares the way for one user: with his own spool, or without."""
    def prepare(user, url=callers.sink.url):
        callers.stop_service()
        for folder in (SPOOL, f"{SPOOL}/queue"):
            callers.make_folder(folder, user, 0o700)
        mode = "auto" if request.param == "on demand" else "direct"
        callers.write("/etc/mailchute/mailchute.conf",
                      CONFIG.format(url=url, spool=SPOOL, mode=mode))
        return request.param

    yield prepare
    callers._end_strays()
    callers.run_ok(["rm", "-rf", SPOOL, "/tmp/a"])
    callers.configure()


@pytest.mark.parametrize("user, command, count", [
    pytest.param("alice", MAIL, 1, id="mail"),
    pytest.param("alice", MUTT, 1, id="mutt"),
    pytest.param("www-data", PHP, 1, id="mail()"),
    pytest.param("www-data", SYMFONY, 3, id="Symfony -bs"),
    pytest.param("nobody", NODE, 1, id="nodemailer"),
    pytest.param("root", SH, 5, id="sh"),
])
def test_alone(callers, alone, token, user, command, count):
    alone(user)
    callers.run_ok(command, user, f"{token}\n.\nend\n", cwd="/tmp", env={"LC_ALL": "C.UTF-8"})
    for message in callers.messages(count):
        assert sorted(message.recipients) == ["b@far.example", "c@far.example"]
        assert message.fields("Bcc") == []
        assert message.text().rstrip("\n") == f"{token}\n.\nend"


@pytest.mark.parametrize("user, command", [
    pytest.param("alice", MAIL, id="mail"),
    pytest.param("www-data", PHP, id="mail()"),
    pytest.param("www-data", SYMFONY, id="Symfony -bs"),
])
def test_alone_with_a_smarthost_that_is_down(callers, alone, token, user, command):
    """Where there is a spool it is queued, otherwise the caller learns of it."""
    way = alone(user, f"smtp://127.0.0.1:{free_port()}")
    result = callers.run(command, user, token)
    if way == "on demand":
        assert result.status == 0, result
        assert callers.count() == (3 if command is SYMFONY else 1)
    else:
        assert result.status != 0, result
        assert "onnection refused" in result.stderr + result.stdout.decode(), result
        assert callers.run(["find", SPOOL, "-type", "f"]).stdout == b""
