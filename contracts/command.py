"""What `lienthong contract` asks of the contracts: a request as JSON on standard input, a reply as JSON on standard output.

    python -P -m contracts.command list|show|check|split|diff|export < request.json

A process of its own, because the command is installed without the packages that the gate needs. Everything but `check` and
`export` runs with the standard library alone. Exit status 1 and `{"trouble": sentence}` for what the user can mend.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts import diff
from contracts import lifecycle as law
from shared.did_you_mean import no_such
from shared.errors import Refusal

CONTRACTS = Path(__file__).parent
Request = Mapping[str, Any]


class CannotCheck(Refusal):
    """The messages or the options cannot be used. The detail says why."""


def list_types(request: Request) -> Any:
    """Every event type: who says it, and what it means."""
    return [
        {"type": name, "publisher": event.publisher, "text_en": event.text_en, "text_vi": event.text_vi}
        for name, event in law.EVENTS.items()
    ]


def show(request: Request) -> Any:
    """One event type: who says it and when, by which law, and its schema."""
    name = _known_type(request["type"])
    event = law.EVENTS[name]
    moves = [
        {
            "when": m.when.slug,
            "who": m.who,
            "does": m.does,
            "then": m.then.slug,
            "law": m.law,
            "needs": [n.en for n in m.needs],
        }
        for m in law.LIFECYCLE.moves
        if m.event == name
    ]
    schema = json.loads((CONTRACTS / "events" / f"{name}.json").read_text(encoding="utf-8"))
    texts = {"text_en": event.text_en, "text_vi": event.text_vi}
    return {"type": name, "publisher": event.publisher, **texts, "moves": moves, "schema": schema}


def check(request: Request) -> Any:
    """For each text a list with a verdict for each of its messages: one JSON object, a list, or one on each line.

    texts     of the files; a byte that is not UTF-8 as Python's `surrogateescape` has it
    type      of bare bodies; none: the messages are structured CloudEvents
    state     slug of the state in which the dossier is; none: envelope and contract only
    province, procedure, now, leniency   of the judgement; none: what the message says, and strict
    """
    texts = (text.encode("utf-8", "surrogateescape") for text in request["texts"])
    return [[{"line": line, **_judged(body, request)} for line, body in _messages(text)] for text in texts]


def split(request: Request) -> Any:
    """For each text its messages as they are sent over HTTP, for a running country to judge: line, province, headers, body.

    texts, type, province  as for `check`; bodies as the texts
    """
    texts = (text.encode("utf-8", "surrogateescape") for text in request["texts"])
    return [[_sent(line, body, request) for line, body in _messages(text)] for text in texts]


def _sent(line: int, body: bytes, request: Request) -> dict[str, Any]:
    message = _message(body, request.get("type"), request.get("province"))
    headers = [[name, value.decode("latin-1")] for name, value in message.headers]
    text = (message.body or b"").decode("utf-8", "surrogateescape")
    return {"line": line, "province": message.province, "headers": headers, "body": text}


def _judged(body: bytes, request: Request) -> dict[str, Any]:
    from contracts import gate

    message = _message(body, request.get("type"), request.get("province"))
    reading = gate.read(message)
    now = _now(request.get("now"), reading)
    if request.get("state"):
        known = None if reading.type == law.DOSSIER_REGISTERED else _plausible(request, reading, now)
        document = gate.judge(reading, known, now, leniency=request.get("leniency") or "strict").document()
    else:
        document = gate.check_form(message, now).document()
    if request.get("type"):  # what is wrong with the attributes that we gave a bare body is wrong in the body too
        document["errors"] = [each for each in document["errors"] if each["pointer"][:5] in ("", "/data", "/type")]
    return document


def _known_type(name: str) -> str:
    if name not in law.EVENTS:
        raise CannotCheck(no_such("event type", name, tuple(law.EVENTS)))
    return name


def _messages(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Line and bytes of each message; what is not JSON at all is one message, which the gate refuses."""
    import msgspec

    lines = [(number, line) for number, line in enumerate(text.split(b"\n"), 1) if line.strip()]
    try:
        messages = msgspec.json.decode(text, type=list[msgspec.Raw])
        if not messages:
            yield 1, text
        place = 0
        for each in map(bytes, messages):
            place = text.index(each, place)
            yield text.count(b"\n", 0, place) + 1, each
            place += len(each)
    except (msgspec.DecodeError, RecursionError):
        if len(lines) > 1 and _is_object(lines[0][1]):
            yield from lines
        else:
            yield 1, text


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _message(body: bytes, type: str | None, province: str | None) -> Any:
    from contracts import gate
    from contracts.catalogue import province_of

    if type is not None:
        return _bare(body, _known_type(type), province)
    headers = (("content-type", gate.STRUCTURED.encode()),)
    dossier = gate.read(gate.Message("http", province or "37", headers, body)).dossier
    return gate.Message("http", province or province_of(dossier or "") or "37", headers, body)


def _bare(body: bytes, type: str, province: str | None) -> Any:
    """A bare body with the attributes that its door would give it."""
    from contracts import gate
    from contracts.catalogue import province_of
    from contracts.gate.attributes import HAPPENED

    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    facts = data if isinstance(data, dict) else {}
    code, time = facts.get("dossier_code"), facts.get(HAPPENED.get(type, ""))
    named = {
        "type": type,
        "specversion": "1.0",
        "id": "bare-body",
        "source": "/bare-body",
        "subject": code,
        "time": time,
    }
    ours = province or province_of(str(code)) or "37"
    headers = [
        (f"ce-{name}", value.encode()) for name, value in named.items() if isinstance(value, str) and value.isascii()
    ]
    return gate.Message("http", ours, (*headers, ("content-type", b"application/json")), body)


def _now(text: str | None, reading: Any) -> datetime:
    """The sandbox's time: as told, else when the message says that it happened."""
    from contracts.gate.attributes import HAPPENED, instant, of_digits

    if text is not None:
        now = instant(text)
        if now is None:
            raise CannotCheck(f"'{text}' is no instant with an offset: write one such as 2026-11-25T10:00:00+07:00.")
        return now
    data = reading.data if isinstance(reading.data, dict) else {}
    said = (data.get(HAPPENED.get(reading.type or "", "")), reading.attributes.get("time"))
    texts = [text for text in said if isinstance(text, str)]
    times = [time for text in texts if (time := instant(of_digits(text) or text)) is not None and time.year > 1]
    return max(times, default=datetime(2026, 11, 25, 3, tzinfo=UTC))


def _plausible(request: Request, reading: Any, now: datetime) -> Any:
    """A dossier in the state that was told, with code, place and procedure as the message has them."""
    from contracts import gate
    from contracts.calendar.calendar import CalendarTooShort
    from contracts.catalogue import COMMUNES, PROCEDURES, PROVINCES

    slugs = [state.slug for state in law.LIFECYCLE.states]
    state, province = request["state"], reading.message.province
    if state not in slugs:
        raise CannotCheck(no_such("state", state, slugs))
    if province not in PROVINCES:
        raise CannotCheck(no_such("province", province, tuple(PROVINCES)))
    data = reading.data if isinstance(reading.data, dict) else {}
    procedure = request.get("procedure") or data.get("procedure")
    if request.get("procedure") and procedure not in PROCEDURES:
        raise CannotCheck(f"The catalogue has no procedure '{procedure}': write a code such as 2.000635.")
    chosen = {"procedure": procedure} if isinstance(procedure, str) and procedure in PROCEDURES else {}
    try:
        known = gate.Known.in_state(state, now=now, province=province, **chosen)
    except (CalendarTooShort, OverflowError):
        raise CannotCheck(
            f"The list of days off covers 2025 to 2027, not {now.year}: tell another time with --now."
        ) from None
    if reading.dossier is None:
        return known
    commune = reading.dossier.split("-")[0].rpartition(".")[2]
    place = commune if known.commune is not None and commune in COMMUNES else known.commune
    return gate.Known.of(known, code=reading.dossier, commune=place, last_event_at=known.last_event_at)


def compare(request: Request) -> Any:
    """What changed between two schema files, folders, or the release (the word `released`)."""
    old, new = (diff.schemas_at(_schemas(request[name])) for name in ("old", "new"))
    return [change.document() for change in diff.compare(old, new)]


def _schemas(word: str) -> Path:
    return {"released": diff.RELEASED, "current": diff.EVENTS}.get(word, Path(word))


def export(request: Request) -> Any:
    """Copy the contracts into a folder: schemas, verdict, topics, lifecycle, rules, and the messages that break them."""
    from contracts import published

    folder = Path(request["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("events", "invalid"):
        shutil.copytree(CONTRACTS / name, folder / name, dirs_exist_ok=True)
    for name in ("verdict.v1.json", "asyncapi.yaml"):
        shutil.copyfile(CONTRACTS / name, folder / name)
    for name, document in {
        "lifecycle.json": published.lifecycle(),
        "rules.json": published.all_rules() | published.gate_rules(),
        "version.json": published.identification(),
    }.items():
        (folder / name).write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return {
        "folder": str(folder),
        "files": sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()),
    }


VERBS: Mapping[str, Callable[[Request], Any]] = {
    "list": list_types,
    "show": show,
    "check": check,
    "split": split,
    "diff": compare,
    "export": export,
}


def main(verb: str) -> int:
    try:
        reply = VERBS[verb](json.load(sys.stdin))
    except Refusal as refusal:
        reply = {"trouble": refusal.detail, "trouble_vi": getattr(refusal.detail, "vi", refusal.detail)}
    except OSError as error:
        reply = {"trouble": f"{error.filename or 'A file'}: {error.strerror or error}."}
        reply["trouble_vi"] = reply["trouble"]
    json.dump(reply, sys.stdout)  # ASCII: what was refused can contain what is no text
    return 1 if isinstance(reply, dict) and "trouble" in reply else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
