"""What a reader makes of headers that only strangers write."""

from shared.messaging.cloudevents import Record, decode, sandboxes_of
from shared.messaging.kafka import _headers


def test_a_header_without_a_value_is_as_good_as_absent() -> None:
    assert _headers([("ce_source", None), ("ce_type", b"x")]) == {"ce_type": b"x"}


def test_a_record_of_a_stranger_is_no_event_and_names_no_sandbox() -> None:
    record = Record(5, 0, None, b"{}", _headers([("ce_source", None)]))
    assert decode(record, "portal") is None
    assert sandboxes_of([record], "portal") == set()
