"""The language of the output, Vietnamese or English, and names in it."""

from __future__ import annotations

import os
from collections.abc import Mapping

import typer

from lienthong.texts import LANGUAGES

_chosen = ""  # by --lang


def use_language(lang: str) -> str:
    """Callback of --lang, for texts that are made where the option is not known, such as refusals."""
    global _chosen
    if lang:
        _chosen = output_language(lang)
    return lang


def output_language(lang: str = "") -> str:
    """`vi` or `en`: `lang`, else that of --lang, else that of the environment (LC_ALL, LC_MESSAGES, LANG), else `en`."""
    if lang in LANGUAGES:
        return lang
    if lang:
        raise typer.BadParameter(f"'{lang}' is not supported: write vi or en.", param_hint="--lang")
    if _chosen:
        return _chosen
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "vi" if locale.startswith("vi") else "en"


def name_in(thing: Mapping[str, object], lang: str) -> str:
    """Name of a state, procedure, province or commune; the Vietnamese name if there is no other."""
    return str(thing.get(f"name_{lang}") or thing["name_vi"])
