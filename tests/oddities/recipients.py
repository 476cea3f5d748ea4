# SPDX-License-Identifier: MIT

"""Oddities of the command line and of who gets it."""

import functools

from oddities import table
from oddities.draft import HERE

oddity = functools.partial(table.oddity, entrance="arguments")

NO_EFFECT = ("-oem", "-oee", "-oeq", "-oep", "-oew", "-em", "-odi", "-odb", "-odq", "-om", "-m",
             "-oo", "-B7BIT", "-B8BITMIME", "-n", "-U", "-G", "-bm", "-Ac", "-oi", "-i")
NO_EFFECT_PAIRS = (("-B", "8BITMIME"), ("-h", "3"), ("-L", "tag"), ("-p", "UUCP:host"),
                   ("-O", "Timeout.queuereturn=1d"), ("-OQueueDirectory=/tmp",))


@oddity("call", t=False)
def words_behind_two_hyphens(draft):
    for _ in range(2):
        address = draft.address()
        draft.add_word(address, [address], behind=True)


@oddity("call", owns=("to",), t=True, resent=False)
def several_fields_in_any_case(draft):
    for name in ("To", "tO", "CC", "cc", "To"):
        address = draft.address()
        draft.add_recipients(name, address, [address])


@oddity("one-letter clusters", owns=("cluster", "dots"), t=True)
def cluster(draft):
    draft.options.append(draft.chance.choice(("-ti", "-it", "-tin", "-mti")))


@oddity("values", owns=("sender",))
def sender_in_all_spellings(draft):
    other = ["-f", "other@there.example"]
    draft.options += draft.chance.choice((
        ["-f", draft.sender], ["-f" + draft.sender], ["-r", draft.sender], ["-r" + draft.sender],
        other + ["-f" + draft.sender], other + ["-r", draft.sender]))


@oddity("accepted, without effect on a null client", owns=("dots",))
def options_without_effect(draft):
    for _ in range(draft.chance.randrange(1, 4)):
        draft.options.append(draft.chance.choice(NO_EFFECT))
    draft.options += draft.chance.choice(NO_EFFECT_PAIRS)
    draft.options.append("-i")


@oddity("envelope sender", owns=("sender",))
def sender_with_a_name(draft):
    value = draft.chance.choice(("Name <%s>", "<%s>", "%s (a comment)", '"N, (a)" <%s>', " %s "))
    draft.options += ["-f", value % draft.sender]


@oddity("envelope sender", owns=("sender",))
def bare_sender(draft):
    name = f"s{draft.number}"
    draft.options += draft.chance.choice((["-f", name], ["-f" + name]))
    draft.sender = f"{name}@{HERE}"


@oddity("envelope sender", owns=("sender",))
def null_sender(draft):
    draft.options += draft.chance.choice((["-f", ""], ["-f", "<>"], ["-f<>"]))
    draft.sender = ""


@oddity("envelope sender", owns=("sender", "environment", "sender-field", "full-name"), self=True,
        header=True)
def sender_is_who_calls(draft):
    """Neither a field nor the environment changes it."""
    draft.environment.update(USER="mallory", LOGNAME="mallory", HOME="/nonexistent")
    draft.add("Sender: Mallory <mallory@there.example>")
    draft.sender = f"{draft.traits['login']}@{HERE}"
    draft.full_name = draft.traits["gecos"]


ONE_WORD = (
    ("{0}", 1), ("{0},{1}", 2), (" {0} , {1} ", 2), ("Name <{0}>", 1), ('"Q, Name" <{0}>', 1),
    ("{0} (comment (nested))", 1), ("\t{0}\t", 1), ("@x.example,@y.example:{0}", 1),
    ("<@x.example:{0}>", 1), ("(before) {0}", 1), ("all: {0}, {1};", 2), ("{0};{1}", 2),
    ("{0},", 1), ("Caf\u00e9 <{0}>", 1),
)


@oddity("recipients in arguments")
def words_of_all_forms(draft):
    form, count = draft.chance.choice(ONE_WORD)
    addresses = [draft.address() for _ in range(count)]
    draft.add_word(form.format(*addresses), addresses)


LOCAL_PARTS = ("{}%there.example", "{}+tag", "a.{}.b", "{}!#$%&'*+-/=?^_`{{|}}~", "UPPER{}",
               "=a={}", "'{}'")


@oddity("recipients in arguments")
def local_parts_of_all_atoms(draft):
    address = draft.chance.choice(LOCAL_PARTS).format(draft.name()) + "@far.example"
    draft.add_word(address, [address])


@oddity("recipients in arguments")
def domain_literals(draft):
    address = draft.address(draft.chance.choice(("[192.0.2.1]", "[IPv6:2001:db8::1]")))
    draft.add_word(address, [address])


@oddity("recipients in arguments")
def bare_words(draft):
    name = draft.name()
    draft.add_word(name, [f"{name}@{HERE}"])


@oddity("duplicates", t=False)
def the_same_twice(draft):
    name = draft.name()
    other = name.upper()
    draft.add_word(f"{name}@far.example", [f"{name}@far.example"])
    draft.add_word(f"{name}@FAR.example,{name}@far.EXAMPLE", [])
    draft.add_word(f"{other}@far.example", [f"{other}@far.example"])
    bare = draft.name()
    draft.add_word(f"{bare}@{HERE}", [f"{bare}@{HERE}"])
    draft.add_word(bare, [])


@oddity("duplicates", owns=("to",), t=True, resent=False)
def the_same_in_several_fields(draft):
    address = draft.address()
    draft.add_recipients("To", address, [address])
    draft.add_recipients("Cc", f"Again <{address}>", [])
    draft.add_recipients("Bcc", address.replace("far", "FAR"), [])


@oddity("/file, |prog, :include:")
def no_name_is_a_file(draft):
    name = draft.name()
    given, local = draft.chance.choice((
        ("/tmp/{}", "/tmp/{}"), ("|{}", "|{}"), ('"|/bin/{}"', "|/bin/{}"),
        ('":include:/tmp/{}"', '":include:/tmp/{}"'), ('"/tmp/{} x"', '"/tmp/{} x"')))
    draft.add_word(given.format(name), [f"{local.format(name)}@{HERE}"])


@oddity("number")
def three_hundred_recipients(draft):
    for _ in range(10):
        addresses = [draft.address() for _ in range(30)]
        draft.add_word(",".join(addresses), addresses)


@oddity("number", owns=("to", "fold"), is_heavy=True, t=True, resent=False)
def a_thousand_recipients(draft):
    addresses = [draft.address() for _ in range(1000)]
    draft.add_recipients("To", ", ".join(addresses), addresses)
    draft.is_folded = True


@oddity("header line over 998", owns=("to", "fold"), t=True, resent=False, header=True)
def commas_without_blanks(draft):
    addresses = [draft.address() for _ in range(80)]
    draft.add_recipients("To", ",".join(f'"a,b"<{one}>' for one in addresses), addresses)
    draft.is_folded = draft.is_parted = True


@oddity("malformed recipient")
def a_malformed_word(draft):
    word = draft.chance.choice(("bad@@far.example", "a b@far.example", "<a@far.example",
                                "@far.example", "a@far..example", '"open@far.example'))
    draft.add_word(word, [])
    draft.bad.append(word.strip("<"))
    address = draft.address()
    draft.add_word(address, [address])


@oddity("-t plus arguments", t=True)
def words_beside_t(draft):
    address = draft.address()
    draft.add_word(address, [address], behind=draft.chance.random() < 0.5)


@oddity("options after a recipient", owns=("sender", "dots"))
def options_behind_words(draft):
    address = draft.address()
    draft.add_word(address, [address])
    draft.words += ["-i", "-f", draft.sender]


@oddity("undisclosed-recipients:; in To with -t", owns=("to",), t=True, resent=False)
def an_empty_group(draft):
    draft.add(draft.chance.choice(("To: undisclosed-recipients:;", "To: undisclosed-recipients: ;",
                                   "To: Undisclosed recipients:;", "To: nobody:;, (here) ;")))
    address = draft.address()
    draft.add_recipients("Bcc", address, [address])


@oddity("a@x; b@y in To", owns=("to",), t=True, resent=False)
def semicolons_between(draft):
    addresses = [draft.address(), draft.address()]
    draft.add_recipients("To", "; ".join(addresses), addresses, shows=False)


@oddity("a@x b@y without comma", owns=("to",), t=True, resent=False)
def no_comma_between(draft):
    draft.add(f"To: one{draft.number}@far.example two{draft.number}@far.example")
    draft.bad.append(f"one{draft.number}@far.example two{draft.number}@far.example")
    address = draft.address()
    draft.add_recipients("Cc", address, [address], shows=False)


@oddity("malformed address among good ones, -t", owns=("to",), t=True, resent=False)
def junk_among_addresses(draft):
    junk = draft.chance.choice(("set escape", "bad@@far.example", "<x", "a@b@c", "x@-.example"))
    addresses = [draft.address(), draft.address()]
    draft.add_recipients("To", f"{addresses[0]}, {junk}, {addresses[1]}", addresses, shows=False)
    draft.bad.append(junk)


@oddity("empty word as recipient")
def an_empty_word(draft):
    draft.add_word(draft.chance.choice(("", "  ", "\t")), [])
    draft.bad.append("empty")
    address = draft.address()
    draft.add_word(address, [address])


@oddity("<> as recipient")
def the_null_address(draft):
    draft.add_word("<>", [])
    draft.bad.append("<>")
    address = draft.address()
    draft.add_word(address, [address])


@oddity("quoted local part")
def quotes_that_are_needed(draft):
    name = draft.name()
    given, kept = draft.chance.choice((
        ('"{}@b"', '"{}@b"'), ('"{} x"', '"{} x"'), ('"{},x"', '"{},x"'), ('"{}"', "{}"),
        ('"{}\\"x"', '"{}\\"x"'), ('"a"."{}"', "a.{}"), ('"{}>x"', '"{}>x"')))
    draft.add_word(given.format(name) + "@far.example", [kept.format(name) + "@far.example"])


@oddity("al..ice@, .alice@")
def dots_out_of_place(draft):
    local = draft.chance.choice((".{}", "{}.", "a..{}")).format(draft.name())
    draft.add_word(f"{local}@far.example", [f'"{local}"@far.example'])


@oddity("To, Cc, Reply-To", owns=("to",), t=True, resent=False, header=True)
def fields_full_of_traps(draft):
    one, two, three = draft.address(), draft.address(), draft.address()
    draft.add_recipients("To", f'"trap@far.example, x" <{one}>, (trap@far.example, "y") {two}',
                         [one, two], shows=False)
    draft.add_recipients("Cc", f"A: , ,; =?utf-8?q?a=2C?= <{three}>,\n\t,\n (,)", [three],
                         shows=False)


@oddity("raw UTF-8 header, smarthost without SMTPUTF8", owns=("to",), t=True, resent=False,
        header=True)
def names_beyond_ascii(draft):
    one, two = draft.address(), draft.address()
    draft.add_recipients("To", f"J\u00f6rg \u738b <{one}>, ".encode() +
                         b"\"J\xf6rg\" <%s> (\xe4)" % two.encode(), [one, two], shows=False)


@oddity("Apparently-To with -t", t=True, header=True)
def apparently_to(draft):
    draft.add("Apparently-To: nobody@far.example")


@oddity("-O IgnoreDots=true", owns=("dots", "dot-text"), dots="text", body=True)
def ignore_dots_by_name(draft):
    draft.options += draft.chance.choice((["-O", "IgnoreDots=true"], ["-OIgnoreDots=true"],
                                          ["-O", "ignoredots"]))
    draft.add_body("before", ".", "behind")


@oddity("-X file")
def no_log_is_written(draft):
    draft.options += draft.chance.choice((["-X", "/tmp/chute-oddities.log"],
                                          ["-X/tmp/chute-oddities.log"]))


@oddity("unknown -oX")
def an_unknown_short_option(draft):
    draft.options.append(draft.chance.choice(("-oZ", "-oQ/tmp", "-oX9", "-o8", "-ol")))


@oddity("DSN", owns=("report",), peer="bdat")
def a_report_is_wanted(draft):
    notify = draft.chance.choice(("never", "success,failure", "NEVER", "failure,delay"))
    draft.options += ["-N", notify, "-R", draft.chance.choice(("hdrs", "HDRS")), "-V", "id+1=x"]
    draft.parameters += [b"NOTIFY=" + notify.upper().encode(), b"RET=HDRS",
                         b"ENVID=id+2B1+3Dx"]


@oddity("DSN", owns=("report",))
def a_report_that_cannot_be(draft):
    """What is not offered is left out."""
    draft.options += ["-Nfailure", "-Rfull", "-Vx"]
    draft.parameters.append(b"RET=FULL")


# what the server says

@table.oddity("5xx to one recipient of two", t=False)
def one_is_refused(draft):
    address = f"{draft.name()}-refused@far.example"
    draft.add_word(address, [address])
    address = draft.address()
    draft.add_word(address, [address])


@table.oddity("4xx, no connection, connection lost before the final reply")
def one_is_put_off(draft):
    address = f"{draft.name()}-later@far.example"
    draft.add_word(address, [address])


@table.oddity("failure after the final 250", peer="blunt")
def the_connection_is_lost_at_quit(draft):
    """The blunt server hangs up instead of answering QUIT."""


@table.oddity("HELO only, no extensions, multi-line replies", peer="blunt", body=True)
def a_blunt_server(draft):
    draft.add_body("To a server that says no more than it must.")


@oddity("IDN domain, no SMTPUTF8")
def a_domain_beyond_ascii(draft):
    name = draft.name()
    draft.add_word(f"{name}@b\u00fccher.example", [f"{name}@xn--bcher-kva.example"])


@oddity("IDN domain, no SMTPUTF8", owns=("sender",))
def a_sender_beyond_ascii(draft):
    draft.options += ["-f", f"s{draft.number}@b\u00fccher.example"]
    draft.sender = f"s{draft.number}@b\u00fccher.example"
    draft.wire_sender = f"s{draft.number}@xn--bcher-kva.example"


@oddity("IDN domain, no SMTPUTF8", owns=("to",), t=True, resent=False, header=True)
def a_domain_beyond_ascii_in_to(draft):
    """In the envelope it is an A-label, in the field it stays."""
    name = draft.name()
    draft.add_recipients("To", f"{name}@b\u00fccher.example",
                         [f"{name}@xn--bcher-kva.example"], shows=False)


@oddity("UTF-8 local part, no SMTPUTF8", t=False)
def a_name_beyond_ascii(draft):
    # "-refused": by us, for the server could not be told.
    word = f"{draft.name()}-refused-\u00fc@far.example"
    draft.add_word(word, [word])
    address = draft.address()
    draft.add_word(address, [address])
