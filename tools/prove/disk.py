"""Small disks: a file system in memory for one folder of the stack, seen by nobody but this process and its children."""

from __future__ import annotations

import ctypes
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

BYTES = 2 << 30  # while it is not full; memory is taken only for what is written
SPARE = 64 << 10  # bytes left on a full disk
CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_REMOUNT = 0x20000, 0x4000, 1 << 18, 32
_libc = ctypes.CDLL(None, use_errno=True)


def have_own_mounts() -> bool:
    """Give this process mounts of its own, which end with it. False if it may not; call it before any thread exists."""
    if os.geteuid() != 0 or _libc.unshare(CLONE_NEWNS) != 0:
        return False
    return bool(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0)


@dataclass(frozen=True)
class SmallDisk:
    """The disk that holds `folder`."""

    folder: Path

    def mount(self) -> None:
        """Put the folder on it, with what is in it, and with its owner. Raises OSError."""
        aside = self.folder.with_name(f"{self.folder.name}.aside")
        self.folder.rename(aside)
        self.folder.mkdir()
        self._mount(0, BYTES)
        shutil.copystat(aside, self.folder)
        owner = aside.stat()
        os.chown(self.folder, owner.st_uid, owner.st_gid)
        _copy(aside, self.folder)
        shutil.rmtree(aside)

    def fill(self) -> int:
        """From now on nothing more can be written; returns the bytes that are on it."""
        usage = os.statvfs(self.folder)
        used = (usage.f_blocks - usage.f_bfree) * usage.f_frsize
        self._mount(MS_REMOUNT, used + SPARE)
        return used

    def free(self) -> None:
        self._mount(MS_REMOUNT, BYTES)

    def _mount(self, flags: int, size: int) -> None:
        options = f"size={size}".encode()
        if _libc.mount(b"tmpfs", os.fsencode(self.folder), b"tmpfs", flags, options) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(self.folder))


def _copy(source: Path, target: Path) -> None:
    """With owners, as PostgreSQL insists on them."""
    for entry in os.scandir(source):
        place = target / entry.name
        facts = entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False):
            place.mkdir()
            _copy(Path(entry.path), place)
        else:
            shutil.copyfile(entry.path, place, follow_symlinks=False)
        os.chown(place, facts.st_uid, facts.st_gid)
        shutil.copystat(entry.path, place, follow_symlinks=False)
