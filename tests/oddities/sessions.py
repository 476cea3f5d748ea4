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
    first = draft.chance.choice((b"\n", b"\r\r\n", b"\r\n"))
    draft.add_body(Line(b"before", end=first),
                   Line(b".", end=b"\n" if first == b"\r\n" else
                        draft.chance.choice((b"\n", b"\r\n", b"\r\r\n"))))
    draft.add_body("MAIL FROM:<evil@there.example>", "RCPT TO:<evil@far.example>", "DATA",
                   "smuggled")
