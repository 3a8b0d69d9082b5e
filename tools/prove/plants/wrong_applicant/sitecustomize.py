"""Planted bug: of every seventh submission, dossier and event name another applicant than who signed in."""

from dataclasses import replace
from importlib import import_module
from itertools import count
from typing import Any

commands = import_module("services.portal.commands")
original = commands.submit_dossier
submissions = count()


def submit_dossier(work: Any, citizen: Any, *more: Any) -> Any:
    another = replace(citizen, name="Nguyễn Thị Ai Khác")
    return original(work, another if next(submissions) % 7 == 6 else citizen, *more)


setattr(commands, "submit_dossier", submit_dossier)  # noqa: B010
