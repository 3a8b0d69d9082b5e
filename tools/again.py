"""The command of a report that runs the same again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def again(target: str, words: Sequence[str]) -> str:
    """`make TARGET` with these words as ARGS, as a shell reads it."""
    arguments = shlex.join(words).replace("$", "$$")  # make reads $ as the beginning of a variable
    is_plain = not {*arguments} & {*'"$`\\!'}
    return f"make {target} ARGS=" + (f'"{arguments}"' if is_plain else shlex.quote(arguments))
