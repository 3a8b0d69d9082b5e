"""What every verb has without saying so: the option --lang, and errors of its options in our words."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer
from typer.core import TyperGroup

from lienthong.cli.command import Lang
from lienthong.cli.language import output_language

SENTENCES = {
    "greater_than": ("must be greater than {gt:g}", "phải lớn hơn {gt:g}"),
    "greater_than_equal": ("must be {ge:g} or greater", "phải từ {ge:g} trở lên"),
    "less_than": ("must be less than {lt:g}", "phải nhỏ hơn {lt:g}"),
    "less_than_equal": ("must be {le:g} or less", "phải từ {le:g} trở xuống"),
    "int_parsing": ("must be a whole number", "phải là số nguyên"),
    "float_parsing": ("must be a number", "phải là số"),
}
OTHER = ("has a value that cannot be used", "có giá trị không dùng được")


class Verbs(TyperGroup):
    """The root of the command line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            cause: Any = error.__cause__
            if hasattr(cause, "errors"):  # of pydantic, which checks options; its own sentences are not for users
                error.message = _sentence(cause.errors()[0])
            raise


def _sentence(item: dict[str, Any]) -> str:
    en, vi = SENTENCES.get(item["type"], OTHER)
    text = vi if output_language() == "vi" else en
    return f"'{item['input']}' {text.format(**item.get('ctx', {}))}."


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
