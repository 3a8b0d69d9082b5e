"""The words of the terminal in two languages, and how dates and money are written in them.

`texts.json` is generated from the catalogue that the pages use, contracts/texts.toml.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import cast

DAYS = {"vi": ("T2", "T3", "T4", "T5", "T6", "T7", "CN"), "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
LANGUAGES = tuple(DAYS)


@cache
def _texts() -> dict[str, tuple[str, str]]:
    path = Path(__file__).with_name("texts.json")
    return cast(dict[str, tuple[str, str]], json.loads(path.read_text(encoding="utf-8")))


def text(key: str, lang: str, **facts: object) -> str:
    """The sentence with this key; `facts` fill its `{names}`. Raises KeyError."""
    return _texts()[key][LANGUAGES.index(lang)].format(**facts)


def day_and_hour(at: str, lang: str) -> str:
    """`Tue 24/11/2026 08:00` from RFC 3339 text, in the offset of the text."""
    moment = datetime.fromisoformat(at)
    return f"{DAYS[lang][moment.weekday()]} {moment:%d/%m/%Y %H:%M}"


def dong(amount: int, lang: str) -> str:
    """`8,000 đ` or `8.000 đ`."""
    return (f"{amount:,}" if lang == "en" else f"{amount:,}".replace(",", ".")) + " đ"
