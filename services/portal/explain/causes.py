"""The parts of a cause: when it applies, its sentence and how to fix it, in two languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.portal.explain.facts import Facts
from shared.sandbox.clock import BUSINESS_ZONE, wire

Values = Mapping[str, Any]  # values for the templates
Finder = Callable[[Facts], Iterable[Values]]
SWITCH_OFF = (
    "Switch it off: `lienthong fault off {rule}{flag}`, "
    "or DELETE /_lab/sandboxes/{sandbox}/faults/{rule} at the portal."
)
SWITCH_OFF_VI = (
    "Tắt sự cố: `lienthong fault off {rule}{flag}`, hoặc DELETE /_lab/sandboxes/{sandbox}/faults/{rule} ở cổng."
)


@dataclass(frozen=True)
class Cause:
    """One reason why nothing happens, as the endpoint returns it. Facts are JSON values."""

    name: str
    sentence_en: str
    sentence_vi: str
    mend_en: str
    mend_vi: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Words:
    """Templates: the sentence, and how to fix the cause."""

    en: str
    vi: str
    mend_en: str
    mend_vi: str


@dataclass(frozen=True)
class Kind:
    """One kind of cause.

    when  it applies: one line, for the page
    find  yields the values of each cause of this kind; a name that ends in `_en` or `_vi` is for one language only
    """

    name: str
    when: str
    words: Words
    find: Finder

    def causes(self, facts: Facts) -> Iterator[Cause]:
        common = {"code": facts.code, "sandbox": facts.sandbox, "flag": facts.flag, "now": facts.now}
        for values in self.find(facts):
            en, vi = ({**common, **values, **_of_language(values, suffix)} for suffix in ("_en", "_vi"))
            neutral = {name: json_value(value) for name, value in values.items() if name[-3:] not in ("_en", "_vi")}
            words = self.words
            yield Cause(
                name=self.name,
                sentence_en=_filled(words.en, en, ","),
                sentence_vi=_filled(words.vi, vi, "."),
                mend_en=_filled(words.mend_en, en, ","),
                mend_vi=_filled(words.mend_vi, vi, "."),
                facts=neutral,
            )


def kind(name: str, words: Words) -> Callable[[Finder], Kind]:
    """Decorator: makes a kind of its finder, whose docstring says when the cause applies."""
    return lambda find: Kind(name, str(find.__doc__), words, find)


def text_of(value: Any) -> str:
    """A value as text for a sentence in either language."""
    if isinstance(value, datetime):
        return f"{value.astimezone(BUSINESS_ZONE):%d/%m/%Y %H:%M}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def json_value(value: Any) -> Any:
    """A value as it stands in JSON."""
    return wire(value) if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value


def _of_language(values: Values, suffix: str) -> Values:
    return {name.removesuffix(suffix): value for name, value in values.items() if name.endswith(suffix)}


def _filled(template: str, values: Values, thousands: str) -> str:
    """`thousands` separates groups of digits in amounts of money."""
    money = {name: f"{value:,}".replace(",", thousands) for name, value in values.items() if name.endswith("_dong")}
    return template.format(**{name: text_of(value) for name, value in values.items()} | money)
