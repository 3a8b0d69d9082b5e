"""What `lienthong connect --via kafka` prints: what to paste, and a working line for kcat and for Kafka's own tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lienthong.cli.language import output_language

TEXTS = {
    "en": {
        "inbox": "inbox",
        "outbox": "outbox",
        "verdicts": "verdicts",
        "bootstrap": "bootstrap",
        "user": "user",
        "password": "password",
        "protocol": "security",
        "groups": "groups",
        "read": "you read it",
        "write": "you write it; key: the code of the dossier",
        "judged": "you read it: one verdict for each record of the outbox",
        "prefix": "names of your consumer groups begin with {group_prefix}",
        "later": "The broker does not reply now: user and topics are there as soon as it does.",
        "told": "Be told, with kcat:",
        "java": "Be told, with Kafka's own tools:",
        "speak": "Speak, with kcat (CODE is the code of a dossier, which is the key of a record of the inbox):",
        "replaced": "The password before is not valid any more; connections that are open stay open.",
    },
    "vi": {
        "inbox": "hộp đến",
        "outbox": "hộp đi",
        "verdicts": "kết luận",
        "bootstrap": "máy chủ",
        "user": "tài khoản",
        "password": "mật khẩu",
        "protocol": "bảo mật",
        "groups": "nhóm đọc",
        "read": "để đọc",
        "write": "để ghi; khoá: mã hồ sơ",
        "judged": "để đọc: mỗi bản ghi ở hộp đi có một kết luận",
        "prefix": "tên nhóm đọc (consumer group) bắt đầu bằng {group_prefix}",
        "later": "Kafka hiện chưa trả lời: tài khoản và topic sẽ có ngay khi Kafka trả lời.",
        "told": "Nhận tin bằng kcat:",
        "java": "Nhận tin bằng công cụ của Kafka:",
        "speak": "Gửi tin bằng kcat (CODE là mã hồ sơ, cũng là khoá của bản ghi ở hộp đến):",
        "replaced": "Mật khẩu trước không còn hiệu lực; kết nối đang mở vẫn dùng được.",
    },
}
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"


def instructions(facts: Mapping[str, Any]) -> list[str]:
    """Lines to paste; `facts`: the reply that drew the credentials."""
    kafka: Mapping[str, Any] = facts["kafka"]
    texts = TEXTS["vi" if output_language() == "vi" else "en"]
    protocol = kafka["security_protocol"] or "SASL_PLAINTEXT"
    rows = {
        "bootstrap": kafka["bootstrap"],
        "protocol": f"{protocol}, {kafka['mechanism']}",
        "user": kafka["user"],
        "password": kafka["password"],
        "inbox": f"{kafka['inbox']} ({texts['read']})",
        "outbox": f"{kafka['outbox']} ({texts['write']})",
        "verdicts": f"{kafka['verdicts']} ({texts['judged']})",
        "groups": texts["prefix"].format(**kafka),
    }
    lines = [f"  {texts[name]:9} {value}" for name, value in rows.items()]
    if not kafka["is_open"]:
        lines.append(f"  {texts['later']}")
    if facts["previous_key_until"]:
        lines.append(f"  {texts['replaced']}")
    return [
        *lines,
        texts["told"],
        f"  {_kcat(kafka, protocol)} -C -t {kafka['inbox']} -f '%h %k %s\\n'",
        texts["java"],
        f"  {_console(kafka, protocol)}",
        texts["speak"],
        f"  curl --silent --header 'Authorization: Bearer {facts['key']}' "
        f"'{facts['events'].removesuffix('/events')}/dossiers/CODE/example?type=dossier.received.v1' \\",
        f"    | {_kcat(kafka, protocol)} -P -t {kafka['outbox']} -k CODE -H content-type=application/cloudevents+json",
    ]


def _kcat(kafka: Mapping[str, Any], protocol: str) -> str:
    settings = {
        "security.protocol": protocol,
        "sasl.mechanism": kafka["mechanism"],
        "sasl.username": kafka["user"],
        "sasl.password": kafka["password"],
    }
    return f"kcat -b {kafka['bootstrap']} " + " ".join(f"-X {name}={value}" for name, value in settings.items())


def _console(kafka: Mapping[str, Any], protocol: str) -> str:
    login = f'{SCRAM} username="{kafka["user"]}" password="{kafka["password"]}";'
    settings = {
        "security.protocol": protocol,
        "sasl.mechanism": kafka["mechanism"],
        "sasl.jaas.config": login,
    }
    properties = " ".join(f"--consumer-property '{name}={value}'" for name, value in settings.items())
    return (
        f"kafka-console-consumer.sh --bootstrap-server {kafka['bootstrap']} --topic {kafka['inbox']} "
        f"--group {kafka['group_prefix']} --from-beginning {properties}"
    )
