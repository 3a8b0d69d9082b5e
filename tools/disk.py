"""What a run needs on the disk, checked before it starts: space, and files for its report that can be written."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lienthong.embedded import Trouble


def refuse_full_disk(folder: Path, needed: int) -> None:
    """Raises Trouble if fewer than `needed` bytes are free where the run would write."""
    place = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        sizes = f"{free / 1e6:,.0f} MB are free at {place}, and this run needs {needed / 1e6:,.0f} MB"
        raise Trouble(f"Too little disk: {sizes}. Free some, or name a folder elsewhere with --data.")


def refuse_unwritable(file: Path | None) -> None:
    """Raises Trouble if no report can be written to this file; None: to none. An existing file stays as it is."""
    if file is None:
        return
    try:
        if file.exists():
            file.open("ab").close()
        else:
            tempfile.TemporaryFile(dir=file.parent).close()
    except OSError as error:
        raise Trouble(f"The report cannot be written to {file}: {error.strerror}. Name another file.") from error
