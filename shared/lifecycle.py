"""Reads a table of moves and answers what may happen next."""

from collections.abc import Mapping
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
class Need:
    """What must be true, besides the state, before a move is made. Each service says how its own copy shows it.

    slug    what is missing, by a stable name; a refusal carries it
    en, vi  the condition as a sentence about the thing
    law     as in Move
    given   the fact in an instruction that meets the need by itself; "": none does
    """

    slug: str
    en: str
    vi: str
    law: str
    given: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """Standing in `when`, `who` may do `does` once `needs` are met; it then stands in `then`, and `event` says so.

    law    where it is written; "unverified" where nobody has read it there
    needs  what binds the move; a refusal names the first that is not met
    note   what follows from the move, or when it is made; it binds nothing
    """

    when: State
    who: str
    does: str
    then: State
    event: str
    law: str
    needs: tuple[Need, ...] = ()
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
        self.needs = tuple(dict.fromkeys(need for move in self.moves for need in move.needs))

    def state(self, code: int) -> State:
        """The state with this number; KeyError if the table knows none."""
        return self._by_code[code]

    def after(self, state: State, does: str, who: str) -> Move:
        """The move that `who` makes by `does` in `state`; raises MoveNotAllowed."""
        move = self._by_verb.get((state, does))
        if move is None or move.who != who:
            allowed = list(self.moves_of(state, who))
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

    def moves_of(self, state: State, *who: str) -> dict[str, Move]:
        """The moves that `who` can make in `state` once their needs are met, by verb, in the order of the table."""
        return {move.does: move for move in self.moves_from(state) if move.who in who}

    def move_for_event(self, state: State, event: str) -> Move | None:
        """The move that `event` reports when it reaches `state`; None if it moves nothing there."""
        return self._by_event.get((state, event))

    def events(self) -> list[str]:
        """Every event that some state reacts to, by name."""
        return sorted({event for _, event in self._reactions})

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
