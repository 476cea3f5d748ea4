# SPDX-License-Identifier: MIT

"""Thousands that wait: whose turn it is, what a start does and does not, what comes meanwhile."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.mailchute import environment, run
from support.spool import plant, untried
from support.wait import wait_for

MESSAGE = b"Subject: one of many\n\ntext\n"
MANY = 2000
NOBODY = 65534


def make_template(service, retry, *options, **more):
    """The queue file of a message that was tried once, and is due again after retry."""
    service.configure("smtp://127.0.0.1:1", queue=f'retry = {{ "{retry}" }}')
    service.start()
    assert service.sendmail(*options, "b@far.example", input=MESSAGE, **more).status == 0
    service.wait_for_queue(r"\d attempts, next")
    service.terminate()
    (path,) = (service.spool / "queue").iterdir()
    content = path.read_bytes()
    path.unlink()
    return content


def wait_for_senders(sink, count, timeout=30):
    """A line comes after its file."""
    wait_for(lambda: len(senders(sink)) >= count, timeout, what=lambda: f"{count} lines")
    return senders(sink)


def senders(sink):
    return re.findall(r"^message .* from=<(.*?)>", sink.text(), re.MULTILINE)


def send_to(service, url, queue='retry = { "1h" }'):
    service.configure(url, queue=queue)
    return service.start()


def test_what_waits_for_its_time_is_not_sent_at_the_start(make_service, sink):
    service = make_service()
    plant(service.spool / "queue", make_template(service, "1h", "-f", "old@here.example"), MANY)
    send_to(service, sink.url)
    # Every one of them has the loop go round, and so look at some hundreds of files.
    for count in range(1, 11):
        service.sendmail("-f", "new@here.example", "b@far.example", input=MESSAGE)
        sink.wait_for_messages(count)
    wait_for(lambda: service.count() == MANY, what=f"{MANY} to wait")
    assert wait_for_senders(sink, 10) == ["new@here.example"] * 10


def test_a_flush_right_after_the_start_reaches_all(make_service, sink):
    service = make_service()
    plant(service.spool / "queue", make_template(service, "1h"), MANY)
    send_to(service, sink.url)
    assert service.admin("queue", "flush").status == 0
    sink.wait_for_messages(MANY, timeout=120)
    service.wait_until_empty()


def test_what_has_not_been_tried_goes_in_the_order_in_which_it_came(make_service, sink):
    service = make_service()
    plain = make_template(service, "1h", "-f", "n00@here.example")
    service.configure("smtp://127.0.0.1:1", queue='retry = { "1h" }')
    service.start()
    for number in range(1, 20):
        service.sendmail("-f", f"n{number:02}@here.example", "b@far.example", input=MESSAGE)
        wait_for(lambda: service.count() == number, what=f"{number} to wait")
    service.terminate()
    for path in (service.spool / "queue").iterdir():
        path.write_bytes(untried(path.read_bytes()))
    plant(service.spool / "queue", untried(plain), 1, begin=1763870000000)
    service.configure(sink.url, 'connections = 1', queue='retry = { "1h" }')
    service.start()
    sink.wait_for_messages(20)
    assert wait_for_senders(sink, 20) == [f"n{number:02}@here.example" for number in range(20)]


def test_mail_that_comes_during_the_scan_is_sent_once_like_all_others(make_service, sink):
    service = make_service()
    content = make_template(service, "1h", "-f", "old@here.example")
    plant(service.spool / "queue", untried(content), MANY)
    send_to(service, sink.url)

    def submit(number):
        return service.sendmail("-f", f"n{number}@here.example", "b@far.example",
                                input=MESSAGE).status

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(submit, range(20))) == {0}
    service.wait_until_empty(120)
    assert sorted(senders(sink)) == sorted([f"n{i}@here.example" for i in range(20)] +
                                           ["old@here.example"] * MANY)


def test_among_many_that_are_due_neither_the_new_nor_the_oldest_waits_for_the_rest(
        make_service, make_peer):
    service = make_service()
    # Due before all others.
    oldest = make_template(service, "200ms", "-f", "oldest@here.example")
    content = make_template(service, "200ms")
    plant(service.spool / "queue", oldest, 1, begin=1763870000000)
    plant(service.spool / "queue", content, MANY)
    peer = make_peer(hold="content")
    send_to(service, f"smtp://127.0.0.1:{peer.port}")
    # Nothing moves while it comes; what the connections have taken is ahead of it.
    wait_for(lambda: peer.reached_hold, what="a connection")
    assert service.sendmail("-f", "new@here.example", "b@far.example", input=MESSAGE).status == 0
    peer.release()
    wait_for(lambda: len(peer.messages) == MANY + 2, 120,
             what=lambda: f"{MANY + 2} messages, {len(peer.messages)} are there")
    order = [re.search(rb"<(\w+)@", sender).group(1) for sender, _, _ in peer.messages]
    assert order.index(b"new") < MANY // 2 and order.index(b"oldest") < MANY // 2, (
        order.index(b"new"), order.index(b"oldest"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_new_mail_of_one_user_does_not_wait_for_that_of_another(make_service, sink):
    service = make_service()
    many = make_template(service, "1h", "-f", "many@here.example")
    service.programs.sendmail.chmod(0o755)
    service.configure("smtp://127.0.0.1:1", queue='retry = { "1h" }')
    service.start()
    done = run([service.programs.sendmail, "-f", "one@here.example", "b@far.example"], MESSAGE,
               env=environment(socket=service.socket), user=NOBODY)
    assert done.status == 0, done
    service.wait_for_queue(r"\d attempts, next")
    service.terminate()
    (path,) = (service.spool / "queue").iterdir()
    one = path.read_bytes()
    path.unlink()
    # The last that a start finds is the oldest, and its place would be behind all others.
    plant(service.spool / "queue", untried(one), 1, begin=1763870000000)
    plant(service.spool / "queue", untried(many), MANY)
    send_to(service, sink.url)
    service.wait_until_empty(120)
    assert len(senders(sink)) == MANY + 1
    assert senders(sink).index("one@here.example") < MANY // 2
