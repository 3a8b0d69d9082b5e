"""A lifecycle table as Markdown, for docs/lifecycle.md: states, diagram, moves, needs, reactions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from contracts.lifecycle import LIFECYCLE
from shared.lifecycle import Lifecycle
from tools.docs.printed import table

PRINTED_FROM = "contracts/lifecycle.py"


def parts(law: Lifecycle = LIFECYCLE) -> dict[str, Iterable[str]]:
    """What is printed, by its place on the page."""
    printers = {
        "states": _states,
        "diagram": _diagram,
        "moves": _moves,
        "needs": _needs,
        "reactions": _reactions,
        "matrix": _matrix,
    }
    return {f"{PRINTED_FROM}: {name}": list(lines(law)) for name, lines in printers.items()}


def _states(law: Lifecycle) -> list[str]:
    headings = ("code", "state", "Vietnamese", "English", "clock", "end")
    ends = dict.fromkeys(law.final_states, "yes")
    return table(
        headings,
        ((s.code, f"`{s.slug}`", s.name_vi, s.name_en, s.clock, ends.get(s, "")) for s in law.states),
    )


def _diagram(law: Lifecycle) -> Iterator[str]:
    yield from ("```mermaid", "stateDiagram-v2")
    for state in law.states:
        yield f'    state "{state.code} {state.name_vi}" as {state.slug}'
    yield f"    [*] --> {law.begins.slug}"
    ways: dict[tuple[str, str], list[str]] = {}
    for move in law.moves:
        if move.then != move.when:
            ways.setdefault((move.when.slug, move.then.slug), []).append(law.verbs_vi.get(move.does, move.does))
    for (when, then), verbs in ways.items():
        yield f"    {when} --> {then}: {', '.join(verbs)}"
    for state in law.states:
        if state in law.final_states:
            yield f"    {state.slug} --> [*]"
    yield "```"


def _moves(law: Lifecycle) -> Iterator[str]:
    yield f"A dossier begins in `{law.begins.slug}`, with {' or '.join(f'`{event}`' for event in law.begun_by)}."
    yield ""
    rows = []
    for move in law.moves:
        does = f"{move.does} ({vi})" if (vi := law.verbs_vi.get(move.does)) else move.does
        rows.append(
            (
                f"`{move.when.slug}`",
                move.who,
                does,
                f"`{move.then.slug}`",
                f"`{move.event}`",
                move.law,
                "; ".join(need.en for need in move.needs),
                move.note,
            )
        )
    yield from table(("when", "who", "does", "then", "event", "law", "needs", "note"), rows)


def _needs(law: Lifecycle) -> list[str]:
    rows = ((f"`{n.slug}`", n.en, n.vi, n.law, f"`{n.given}`" if n.given else "") for n in law.needs)
    return table(("slug", "needs", "Vietnamese", "law", "fact"), rows)


def _reactions(law: Lifecycle) -> list[str]:
    rows = (
        (row.who, f"`{row.event}`", ", ".join(f"`{state.slug}`" for state in row.when), row.reaction, row.why)
        for row in law.hears
    )
    return table(("reader", "event", "in states", "reaction", "why"), rows)


def _matrix(law: Lifecycle) -> list[str]:
    rows = ((f"`{event}`", *(law.reaction(state, event) for state in law.states)) for event in law.events())
    return table(("event", *(f"`{state.slug}`" for state in law.states)), rows)
