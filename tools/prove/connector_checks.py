"""The promises to connectors. Pure functions, as in `tools.prove.checks`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tools.prove.connectors import Said
from tools.prove.evidence import Check, Evidence


def one_verdict(e: Evidence) -> Iterator[str | None]:
    """Every record that the broker took from a connector has exactly one verdict, which stands on the verdicts topic."""
    said = e.said or Said()
    for place, offsets in said.records.items():
        judged: dict[int | None, list[str]] = {}
        for verdict in said.verdicts[place]:
            judged.setdefault(verdict.offset, []).append(verdict.outcome)
        for offset in offsets:
            outcomes = judged.get(offset, [])
            wrong = [] if len(outcomes) == 1 else [f"has {len(outcomes)} verdicts"]
            wrong += [
                f"is {each}, but not so on the verdicts topic"
                for each in outcomes
                if (offset, each) not in said.answered[place]
            ]
            yield f"{place}: record {offset} {', '.join(wrong)}" if wrong else None
        unknown = judged.keys() - {*offsets, None}
        yield from (f"{place}: a verdict on record {offset}, which is not there" for offset in unknown)


def kept(e: Evidence) -> Iterator[str | None]:
    """The verdicts of a place are numbered without gaps, and every answer over HTTP is among them."""
    said = e.said or Said()
    for place, verdicts in said.verdicts.items():
        numbers = [verdict.number for verdict in verdicts]
        complete = numbers == list(range(1, len(numbers) + 1))
        yield None if complete else f"{place}: verdicts are numbered {numbers}"
    for place, replies in said.replies.items():
        stored = Counter((verdict.outcome, verdict.id) for verdict in said.verdicts[place])
        for (outcome, id), times in replies.items():
            known = stored[outcome, id]
            yield (
                f"{place}: {id} was answered {times} times with {outcome}, stored are {known}"
                if times > known
                else None
            )


def one_effect(e: Evidence) -> Iterator[str | None]:
    """A message is accepted at most once, and every event of a connected province comes from an accepted one."""
    for place, verdicts in (e.said or Said()).verdicts.items():
        accepted = Counter(verdict.id for verdict in verdicts if verdict.outcome.startswith("accepted"))
        yield from (f"{place}: {id} accepted {n} times" if n > 1 else None for id, n in accepted.items())
        yield from (f"{place}: {verdict.id} was rejected" for verdict in verdicts if verdict.outcome == "rejected")
        ours = {key for key, submission in e.ledger.dossiers.items() if (key[0], submission.province) == place}
        published = sum(len(e.gateway.events.get(key, ())) for key in ours)
        if published != accepted.total():
            yield f"{place}: {accepted.total()} messages accepted, {published} events published"


CHECKS: dict[str, Check] = {
    "every record of a connector has one verdict": one_verdict,
    "verdicts are numbered without gaps, and no answer lacks its verdict": kept,
    "an accepted message has one effect, and no event lacks its message": one_effect,
}
