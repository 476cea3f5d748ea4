# SPDX-License-Identifier: MIT

"""The manual and the programs say the same: no option, variable or page that the other lacks.

Some pages have tests beside what they tell of: settings_test (mailchute.conf), errors_test
(mailchute-errors), doctor_test, secrets_test.
"""

import re

import pytest

from support.mailchute import TOP, environment, needs_program, run

pytestmark = needs_program("sendmail", "mailchute")

PAGES = {path.name: path.read_text() for path in sorted((TOP / "packaging/man").iterdir())}
COMMANDS = sorted((TOP / "src/admin").glob("*.c"))
SOURCES = sorted((TOP / "src").rglob("*.c"))

# Pages of others that ours name.
ELSEWHERE = {"aliases 5", "less 1", "ps 1", "systemd.socket 5", "sysexits 3", "crontab 5", "mail 1",
             "smartd.conf 5", "systemd.unit 5"}
# What sendmail starts mailchute with; usage texts are for people.
INTERNAL = {"--for-caller", "--question", "--on-demand", "--ready", "--for-mailq"}


def plain(text):
    """As people read it, about: macros, their arguments and escapes as plain words."""
    text = re.sub(r'^\.\\".*\n', "", text, flags=re.MULTILINE)
    text = re.sub(r"\\e", "\\\\", text.replace("\\&", "").replace("\\-", "-"))
    text = re.sub(r"\bFl -(?=[a-z])", "--", text)
    text = re.sub(r"\bFl (?=[a-zA-Z])", "-", text)
    return re.sub(r"(?<=[|,:] )-(?=[a-z]+-?[a-z]+\b)", "--", text)


def flags_in(text):
    """Every option that stands behind an Fl, as it is typed."""
    found = set()
    for line in text.replace("\\\n", "").splitlines():
        words = line.split() if line.startswith(".") else []
        is_flag = False
        for word, before in zip(words, ["", *words]):
            if word in ("Fl", ".Fl"):
                is_flag = True
            elif is_flag and word not in ("|", ",", ";"):
                # Another macro, or a word that no separator joins with the flag.
                is_flag = before in ("Fl", ".Fl", "|", ",") and not re.fullmatch("[A-Z][a-z]", word)
                if is_flag:
                    found.add("-" + word)
    return found


def flags(page):
    return flags_in(PAGES[page])


def page_of(command):
    return {"newaliases": "newaliases.1", "help": "mailchute.1"}.get(
        command, f"mailchute-{command}.1")


def usage(programs, command):
    result = run([programs.mailchute, command, "--help"])
    assert result.status == 0 and result.stderr == "", result
    return result.stdout.decode()


def long_options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


@pytest.fixture(scope="module")
def commands(programs):
    """What `mailchute --help` lists."""
    text = run([programs.mailchute, "--help"]).stdout.decode()
    found = re.findall(r"^  ([a-z]+) +\S", text, re.MULTILINE)
    assert len(found) >= 12
    return found


# ---- the options of sendmail ----

SENDMAIL = (TOP / "src/sendmail/options.c").read_text()
# Words that a letter with a value is written with in the page.
SHORT = {"-oi", "-oif", "-ov", "-od", "-odi", "-odf", "-odb", "-odq", "-odd", "-oem", "-oep",
         "-oo", "-om", "-oMa"}


def modes():
    return set(re.findall(r'\{ "(\w+)", OPTIONS_', SENDMAIL))


def letters():
    return set(re.findall(r"\{ '(\w)', (?:NOTHING|VALUE|ATTACHED|NUMBER), ", SENDMAIL))


def test_sendmail_has_every_option():
    page = flags("sendmail.8")
    assert len(letters()) > 30 and len(modes()) > 15
    for letter in letters():
        assert f"-{letter}" in page or any(word[1] == letter for word in page), letter
    assert {mode for mode in modes() if f"-b{mode}" not in page} == set()
    read = set(re.findall(r'strcmp\(word, "(--[a-z-]+)"\)', SENDMAIL))
    assert len(read) > 3 and read <= page


def test_sendmail_names_no_option_that_is_not_there(programs):
    known = {f"-{letter}" for letter in letters()} | {f"-b{mode}" for mode in modes()} | SHORT
    known |= long_options(SENDMAIL) - {"--count"} | {"--", "-ti", "-b", "-fme@example.com"}
    assert {word for word in flags("sendmail.8") if word not in known} == set()
    # And a mode that needs no more does what is said.
    assert run([programs.sendmail, "-bV"]).stdout.startswith(b"mailchute ")
    assert run([programs.sendmail, "-Qreason"]).status == 64


# "-x" in the page, and what is asked for with it: nothing is sent by -bv, and nobody need listen.
ATTACHED = re.findall(r"\{ '(\w)', (VALUE|ATTACHED|NUMBER|NOTHING), accept_option", SENDMAIL)


@pytest.mark.parametrize("letter, takes", ATTACHED)
def test_what_is_ignored_is_ignored(programs, folder, letter, takes):
    """Each with its value in the ways that the page tells; the recipient stays a recipient."""
    (folder / "m.conf").write_text('smarthost "a" { url = "smtp://127.0.0.1:1" }\n'
                                   'alias "someone" { to = { "you@far.example" } }\n'
                                   f'queue {{ dir = "{folder}/q" }}')
    env = environment(config=folder / "m.conf", socket=folder / "none", mode="direct")
    ways = {"VALUE": [[f"-{letter}7x"], [f"-{letter}", "7x"]], "NOTHING": [[f"-{letter}"]],
            "ATTACHED": [[f"-{letter}7x"], [f"-{letter}"]],
            "NUMBER": [[f"-{letter}7"], [f"-{letter}"]]}
    for words in ways[takes]:
        result = run([programs.sendmail, "-bv", *words, "someone"], env=env)
        assert result.status == 0 and result.stderr == "", (words, result)
        assert b"you@far.example... deliverable" in result.stdout, (words, result)
        assert result.stdout.count(b"... ") == 2, (words, result)


def part(page, title):
    """The lines of a subsection."""
    return re.search(rf"^\.Ss {title}\n(.*?)(?=^\.S[sh] )", PAGES[page], re.M | re.S).group(1)


def test_sendmail_says_right_what_is_ignored_and_refused(programs):
    """What the page calls so is so; modes that are known and mean another thing are refused."""
    def said(title):
        lines = part("sendmail.8", title).replace("\\\n", "").splitlines()
        return flags_in("\n".join(line for line in lines if line.startswith(".It ")))

    ignored = {f"-{letter}" for letter, _ in ATTACHED}
    assert said("Ignored") == ignored | {"-bnq", "--read-envelope-from"}
    instead = set(re.findall(r'\{ "(\w+)", OPTIONS_SEND, "', SENDMAIL))
    assert said("Refused") == {"-Q"} | {f"-b{mode}" for mode in instead}
    for word in said("Refused"):
        result = run([programs.sendmail, word, "you@far.example"])
        assert result.status == 64 and "nothing was sent" in result.stderr, (word, result)


@pytest.mark.parametrize("words", [["-t"], ["you@far.example"]])
@pytest.mark.parametrize("mode", ["-q", "-bi", "-I", "-bd", "-bD", "-q30m"])
def test_what_reads_no_message_says_so(programs, mode, words):
    result = run([programs.sendmail, mode, *words], b"To: you@far.example\n\nx\n")
    assert result.status == 64 and "nothing was sent" in result.stderr, result


# ---- the commands of mailchute ----

def test_every_command_has_a_page(commands):
    overview = PAGES["mailchute.1"]
    for command in commands:
        assert page_of(command) in PAGES, command
        assert f"\n.It Cm {command}\n" in overview, command
        if command != "help":
            name, section = page_of(command).rsplit(".", 1)
            assert f".Xr {name} {section} ." in overview, command
    listed = set(re.findall(r"^\.It Cm ([a-z]+)$", overview, re.MULTILINE))
    assert listed == set(commands)


def test_the_overview_says_what_the_program_says(programs):
    """The same words behind each command."""
    text = run([programs.mailchute, "--help"]).stdout.decode()
    overview = " ".join(plain(PAGES["mailchute.1"]).lower().split())
    for line in re.findall(r"^  ([a-z]+ +\S.*)$", text, re.MULTILINE):
        command, purpose = line.split(maxsplit=1)
        if command == "help":
            continue
        verb, rest = re.sub(r" \(\w+ --help\)| \(the service\)", "", purpose).split(" ", 1)
        words = rest.split(",")[0].split(" and ")[0]
        assert words.lower() in overview, f"{command}: {purpose}"


def options_of(programs, command):
    return long_options(usage(programs, command)) - {"--help", "--account"}  # of an example


def test_every_option_of_a_command_stands_in_its_page(programs, commands):
    for command in commands:
        if command == "help":
            continue
        shown = options_of(programs, command)
        page = flags(page_of(command))
        assert shown - page == set(), f"not in {page_of(command)}"
        known = shown | INTERNAL | {"--help"}
        if command == "newaliases":
            known |= {"-v"}
        short = {word for word in page if not word.startswith("--")}
        assert {word for word in page if word.startswith("--")} - known == set(), command
        assert command in ("explain", "newaliases") or short == set(), command


def test_every_option_that_a_command_reads_stands_in_its_usage(programs, commands):
    """So that none is added for those alone who read the source."""
    shown = set(INTERNAL)
    for command in commands:
        shown |= long_options(usage(programs, command))
    for path in COMMANDS:
        read = set(re.findall(r'(?:\.name = |strcmp\(\w+, )"(--[a-z][a-z-]*)"', path.read_text()))
        assert read - shown <= {"--help", "--version"}, path.name


def test_verbs_stand_in_their_pages(programs):
    for command in ("queue", "secret", "sink"):
        verbs = set(re.findall(rf"mailchute {command} ([a-z]+)", usage(programs, command)))
        assert verbs and all(f"mailchute {command} {verb}" in PAGES[page_of(command)]
                             for verb in verbs), command


def commands_in(text):
    """(command, its long options) of every `mailchute X ...` in a page, to the end of the line."""
    for match in re.finditer(r"\bmailchute ([a-z]+)((?: [^\n,;()|&#]*)?)", plain(text)):
        yield match.group(1), long_options(match.group(2))


@pytest.mark.parametrize("page", sorted(PAGES))
def test_command_lines_name_what_is_there(programs, commands, page):
    words = {"is", "looks", "and", "was", "shows", "uses", "or", "takes", "were", "for", "in",
             "itself", "with", "means", "to", "as", "where", "are", "group", "needs", "mean"}
    for command, options in commands_in(PAGES[page]):
        if command not in commands:
            assert command in words, f"{page}: mailchute {command}"
            continue
        known = options_of(programs, command) | INTERNAL | {"--help", "--account"}
        assert options <= known, f"{page}: mailchute {command}"


# ---- variables ----

def test_variables_are_known_and_documented():
    read = set()
    for path in SOURCES:
        read.update(re.findall(r'"(MAILCHUTE_[A-Z_]+[A-Z])"', path.read_text()))
    assert len(read) > 20
    named = set()
    for page, text in PAGES.items():
        found = set(re.findall(r"\bMAILCHUTE_[A-Z_]+[A-Z]\b", text))
        assert found - read == set(), f"{page} names what nobody reads"
        named |= found
    lacking = {name for name in read if name.removesuffix("_FILE") not in named}
    assert lacking == set()


# ---- what else is named ----

@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_is_one_whose_neighbours_exist(page):
    text = PAGES[page]
    name, section = page.rsplit(".", 1)
    assert re.search(rf"^\.Dt {name.upper()} {section}$", text, re.MULTILINE)
    assert text.startswith('.\\" SPDX-License-Identifier: MIT\n')
    for other in re.findall(r"^\.(?:\w+ .*)?Xr ([^ \n]+ \d)", text, re.MULTILINE):
        assert other.replace(" ", ".") in PAGES or other in ELSEWHERE, other
        assert other != f"{name} {section}", "it names itself"
    if not page.startswith("mailchute-errors"):
        assert "\n.Sh EXAMPLES\n" in text or section in "57", page
    # As man -k wants it: names are one word each, and the page's own is the first.
    assert re.search(rf"^\.Sh NAME\n\.Nm {re.escape(name)}( ,\n\.Nm \S+)*\n\.Nd \S", text, re.M)
    assert "\n.Sh SEE ALSO\n" in text


def test_codes_are_those_of_the_program(programs):
    known = set(re.findall(r"^(MC-\S+)", run([programs.mailchute, "help", "codes"]).stdout.decode(),
                           re.MULTILINE))
    assert len(known) > 20
    for page, text in PAGES.items():
        assert set(re.findall(r"\bMC-[A-Z]+-\d+", text)) <= known, page
    assert all(f"\n.Ss {code} " in PAGES["mailchute-errors.7"] for code in known)


def settings():
    """{block: its options} of the one table."""
    text = (TOP / "src/config/options.c").read_text()
    found = {}
    for block, option in re.findall(r'^\t\{ (?:"(\w+)"|NULL), "(\w+)", (?:true|false), ', text,
                                    re.MULTILINE):
        found.setdefault(block, set()).add(option)
    return found


def test_settings_that_are_named_exist():
    """`queue { dir }` in a page, in an error's page and in a message."""
    known = settings()
    assert len(known) > 8
    texts = [*PAGES.items(), *((path.name, path.read_text()) for path in SOURCES)]
    count = 0
    for name, text in texts:
        for block, option in re.findall(r'\b(identity|submit|queue|limits|log) \{ (\w+)\b', text):
            if option in ("int", "const", "struct", "char", "static", "bool", "size_t", "uint64_t"):
                continue
            count += 1
            assert option in known[block], f"{name}: {block} {{ {option} }}"
    assert count > 30
