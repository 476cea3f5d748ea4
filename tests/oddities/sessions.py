# SPDX-License-Identifier: MIT

"""Messages that come in by sendmail -bs, the whole session written at once."""

from oddities.draft import Line
from oddities.table import oddity

SESSION = {"entrance": "bs", "t": False, "ends": "crlf", "dots": "text"}


@oddity("-bs", **SESSION)
def by_smtp(draft):
    """Every repair is made for this entrance, too."""


@oddity("bare-LF dot inside -bs DATA", body=True, **SESSION)
def a_dot_between_line_feeds(draft):
    """CRLF.CRLF alone ends the message: nothing can be smuggled."""
    if draft.chance.random() < 0.5:
        draft.add_body(Line(b"before", end=b"\n"),
                       Line(b".", end=draft.chance.choice((b"\n", b"\r\n", b"\r\r\n"))))
    else:
        # A line that begins with a dot and goes on (with a line feed): the dot goes.
        draft.add_body(Line(b"before", end=b"\r\n"), Line(b".", b"", end=b"\n"))
    draft.add_body("MAIL FROM:<evil@there.example>", "RCPT TO:<evil@far.example>", "DATA",
                   "smuggled")
