"""What a reader makes of headers that only strangers write, and what is said of a broker that has no rights to give."""

from confluent_kafka import KafkaError

from shared.errors import BrokerNotPrepared
from shared.messaging.cloudevents import Record, decode, sandboxes_of
from shared.messaging.kafka import _headers
from shared.messaging.kafka_access import Administrator


def test_a_header_without_a_value_is_as_good_as_absent() -> None:
    assert _headers([("ce_source", None), ("ce_type", b"x")]) == {"ce_type": b"x"}


def test_a_record_of_a_stranger_is_no_event_and_names_no_sandbox() -> None:
    record = Record(5, 0, None, b"{}", _headers([("ce_source", None)]))
    assert decode(record, "portal") is None
    assert sandboxes_of([record], "portal") == set()


def test_a_broker_without_an_authorizer_is_no_place_for_outsiders() -> None:
    trouble = Administrator("b:9092")._trouble(KafkaError(KafkaError.SECURITY_DISABLED))
    assert isinstance(trouble, BrokerNotPrepared)
    assert "b:9092 has no authorizer, so nobody's rights can be set: set authorizer.class.name" in str(trouble)
