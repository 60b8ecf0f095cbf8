"""Becomes another program that dies with its parent and may run as another user; run as a script.

A small program of its own rather than code between fork and exec, since who starts it may have threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
_PRIVATE_UMASK = 0o077


def main(arguments: list[str]) -> None:
    """Arguments: the parent's pid, `uid:gid` or `-` for the same user, then the program and its arguments."""
    parent, owner, *argv = arguments
    binary = os.open(argv[0], os.O_RDONLY | os.O_CLOEXEC)
    if owner != "-":
        _drop_to(*(int(number) for number in owner.split(":")))
    _die_with(int(parent))
    os.umask(_PRIVATE_UMASK)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a mask is inherited, and a supervisor holds signals back
    try:
        os.execv(argv[0], argv)  # noqa: S606 - becoming it is the point
    except PermissionError:  # it stands under a directory, such as /root, that the new user may not enter
        os.execve(binary, argv, os.environ)  # noqa: S606 - likewise


def _drop_to(uid: int, gid: int) -> None:
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)


def _die_with(parent: int) -> None:
    """Have the kernel send SIGKILL when the parent dies; call it after a change of user, which clears it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the kernel knew that we follow
        sys.exit("the parent is gone")


if __name__ == "__main__":
    main(sys.argv[1:])
