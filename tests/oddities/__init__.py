# SPDX-License-Identifier: MIT

"""Messages made of the oddities that real callers send, and what must become of them.

draft      one call of sendmail: its arguments, its input, and what must arrive
table      the rows of compat.md, and the oddities that stand for each
headers, recipients, bodies, refusals, sessions   the oddities
capture    a server that keeps every octet as it came
judge      what arrived against what must have, read by Python's email, and the wire's own rules
junk       messages of random pieces, and a reading of them that knows nothing of ours
run        many drafts through services, and how often each row was hit
"""
