"""The sentences that people read on pages, in Vietnamese and English: one catalogue for all services, `texts.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from shared.sentences import Sentence

Lang = Literal["vi", "en"]
LANGUAGES: tuple[Lang, ...] = ("vi", "en")


def _flat(table: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, tuple[str, str]]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{under}{name}.")
        else:
            vi, en = value
            yield f"{under}{name}", (vi, en)


TEXTS: Mapping[str, tuple[str, str]] = dict(
    _flat(tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8")))
)


def text(key: str, lang: Lang, **facts: object) -> str:
    """The sentence with this key; `facts` fill its `{names}`. Raises KeyError."""
    return TEXTS[key][LANGUAGES.index(lang)].format(**facts)


def sentence(key: str) -> Sentence:
    """The sentence with this key in both languages. Raises KeyError."""
    vi, en = TEXTS[key]
    return Sentence(en, vi)
