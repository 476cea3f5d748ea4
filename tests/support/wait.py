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


def free_port():
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
