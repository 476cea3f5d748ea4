# SPDX-License-Identifier: MIT

"""PHP: mail() and mb_send_mail() on the command line, and the libraries most programs send with."""

import pytest

PHPMAILER = """\
require '/usr/share/php/libphp-phpmailer/autoload.php';
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->%s();
$mail->CharSet = 'UTF-8';
$mail->setFrom('web@there.example', 'Web Gr\u00fc\u00dfe');
$mail->addAddress('b@far.example', 'Bob');
$mail->addCC('c@far.example');
$mail->addBCC('d@far.example');
$mail->Subject = 'from PHPMailer';
$mail->Body = file_get_contents('/tmp/body');
try { $mail->send(); } catch (Exception $fault) { echo $fault->getMessage(); exit(3); }
"""

SYMFONY = """\
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
use Symfony\\Component\\Mailer\\{Mailer, Transport};
use Symfony\\Component\\Mime\\Email;
function email($subject) {
    return (new Email())->from('Web <web@there.example>')->to('Bob <b@far.example>')
        ->cc('c@far.example')->bcc('d@far.example')->subject($subject)
        ->text(file_get_contents('/tmp/body'));
}
try {
    $mailer = new Mailer(Transport::fromDsn('%s'));
    foreach (range(1, %d) as $number) $mailer->send(email("message $number"));
} catch (Exception $fault) { echo $fault->getMessage(); exit(3); }
"""

PEAR = """\
error_reporting(E_ALL & ~E_DEPRECATED);
require 'Mail.php';
$sent = Mail::factory('sendmail')->send('b@far.example, c@far.example',
    ['From' => 'Web <web@there.example>', 'To' => 'b@far.example', 'Subject' => 'from PEAR'],
    file_get_contents('/tmp/body'));
if ($sent !== true) { echo $sent->getMessage(); exit(3); }
"""


@pytest.fixture
def php(callers, body):
    """Runs a script as the web server's user; /tmp/body holds the body."""
    callers.write("/tmp/body", body)

    def run(script, *options):
        callers.write("/tmp/script.php", "<?php\n" + script)
        return callers.run(["php", *options, "/tmp/script.php"], as_user="www-data")

    return run


def check_silent(result):
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


def check_from_web(message, body):
    """To three, from web@there.example, complete, and the body is the one given."""
    assert message.sender == "web@there.example"
    assert sorted(message.recipients) == ["b@far.example", "c@far.example", "d@far.example"]
    assert message.fields("Bcc") == []
    assert message.field("From").endswith("<web@there.example>")
    assert "b@far.example" in message.field("To")
    assert "c@far.example" in message.field("Cc")
    assert message.field("Date") and message.field("Message-ID")
    assert message.text().rstrip("\n") == body


# mail()

def test_mail(callers, php, body):
    check_silent(php("exit(mail('Bob <b@far.example>', 'from php', file_get_contents('/tmp/body'),"
                     "[ 'From' => 'Web <web@there.example>', 'Cc' => 'c@far.example',"
                     "'BCC' => 'd@far.example' ], '-fweb@there.example') ? 0 : 1);"))
    message = callers.message()
    check_from_web(message, body)
    # PHP itself adds a line end.
    assert message.body == body.encode() + b"\n"
    assert message.field("Subject") == "from php"
    assert message.field("From") == "Web <web@there.example>"


def test_mail_without_anything(callers, php, token):
    check_silent(php(f"exit(mail('b@far.example, root', '', '{token}') ? 0 : 1);"))
    message = callers.message()
    assert message.sender == "www-data@here.example"
    assert sorted(message.recipients) == ["b@far.example", "root@here.example"]
    assert message.field("From") == "www-data <www-data@here.example>"
    assert message.field("Date") and message.field("Message-ID")
    assert message.body == f"{token}\n".encode()


@pytest.mark.parametrize("ends", ["\\r\\n", "\\n", "\\r\\n\\t"])
def test_mail_with_headers_as_text(callers, php, token, ends):
    check_silent(php(f'exit(mail("b@far.example", "s", "{token}\\r\\n.\\nend",'
                     f'"X-One: 1{ends}X-Two: 2") ? 0 : 1);'))
    message = callers.message()
    assert message.body == f"{token}\n.\nend\n".encode()
    assert message.field("X-One").startswith("1")
    assert len(message.fields("X-Two")) == (0 if "\\t" in ends else 1)


@pytest.mark.parametrize("ends", ["lf", "crlf"])
def test_mail_with_other_line_ends(callers, php, token, ends):
    """mail.mixed_lf_and_crlf, which PHP has for those that cannot read its own lines."""
    check_silent(php(f'exit(mail("b@far.example", "s", "{token}\\n\\nend", "X-One: 1") ? 0 : 1);',
                     "-d", f"mail.mixed_lf_and_crlf={'On' if ends == 'lf' else 'Off'}"))
    message = callers.message()
    assert message.body == f"{token}\n\nend\n".encode()
    assert message.field("X-One") == "1"


def test_mb_send_mail(callers, php, token):
    check_silent(php("mb_language('ja'); mb_internal_encoding('UTF-8');"
                     f"exit(mb_send_mail('b@far.example', '\u65e5\u672c', '{token} \u65e5\u672c',"
                     "'From: web@there.example') ? 0 : 1);"))
    message = callers.message()
    assert message.field("Subject").startswith("=?ISO-2022-JP?B?")
    assert message.body.decode("iso-2022-jp") == f"{token} \u65e5\u672c\n"


@pytest.mark.parametrize("parameters", ["-fbounce@there.example", "-f bounce@there.example",
                                        "-i -oi -fbounce@there.example -t",
                                        "-rbounce@there.example -oem -odb"])
def test_mail_with_a_sender(callers, php, token, parameters):
    check_silent(php(f"exit(mail('b@far.example', 's', '{token}', '', '{parameters}') ? 0 : 1);"))
    assert callers.message().sender == "bounce@there.example"


def test_mail_with_forced_parameters(callers, php, token):
    check_silent(php(f"exit(mail('b@far.example', 's', '{token}') ? 0 : 1);", "-d",
                     "mail.force_extra_parameters=-fforced@there.example"))
    assert callers.message().sender == "forced@there.example"


@pytest.mark.parametrize("parameters", [
    "-X/tmp/injected.log", "-C/tmp/injected", "-OQueueDirectory=/tmp/injected",
    "-X/tmp/injected.php -C/tmp/injected -OQueueDirectory=/tmp -oQ/tmp/injected"])
def test_injected_parameters_name_no_file(callers, php, token, parameters):
    callers.write("/tmp/injected", "smarthost \"x\" { url = \"smtp://127.0.0.1:1\" }\n")
    check_silent(php(f"exit(mail('b@far.example', 's', '{token}', '',"
                     f"'-fa@there.example {parameters}') ? 0 : 1);"))
    assert callers.message().recipients == ["b@far.example"]
    assert sorted(path.name for path in callers.path("/tmp").glob("injected*")) == ["injected"]


def test_mail_learns_of_a_refusal(callers, php):
    callers.stop_service()
    result = php("exit(mail('b@far.example', 's', 'x') ? 0 : 3);")
    assert result.status == 3
    assert "no service answers" in result.stderr, result


def test_mail_learns_of_a_bad_recipient(callers, php):
    result = php("exit(mail('a@b@c', 's', 'x') ? 0 : 3);")
    assert result.status == 3 and "a@b@c" in result.stderr, result
    callers.no_message()


# PHPMailer

@pytest.mark.parametrize("way", ["isMail", "isSendmail"])
def test_phpmailer(callers, php, body, way):
    check_silent(php(PHPMAILER % way))
    message = callers.message()
    check_from_web(message, body)
    assert message.field("Subject") == "from PHPMailer"


@pytest.mark.parametrize("way, words", [("isMail", b"Could not instantiate mail function."),
                                        ("isSendmail", b"Could not execute: /usr/sbin/sendmail")])
def test_phpmailer_learns_of_a_refusal(callers, php, way, words):
    callers.stop_service()
    result = php(PHPMAILER % way)
    assert result.status == 3 and words in result.stdout, result
    assert "no service answers" in result.stderr, result


# Symfony Mailer

SENDMAIL_T = "sendmail://default?command=" + "/usr/sbin/sendmail%20-t%20-i"


@pytest.mark.parametrize("dsn", [
    pytest.param("sendmail://default", id="-bs"),
    pytest.param("sendmail://default?command=/usr/sbin/sendmail%%20-bs%%20-i", id="-bs -i"),
    pytest.param("sendmail://default?command=/usr/sbin/sendmail%%20-t%%20-i", id="-t -i"),
    pytest.param("sendmail://default?command=/usr/sbin/sendmail%%20-oi%%20-t", id="-oi -t"),
    pytest.param("native://default", id="native"),
])
@pytest.mark.parametrize("count", [1, 3])
def test_symfony(callers, php, body, dsn, count):
    # As an application's php.ini has it; only native:// reads it.
    check_silent(php(SYMFONY.replace("%s", dsn.replace("%%", "%")).replace("%d", str(count)), "-d",
                     "sendmail_path=/usr/sbin/sendmail -t -i"))
    messages = callers.messages(count)
    assert sorted(one.field("Subject") for one in messages) == \
        [f"message {number + 1}" for number in range(count)]
    for message in messages:
        check_from_web(message, body)


def test_symfony_without_i_doubles_dots(callers, php, body):
    """It relies on sendmail 8, which undoes that; Postfix, Exim and we keep every dot (DESIGN 6)."""
    dsn = "sendmail://default?command=/usr/sbin/sendmail%20-t"
    check_silent(php(SYMFONY.replace("%s", dsn).replace("%d", "1")))
    message = callers.message()
    assert message.text().rstrip("\n") == body.replace("\n.", "\n..")


@pytest.mark.parametrize("dsn, words", [
    pytest.param("sendmail://default", b"no service answers", id="-bs"),
    pytest.param(SENDMAIL_T, b"no service answers", id="-t -i"),
])
def test_symfony_learns_of_a_refusal(callers, php, dsn, words):
    callers.stop_service()
    result = php(SYMFONY.replace("%s", dsn).replace("%d", "1"))
    assert result.status == 3 and words in result.stdout, result


# PEAR

def test_pear(callers, php, body):
    check_silent(php(PEAR))
    message = callers.message()
    assert message.sender == "web@there.example"
    assert sorted(message.recipients) == ["b@far.example", "c@far.example"]
    assert message.field("From") == "Web <web@there.example>"
    assert message.body == body.encode() + b"\n"


def test_pear_learns_of_a_refusal(callers, php):
    callers.stop_service()
    result = php(PEAR)
    assert result.status == 3 and b"sendmail returned error code 78" in result.stdout, result
