# SPDX-License-Identifier: MIT

"""Python: the ways that its documentation, its cookbooks and old scripts send mail."""

import pytest

MESSAGE = """\
import email.message, email.policy, os, socket, subprocess, sys, tempfile
from email.mime.text import MIMEText
message = email.message.EmailMessage({policy})
message["From"] = "App <app@there.example>"
message["To"] = "Bob <b@far.example>"
message["Cc"] = "c@far.example"
message["Bcc"] = "d@far.example"
message["Subject"] = "from Python"
message.set_content(open("/tmp/body").read(), cte="{encoding}")
octets = message.as_bytes()
"""

WAYS = {
    "run": "subprocess.run(['sendmail', '-t', '-oi'], input=octets, check=True)",
    "communicate": "p = subprocess.Popen(['/usr/sbin/sendmail', '-t', '-i'],"
                   "stdin=subprocess.PIPE); p.communicate(octets); sys.exit(p.returncode)",
    "outputs are read": "p = subprocess.Popen(['/usr/sbin/sendmail', '-t', '-oi', '-oem'],"
                        "stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE);"
                        "assert p.communicate(octets) == (b'', b''); sys.exit(p.returncode)",
    "popen": "p = os.popen('/usr/sbin/sendmail -t -i', 'w'); p.write(octets.decode());"
             "sys.exit(1 if p.close() else 0)",
    "file": "f = tempfile.TemporaryFile(); f.write(octets); f.seek(0);"
            "subprocess.run(['sendmail', '-t', '-i'], stdin=f, check=True)",
    "socket": "a, b = socket.socketpair(); p = subprocess.Popen(['sendmail', '-t', '-i'], stdin=b);"
              "b.close(); a.sendall(octets); a.close(); sys.exit(p.wait())",
    "octet by octet": "p = subprocess.Popen(['sendmail', '-t', '-i'], stdin=subprocess.PIPE,"
                      "bufsize=0); [p.stdin.write(bytes([o])) for o in octets]; p.stdin.close();"
                      "sys.exit(p.wait())",
    "recipients as arguments": "subprocess.run(['sendmail', '-i', '-f', 'app@there.example', '--',"
                               "'b@far.example', 'c@far.example', 'd@far.example'],"
                               "input=octets, check=True)",
    "an inherited pipe stays open": "r, w = os.pipe(); os.set_inheritable(w, True);"
                                    "subprocess.run(['sendmail', '-t', '-i'], input=octets,"
                                    "check=True, close_fds=False); os.close(w);"
                                    "assert os.read(r, 1) == b''",
}
POLICIES = {"default": "", "SMTP": "policy=email.policy.SMTP"}


@pytest.fixture
def python(callers, body):
    callers.write("/tmp/body", body)

    def run(script, policy="", encoding="8bit"):
        callers.write("/tmp/script.py",
                      MESSAGE.format(policy=policy, encoding=encoding) + script + "\n")
        return callers.run(["python3", "/tmp/script.py"], as_user="alice")

    return run


def check_delivered(message, body, sender):
    assert message.sender == sender
    assert sorted(message.recipients) == ["b@far.example", "c@far.example", "d@far.example"]
    assert message.fields("Bcc") == []
    assert message.field("From") == "App <app@there.example>"
    assert message.field("Subject") == "from Python"
    assert message.field("Date") and message.field("Message-ID")
    assert message.text() == body + "\n"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("way", WAYS)
def test_python(callers, python, body, way, policy):
    result = python(WAYS[way], POLICIES[policy])
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    sender = "app@there.example" if "-f" in WAYS[way] else "alice@here.example"
    check_delivered(callers.message(), body, sender)


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
def test_encoded(callers, python, body, encoding):
    result = python(WAYS["run"], encoding=encoding)
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    check_delivered(callers.message(), body, "alice@here.example")


def test_mime_text_from_the_manual(callers, python, token):
    result = python(f"""
message = MIMEText("Here is the body of my message {token}\\n.\\n")
message["From"] = "me@there.example"
message["To"] = "b@far.example"
message["Subject"] = "This is the subject."
process = subprocess.Popen(["/usr/sbin/sendmail", "-t", "-oi"], stdin=subprocess.PIPE,
                           universal_newlines=True)
process.communicate(message.as_string())
sys.exit(process.returncode)
""")
    assert (result.status, result.stdout, result.stderr) == (0, b"", ""), result
    message = callers.message()
    assert message.body == f"Here is the body of my message {token}\n.\n".encode()
    assert message.recipients == ["b@far.example"]


@pytest.mark.parametrize("way", ["run", "communicate", "popen", "file", "socket"])
def test_python_learns_of_a_refusal(callers, python, way):
    callers.stop_service()
    result = python(WAYS[way])
    assert result.status != 0 and "no service answers" in result.stderr, result
