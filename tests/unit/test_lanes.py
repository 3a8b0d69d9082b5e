"""The rules of a lane, one by one."""

import pytest

from shared.messaging.lanes import Log, Position, Verdict, replay_place


@pytest.mark.parametrize(
    ("epoch", "number", "verdict"),
    [
        (2, 5, Verdict.APPLY),
        (2, 4, Verdict.DUPLICATE),
        (2, 1, Verdict.DUPLICATE),
        (2, 6, Verdict.ASK),
        (3, 1, Verdict.ASK),
        (1, 5, Verdict.ASK),
    ],
)
def test_a_reader_applies_only_the_number_it_expects(epoch: int, number: int, verdict: Verdict) -> None:
    assert Position(2, 5).judge(epoch, number) is verdict


def test_a_reader_that_read_nothing_yet_begins_with_the_first_number_of_the_first_life() -> None:
    assert Position().judge(1, 1) is Verdict.APPLY
    assert Position().judge(1, 2) is Verdict.ASK
    assert Position().judge(2, 1) is Verdict.ASK


def test_a_new_database_goes_on_where_the_group_has_come() -> None:
    position = Position(3, 18, 44)
    assert Position.begin(position.committed) == position
    assert Position.begin(None) == Position.begin((44, "of an older version")) == Position()


def test_a_reader_moves_when_it_is_told_of_a_later_place_and_never_backwards() -> None:
    position = Position(2, 5)
    assert not position.resume_at((2, 5))
    assert not position.resume_at((1, 9))
    assert position.resume_at((3, 1))
    assert position.place == (3, 1)


def test_at_the_end_of_the_brokers_log_a_reader_knows_what_the_broker_lost_unread() -> None:
    assert Position(2, 5).missed((2, 5))
    assert Position().missed((1, 1))
    assert not Position(2, 5).missed((2, 4))
    assert not Position().missed((2, 0)), "nothing was sent yet"


def test_acknowledged_offsets_only_rise_or_the_broker_forgot() -> None:
    log = Log(1, 9, (1, 5), last_offset=40)
    assert log.acknowledged((1, 7), 41, 42)
    assert (log.sent, log.last_offset) == ((1, 7), 42)
    assert not log.acknowledged((1, 9), 3, 4)
    assert (log.sent, log.last_offset) == ((1, 7), -1), "what was sent before is in doubt; the numbers given are not"


def test_a_log_shorter_than_what_it_acknowledged_was_forgotten() -> None:
    assert not Log(1, 9, (1, 9), last_offset=40).forgotten(41)
    assert Log(1, 9, (1, 9), last_offset=40).forgotten(40)
    assert not Log().forgotten(0), "of an empty log nothing can be forgotten"


def test_going_back_never_goes_forward() -> None:
    log = Log(2, 9, (2, 6))
    log.go_back((2, 9))
    assert log.sent == (2, 6)
    log.go_back((2, 3))
    assert log.sent == (2, 2)
    log.go_back((1, 8))
    assert log.sent == (1, 7)


def test_a_number_that_was_never_given_means_a_new_life() -> None:
    log = Log(2, 9)
    assert not log.begin_epoch_if_behind((2, 9))
    assert log.begin_epoch_if_behind((2, 10))
    assert (log.epoch, log.head) == (3, 0)


def test_a_higher_life_seen_elsewhere_is_surpassed() -> None:
    log = Log(1, 0)
    assert log.begin_epoch_if_behind((4, 2))
    assert log.epoch == 5


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ((2, 4), (2, 4)),  # in the middle of the present life
        ((2, 10), (2, 10)),  # right behind its last number: nothing is missing
        ((1, 3), (1, 3)),  # an older life is finished first
        ((1, 8), (2, 1)),  # it is finished: the next one
        ((0, 1), (1, 1)),  # nothing read yet
    ],
)
def test_a_source_says_where_to_go_on(asked: tuple[int, int], answer: tuple[int, int]) -> None:
    log = Log(2, 9)
    assert replay_place(asked, log, {1: 7, 2: 9}) == (answer, False)
    assert log.epoch == 2


def test_a_reader_ahead_of_its_source_begins_a_new_life_of_it() -> None:
    log = Log(2, 9)
    assert replay_place((2, 12), log, {1: 7, 2: 9}) == ((3, 1), True)
    assert (log.epoch, log.head) == (3, 0)


def test_lives_whose_events_are_gone_are_passed_over() -> None:
    assert replay_place((1, 8), Log(4, 2), {4: 2}) == ((4, 1), False)
