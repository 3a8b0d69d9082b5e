"""Names at the Kafka door: the topics of a connected province, its user, and its consumer groups."""

from __future__ import annotations

from dataclasses import dataclass

from shared.sandbox.names import DEFAULT


@dataclass(frozen=True)
class KafkaNames:
    """What one province has at the broker in one sandbox.

    inbox     topic with what the portal tells the province; its connector reads it
    outbox    topic on which the connector answers; only it writes there
    verdicts  topic with one verdict for every record of the outbox
    user      with which the connector signs in; the names of its consumer groups begin with it
    """

    inbox: str
    outbox: str
    verdicts: str
    user: str

    @classmethod
    def of(cls, sandbox_id: str, province: str) -> KafkaNames:
        """`province`: two digits. The topics of the default sandbox have no prefix, so a connector can be written for them."""
        topic = f"{topic_prefix(sandbox_id)}province.{province}"
        return cls(
            f"{topic}.inbox.v1", f"{topic}.outbox.v1", f"{topic}.verdicts.v1", f"{sandbox_id}.province-{province}"
        )

    @property
    def topics(self) -> tuple[str, str, str]:
        return self.inbox, self.outbox, self.verdicts


def topic_prefix(sandbox_id: str) -> str:
    """How the names of a sandbox's topics begin: an id contains no dot, so no other sandbox's do."""
    return "" if sandbox_id == DEFAULT else f"{sandbox_id}."
