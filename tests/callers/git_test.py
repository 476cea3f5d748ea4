# SPDX-License-Identifier: MIT

"""git: send-email, and the hook that tells a list of what was pushed; Mercurial's patchbomb."""

import pytest

SETUP = """\
set -e
cd /home/alice
export GIT_AUTHOR_NAME='Alice Gr\u00fcn' GIT_AUTHOR_EMAIL=alice@here.example
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
git init -q -b main work
cd work
for change in 1 2 3; do
    printf 'change %s {token}\\n.\\n..\\nFrom here\\ngr\u00fcn\\n' $change >>file
    git add file
    git commit -q -m "change $change of the gr\u00fcn" -m "From the start.
.
So it is."
done
"""
SEND = """\
cd /home/alice/work
git format-patch -q --root --encode-email-headers -o /home/alice/patches
git send-email --quiet --confirm=never --suppress-cc=all --8bit-encoding=UTF-8 \\
    --from='Alice <alice@here.example>' --to=list@far.example {options} /home/alice/patches \\
    2>/home/alice/errors
"""
HOOK = """\
cd /home/alice
git init -q --bare box.git
echo 'a box of things' >box.git/description
git -C box.git config hooks.mailinglist 'list@far.example, root'
git -C box.git config hooks.envelopesender hook@there.example
cp /usr/share/git-core/contrib/hooks/post-receive-email box.git/hooks/post-receive
chmod +x box.git/hooks/post-receive
git -C work push -q ../box.git main 2>errors
"""


@pytest.fixture
def work(callers, token):
    """A repository of alice with three commits; home is empty again at the end."""
    callers.run_ok(SETUP.format(token=token), "alice")
    yield "/home/alice"
    callers.run_ok("find /home/alice -mindepth 1 -delete")


def send(callers, options):
    return callers.run(SEND.format(options=options), "alice")


@pytest.mark.parametrize("options, sender", [
    ("--smtp-server=/usr/sbin/sendmail", "alice@here.example"),
    ("--envelope-sender=bounce@there.example", "bounce@there.example"),
    ("--sendmail-cmd='/usr/sbin/sendmail -i -t'", "alice@here.example"),
    ("--sendmail-cmd='sendmail -oi -f bounce@there.example'", "bounce@there.example"),
])
def test_send_email(callers, work, token, options, sender):
    """It finds sendmail by itself, too; recipients are arguments, with -t in the header also."""
    result = send(callers, f"--cc='Cee <c@far.example>' --bcc=d@far.example {options}")
    assert result.status == 0, (result, callers.read("/home/alice/errors"))
    messages = sorted(callers.messages(3), key=lambda message: message.field("Subject"))
    for number, message in enumerate(messages, 1):
        assert message.sender == sender
        assert sorted(message.recipients) == ["c@far.example", "d@far.example", "list@far.example"]
        assert message.fields("Bcc") == []
        assert message.field("From") == "Alice <alice@here.example>"
        assert message.field("Cc") == "Cee <c@far.example>"
        assert message.parsed()["Subject"] == f"[PATCH {number}/3] change {number} of the gr\u00fcn"
        text = message.text()
        assert f"+change {number} {token}\n+.\n+..\n+From here\n+gr\u00fcn\n-- \n" in text
        assert "\nFrom the start.\n.\nSo it is.\n---\n" in text
    assert messages[1].field("References") == messages[0].field("Message-Id")


def test_send_email_learns_of_a_refusal(callers, work):
    """It stops at the first."""
    callers.stop_service()
    result = send(callers, "")
    errors = callers.read("/home/alice/errors").decode()
    assert result.status != 0 and errors.count("no service answers") == 1, errors
    callers.start_service()
    callers.no_message()


def test_a_patch_from_the_list_can_be_applied(callers, work):
    """What came out of the relay is the commit that went in."""
    assert send(callers, "").status == 0
    for number, message in enumerate(sorted(callers.messages(3),
                                            key=lambda message: message.field("Subject")), 1):
        callers.write(f"{work}/in/{number}", message.content, owner="alice")
    callers.run_ok("git init -q -b main other && cd other && git -c user.name=Bob"
                   " -c user.email=b@far.example am -q ../in/1 ../in/2 ../in/3", "alice", cwd=work)
    assert callers.read(f"{work}/other/file") == callers.read(f"{work}/work/file")


def test_hook(callers, work):
    """The post-receive-email of git's contrib: -t and -f, without -i."""
    result = callers.run(HOOK, "alice")
    assert result.status == 0, (result, callers.read("/home/alice/errors"))
    message = callers.message()
    assert message.sender == "hook@there.example"
    assert message.recipients == ["list@far.example", "root@here.example"]
    assert message.field("To") == "list@far.example, root@here.example"
    assert message.field("From").endswith("hook@there.example")
    assert message.field("Subject").startswith("[SCM] a box of things branch main created. ")
    assert message.field("Date") and message.field("Message-ID")
    text = message.text()
    assert text.startswith("This is an automated email from the git hooks/post-receive script.")
    assert "    change 1 of the gr\u00fcn\n    \n    From the start.\n    .\n" in text
    assert text.endswith("\nhooks/post-receive\n-- \na box of things\n")


def test_hook_while_the_service_is_gone(callers, work):
    """The push stands all the same; who pushed reads why nobody was told."""
    callers.stop_service()
    result = callers.run(HOOK, "alice")
    assert result.status == 0, result
    assert b"no service answers" in callers.read("/home/alice/errors")
    callers.start_service()
    callers.no_message()


# Mercurial

HGRC = """\
[ui]
username = Alice <alice@here.example>
[extensions]
patchbomb =
[email]
method = /usr/sbin/sendmail{options}
from = Alice <alice@here.example>
"""
HG = """\
cd /home/alice
hg init --quiet box
cd box
printf '{token}\n.\nthe end' >file
hg add --quiet file
hg commit --message 'a change'
hg email --quiet --to list@far.example --cc c@far.example --bcc d@far.example --rev 0 >../output
"""


@pytest.fixture
def hg(callers, token):
    def email(options=""):
        callers.write("/home/alice/.hgrc", HGRC.format(options=options))
        # It is a large program in Python, of which each start would compile everything.
        return callers.run(HG.format(token=token), "alice",
                           env={"PYTHONPYCACHEPREFIX": "/tmp/compiled"})

    yield email
    callers.run_ok("find /home/alice -mindepth 1 -delete")


@pytest.mark.parametrize("options", ["", " -i"])
def test_patchbomb(callers, hg, token, options):
    """It passes -f and no -i; a text without a newline at its end."""
    result = hg(options)
    assert result.status == 0, result
    message = callers.message()
    assert message.sender == "alice@here.example"
    assert sorted(message.recipients) == ["c@far.example", "d@far.example", "list@far.example"]
    assert message.fields("Bcc") == []
    assert "<alice@here.example>" in message.field("From")
    assert message.field("Subject") == "[PATCH] a change"
    assert message.body.startswith(b"# HG changeset patch\n")
    assert f"\n+{token}\n+.\n+the end\n".encode() in message.body


def test_patchbomb_learns_of_a_refusal(callers, hg):
    callers.stop_service()
    result = hg()
    assert result.status == 255 and "abort: sendmail exited with status 78" in result.stderr, result
    callers.start_service()
    callers.no_message()
