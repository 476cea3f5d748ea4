# SPDX-License-Identifier: MIT

"""A service whose socket was there before it, as systemd makes it."""

import socket
import sys

# LISTEN_PID names the process itself, as systemd sets it just before it becomes the service.
BECOME = ("import os, sys; os.dup2(int(sys.argv[1]), 3); "
          "os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])")


def spawn(service, *before, **variables):
    """Starts it; before: words in front of its command."""
    env = {**service.environment(), "LISTEN_FDS": "1", **variables}
    del env["MAILCHUTE_SOCKET"]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(service.socket))
        listener.listen(16)
        service.spawn([*before, sys.executable, "-c", BECOME, listener.fileno(),
                       service.programs.mailchute, "serve"], env, pass_fds=[listener.fileno()])
