"""The language of the output, Vietnamese or English, and how to write dates, money and names in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime

import typer

DAYS = {"en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "vi": ("T2", "T3", "T4", "T5", "T6", "T7", "CN")}


_chosen = ""  # by --lang


def use_language(lang: str) -> str:
    """Callback of --lang, for texts that are made where the option is not known, such as refusals."""
    global _chosen
    if lang:
        _chosen = output_language(lang)
    return lang


def output_language(lang: str = "") -> str:
    """`vi` or `en`: `lang`, else that of --lang, else that of the environment (LC_ALL, LC_MESSAGES, LANG), else `en`."""
    if lang in DAYS:
        return lang
    if lang:
        raise typer.BadParameter(f"'{lang}' is not supported: write vi or en.", param_hint="--lang")
    if _chosen:
        return _chosen
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "vi" if locale.startswith("vi") else "en"


def day_and_hour(at: str, lang: str) -> str:
    """`Tue 24/11/2026 08:00` from RFC 3339 text, in the offset of the text."""
    moment = datetime.fromisoformat(at)
    return f"{DAYS[lang][moment.weekday()]} {moment:%d/%m/%Y %H:%M}"


def dong(amount: int, lang: str) -> str:
    """`8,000 đ` or `8.000 đ`."""
    return (f"{amount:,}" if lang == "en" else f"{amount:,}".replace(",", ".")) + " đ"


def name_in(thing: Mapping[str, object], lang: str) -> str:
    """Name of a state, procedure, province or commune; the Vietnamese name if there is no other."""
    return str(thing.get(f"name_{lang}") or thing["name_vi"])
