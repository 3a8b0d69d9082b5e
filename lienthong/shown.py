"""Text of others, made safe to print: a terminal runs control characters, and bidi overrides show another text than is there.

JSON output is left as it is. Text that we lay out ourselves is made of parts that went through `shown`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# C0, DEL, C1; bidi marks, embeddings, overrides and isolates; line and paragraph separator; lone surrogates; noncharacters.
_ACTS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr((plane << 16) + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


def shown(text: str) -> str:
    """`text` with escapes such as `\\x1b` and `\\u202e` for characters that act instead of being shown."""
    return _ACTS.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), text)


def shown_lines(text: str) -> str:
    """The same for text whose line breaks are ours, such as a log entry; tabs become spaces."""
    return "\n".join(map(shown, text.expandtabs().split("\n")))


def shown_in(value: Any) -> Any:
    """A JSON value with every text in it, also the names of members, as `shown`; other objects unchanged."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {shown_in(name): shown_in(each) for name, each in value.items()}
    return [shown_in(each) for each in value] if isinstance(value, list) else value
