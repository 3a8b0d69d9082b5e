"""A lifecycle table as Markdown: states, diagram, moves, needs, reactions."""

from collections.abc import Iterator

from shared.lifecycle import Lifecycle


def markdown(table: Lifecycle) -> str:
    """The table as Markdown sections: states, diagram, moves, needs, reactions."""
    return "\n".join([*_states(table), *_diagram(table), *_moves(table), *_needs(table), *_reactions(table)])


def _states(table: Lifecycle) -> Iterator[str]:
    yield from (
        "## States",
        "",
        "| code | state | Vietnamese | English | clock | end |",
        "|---|---|---|---|---|---|",
    )
    for state in table.states:
        end = "yes" if state in table.final_states else ""
        yield f"| {state.code} | `{state.slug}` | {state.name_vi} | {state.name_en} | {state.clock} | {end} |"
    yield ""


def _diagram(table: Lifecycle) -> Iterator[str]:
    yield from ("## Diagram", "", "```mermaid", "stateDiagram-v2")
    for state in table.states:
        yield f'    state "{state.code} {state.name_vi}" as {state.slug}'
    yield f"    [*] --> {table.begins.slug}"
    ways: dict[tuple[str, str], list[str]] = {}
    for move in table.moves:
        if move.then != move.when:
            ways.setdefault((move.when.slug, move.then.slug), []).append(table.verbs_vi.get(move.does, move.does))
    for (when, then), verbs in ways.items():
        yield f"    {when} --> {then}: {', '.join(verbs)}"
    for state in table.states:
        if state in table.final_states:
            yield f"    {state.slug} --> [*]"
    yield from ("```", "")


def _moves(table: Lifecycle) -> Iterator[str]:
    yield from (
        "## Moves",
        "",
        f"Born into `{table.begins.slug}` by {' or '.join(f'`{event}`' for event in table.begun_by)}. "
        "What has no row is refused, and so is a move before every need of its row is met.",
        "",
        "| when | who | does | then | event | law | needs | note |",
        "|---|---|---|---|---|---|---|---|",
    )
    for move in table.moves:
        does = f"{move.does} ({vi})" if (vi := table.verbs_vi.get(move.does)) else move.does
        needs = "; ".join(need.en for need in move.needs)
        yield (
            f"| `{move.when.slug}` | {move.who} | {does} | `{move.then.slug}` | `{move.event}` "
            f"| {move.law} | {needs} | {move.note} |"
        )
    yield ""


def _needs(table: Lifecycle) -> Iterator[str]:
    yield from (
        "## Needs",
        "",
        "What binds a move besides the state. A refusal `not-yet` names the slug as `waits_for`; the fact, where there is one,",
        "meets the need when it comes with the move.",
        "",
        "| slug | needs | Vietnamese | law | fact |",
        "|---|---|---|---|---|",
    )
    for need in table.needs:
        fact = f"`{need.given}`" if need.given else ""
        yield f"| `{need.slug}` | {need.en} | {need.vi} | {need.law} | {fact} |"
    yield ""


def _reactions(table: Lifecycle) -> Iterator[str]:
    yield from (
        "## Reactions to what arrives",
        "",
        "Every event is applied in the states where its move starts. The rows below add to that or override it;",
        "an event in a state named by neither is refused: the sender broke the contract, a dead letter says so.",
        "",
        "| reader | event | in states | reaction | why |",
        "|---|---|---|---|---|",
    )
    for row in table.hears:
        states = ", ".join(f"`{state.slug}`" for state in row.when)
        yield f"| {row.who} | `{row.event}` | {states} | {row.reaction} | {row.why} |"
    yield from ("", "### The whole matrix", "")
    events = table.events()
    yield "| event | " + " | ".join(f"`{state.slug}`" for state in table.states) + " |"
    yield "|---|" + "---|" * len(table.states)
    for event in events:
        cells = (table.reaction(state, event) for state in table.states)
        yield f"| `{event}` | " + " | ".join(cells) + " |"
    yield ""
