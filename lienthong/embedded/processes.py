"""What a child process does between fork and exec: it binds its lifetime to ours and gives up root rights."""

import ctypes
import os
import pwd
import signal
import struct
import sys
from collections.abc import Callable
from functools import partial

from lienthong.embedded import Trouble

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_PR_SET_SECUREBITS, _NO_SETUID_FIXUP = 28, 1 << 2
_CAPSET, _CAP_VERSION_3, _CAP_DAC_OVERRIDE = {"x86_64": 126, "aarch64": 91}, 0x20080522, 1
_libc = ctypes.CDLL(None, use_errno=True)
Preparation = Callable[[], None]


def refuse_other_platforms() -> None:
    """Raise `Trouble` where the kernel cannot end children with their parent."""
    if sys.platform != "linux":
        raise Trouble(
            f"The embedded stack runs on Linux 5.3 or newer, not on {sys.platform}: "
            "use a Linux machine, a virtual machine or WSL 2."
        )


def with_parent(death: signal.Signals) -> Preparation:
    """The child gets the signal `death` when this process ends, even by kill -9.

    The kernel watches the *thread* that forks: call `Popen` from the main thread.
    """
    return partial(_with_parent, death, os.getpid())


def with_parent_unprivileged(death: signal.Signals) -> Preparation:
    """As `with_parent`; if we are root, the child runs as the user `nobody`, because PostgreSQL refuses root."""
    return partial(_unprivileged, os.getpid(), death) if os.geteuid() == 0 else with_parent(death)


def unprivileged_owner() -> tuple[int, int] | None:
    """(uid, gid) that must own the files of an unprivileged child; None if it runs as the current user."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


def may_enter_any_folder() -> bool:
    """Whether our children can enter a folder that is closed to everybody but us: not if root lacks CAP_DAC_OVERRIDE."""
    if os.geteuid() != 0 or sys.platform != "linux":
        return True
    with open("/proc/self/status") as status:
        capabilities = next(line.split()[1] for line in status if line.startswith("CapEff"))
    return bool(int(capabilities, 16) >> _CAP_DAC_OVERRIDE & 1)


def _with_parent(death: signal.Signals, parent: int) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, int(death), 0, 0, 0)
    if os.getppid() != parent:  # the parent ended before the call above
        os._exit(1)


def _unprivileged(parent: int, death: signal.Signals) -> None:
    """Become the user `nobody`, with the right to enter folders such as /root, where program and data may be."""
    user = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(user.pw_gid)
    capset = _CAPSET.get(os.uname().machine)
    if capset is not None:
        _libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        # Without this, access(2), which initdb uses to find the other programs, ignores the capability of a non-root user.
        _libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
    os.setuid(user.pw_uid)
    if capset is not None:
        _keep_reading_rights(capset)
    _with_parent(death, parent)  # after setuid, which clears it


def _keep_reading_rights(capset: int) -> None:
    """Keep one capability of root, CAP_DAC_OVERRIDE, and drop all others."""
    header = ctypes.create_string_buffer(struct.pack("<Ii", _CAP_VERSION_3, 0))
    mask = 1 << _CAP_DAC_OVERRIDE
    sets = ctypes.create_string_buffer(struct.pack("<6I", mask, mask, mask, 0, 0, 0))
    nothing = ctypes.create_string_buffer(struct.pack("<6I", *[0] * 6))
    if _libc.syscall(capset, header, sets) == 0:
        _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
    elif _libc.syscall(capset, header, nothing) != 0:  # the container does not have this capability: drop all
        os._exit(1)
