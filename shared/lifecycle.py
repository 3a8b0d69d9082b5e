"""Reads a table of moves and answers what may happen next; prints the same table as a page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import Refusal


class Reaction(StrEnum):
    """What a reader does with an event that reaches it in a given state."""

    APPLY = "apply"  # take it over: the state moves, or a fact is noted
    LATE = "late"  # a legitimate race was lost: keep it, change nothing
    ANSWER = "answer"  # it is a request: decide, and tell the decision
    COMPENSATE = "compensate"  # it cannot be undone at its source: make up for it
    REFUSE = "refuse"  # no lawful history leads here: the sender broke the contract; a dead letter says so


@dataclass(frozen=True, slots=True)
class State:
    """Where a thing stands; `clock` says what its time limit does meanwhile."""

    code: int
    slug: str
    name_vi: str
    name_en: str
    clock: str


@dataclass(frozen=True, slots=True)
class Move:
    """Standing in `when`, `who` may do `does`; it then stands in `then`, and `event` says so.

    law    where it is written; "unverified" where nobody has read it there
    note   what the table itself cannot say, such as a further condition
    """

    when: State
    who: str
    does: str
    then: State
    event: str
    law: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hears:
    """Standing in one of `when`, the reader `who` answers `event` with `reaction`, because of `why`."""

    who: str
    event: str
    when: tuple[State, ...]
    reaction: Reaction
    why: str


class MoveNotAllowed(Refusal):
    """The table has no such row. Facts: `state`, `does` (verb or event), `allowed` (verbs or events)."""


class Lifecycle:
    """One table of moves and reactions. Whatever has no row is refused.

    begins     the state a thing is born into, by one of the events `begun_by`
    verbs_vi   what is done, in Vietnamese, for the printed page
    An event of a move is applied by its reader in that move's `when`, unless a Hears row says otherwise; an event in
    a state that neither names is refused. So every pair of state and event has its reaction.
    A state is final if no move leaves it for another.
    """

    def __init__(
        self, *rows: Move | Hears, begins: State, begun_by: tuple[str, ...], verbs_vi: Mapping[str, str] | None = None
    ) -> None:
        self.begins = begins
        self.verbs_vi = verbs_vi or {}
        self.begun_by = begun_by
        self.moves = tuple(row for row in rows if isinstance(row, Move))
        self.hears = tuple(row for row in rows if isinstance(row, Hears))
        named = [begins, *(state for move in self.moves for state in (move.when, move.then))]
        self.states = tuple(sorted(set(named), key=lambda state: state.code))
        left = {move.when for move in self.moves if move.then != move.when}
        self.final_states = frozenset(self.states) - left
        self._by_verb = {(move.when, move.does): move for move in self.moves}
        self._by_event = {(move.when, move.event): move for move in self.moves}
        self._reactions = dict.fromkeys(self._by_event, Reaction.APPLY) | {
            (state, row.event): row.reaction for row in self.hears for state in row.when
        }
        self._by_code = {state.code: state for state in self.states}
        self._from = {state: tuple(move for move in self.moves if move.when == state) for state in self.states}

    def state(self, code: int) -> State:
        """The state with this number; KeyError if the table knows none."""
        return self._by_code[code]

    def after(self, state: State, does: str, who: str) -> Move:
        """The move that `who` makes by `does` in `state`; raises MoveNotAllowed."""
        move = self._by_verb.get((state, does))
        if move is None or move.who != who:
            allowed = [move.does for move in self.moves_from(state) if move.who == who]
            raise MoveNotAllowed(
                f"In state {state.slug}, {who} can do: {', '.join(allowed) or 'nothing'}.",
                state=state.slug,
                does=does,
                who=who,
                allowed=allowed,
            )
        return move

    def moves_from(self, state: State) -> tuple[Move, ...]:
        """Every move that starts in `state`, in the order of the table."""
        return self._from.get(state, ())

    def move_for_event(self, state: State, event: str) -> Move | None:
        """The move that `event` reports when it reaches `state`; None if it moves nothing there."""
        return self._by_event.get((state, event))

    def reaction(self, state: State, event: str) -> Reaction:
        """What the reader of `event` does in `state`, for every pair."""
        return self._reactions.get((state, event), Reaction.REFUSE)

    def must_react(self, state: State, event: str) -> Reaction:
        """The reaction; raises MoveNotAllowed where it is to refuse: a broken contract, never bad luck."""
        found = self.reaction(state, event)
        if found is Reaction.REFUSE:
            allowed = sorted(name for when, name in self._reactions if when == state)
            raise MoveNotAllowed(
                f"In state {state.slug} no {event} is expected; compare the sender with the lifecycle table.",
                state=state.slug,
                does=event,
                allowed=allowed,
            )
        return found

    def markdown(self) -> str:
        """The table as Markdown sections: states, diagram, moves, reactions."""
        return "\n".join(
            [*self._print_states(), *self._print_diagram(), *self._print_moves(), *self._print_reactions()]
        )

    def _print_states(self) -> Iterator[str]:
        yield from (
            "## States",
            "",
            "| code | state | Vietnamese | English | clock | end |",
            "|---|---|---|---|---|---|",
        )
        for state in self.states:
            end = "yes" if state in self.final_states else ""
            yield f"| {state.code} | `{state.slug}` | {state.name_vi} | {state.name_en} | {state.clock} | {end} |"
        yield ""

    def _print_diagram(self) -> Iterator[str]:
        yield from ("## Diagram", "", "```mermaid", "stateDiagram-v2")
        for state in self.states:
            yield f'    state "{state.code} {state.name_vi}" as {state.slug}'
        yield f"    [*] --> {self.begins.slug}"
        ways: dict[tuple[str, str], list[str]] = {}
        for move in self.moves:
            if move.then != move.when:
                ways.setdefault((move.when.slug, move.then.slug), []).append(self.verbs_vi.get(move.does, move.does))
        for (when, then), verbs in ways.items():
            yield f"    {when} --> {then}: {', '.join(verbs)}"
        for state in self.states:
            if state in self.final_states:
                yield f"    {state.slug} --> [*]"
        yield from ("```", "")

    def _print_moves(self) -> Iterator[str]:
        yield from (
            "## Moves",
            "",
            f"Born into `{self.begins.slug}` by {' or '.join(f'`{event}`' for event in self.begun_by)}. "
            "What has no row is refused.",
            "",
            "| when | who | does | then | event | law | note |",
            "|---|---|---|---|---|---|---|",
        )
        for move in self.moves:
            does = f"{move.does} ({vi})" if (vi := self.verbs_vi.get(move.does)) else move.does
            yield (
                f"| `{move.when.slug}` | {move.who} | {does} | `{move.then.slug}` | `{move.event}` "
                f"| {move.law} | {move.note} |"
            )
        yield ""

    def _print_reactions(self) -> Iterator[str]:
        yield from (
            "## Reactions to what arrives",
            "",
            "Every event is applied in the states where its move starts. The rows below add to that or override it;",
            "an event in a state named by neither is refused: the sender broke the contract, a dead letter says so.",
            "",
            "| reader | event | in states | reaction | why |",
            "|---|---|---|---|---|",
        )
        for row in self.hears:
            states = ", ".join(f"`{state.slug}`" for state in row.when)
            yield f"| {row.who} | `{row.event}` | {states} | {row.reaction} | {row.why} |"
        yield from ("", "### The whole matrix", "")
        events = sorted({event for _, event in self._reactions})
        yield "| event | " + " | ".join(f"`{state.slug}`" for state in self.states) + " |"
        yield "|---|" + "---|" * len(self.states)
        for event in events:
            cells = (self.reaction(state, event) for state in self.states)
            yield f"| `{event}` | " + " | ".join(cells) + " |"
        yield ""
