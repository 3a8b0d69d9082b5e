import re
from itertools import product

import pytest

from contracts import lifecycle as law
from contracts.lifecycle import LIFECYCLE, MoveNotAllowed, Reaction, State
from tools.docs.lifecycle_page import parts

VERBS = sorted({move.does for move in LIFECYCLE.moves})
ACTORS = (law.CITIZEN, law.PORTAL, law.RECEPTION, law.HANDLER, law.PROVINCE)
EVENTS = sorted({move.event for move in LIFECYCLE.moves} | {row.event for row in LIFECYCLE.hears})
IN_TABLE = {(move.when, move.does, move.who): move for move in LIFECYCLE.moves}
R, H, C = law.RECEPTION, law.HANDLER, law.CITIZEN
# Every way besides the straight one: who does what, and the state in which it leaves the dossier.
WAYS: list[list[tuple[str, str]]] = [
    [(R, law.REQUEST_SUPPLEMENT), (C, law.ANSWER_SUPPLEMENT), (R, law.RECEIVE), ("received", "")],
    [(R, law.REQUEST_SUPPLEMENT), (C, law.ANSWER_SUPPLEMENT), (R, law.REQUEST_SUPPLEMENT), ("supplement_requested", "")],
    [(R, law.REQUEST_SUPPLEMENT), (R, law.STOP), ("processing_stopped", "")],
    [(R, law.DEMAND_FEE), (C, law.PAY), (R, law.RECEIVE), (H, law.START), ("in_processing", "")],
    [(R, law.RECEIVE), (R, law.DEMAND_FEE), (R, law.TAKE_PAYMENT), (H, law.START), ("in_processing", "")],
    [(R, law.RECEIVE), (R, law.DEMAND_FEE), (R, law.STOP), ("processing_stopped", "")],
    [(R, law.RECEIVE), (R, law.HAND_OVER), (H, law.START), ("in_processing", "")],
    [(R, law.RECEIVE), (H, law.REQUEST_SUPPLEMENT), (C, law.ANSWER_SUPPLEMENT), (H, law.RESUME), ("in_processing", "")],
    [(R, law.RECEIVE), (H, law.START), (H, law.DEMAND_FEE), (C, law.PAY), (H, law.RESUME), ("in_processing", "")],
    [(R, law.RECEIVE), (H, law.START), (H, law.RESCHEDULE), (H, law.FINISH), ("result_ready", "")],
    [(R, law.RECEIVE), (H, law.START), (H, law.REJECT), (C, law.RATE), ("processing_stopped", "")],
    [(R, law.RECEIVE), (H, law.STOP), ("processing_stopped", "")],
    [(R, law.RECEIVE), (H, law.START), (H, law.FINISH), (R, law.DEMAND_FEE), (C, law.PAY), (R, law.RETURN), (C, law.RATE),
     ("result_returned", "")],
    [(C, law.ASK_WITHDRAWAL), (R, law.DECLINE_WITHDRAWAL), (R, law.RECEIVE), (R, law.GRANT_WITHDRAWAL), ("withdrawn", "")],
]  # fmt: skip


@pytest.mark.parametrize(("state", "does", "who"), list(product(LIFECYCLE.states, VERBS, ACTORS)), ids=str)
def test_what_is_not_in_the_table_is_refused(state: State, does: str, who: str) -> None:
    if (state, does, who) in IN_TABLE:
        assert LIFECYCLE.after(state, does, who) == IN_TABLE[state, does, who]
        return
    with pytest.raises(MoveNotAllowed) as refused:
        LIFECYCLE.after(state, does, who)
    facts = refused.value.facts
    assert facts["state"] == state.slug
    assert facts["does"] == does
    assert facts["allowed"] == [move.does for move in LIFECYCLE.moves_from(state) if move.who == who]


def test_no_question_has_two_answers() -> None:
    assert len({(move.when, move.does) for move in LIFECYCLE.moves}) == len(LIFECYCLE.moves)
    assert len({(move.when, move.event) for move in LIFECYCLE.moves}) == len(LIFECYCLE.moves)
    heard = [(state, row.event) for row in LIFECYCLE.hears for state in row.when]
    assert len(set(heard)) == len(heard)


def test_one_event_leads_to_one_state_or_leaves_all_alone() -> None:
    for event in EVENTS:
        told = [move for move in LIFECYCLE.moves if move.event == event]
        assert len({move.then for move in told if move.then != move.when}) <= 1


def test_the_final_states_are_the_ones_the_law_knows() -> None:
    assert LIFECYCLE.final_states == {law.REFUSED, law.WITHDRAWN, law.STOPPED, law.RESULT_RETURNED}
    assert LIFECYCLE.final_states == set(law.FINAL)


def test_every_state_is_reached_and_every_way_ends() -> None:
    reached, ahead = {LIFECYCLE.begins}, [LIFECYCLE.begins]
    while ahead:
        for move in LIFECYCLE.moves_from(ahead.pop()):
            if move.then not in reached:
                reached.add(move.then)
                ahead.append(move.then)
    assert reached == set(LIFECYCLE.states) == set(law.EVERY)
    for state in reached - LIFECYCLE.final_states:
        assert any(move.then != state for move in LIFECYCLE.moves_from(state))


def test_the_happy_way_is_walked_with_and_without_a_fee() -> None:
    free = [
        (law.RECEPTION, law.RECEIVE),
        (law.HANDLER, law.START),
        (law.HANDLER, law.FINISH),
        (law.RECEPTION, law.RETURN),
    ]
    paid = [free[0], (law.RECEPTION, law.DEMAND_FEE), (law.CITIZEN, law.PAY), *free[1:]]
    for way in (free, paid):
        state = LIFECYCLE.begins
        for who, does in way:
            state = LIFECYCLE.after(state, does, who).then
        assert state == law.RESULT_RETURNED


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(does for _, does in way))
def test_every_other_way_is_walked(way: list[tuple[str, str]]) -> None:
    state, (*steps, (end, _)) = LIFECYCLE.begins, way
    for who, does in steps:
        state = LIFECYCLE.after(state, does, who).then
    assert state.slug == end


@pytest.mark.parametrize(("state", "event"), list(product(LIFECYCLE.states, EVENTS)), ids=str)
def test_every_pair_of_state_and_event_has_its_reaction(state: State, event: str) -> None:
    reaction = LIFECYCLE.reaction(state, event)
    if reaction is Reaction.REFUSE:
        with pytest.raises(MoveNotAllowed) as refused:
            LIFECYCLE.must_react(state, event)
        assert refused.value.facts["state"] == state.slug
    else:
        assert LIFECYCLE.must_react(state, event) is reaction


def test_the_province_never_meets_a_request_it_has_no_answer_to() -> None:
    for event in (law.WITHDRAWAL_REQUESTED, law.PAYMENT_CONFIRMED, law.PAYMENT_REFUNDED):
        assert Reaction.REFUSE not in {LIFECYCLE.reaction(state, event) for state in LIFECYCLE.states}


@pytest.mark.parametrize("state", LIFECYCLE.states, ids=lambda state: state.slug)
def test_a_withdrawal_request_is_answered_unless_the_dossier_ended_without_result(state: State) -> None:
    reaction = LIFECYCLE.reaction(state, law.WITHDRAWAL_REQUESTED)
    assert reaction == (Reaction.LATE if state in law.ENDED_WITHOUT_RESULT else Reaction.ANSWER)
    if reaction == Reaction.ANSWER:
        LIFECYCLE.after(state, law.DECLINE_WITHDRAWAL, law.RECEPTION)


@pytest.mark.parametrize("state", [law.RESULT_READY, law.RESULT_RETURNED], ids=lambda state: state.slug)
def test_a_dossier_with_a_result_cannot_be_withdrawn(state: State) -> None:
    with pytest.raises(MoveNotAllowed):
        LIFECYCLE.after(state, law.GRANT_WITHDRAWAL, law.RECEPTION)


@pytest.mark.parametrize("state", LIFECYCLE.states, ids=lambda state: state.slug)
def test_money_is_taken_only_while_it_is_owed_and_else_given_back(state: State) -> None:
    owed = state in law.MAY_OWE
    assert LIFECYCLE.reaction(state, law.PLATFORM_CONFIRMATION) == (Reaction.APPLY if owed else Reaction.COMPENSATE)
    assert LIFECYCLE.reaction(state, law.PAYMENT_CONFIRMED) == (Reaction.APPLY if owed else Reaction.LATE)
    assert LIFECYCLE.reaction(state, law.PAYMENT_REFUNDED) == Reaction.APPLY


@pytest.mark.parametrize(("state", "event"), list(product(LIFECYCLE.states, law.FOLLOWED)), ids=str)
def test_the_portal_follows_the_province_in_step_and_keeps_what_comes_after_the_end(state: State, event: str) -> None:
    move = LIFECYCLE.move_for_event(state, event)
    if move is not None:
        assert LIFECYCLE.reaction(state, event) == Reaction.APPLY
    elif state in LIFECYCLE.final_states:
        assert LIFECYCLE.reaction(state, event) == Reaction.LATE
    else:
        assert LIFECYCLE.reaction(state, event) == Reaction.REFUSE


def test_a_declined_withdrawal_is_noted_anywhere_and_moves_nothing() -> None:
    for state in LIFECYCLE.states:
        assert LIFECYCLE.reaction(state, law.WITHDRAWAL_DECLINED) == Reaction.APPLY
        move = LIFECYCLE.move_for_event(state, law.WITHDRAWAL_DECLINED)
        assert move is None or move.then == state


def test_a_dossier_is_born_once() -> None:
    for state in LIFECYCLE.states:
        for event in LIFECYCLE.begun_by:
            assert LIFECYCLE.reaction(state, event) == Reaction.REFUSE


def test_states_are_found_by_the_national_code() -> None:
    assert [state.code for state in LIFECYCLE.states] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert LIFECYCLE.state(6) == law.FINANCIAL_OBLIGATION


def test_every_move_cites_where_it_is_written_or_says_it_is_unverified() -> None:
    for move in LIFECYCLE.moves:
        assert re.search(r"ND 118/2025, as ND 61/2018 arts?\. \d+|unverified", move.law), move


def test_the_printed_page_holds_every_row() -> None:
    page = "\n".join(line for lines in parts().values() for line in lines)
    for move in LIFECYCLE.moves:
        said = law.VERBS_VI[move.does]
        row = f"| `{move.when.slug}` | {move.who} | {move.does} ({said}) | `{move.then.slug}` | `{move.event}` | {move.law} |"
        assert f"{row} {'; '.join(need.en for need in move.needs)} | {move.note} |" in page
        if move.then != move.when:
            assert re.search(f"    {move.when.slug} --> {move.then.slug}: .*{said}", page)
    for need in LIFECYCLE.needs:
        assert f"| `{need.slug}` | {need.en} | {need.vi} | {need.law} |" in page
    for state in LIFECYCLE.final_states:
        assert f"    {state.slug} --> [*]\n" in page
