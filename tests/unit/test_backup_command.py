"""`lienthong backup | restore` at a terminal: what is refused, and what is said when a user interrupts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lienthong.backup import writing
from lienthong.embedded import Trouble


def test_only_a_regular_file_is_replaced_by_a_backup(tmp_path: Path) -> None:
    file, pipe, link = tmp_path / "old.tar", tmp_path / "pipe", tmp_path / "link"
    file.touch()
    os.mkfifo(pipe)
    link.symlink_to(file)
    writing.refuse_bad_target(file)
    writing.refuse_bad_target(tmp_path / "new.tar")
    for target in (pipe, link, Path("/dev/null")):
        with pytest.raises(Trouble, match=f"{target} is a link, a pipe or a device, and a backup would replace it"):
            writing.refuse_bad_target(target)
