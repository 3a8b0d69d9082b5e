"""Technical causes: a service, a worker or the broker is down, the dossier is parked, or an event is under way."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import to_builtins

from contracts.topics import READERS
from services.portal.explain.causes import Kind, Values, Words, kind
from services.portal.explain.facts import Facts
from shared.messaging.pending import PublishedEvent


@kind(
    "service-down",
    Words(
        "{service} does not answer, so nothing that needs it can happen.",
        "{service} không phản hồi, nên việc gì cần đến nó đều đứng lại.",
        "`lienthong status` shows what it waits for. A process that `lienthong up` started is restarted automatically.",
        "`lienthong status` cho biết nó đang chờ gì; tiến trình do `lienthong up` chạy sẽ tự khởi động lại.",
    ),
)
def service_down(facts: Facts) -> Iterator[Values]:
    """a service does not answer"""
    for service in facts.down:
        yield {"service": service}


@kind(
    "clock-behind",
    Words(
        "{service} has an older row of this sandbox than other services: an old clock, modes and fault rules.",
        "{service} còn giữ bản ghi cũ của sandbox này: đồng hồ, chế độ và sự cố bật sẵn từ trước.",
        "The portal sends the row again by itself; `lienthong settle{flag}` waits until that is done.",
        "Cổng tự báo lại; `lienthong settle{flag}` chờ đến khi xong.",
    ),
)
def clock_behind(facts: Facts) -> Iterator[Values]:
    """a service was restored from a backup, or missed a change of the sandbox"""
    for waiting in facts.waiting:
        if waiting.name == "clock-behind":
            yield {"service": waiting.service}


def under_way(facts: Facts) -> list[tuple[str, PublishedEvent]]:
    """Events of the dossier that their reader has not read yet, each with its source."""
    return [(source, event) for source, outlook in facts.outlooks.items() for event in outlook.events if event.unread]


@kind(
    "broker-down",
    Words(
        "Kafka does not answer at {broker}, and {events} cannot be sent without it.",
        "Kafka không phản hồi tại {broker}, nên {events} chưa đi được.",
        "Start Kafka: see `lienthong status` and `lienthong doctor`. What waits is then sent by itself.",
        "Khởi động Kafka: `lienthong status` cho thấy nó, `lienthong doctor` cho biết thiếu gì. "
        "Những gì đang chờ sẽ tự gửi.",
    ),
)
def broker_down(facts: Facts) -> Iterator[Values]:
    """events wait, and the broker does not answer"""
    events = [event.type for _, event in under_way(facts)]
    if facts.broker and events:
        yield {"broker": facts.broker, "events": events}


@kind(
    "worker-dead",
    Words(
        "The worker process of {service} is dead or stuck: the work of {parts} is not done, and {waits} waits for it.",
        "Tiến trình worker của {service} đã chết hoặc bị treo: không ai làm việc của {parts} ở đó, "
        "và {waits} đang chờ.",
        "`lienthong status` shows it. A dead process is started again by itself; end a stuck one: kill -9 PID.",
        "`lienthong status` cho thấy nó. Tiến trình chết tự khởi động lại; tiến trình treo thì diệt: kill -9 PID.",
    ),
)
def worker_dead(facts: Facts) -> Iterator[Values]:
    """something waits for a worker, and no process holds its lanes"""
    for service in READERS:
        waits = _waits_for_worker(facts, service)
        parts = [] if facts.broker else list(facts.unworked.get(service, ()))  # without a broker no worker can work
        if waits and parts:
            yield {"service": service, "parts": parts, "waits": waits}


def _waits_for_worker(facts: Facts, service: str) -> list[str]:
    """What the worker of `service` must do for this dossier: send, read, let officers act, request a refund."""
    sends = [event.type for source, event in under_way(facts) if source == service and not event.numbered]
    reads = [event.type for source, event in under_way(facts) if READERS[source] == service]
    fires = [facts.timers[0].kind] if service == "gateway" and facts.overdue and not facts.frozen else []
    asks = [f"refund {call.key}" for call in facts.refunds if service == "portal" and not call.refused]
    return list(dict.fromkeys([*sends, *reads, *fires, *asks]))


@kind(
    "sandbox-unknown-there",
    Words(
        "{service} does not know this sandbox yet; since {since} (real time) it keeps the events for later.",
        "{service} chưa biết sandbox này nên để riêng những gì nhận được, từ {since} (giờ thật).",
        "Nothing to do: it asks the portal again every second and then continues by itself.",
        "Không cần làm gì: nó hỏi lại cổng mỗi giây và tự tiếp tục.",
    ),
)
def sandbox_unknown_there(facts: Facts) -> Iterator[Values]:
    """a reader received an event before the row of its sandbox"""
    for service, parked in facts.parked.items():
        if parked.letter is None:
            yield {"service": service, "since": parked.since}


@kind(
    "parked",
    Words(
        "{service} could not apply {kind} ({reason}) and parked the dossier at {since} (real time).",
        "{service} không xử lý được {kind} ({reason}) và đã treo hồ sơ từ {since} (giờ thật).",
        "Read the reason: `lienthong dead show {service} {letter}{flag}`. "
        "If the event is wrong: `lienthong dead edit {service} {letter}{flag}`. "
        "After fixing it: `lienthong dead redrive {service} {letter}{flag}`.",
        "Lý do: `lienthong dead show {service} {letter}{flag}`. "
        "Nếu sự kiện sai: `lienthong dead edit {service} {letter}{flag}`. "
        "Khi đã sửa: `lienthong dead redrive {service} {letter}{flag}`.",
    ),
)
def parked(facts: Facts) -> Iterator[Values]:
    """an event or a timer became a dead letter"""
    for service, parked in facts.parked.items():
        if (letter := parked.letter) is not None:
            why = parked.reason.removeprefix("dead letter: ")
            yield {"service": service, "kind": parked.kind, "reason": why, "since": parked.since, "letter": letter}


@kind(
    "waits-behind-parked",
    Words(
        "{behind} later event(s) wait at {service}, because the dossier is parked: they are read but not applied.",
        "{behind} sự kiện sau của hồ sơ đang chờ tại {service}, sau sự kiện bị treo: đã đọc nhưng chưa có tác dụng.",
        "Nothing else to do: they are applied in order as soon as the dead letter is redriven.",
        "Không cần làm gì riêng: chúng được xử lý theo thứ tự ngay sau khi thư chết được chạy lại.",
    ),
)
def waits_behind_parked(facts: Facts) -> Iterator[Values]:
    """more events of a parked dossier arrived"""
    for service, parked in facts.parked.items():
        if parked.behind:
            yield {"service": service, "behind": parked.behind}


@kind(
    "on-its-way",
    Words(
        "{events}: published by {source}, not yet read by {reader}.",
        "{events}: đã ghi tại {source}, {reader} chưa đọc.",
        "`lienthong settle{flag}` waits until {reader} has read it, or says why not.",
        "`lienthong settle{flag}` chờ đến khi nhận được, hoặc cho biết vì sao chưa.",
    ),
)
def on_its_way(facts: Facts) -> Iterator[Values]:
    """an event is published and not read"""
    for source, reader in READERS.items():
        events = [event.type for publisher, event in under_way(facts) if publisher == source]
        if events:
            yield {"events": events, "source": source, "reader": reader}


@kind(
    "unknown-dossier",
    Words(
        "No service in sandbox {sandbox} knows a dossier {code}{hint}.",
        "Không hệ thống nào trong sandbox {sandbox} biết hồ sơ {code}{hint}.",
        "Check the code, and name the sandbox in which the dossier was submitted: --sandbox, or X-Sandbox over HTTP.",
        "Kiểm tra mã hồ sơ, và chỉ rõ sandbox nơi hồ sơ được nộp bằng --sandbox (qua API: X-Sandbox).",
    ),
)
def unknown_dossier(facts: Facts) -> Iterator[Values]:
    """no service knows the code"""
    if not facts.known and facts.gateway is not None and not facts.gateway.events:
        odd = facts.province == ""
        hint = "; a code looks like H42.14464-20260609-0000001" if odd else ""
        yield {"hint_en": hint, "hint_vi": "; mã hồ sơ có dạng H42.14464-20260609-0000001" if odd else ""}


@kind(
    "no-copy",
    Words(
        "{reader} has no copy of this dossier, although it has {proof}.",
        "{reader} không có bản sao của hồ sơ này, dù {proof}.",
        "Its database has lost the dossier. Submit it again, or restore the database of {reader}: the events after the "
        "backup are then read again.",
        "Cơ sở dữ liệu ở đó đã mất hồ sơ. Nộp lại hồ sơ, hoặc khôi phục cơ sở dữ liệu của {reader}: các sự kiện sau "
        "bản sao lưu sẽ được đọc lại.",
    ),
)
def no_copy(facts: Facts) -> Iterator[Values]:
    """a service has read the events of the dossier or has registered it, but does not know it"""
    for source, reader in READERS.items():
        there, here = facts.outlooks.get(reader), facts.outlooks.get(source)
        if there is None or here is None or there.known or there.parked or there.stuck or not here.known:
            continue
        events = [event.type for event in here.events]
        registered = reader == "gateway" and facts.portal_copy is not None and facts.portal_copy.channel != "online"
        if (events or registered) and not any(event.unread for event in here.events):
            read = ", ".join(events)
            yield {
                "reader": reader,
                "source": source,
                "events": events,
                "proof_en": "registered it" if registered else f"read {read} of {source}",
                "proof_vi": "đã đăng ký hồ sơ" if registered else f"đã đọc {read} của {source}",
            }


@kind(
    "foreign-record",
    Words(
        "{count} foreign record(s) were found in partition {lane} of {topic}, the last at {at} (real time){place}: "
        "{source} did not send them, and {reader} did not accept them.",
        "Tìm thấy {count} bản ghi lạ ở phân vùng {lane} của {topic}, lần cuối lúc {at} (giờ thật){place}: "
        "{source} không gửi chúng, và {reader} không chấp nhận.",
        "Find the program that writes to {topic}: only {source} may. Nothing of this dossier is lost by it.",
        "Tìm chương trình ghi vào {topic}: chỉ {source} được ghi. Hồ sơ này không mất gì vì việc đó.",
    ),
)
def foreign_record(facts: Facts) -> Iterator[Values]:
    """a record that is not from the source was found lately in the lane of the dossier, which has not ended"""
    for found in () if facts.ended else facts.foreign:
        place, place_vi = ("", "") if found.offset is None else (f", offset {found.offset}",) * 2
        yield {**to_builtins(found), "place_en": place, "place_vi": place_vi}


BROKEN = (
    service_down,
    clock_behind,
    broker_down,
    worker_dead,
    sandbox_unknown_there,
    parked,
    waits_behind_parked,
    no_copy,
)
KINDS: tuple[Kind, ...] = (*BROKEN, on_its_way, unknown_dossier)
