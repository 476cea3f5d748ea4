# SPDX-License-Identifier: MIT

"""What becomes of 8-bit octets and long lines in front of a server that cannot take them."""

import email
import random
import re

import pytest

from support.mailchute import needs_program
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")

WITHOUT = [["PIPELINING", "CHUNKING", "SIZE 50000000"], ["PIPELINING", "SIZE 50000000"],
           ["CHUNKING", "SIZE 50000000"], []]
IDS = ["pipelining-chunking", "pipelining", "chunking", "none"]
TOP = b"From: a@there.example\nTo: b@far.example\nSubject: %s\n"
TREE = (TOP % b"tree") + b"""\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"
Content-Transfer-Encoding: 8bit

preamble
--outer
Content-Type: multipart/alternative; boundary=outer-2

--outer-2
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Gr\xc3\xbc\xc3\x9fe, and a blank at the end 
-- 
.
From here on
--outer-2
Content-Type: text/html; charset=iso-8859-1

<p>Gr\xfc\xdfe = </p>
--outer-2--

--outer
Content-Type: application/octet-stream; name=x
Content-Transfer-Encoding: binary

\x00\x01\x02\xff\xfe\xfd\x80\x81\x82
--outer
Content-Type: text/plain
Content-Transfer-Encoding: base64

d29yZHM=
--outer--
epilogue
"""


def start(make_service, make_peer, extensions, queue='retry = { "1h" }'):
    peer = make_peer(extensions=extensions)
    return peer, make_service(url=f"smtp://127.0.0.1:{peer.port}", submit='wait = "disk"',
                              queue=queue).start()


def submit(service, message):
    result = service.sendmail("-i", "-f", "a@there.example", "b@far.example", input=message)
    assert (result.status, result.stderr) == (0, ""), result


def relay(service, peer, message):
    """The MAIL command and the content that the peer got for it."""
    submit(service, message)
    wait_for(lambda: peer.messages, what=service.tail)
    service.wait_until_empty()
    (command, _, content), = peer.messages
    return command, content


def to_wire(message):
    return message.replace(b"\n", b"\r\n")


def leaves(message):
    """Type and decoded octets of each part, as Python's email package sees them."""
    return [(part.get_content_type(),
             None if part.is_multipart() else part.get_payload(decode=True))
            for part in email.message_from_bytes(message).walk()]


def body_of(content):
    return content.split(b"\r\n\r\n", 1)[1]


def is_7bit(octets):
    return all(octet < 128 for octet in octets)


@pytest.mark.parametrize("extensions", WITHOUT, ids=IDS)
def test_8_bit_parts_are_encoded(make_service, make_peer, extensions):
    peer, service = start(make_service, make_peer, extensions)
    command, content = relay(service, peer, TREE)
    assert leaves(content) == leaves(to_wire(TREE))
    assert is_7bit(content) and b"\0" not in content
    assert b"BODY=" not in command
    if "SIZE 50000000" in extensions:
        assert int(re.search(rb"SIZE=(\d+)", command)[1]) == len(content)
    # Nothing else was touched, and nothing claims to be 8bit any more.
    assert b"\r\nd29yZHM=\r\n--outer--\r\nepilogue\r\n" in content
    assert b"\r\npreamble\r\n--outer\r\n" in content
    assert not re.search(rb"Encoding: (8bit|binary)", content)
    assert b"Content-Transfer-Encoding: 7bit" in content


@pytest.mark.parametrize("extensions", [one + ["8BITMIME"] for one in WITHOUT], ids=IDS)
def test_nothing_changes_where_8bitmime_is_offered(make_service, make_peer, extensions):
    peer, service = start(make_service, make_peer, extensions)
    command, content = relay(service, peer, TREE)
    assert body_of(content) == body_of(to_wire(TREE))
    assert b" BODY=8BITMIME" in command


@pytest.mark.parametrize("extensions", WITHOUT, ids=IDS)
def test_7_bits_pass_octet_for_octet(make_service, make_peer, extensions):
    message = TOP % b"plain" + b"\n= \n.\n..\n-- \n\t\nFrom x\n" + b"x" * 998 + b"\n\n\n"
    peer, service = start(make_service, make_peer, extensions)
    _, content = relay(service, peer, message)
    assert body_of(content) == body_of(to_wire(message))
    assert b"MIME-Version" not in content


@pytest.mark.parametrize("text, charset", [
    ("some words, gr\u00fc\u00dfe\n".encode(), "utf-8"),
    (b"some words, gr\xfc\xdfe\n", "unknown-8bit")])
def test_text_that_does_not_say_what_it_is(make_service, make_peer, text, charset):
    peer, service = start(make_service, make_peer, WITHOUT[0])
    _, content = relay(service, peer, TOP % b"cron" + b"\n" + text)
    message = email.message_from_bytes(content)
    assert message.get_content_charset() == charset
    assert message["MIME-Version"] == "1.0"
    assert message["Content-Transfer-Encoding"] == "quoted-printable"
    assert message.get_payload(decode=True) == to_wire(text)


def test_what_is_signed_stays_as_it_is(make_service, make_peer):
    message = TOP % b"signed" + (
        b"MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b\n\n"
        b"--b\nContent-Type: text/plain; charset=utf-8\n\ngr\xc3\xbc\xc3\x9fe\n"
        b"--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n")
    peer, service = start(make_service, make_peer, WITHOUT[0])
    command, content = relay(service, peer, message)
    assert body_of(content) == body_of(to_wire(message))
    assert b"BODY=" not in command


@pytest.mark.parametrize("extensions", [one + ["8BITMIME"] for one in WITHOUT] + WITHOUT[:1],
                         ids=IDS + ["no-8bitmime"])
def test_long_lines_are_encoded_for_every_server(make_service, make_peer, extensions):
    message = TOP % b"long" + (
        b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: text/html\n\n" + b"<p>x" * 250 + b"\n" + b"y" * 100000 + b"\n"
        b"--b\n\nshort\n--b--\n")
    peer, service = start(make_service, make_peer, extensions)
    _, content = relay(service, peer, message)
    assert leaves(content) == leaves(to_wire(message))
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.endswith(b"--b\r\n\r\nshort\r\n--b--\r\n")


def test_a_large_part(make_service, make_peer):
    octets = random.Random(1).randbytes(6 << 20).replace(b"\r", b"").replace(b"\n", b"")
    message = TOP % b"large" + (
        b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: application/octet-stream\n\n" + octets + b"\n--b--\n")
    peer, service = start(make_service, make_peer, WITHOUT[0])
    _, content = relay(service, peer, message)
    assert leaves(content) == leaves(to_wire(message))
    assert len(content) < len(message) * 1.4
    # One chunk, although its size is not that of the file.
    assert sum(line.startswith(b"BDAT") for line in peer.sessions[0].commands) == 1


# Generated messages

PIECES = [b"\n", b"\n\n", b" \n", b"\t", b"=", b"-", b"--", b"word ", b".\n", b"\n.\n",
          b"\n--b1x\n", b"=20", b"=\n", b"From ", b"\xc3\xa4", b"\xe4", b"\xff", b"\0", b"\x7f",
          "\u20ac".encode(), b"x" * 700]
TYPES = [b"", b"Content-Type: text/plain; charset=utf-8\n",
         b"Content-Type: TEXT/HTML (a page)\nContent-Transfer-Encoding: 8BIT\n",
         b"Content-Type: application/x; name=\"a;b\"\nContent-Transfer-Encoding: binary\n",
         b"Content-Transfer-Encoding: 7bit\n"]


def make_entity(choice, numbers, depth):
    if depth == 0 or choice.random() < 0.3:
        return (choice.choice(TYPES) + b"\n" +
                b"".join(choice.choices(PIECES, k=choice.randrange(80))))
    number = next(numbers)
    name = b"b%d" % number
    entity = (b"Content-Type: multipart/" + choice.choice([b"mixed", b"related", b"Signed"]) +
              choice.choice([b"; boundary=%s\n\n", b";\n\tcharset=x; Boundary=\"%s\"\n\n"]) % name)
    for _ in range(choice.randrange(1, 4)):
        entity += b"\n--%s\n" % name + make_entity(choice, numbers, depth - 1)
    return entity + b"\n--%s--\n" % name


def test_generated_messages(make_service, make_peer):
    peer, service = start(make_service, make_peer, WITHOUT[0])
    made = {}
    for seed in range(150):
        choice = random.Random(seed)
        made[seed] = TOP % str(seed).encode() + make_entity(choice, iter(range(10, 1000)), 3)
        made[seed] += b"" if made[seed].endswith(b"\n") else b"\n"
        submit(service, made[seed])
    wait_for(lambda: len(peer.messages) == len(made), 120, service.tail)
    changed = 0
    for _, _, content in peer.messages:
        original = to_wire(made[int(email.message_from_bytes(content)["Subject"])])
        assert leaves(content) == leaves(original)
        changed += body_of(content) != body_of(original)
        if b"Signed" not in original:
            assert is_7bit(content)
            assert max(map(len, content.split(b"\r\n"))) <= 998
    assert changed > 75


def test_international_domains_for_a_server_without_smtputf8(make_service, make_peer):
    peer = make_peer()
    service = make_service(url=f"smtp://127.0.0.1:{peer.port}").start()
    result = service.sendmail("-f", "a@b\u00fccher.example", "b@b\u00fccher.example",
                              "\u00fc@far.example", input=b"Subject: idn\n\ntext\n")
    assert (result.status, result.stderr) == (0, ""), result
    # Whose local part cannot be written fails alone, and says why.
    service.wait_for_log(r"<\u00fc@far.example>, .*dsn=5.6.7, status=bounced .*SMTPUTF8")
    service.wait_until_empty()
    command, recipients, _ = peer.messages[0]
    assert command.startswith(b"MAIL FROM:<a@xn--bcher-kva.example>")
    assert recipients == ["b@xn--bcher-kva.example"]
