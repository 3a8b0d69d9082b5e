"""A province's connector over Kafka: receives dossiers, demands the fee, processes, returns a result.

What it says is computed from what it is told, so it keeps no files: told the same again, it says the same again, under the
same ids, and gets the verdict `duplicate`. It ends at the first fault of network or gateway: start it again.
"""

import json
import os
from datetime import date, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from confluent_kafka import Consumer, KafkaException, Producer

CONNECTOR = json.loads(Path("connector.json").read_text())  # what `lienthong connect --json` prints
KAFKA = CONNECTOR["kafka"]
CATALOGUE = f"{os.environ['LIENTHONG_URL']}/api/v1/procedures"
DOOR = CONNECTOR["events"].removesuffix("/events")
OFFICER = "Bộ phận Một cửa"
LOGIN = {
    "bootstrap.servers": KAFKA["bootstrap"],
    "security.protocol": KAFKA["security_protocol"],
    "sasl.mechanism": KAFKA["mechanism"],
    "sasl.username": KAFKA["user"],
    "sasl.password": KAFKA["password"],
}
READING = {
    "group.id": f"{KAFKA['group_prefix']}.connector",
    "group.instance.id": "1",  # started again, it takes its own place at once
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
}
producer, consumer = Producer(LOGIN), Consumer(LOGIN | READING)


def main():
    consumer.subscribe([KAFKA["inbox"], KAFKA["verdicts"]])
    print("connected to", KAFKA["inbox"], flush=True)
    while True:
        record = consumer.poll(60)
        if record is None:
            continue
        if record.error():
            raise KafkaException(record.error())
        if record.topic() == KAFKA["verdicts"]:
            show(json.loads(record.value()))
        else:
            answer(record)
            if producer.flush(30):  # committed only after everything was said
                raise SystemExit("the broker did not take everything that was said")
        consumer.commit(record, asynchronous=False)


def answer(record):
    headers = {name: value.decode() for name, value in record.headers()}
    told = json.loads(record.value()) | {"time": headers["ce_time"]}
    if headers["ce_type"] == "dossier.submitted.v1":
        receive(told)
    elif headers["ce_type"] == "payment.confirmed.v1":
        finish(told)


def receive(told):
    on, address = told["time"][:10], f"{CATALOGUE}/{told['procedure']}"
    cases = call("GET", f"{address}?on={on}")["cases"]
    case = next((each for each in cases if each["code"] == told.get("case")), cases[0])
    limit = case["limits"][told["channel"]]
    received_at = told["time"][:19] + "+07:00"  # before the result, if only by a moment
    facts = {"due_at": due(told["time"], limit), "working_days": limit["value"], "officer": OFFICER}
    say(told, "dossier.received.v1", received_at=received_at, **facts)
    query = {"on": on, "province": told["province"], "channel": told["channel"], "case": case["code"]}
    if "payer_group" in told:
        query["payer_group"] = told["payer_group"]
    fee = call("GET", f"{address}/fee?{urlencode(query)}")["total_dong"]
    if fee:  # then payment.confirmed.v1 is awaited
        say(told, "dossier.fee_demanded.v1", fee_dong=fee, demanded_at=told["time"])
    else:
        finish(told)


def finish(told):
    code, at = told["dossier_code"], told["time"]
    say(told, "dossier.processing_started.v1", started_at=at, officer=OFFICER)
    call("PUT", f"{DOOR}/dossiers/{code}/result", Path("../result.pdf").read_bytes())
    number = code.rpartition("-")[2] + "/KQ"
    say(told, "dossier.result_ready.v1", ready_at=at, on_time=True, result_number=number, officer=OFFICER)
    dossier = call("GET", f"{DOOR}/dossiers/{code}")  # a real system has this in its own database
    say(told, "dossier.result_returned.v1", returned_at=at, channel=dossier["return_by"] or "online")


def say(told, type, **facts):
    """Send a message in binary mode, whose id names dossier and step."""
    code = told["dossier_code"]
    data = {"dossier_code": code, "province": told["province"], "procedure": told["procedure"], **facts}
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": f"{code}/{type}",
        "ce_source": "/connectors/python-kafka",
        "ce_type": type,
        "ce_subject": code,
        "ce_time": told["time"],
        "content-type": "application/json",
    }
    producer.produce(KAFKA["outbox"], key=code, value=json.dumps(data), headers=attributes)


def show(verdict):
    print(f"{verdict['outcome']}: {verdict['type']} of {verdict['dossier']}", flush=True)
    for error in verdict["errors"]:
        print(f"  {error['rule']} at {error['pointer']}: {error['title']}. Expected: {error['expected']}", flush=True)


def due(time, limit):
    """The closing time of the last day of a limit in working days: Monday to Friday, without DAYS_OFF."""

    def works():
        return day.weekday() < 5 and str(day) not in os.environ.get("DAYS_OFF", "")

    day = date.fromisoformat(time[:10])
    days = 0 if limit["unit"] == "same_day" and works() and time[11:13] < "15" else limit["value"]
    while days > 0:
        day += timedelta(days=1)
        days -= works()
    return f"{day}T17:00:00+07:00"


def call(method, url, pdf=None):
    """Ask over HTTP. 409 to a result: it was announced by an earlier run."""
    headers = {"X-Sandbox": CONNECTOR["sandbox"], "Content-Type": "application/pdf"}
    if url.startswith(DOOR):  # the portal's catalogue is open to all
        headers["Authorization"] = f"Bearer {CONNECTOR['key']}"
    try:
        with urlopen(Request(url, pdf, headers, method=method)) as response:
            return json.load(response)
    except HTTPError as refusal:
        if refusal.code == 409 and pdf:
            return None
        raise SystemExit(f"{method} {url}: {refusal} {refusal.read().decode()}") from refusal


if __name__ == "__main__":
    main()
