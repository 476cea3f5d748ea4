# SPDX-License-Identifier: MIT

"""Options as programs give them: none loses the mail, none names a file, a program or a setting."""

import os
import re

import pytest

from support.mailchute import environment, needs_program, run
from support.wait import wait_for

pytestmark = needs_program("sendmail", "mailchute")


@pytest.fixture
def service(make_service, make_peer):
    peer = make_peer()
    made = make_service(url=f"smtp://127.0.0.1:{peer.port}", submit='wait = "disk"').start()
    made.peer = peer
    return made


# {fifo}: who opens it waits for ever; {new}: would be made.
ACCEPTED = """
-i | -oi | -oitrue | -oiTrue | -O IgnoreDots=true | -OIgnoreDots | -t -i | -ti | -it | -tiv
-F Name | -FName | -F -t | -bm | -ba | -bnq | -odb | -odi | -odf | -odq | -odd | -od | -odx
-oem | -oee | -oep | -oeq | -oew | -em | -ee | -ep | -eq | -ew | -e m | -e x
-om | -m | -n | -v | -ov | -c | -s | -x | -G | -U | -T | -T3d | -E | -J | -mnUG
-o7 | -o8 | -oo | -oP{new} | -oX | -oX25 | -oX 25 | -oT3d | -oT 3d | -oB 10 | -or5m | -or 5m | -os | -os 1h
-oA{fifo} | -oQ{new} | -oS{new} | -oC{fifo} | -oMrUUCP -oMshost | -oMr UUCP -oMs host | -oMa 192.0.2.1
-O Name=Value | -OQueueDirectory={new} | -O AliasFile={fifo} | -OLogFile={new} | -O DaemonPortOptions=x
-O ErrorMode=q | -ODeliveryMode=i | -ODeliveryMode=d | -O Timeout.queuereturn=1d | -O requiretls=yes
-N never | -Nsuccess,failure | -N x | -R full | -Rhdrs | -R x | -V id | -Vid
-B 7BIT | -B8BITMIME | -Bx | -h 5 | -h5 | -L tag | -Ltag | -Ac | -Am | -A c | -M rSMTP | -MrSMTP
-p SMTP | -pUUCP:host | -p x:y | -C {fifo} | -C{fifo} | -D {new} | -D{new} | -DMACRO=x
-d | -d0.1 | -d0-99.100 | -dd | -X {new} | -X{new} | -XV | --read-envelope-from | -bm -i -oem
"""


@pytest.mark.parametrize("line", ACCEPTED.strip().splitlines())
def test_none_loses_the_mail(service, folder, line):
    fifo, new, cwd = folder / "fifo", folder / "new", folder / "cwd"
    os.mkfifo(fifo)
    cwd.mkdir()
    sent = []
    for number, words in enumerate(line.split(" | ")):
        words = [word.format(fifo=fifo, new=new) for word in words.split(" ")]
        for behind in (False, True):
            recipient = f"r{len(sent)}@far.example"
            call = [recipient, *words] if behind else [*words, "--", recipient]
            text = f"Subject: {number}\n\n{words}\n"
            if any("t" in word and word.startswith(("-t", "-it")) for word in words):
                text = "To: also@far.example\n" + text
            result = service.sendmail("-f", "a@there.example", *call, input=text.encode(),
                                      cwd=cwd, timeout=20)
            assert (result.status, result.stdout) == (0, b""), (call, result)
            if not re.search("^-[a-z]*v$", " ".join(words)):
                assert result.stderr == "", (call, result)
            sent.append(recipient)
    # Beside them those of -t, and a report that -N success asked for.
    others = ("also@far.example", "a@there.example")

    def came():
        return sorted(to for message in service.peer.messages for to in message[1]
                      if to not in others)

    wait_for(lambda: len(came()) >= len(sent), what=lambda: f"{sent}; came: {came()}")
    assert came() == sorted(sent)
    assert not new.exists() and os.listdir(cwd) == []


@pytest.mark.parametrize("words", [
    # What web forms have put into PHP's fifth parameter (CVE-2016-10033 and its like).
    ["-fattacker", "-oQ{new}", "-X{new}", "b@far.example"],
    ["-f", "attacker -oQ{new}/ -X{new}", "b@far.example"],
    ["-fa@there.example", "-C{fifo}", "-D{new}", "-be", "${{run{{/bin/touch {new}}}}}"],
    ["-OQueueDirectory={new}", "-X{new}", "-bP", "b@far.example"],
    ["-t", "-i", "-fa@there.example", "-oA{fifo}", "b@far.example"],
])
def test_what_strangers_put_in(service, folder, words):
    fifo, new = folder / "fifo", folder / "new"
    os.mkfifo(fifo)
    words = [word.format(fifo=fifo, new=new) for word in words]
    result = service.sendmail(*words, input=b"Subject: <?php phpinfo(); ?>\n\ntext\n", timeout=20)
    assert result.status in (0, 64, 65), result
    assert not new.exists()
    service.wait_until_empty()
    assert len(service.peer.messages) == (result.status == 0)


@pytest.mark.parametrize("words", [
    ["-K"], ["-w"], ["-H"], ["-a", "account"], ["-P"], ["-Z"], ["-S"], ["-z", "line"], ["-3"],
    ["-bt"], ["-bh"], ["-bH"], ["-bP"], ["-bC"], ["-bS"], ["-bx"], ["-Q"], ["-Qreason"],
    ["-q"], ["-q15m"], ["-bd"], ["-bD"], ["-bi"], ["-I"], ["--to"], ["--json"], ["-tls-on-connect"],
])
def test_what_is_no_option_sends_nothing(service, words):
    for call in ([*words, "b@far.example"], ["b@far.example", *words]):
        result = service.sendmail("-f", "a@there.example", *call, input=b"\ntext\n")
        assert (result.status, result.stdout) == (64, b""), result
        assert result.stderr.count("\n") == 1 and words[0][:2] in result.stderr
    assert service.count() == 0 and service.peer.messages == []


def test_help_and_version_read_nothing(programs):
    for option in ("--help", "--version", "-bV"):
        result = run([programs.sendmail, option], env=environment())
        assert (result.status, result.stderr) == (0, "") and result.stdout
    assert len(run([programs.sendmail, "--help"]).stdout.splitlines()) < 25
