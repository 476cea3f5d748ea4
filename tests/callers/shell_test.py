# SPDX-License-Identifier: MIT

"""Shell scripts, from /etc and from the wiki: echo and cat into sendmail."""


def test_here_document(callers, token):
    callers.run_ok(f"""sendmail -t <<end
To: b@far.example
Subject: from sh

{token}
end
""", as_user="alice")
    message = callers.message()
    assert message.sender == "alice@here.example"
    assert message.recipients == ["b@far.example"]
    assert message.field("From") == "Alice Example <alice@here.example>"
    assert message.body == f"{token}\n".encode()
