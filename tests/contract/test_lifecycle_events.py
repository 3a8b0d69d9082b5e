"""The lifecycle table, the schemas, the topics and the readers name the same events."""

from contracts import lifecycle as law
from contracts import topics
from contracts.lifecycle import LIFECYCLE
from contracts.schemas import event_types
from services.portal import consumers as portal
from services.province_gateway import consumers as province

SPOKEN = {*topics.FROM_PORTAL, *topics.FROM_PROVINCE}


def test_every_move_tells_an_event_that_has_a_schema() -> None:
    assert {move.event for move in LIFECYCLE.moves} <= set(event_types())
    assert set(LIFECYCLE.begun_by) <= set(event_types())


def test_every_event_of_the_table_travels_on_a_topic_and_back() -> None:
    heard = {row.event for row in LIFECYCLE.hears} - {law.PLATFORM_CONFIRMATION}
    told = {move.event for move in LIFECYCLE.moves} | set(LIFECYCLE.begun_by)
    assert heard | told == SPOKEN == set(event_types()) - {topics.VOID}


def test_portal_and_province_handle_every_event_that_the_other_publishes() -> None:
    assert portal.handlers.table.keys() == set(topics.FROM_PROVINCE)
    assert province.handlers.table.keys() == set(topics.FROM_PORTAL)


def test_the_citizen_speaks_through_the_portal_and_officials_through_the_province() -> None:
    for move in LIFECYCLE.moves:
        speakers = topics.FROM_PORTAL if move.who == law.CITIZEN else topics.FROM_PROVINCE
        assert move.event in speakers, move


def test_every_event_has_a_reaction_somewhere_in_its_reader() -> None:
    for event in SPOKEN - set(LIFECYCLE.begun_by):
        reacting = [state for state in LIFECYCLE.states if LIFECYCLE.move_for_event(state, event)]
        heard = [row for row in LIFECYCLE.hears if row.event == event]
        assert reacting or heard, event
