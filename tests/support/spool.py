# SPDX-License-Identifier: MIT

"""Queue files by the thousand: copies of one that a service has made."""

import re

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def queue_id(milliseconds, chance=0):
    """The ID of a message of this time (src/spool/queue_id.h)."""
    number = milliseconds << 80 | chance * 0x9E3779B97F4A7C15 & (1 << 80) - 1
    return "".join(DIGITS[number >> 5 * (24 - i) & 31] for i in range(25))


def plant(queue, content, count, begin=1763878000000):
    """Puts count copies into the folder, a millisecond apart; their names, oldest first."""
    names = [queue_id(begin + i, i) for i in range(count)]
    for name in names:
        path = queue / name
        path.write_bytes(content)
        path.chmod(0o600)
    return names


def untried(content):
    """The same, as it was before its first attempt: a torn progress says so."""
    return re.sub(rb"\nprogress-checksum [0-9a-f]{8}\n", b"\nprogress-checksum 00000000\n",
                  content, count=1)
