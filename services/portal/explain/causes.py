"""What a cause is made of: when it is named, its sentence and what mends it, in two languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.portal.explain.facts import Facts
from shared.sandbox.clock import BUSINESS_ZONE, wire

Found = Mapping[str, Any]  # what the sentences are filled with
Finder = Callable[[Facts], Iterable[Found]]
SWITCH_OFF = "Switch it off: `lienthong fault off {rule}{flag}`, or DELETE /_lab/sandboxes/{sandbox}/faults/{rule} at the portal."
SWITCH_OFF_VI = (
    "Tắt sự cố: `lienthong fault off {rule}{flag}`, hoặc DELETE /_lab/sandboxes/{sandbox}/faults/{rule} ở cổng."
)


@dataclass(frozen=True)
class Cause:
    """One reason why nothing happened, as the door tells it. Facts are JSON values."""

    name: str
    sentence_en: str
    sentence_vi: str
    mend_en: str
    mend_vi: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Words:
    """Templates: the sentence and what mends it."""

    en: str
    vi: str
    mend_en: str
    mend_vi: str


@dataclass(frozen=True)
class Kind:
    """One kind of cause.

    when  it is named: one line, for the page
    find  gives the facts of each cause of this kind; a name that ends in `_en` or `_vi` is how one language reads it
    """

    name: str
    when: str
    words: Words
    find: Finder

    def causes(self, facts: Facts) -> Iterator[Cause]:
        common = {"code": facts.code, "sandbox": facts.sandbox, "flag": facts.flag, "now": facts.now}
        for found in self.find(facts):
            en, vi = ({**common, **found, **_read(found, lang)} for lang in ("_en", "_vi"))
            kept = {name: rendered(value) for name, value in found.items() if name[-3:] not in ("_en", "_vi")}
            words = self.words
            yield Cause(
                name=self.name,
                sentence_en=_filled(words.en, en, ","),
                sentence_vi=_filled(words.vi, vi, "."),
                mend_en=_filled(words.mend_en, en, ","),
                mend_vi=_filled(words.mend_vi, vi, "."),
                facts=kept,
            )


def kind(name: str, words: Words) -> Callable[[Finder], Kind]:
    """Make a kind of its finder, whose docstring says when it is named."""
    return lambda find: Kind(name, str(find.__doc__), words, find)


def said(value: Any) -> str:
    """A value as a sentence in either language shows it."""
    if isinstance(value, datetime):
        return f"{value.astimezone(BUSINESS_ZONE):%d/%m/%Y %H:%M}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def rendered(value: Any) -> Any:
    """A value as a program reads it."""
    return wire(value) if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value


def _read(found: Found, lang: str) -> Found:
    return {name.removesuffix(lang): value for name, value in found.items() if name.endswith(lang)}


def _filled(words: str, values: Found, thousands: str) -> str:
    """Money is grouped as the language does."""
    money = {name: f"{value:,}".replace(",", thousands) for name, value in values.items() if name.endswith("_dong")}
    return words.format(**{name: said(value) for name, value in values.items()} | money)
