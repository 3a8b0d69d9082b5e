"""A text that the user edits in an editor of their choice."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from lienthong.embedded import Trouble


def in_editor(text: str, name: str) -> Path:
    """Open `text` in $VISUAL or $EDITOR and wait until it ends; returns the file, which is the caller's to delete.

    name    the beginning of the file's name
    raises  Trouble if there is no editor, if it fails, or if the text was not changed; the file is then deleted
    """
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    if not editor:
        raise Trouble("No editor is named: set EDITOR, or say what to change with --set or --file.")
    handle, path = tempfile.mkstemp(prefix=name, suffix=".json")
    draft = Path(path)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    try:
        status = subprocess.run([*editor, path], check=False).returncode
        if status:
            raise Trouble(f"{editor[0]} ended with status {status}: nothing was changed.")
        if draft.read_bytes() == text.encode():
            raise Trouble("Nothing was changed.")
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Trouble(f"The editor {editor[0]} cannot be started ({error.strerror}): set EDITOR.") from error
    except Trouble:
        draft.unlink(missing_ok=True)
        raise
    return draft
