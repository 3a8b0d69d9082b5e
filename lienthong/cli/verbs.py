"""What every verb has without saying so: the option --lang."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from lienthong.cli.command import Lang


def speak_everywhere(app: typer.Typer) -> None:
    """Give --lang to every verb that has not got it: refusals are printed in that language."""
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _speaking(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            speak_everywhere(group.typer_instance)


def _speaking(verb: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(verb, eval_str=True)
    if "lang" in signature.parameters:
        return verb

    @wraps(verb)
    def speaking(*args: Any, lang: str = "", **options: Any) -> Any:
        return verb(*args, **options)

    option = inspect.Parameter("lang", inspect.Parameter.KEYWORD_ONLY, default="", annotation=Lang)
    speaking.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    speaking.__annotations__ = {name: each.annotation for name, each in speaking.__signature__.parameters.items()}  # type: ignore[attr-defined]
    return speaking
