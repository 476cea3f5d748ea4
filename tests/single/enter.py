# SPDX-License-Identifier: MIT

"""enter.py ROOT UID COMMAND... - runs it in that root, as that uid, which can gain nothing"""

import ctypes
import os
import sys

NO_NEW_PRIVILEGES = 38

root, uid, *words = sys.argv[1:]
os.chroot(root)
os.chdir("/")
os.setgroups([])
os.setresgid(int(uid), int(uid), int(uid))
os.setresuid(int(uid), int(uid), int(uid))
assert ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
os.execve(words[0], words, dict(os.environ))
