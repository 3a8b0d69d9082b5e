"""Which databases and which broker a backup or a restore uses: those of a data folder, or those named by variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lienthong.backup import broker
from lienthong.backup.writing import Notify
from lienthong.embedded import Trouble, elsewhere, ports
from lienthong.embedded.plan import DATABASES, Plan
from lienthong.embedded.stack import Stack, running


@contextmanager
def to_read(data: Path, environment: Mapping[str, str], notify: Notify) -> Iterator[dict[str, str]]:
    """Addresses of all databases. Those of a stopped stack run only inside the block.

    raises  Trouble: there is no stack in the folder, and the variables do not name all databases
    """
    if running(data):
        yield _urls(Stack.attach(data))
        return
    external = _databases(data, environment)
    if "postgres" not in elsewhere.replaced(external) and not (data / "postgres").exists():
        raise Trouble(
            f"There are no databases in {data}: name the folder of your stack with --data, "
            f"or the databases with {', '.join(elsewhere.DATABASES)}."
        )
    with _started(data, ("postgres",), external, notify) as stack:
        yield _urls(stack)


@contextmanager
def to_replace(
    data: Path, environment: Mapping[str, str], notify: Notify, only: str = ""
) -> Iterator[tuple[dict[str, str], Mapping[str, str] | None]]:
    """Addresses of all databases, and how to reach the broker; None: it is our own and was never started.

    only    one database; then the broker is not needed, and None as well
    raises  Trouble: all databases are named by variables, and the broker is not
    """
    external = _databases(data, environment)
    if only:
        with _started(data, ("postgres",), external, notify) as stack:
            yield {only: stack.database_url(only)}, None
        return
    has_broker = elsewhere.KAFKA in external or (data / "kafka" / "data").exists()
    if "postgres" in elsewhere.replaced(external) and not has_broker:
        raise Trouble(
            f"The databases are named by variables, and their broker is not: set {elsewhere.KAFKA} too. "
            "A restore deletes two topics there, which contain events from after the backup."
        )
    parts = ("postgres", "kafka") if has_broker else ("postgres",)
    with _started(data, parts, external, notify) as stack:
        yield _urls(stack), broker.client(stack.plan, environment) if has_broker else None


def _databases(data: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The servers named by variables; those that a stack in `data` used, if no variable names one."""
    external = elsewhere.named(environment)
    if external or not (data / "plan.json").exists():
        return external
    used = Plan.from_json((data / "plan.json").read_text()).external
    if used:
        names = ", ".join(used)
        raise Trouble(f"The stack in {data} used servers that variables named: set them again ({names}).")
    return {}


@contextmanager
def _started(data: Path, parts: tuple[str, ...], external: Mapping[str, str], notify: Notify) -> Iterator[Stack]:
    """Those parts of a stack that are not external, on free ports."""
    stack = Stack(data, ports.free_base(), parts=parts, external=external)
    if not stack.plan.parts:
        yield stack
        return
    notify(f"Starting {' and '.join(stack.plan.parts)} of {data}.")
    stack.start(notify)
    try:
        yield stack
    finally:
        stack.stop()


def _urls(stack: Stack) -> dict[str, str]:
    return {name: stack.database_url(name) for name in DATABASES}
