"""A sentence in English that also has its Vietnamese, for what is wrong with a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self


class Sentence(str):
    """A sentence in English that also has its Vietnamese."""

    vi: str

    def __new__(cls, en: str, vi: str) -> Self:
        sentence = super().__new__(cls, en)
        sentence.vi = vi
        return sentence

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        """A copy has both languages, too."""
        return type(self), (str(self), self.vi)

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> str:
        """The reverse of `in_languages`."""
        return cls(texts["detail"], texts["detail_vi"]) if "detail_vi" in texts else texts["detail"]


def in_languages(detail: str) -> dict[str, str]:
    """Members of a JSON object with a detail: in English, and in Vietnamese if it has that."""
    return {"detail": str(detail)} | ({"detail_vi": detail.vi} if isinstance(detail, Sentence) else {})


def in_language(detail: str, lang: str) -> str:
    """A sentence in `vi` or `en`; other text is the same in both."""
    return detail.vi if lang == "vi" and isinstance(detail, Sentence) else str(detail)
