# SPDX-License-Identifier: MIT

"""Ruby's mail gem 2.7: sendmail's stdout is a pipe that is soon closed, no exit status is read."""

import pytest

SCRIPT = """\
require 'mail'
Mail.defaults { delivery_method :sendmail%s }
Mail.new do
  from 'App <app@there.example>'
  to 'Bob <b@far.example>'
  cc 'c@far.example'
  bcc 'd@far.example'
  %s
  subject 'from Ruby'
  charset = 'UTF-8'
  body File.read('/tmp/body')
end.tap { |mail| mail.charset = 'UTF-8' }.deliver!
"""


@pytest.fixture
def ruby(callers, body):
    callers.write("/tmp/body", body)

    def run(options="", more=""):
        callers.write("/tmp/script.rb", SCRIPT % (options, more))
        return callers.run(["ruby", "/tmp/script.rb"], as_user="alice")

    return run


def check_silent(result):
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result


# What Rails had until version 6 is the second.
@pytest.mark.parametrize("options", ["", ", arguments: '-i -t'", ", location: '/usr/lib/sendmail'"])
def test_mail(callers, ruby, body, options):
    check_silent(ruby(options))
    message = callers.message()
    assert message.sender == "app@there.example"
    assert sorted(message.recipients) == ["b@far.example", "c@far.example", "d@far.example"]
    assert message.fields("Bcc") == []
    assert message.field("From") == "App <app@there.example>"
    assert message.field("Subject") == "from Ruby"
    assert message.field("Date") and message.field("Message-ID")
    assert message.text().rstrip("\n") == body


@pytest.mark.parametrize("sender", [
    "bounce@there.example", "-bounce@there.example", "bounce+b=far.example@there.example",
    "-bounce+x=y@there.example",
])
def test_mail_with_a_sender(callers, ruby, sender):
    """The gem puts a backslash before each =, inside double quotes, where no shell removes it."""
    check_silent(ruby(more=f"smtp_envelope_from '{sender}'"))
    assert callers.message().sender == sender


def test_mail_learns_of_nothing(callers, ruby):
    """The line goes to wherever the program's output goes; deliver! succeeds all the same."""
    callers.stop_service()
    result = ruby()
    assert result.status == 0 and b"no service answers" in result.stdout, result
    callers.start_service()
    callers.no_message()
