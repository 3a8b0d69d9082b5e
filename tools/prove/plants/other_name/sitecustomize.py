"""Planted bug: the gateway's copy of a dossier keeps the name of the applicant before."""

from importlib import import_module
from typing import Any

commands = import_module("services.province_gateway.commands")
original = commands.new_dossier
names = ["Nguyễn Thị Ai Khác"]


def new_dossier(code: str, place: Any, procedure: str, applicant: str, *more: Any) -> Any:
    names.append(applicant)
    return original(code, place, procedure, names.pop(0), *more)


setattr(commands, "new_dossier", new_dossier)  # noqa: B010
