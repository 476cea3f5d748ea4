# SPDX-License-Identifier: MIT

"""smartd's warning script, in the environment in which smartd runs it: there is no disk here."""

# It takes any output for a fault.
WARNING = "/usr/share/smartmontools/smartd_warning.sh 2>&1"
VARIABLES = {
    "SMARTD_MESSAGE": "Device: /dev/sda [SAT], 8 Currently unreadable (pending) sectors",
    "SMARTD_FAILTYPE": "CurrentPendingSector", "SMARTD_TFIRST": "", "SMARTD_TFIRSTEPOCH": "",
    "SMARTD_PREVCNT": "0", "SMARTD_NEXTDAYS": "1", "SMARTD_DEVICEINFO": "DISK, S/N:1",
    "SMARTD_DEVICE": "/dev/sda", "SMARTD_DEVICESTRING": "/dev/sda [SAT]",
    "SMARTD_DEVICETYPE": "sat",
}
SUBJECT = "SMART error (CurrentPendingSector) detected on host: box"
