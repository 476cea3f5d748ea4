# SPDX-License-Identifier: MIT

"""Waiting for a condition, never for a time."""

import socket
import time


def wait_for(condition, timeout=20, what=None):
    """Polls until condition() is true and returns its value; fails after timeout seconds."""
    deadline = time.monotonic() + timeout
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            name = what() if callable(what) else what or getattr(condition, "__doc__", None)
            raise AssertionError(f"waited {timeout} s in vain for {name or condition}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


_held = []


def hold_port(port=0):
    """A socket: as long as it is kept no other process is given this port of 127.0.0.1.

    It is bound, and nobody listens; who does so with SO_REUSEADDR, as all servers do, still can.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", port))
    return holder


def free_port():
    """A port of 127.0.0.1 that nobody listens on, until somebody does who knows its number."""
    _held.append(hold_port())
    return _held[-1].getsockname()[1]
