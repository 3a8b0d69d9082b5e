"""Which lawful moves lead a dossier to the status that a province pushes.

The numbers of the statuses are those of our states (TrangThaiHoSo 1 to 10; integration.md 2). No table of transitions is
public; ours is the lifecycle.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime

from msgspec.structs import replace

from contracts import lifecycle as law
from contracts.gate.known import Known
from contracts.lifecycle import LIFECYCLE, Move, Need, State

# Need of a move → the move in the same state that meets it. A province that goes on without having said so made it.
MET_BY: dict[Need, str] = {law.PAYMENT: law.TAKE_PAYMENT, law.HANDED_OVER: law.HAND_OVER}
SAID = (law.ANSWER_OR_PAPERS,)  # needs that a message meets by what it says: the missing papers came to the desk
Way = list[Move]


def way_to(known: Known, target: State, at: datetime) -> Way:
    """The moves of officials on the shortest lawful way to `target`; empty if it stands there, or no way leads there."""
    waiting: deque[tuple[Known, Way]] = deque([(known, [])])
    seen = {known.state}
    while waiting:
        reached, way = waiting.popleft()
        for move in _onward(reached, at):
            if move.then == target:
                return [*way, *_prepared(reached, move, at)]
            if move.then not in seen:
                seen.add(move.then)
                waiting.append((_after(reached, move, at), [*way, *_prepared(reached, move, at)]))
    return []


def lawful_states(known: Known, at: datetime) -> list[State]:
    """The states to which a move of its officials leads now, in the order of their numbers."""
    return sorted({move.then for move in _onward(known, at)}, key=lambda state: state.code)


def _onward(known: Known, at: datetime) -> Way:
    """The lawful moves to another state. A stop is `stop`, never `reject`: the status of both is 8."""
    moves = LIFECYCLE.moves_of(known.state, *law.OFFICIALS).values()
    return [
        move for move in moves if move.then != known.state and move.does != law.REJECT and _prepared(known, move, at)
    ]


def _prepared(known: Known, move: Move, at: datetime) -> Way:
    """The move, after those that meet its needs; empty if a need stays unmet."""
    way = [move]
    for need in known.unmet(move, at):
        if need in SAID:
            continue
        preparing = LIFECYCLE.moves_of(known.state, *law.OFFICIALS).get(MET_BY.get(need, ""))
        if preparing is None or known.unmet(preparing, at):
            return []
        way.insert(0, preparing)
    return way


def _after(known: Known, move: Move, at: datetime) -> Known:
    """What would be known after a move, as far as needs of later moves ask for it."""
    return replace(
        known,
        state_code=move.then.code,
        received_at=at if move.does == law.RECEIVE else known.received_at,
        started_at=at if move.does in (law.START, law.RESUME) else known.started_at,
        demands=() if known.owing is not None else known.demands,
    )
