"""The option `--set NAME=VALUE`: members of the JSON body of an event."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

FORM = "NAME=VALUE"
Members = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A member of the body: officer=Lan, items.0.text=Ảnh; JSON or text; repeatable.", metavar=FORM
    ),
]


def set_members(body: Any, words: Iterable[str]) -> None:
    """Set a member of `body` for each word: `a.b=c`, `items.0.text=Ảnh`; a value is JSON, or else text.

    Objects on the way are made. Raises typer.BadParameter.
    """
    for path, value in [_change(word) for word in words]:
        _set(body, path, value)


def _change(word: str) -> tuple[list[str], Any]:
    """`a.b=c` → path and value."""
    name, sign, text = word.partition("=")
    if not sign or not all(name.split(".")):
        raise typer.BadParameter(f"'{word}' is not {FORM}: write it like officer=Lan.", param_hint="--set")
    try:
        return name.split("."), json.loads(text)
    except (ValueError, RecursionError):
        return name.split("."), text


def _set(body: Any, path: list[str], value: Any) -> None:
    *way, last = path
    for step in way:
        body = _inside(body, step)
    if isinstance(body, list):
        if not (last.isdigit() and int(last) < len(body)):
            raise typer.BadParameter(f"'{'.'.join(path)}': the list has {len(body)} entries.", param_hint="--set")
        body[int(last)] = value
    elif isinstance(body, dict):
        body[last] = value
    else:
        raise typer.BadParameter(f"'{'.'.join(path)}' leads through a value that has no members.", param_hint="--set")


def _inside(part: Any, step: str) -> Any:
    if isinstance(part, dict):
        return part.setdefault(step, {})
    if isinstance(part, list) and step.isdigit() and int(step) < len(part):
        return part[int(step)]
    raise typer.BadParameter(f"'{step}' leads nowhere in the body.", param_hint="--set")
