"""Vietnamese or English: which one the reader wants, and how dates, money and states read in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime

import typer

DAYS = {"en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "vi": ("T2", "T3", "T4", "T5", "T6", "T7", "CN")}


def chosen(lang: str) -> str:
    """`lang` if it is vi or en; what LANG says if it is empty; else en."""
    if lang in DAYS:
        return lang
    if lang:
        raise typer.BadParameter(f"'{lang}' is not spoken here: write vi or en.", param_hint="--lang")
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "vi" if spoken.startswith("vi") else "en"


def day_and_hour(at: str, lang: str) -> str:
    """`Tue 24/11/2026 08:00` from RFC 3339 text, in the time it was written with."""
    moment = datetime.fromisoformat(at)
    return f"{DAYS[lang][moment.weekday()]} {moment:%d/%m/%Y %H:%M}"


def dong(amount: int, lang: str) -> str:
    """`8,000 đ` or `8.000 đ`."""
    return (f"{amount:,}" if lang == "en" else f"{amount:,}".replace(",", ".")) + " đ"


def named(thing: Mapping[str, object], lang: str) -> str:
    """The name of a state, procedure, province or commune; Vietnamese where there is no other."""
    return str(thing.get(f"name_{lang}") or thing["name_vi"])
