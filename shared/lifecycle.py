"""A state machine as a table of moves: which moves a state allows, and how each reader reacts to an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import Refusal


class Reaction(StrEnum):
    """What a reader does with an event that it receives in a given state."""

    APPLY = "apply"  # apply the event: change the state, or store a fact
    LATE = "late"  # the event lost a legitimate race: store it, change nothing
    ANSWER = "answer"  # the event is a request: decide, and publish the decision
    COMPENSATE = "compensate"  # the source cannot undo the event: compensate for it
    REFUSE = "refuse"  # no valid history leads here, so the sender broke the contract: the event becomes a dead letter


@dataclass(frozen=True, slots=True)
class State:
    """One state. `clock` says what happens to the time limit in this state."""

    code: int
    slug: str
    name_vi: str
    name_en: str
    clock: str


@dataclass(frozen=True, slots=True)
class Need:
    """What must be true, besides the state, before a move is made. Each service says how its own copy shows it.

    slug    what is missing, by a stable name; a refusal carries it
    en, vi  the condition as a sentence about the document
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
    """In the state `when`, `who` may do `does` if all `needs` are met. The new state is `then`, the event `event`.

    law    the article of law; "unverified" if nobody has checked it
    needs  conditions besides the state; a refusal names the first one that is not met
    note   what follows from the move, or when it is made; not a condition
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
    """In each of the states `when`, the reader `who` reacts to `event` with `reaction`. The reason is `why`."""

    who: str
    event: str
    when: tuple[State, ...]
    reaction: Reaction
    why: str


class MoveNotAllowed(Refusal):
    """The table has no row for this move. Facts: `state`, `does` (verb or event), `allowed` (verbs or events)."""


class Lifecycle:
    """One table of moves and reactions. What has no row is refused.

    begins     the first state; one of the events `begun_by` creates a document in this state
    verbs_vi   verb → Vietnamese text, for the printed page
    A reader applies the event of a move in the state `when` of that move, unless a Hears row names another reaction. An
    event in a state that no row names is refused. So every pair of state and event has a reaction.
    A state is final if no move leads from it to another state.
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
        """The state with this number; KeyError if the table has no such state."""
        return self._by_code[code]

    def after(self, state: State, does: str, who: str) -> Move:
        """The move that `who` makes with the verb `does` in `state`; raises MoveNotAllowed."""
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
        """The move that `event` reports in `state`; None if it changes nothing in this state."""
        return self._by_event.get((state, event))

    def events(self) -> list[str]:
        """The names of all events that have a reaction in some state, sorted."""
        return sorted({event for _, event in self._reactions})

    def reaction(self, state: State, event: str) -> Reaction:
        """The reaction of the reader of `event` in `state`; REFUSE if the table has no row."""
        return self._reactions.get((state, event), Reaction.REFUSE)

    def must_react(self, state: State, event: str) -> Reaction:
        """The reaction; raises MoveNotAllowed if it is REFUSE: then the sender broke the contract."""
        reaction = self.reaction(state, event)
        if reaction is Reaction.REFUSE:
            allowed = sorted(name for when, name in self._reactions if when == state)
            raise MoveNotAllowed(
                f"In state {state.slug} no {event} is expected; compare the sender with the lifecycle table.",
                state=state.slug,
                does=event,
                allowed=allowed,
            )
        return reaction
