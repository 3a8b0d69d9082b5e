"""Causes in the machine: a service, a worker or the broker is away, something is parked or still on its way."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.topics import READERS
from services.portal.explain.causes import Found, Kind, Words, kind
from services.portal.explain.facts import Facts
from shared.messaging.pending import PublishedEvent


@kind(
    "service-down",
    Words(
        "{service} does not answer, so nothing that needs it can happen.",
        "{service} không phản hồi, nên việc gì cần đến nó đều đứng lại.",
        "`lienthong status` says what it waits for; what `lienthong up` started is started again by itself.",
        "`lienthong status` cho biết nó đang chờ gì; tiến trình do `lienthong up` chạy sẽ tự khởi động lại.",
    ),
)
def service_down(facts: Facts) -> Iterator[Found]:
    """a service does not answer"""
    for service in facts.down:
        yield {"service": service}


@kind(
    "clock-behind",
    Words(
        "{service} holds an older row of this sandbox than others do: its clock, modes and fault rules of before.",
        "{service} còn giữ bản ghi cũ của sandbox này: đồng hồ, chế độ và sự cố bật sẵn từ trước.",
        "The portal tells it again by itself; `lienthong settle{flag}` waits until it has.",
        "Cổng tự báo lại; `lienthong settle{flag}` chờ đến khi xong.",
    ),
)
def clock_behind(facts: Facts) -> Iterator[Found]:
    """a service was restored, or missed a change of the sandbox"""
    for waiting in facts.waiting:
        if waiting.name == "clock-behind":
            yield {"service": waiting.service}


def under_way(facts: Facts) -> list[tuple[str, PublishedEvent]]:
    """Events about it that their reader has not come to, with who told them."""
    return [(source, event) for source, outlook in facts.outlooks.items() for event in outlook.events if event.unread]


@kind(
    "broker-down",
    Words(
        "Kafka does not answer at {broker}, and {events} cannot travel without it.",
        "Kafka không phản hồi tại {broker}, nên {events} chưa đi được.",
        "Start it: `lienthong status` shows it, `lienthong doctor` what it lacks. What waits is sent by itself.",
        "Khởi động Kafka: `lienthong status` cho thấy nó, `lienthong doctor` cho biết thiếu gì. Những gì đang chờ sẽ tự gửi.",
    ),
)
def broker_down(facts: Facts) -> Iterator[Found]:
    """events wait, and the broker does not answer"""
    events = [event.type for _, event in under_way(facts)]
    if facts.broker and events:
        yield {"broker": facts.broker, "events": events}


@kind(
    "worker-dead",
    Words(
        "The worker process of {service} is dead or stuck: nobody does the work of {parts} there, and {waits} waits for it.",
        "Tiến trình worker của {service} đã chết hoặc bị treo: không ai làm việc của {parts} ở đó, và {waits} đang chờ.",
        "`lienthong status` shows it. `lienthong up` starts a dead one again; a frozen one must be continued or killed.",
        "`lienthong status` cho thấy nó. `lienthong up` khởi động lại tiến trình chết; tiến trình treo phải chạy tiếp hoặc diệt.",
    ),
)
def worker_dead(facts: Facts) -> Iterator[Found]:
    """something waits for a worker, and nobody holds its lanes"""
    for service in READERS:
        waits = _waits_for_worker(facts, service)
        parts = [] if facts.broker else list(facts.unworked.get(service, ()))  # without a broker none can work
        if waits and parts:
            yield {"service": service, "parts": parts, "waits": waits}


def _waits_for_worker(facts: Facts, service: str) -> list[str]:
    """What of this dossier the worker of `service` has to do: send, read, let officers act, ask for a refund."""
    sends = [event.type for source, event in under_way(facts) if source == service and not event.numbered]
    reads = [event.type for source, event in under_way(facts) if READERS[source] == service]
    fires = [facts.timers[0].kind] if service == "gateway" and facts.overdue and not facts.frozen else []
    asks = [f"refund {call.key}" for call in facts.refunds if service == "portal" and not call.refused]
    return list(dict.fromkeys([*sends, *reads, *fires, *asks]))


@kind(
    "sandbox-unknown-there",
    Words(
        "{service} has not heard of this sandbox yet, and lays what it hears of it aside, since {since} (real time).",
        "{service} chưa biết sandbox này nên để riêng những gì nhận được, từ {since} (giờ thật).",
        "Nothing: it asks the portal again every second, and goes on by itself.",
        "Không cần làm gì: nó hỏi lại cổng mỗi giây và tự tiếp tục.",
    ),
)
def sandbox_unknown_there(facts: Facts) -> Iterator[Found]:
    """a reader heard an event before it heard of its sandbox"""
    for service, parked in facts.parked.items():
        if parked.letter is None:
            yield {"service": service, "since": parked.since}


@kind(
    "parked",
    Words(
        "{service} could not apply {kind} ({reason}) and has parked the dossier since {since} (real time).",
        "{service} không xử lý được {kind} ({reason}) và đã treo hồ sơ từ {since} (giờ thật).",
        "Why: `lienthong dead show {service} {letter}{flag}`. When mended: `lienthong dead redrive {service} {letter}{flag}`.",
        "Lý do: `lienthong dead show {service} {letter}{flag}`. Khi đã sửa: `lienthong dead redrive {service} {letter}{flag}`.",
    ),
)
def parked(facts: Facts) -> Iterator[Found]:
    """an event or a timer became a dead letter"""
    for service, found in facts.parked.items():
        if found.letter is not None:
            why = found.reason.removeprefix("dead letter: ")
            yield {"service": service, "kind": found.kind, "reason": why, "since": found.since, "letter": found.letter}


@kind(
    "waits-behind-parked",
    Words(
        "{behind} later event(s) of the dossier wait at {service} behind what parks it: they were read, and have no effect yet.",
        "{behind} sự kiện sau của hồ sơ đang chờ tại {service}, sau sự kiện bị treo: đã đọc nhưng chưa có tác dụng.",
        "Nothing of their own: they follow in order as soon as it is redriven.",
        "Không cần làm gì riêng: chúng được xử lý theo thứ tự ngay sau khi thư chết được chạy lại.",
    ),
)
def waits_behind_parked(facts: Facts) -> Iterator[Found]:
    """more events of a parked dossier came"""
    for service, found in facts.parked.items():
        if found.behind:
            yield {"service": service, "behind": found.behind}


@kind(
    "on-its-way",
    Words(
        "{events}: written down at {source}, and not read at {reader} yet.",
        "{events}: đã ghi tại {source}, {reader} chưa đọc.",
        "`lienthong settle{flag}` waits until it has arrived, or says why it does not.",
        "`lienthong settle{flag}` chờ đến khi nhận được, hoặc cho biết vì sao chưa.",
    ),
)
def on_its_way(facts: Facts) -> Iterator[Found]:
    """an event is told and not read"""
    for source, reader in READERS.items():
        events = [event.type for publisher, event in under_way(facts) if publisher == source]
        if events:
            yield {"events": events, "source": source, "reader": reader}


@kind(
    "unknown-dossier",
    Words(
        "Nobody in sandbox {sandbox} has heard of a dossier {code}{hint}.",
        "Không hệ thống nào trong sandbox {sandbox} biết hồ sơ {code}{hint}.",
        "Check the code, and name the sandbox in which it was submitted with --sandbox (at the doors: X-Sandbox).",
        "Kiểm tra mã hồ sơ, và chỉ rõ sandbox nơi hồ sơ được nộp bằng --sandbox (qua API: X-Sandbox).",
    ),
)
def unknown_dossier(facts: Facts) -> Iterator[Found]:
    """no service knows the code"""
    if not facts.known and facts.gateway is not None and not facts.gateway.events:
        odd = facts.province == ""
        hint = "; a code looks like H42.14464-20260609-0000001" if odd else ""
        yield {"hint_en": hint, "hint_vi": "; mã hồ sơ có dạng H42.14464-20260609-0000001" if odd else ""}


BROKEN = (service_down, clock_behind, broker_down, worker_dead, sandbox_unknown_there, parked, waits_behind_parked)
KINDS: tuple[Kind, ...] = (*BROKEN, on_its_way, unknown_dossier)
