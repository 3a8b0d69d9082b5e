"""Calls every method of `lienthong.sync`; only type checkers read it: `mypy --strict` and pyright find nothing."""

from __future__ import annotations

from datetime import timedelta

from lienthong.client import (
    Advance,
    Batch,
    BatchOutcome,
    Dossier,
    Entry,
    Event,
    FaultName,
    Move,
    ProvinceDossier,
    State,
    Wish,
)
from lienthong.sync import Citizen, Country, Province, Sandbox


def country(country: Country) -> Sandbox:
    wish: Wish = {"seed": "spring", "faults": [{"fault": "payment-declined"}]}
    row = country.create_sandbox(**wish)
    print(country.url, country.doors, country.provinces(), country.communes("37"), country.procedures())
    print(country.show_sandbox(row["id"])["now"], [each["id"] for each in country.list_sandboxes()])
    print(country.change_sandbox(row["id"], name="x")["name"], country.faults("http"), country.projections())
    country.rebuild_projection("statistics")
    country.delete_sandbox(row["id"])
    with country.sandbox(seed="summer", rate=60) as sandbox:
        print(sandbox.id)
    country.stage("birth", seed="s")
    country.new_sandbox(seed="autumn")
    return country.enter("default")


def sandbox(sandbox: Sandbox, code: str) -> list[Entry]:
    event: Event = "dossier.received.v1"
    print(sandbox.show()["api_key"], sandbox.settle(1)["verdict"], sandbox.people(), sandbox.statistics("37"))
    sandbox.script(code, reception="receive")
    print(sandbox.wait_for(code, event, count=2)["verdict"], sandbox.explain(code)[0]["mend_en"])
    print(sandbox.news(code, after=1)["cause"]["name"], sandbox.events(code)[0].get("event"), sandbox.dossiers())
    print(sandbox.dead_letters("portal"), sandbox.dead_letter("portal", "1"), sandbox.redrive("portal", "1")["outcome"])
    print(sandbox.edit_dead_letter("portal", "1", {"officer": "Lan"})["changes"])
    print([letter["reason"] for letter in sandbox.redrive_all("portal", type=event, dossier=code)])
    print([row["events"] for row in sandbox.republish("portal", dossier=code)])
    print(sandbox.modes()[0]["mode"], sandbox.set_mode("37", "manual")["province"], sandbox.reset_mode("37"))
    orders = sandbox.payments.orders(code)
    sandbox.payments.pay(orders[0]["checkout_url"])
    sandbox.payments.fail(orders[0]["checkout_url"])
    print(
        sandbox.payments.register("STC", confirm_url=None)["secret"], sandbox.payments.partners()[0]["keypay"]["base"]
    )
    sandbox.payments.remove("STC")
    fault: FaultName = "bank-down"
    print(sandbox.faults.on(fault, times=1, match={"province": "37"}), sandbox.faults.rules())
    sandbox.faults.off("bank-down")
    return sandbox.timeline(code) + sandbox.timeline_of(code, "portal")


def clock(sandbox: Sandbox) -> Advance:
    clock = sandbox.clock
    print(clock.now().isoformat(), clock.read()["rate"], clock.set("2026-12-01T08:00:00+07:00")["now"])
    print(clock.rate(60), clock.freeze(), clock.resume(), clock.advance("3d"), clock.advance(to=clock.now()))
    return clock.advance(timedelta(days=1))


def people(sandbox: Sandbox) -> tuple[Citizen, Province]:
    return sandbox.citizen("lan"), sandbox.province("37")


def citizen(lan: Citizen) -> State:
    dossier: Dossier = lan.submit("2.000635", province="37", commune="14464", note="x")
    code = dossier["code"]
    paper = lan.upload("a.pdf", b"%PDF-1.7")
    lan.supplement(code, [{"component": "1", "paper": str(paper["id"])}], note="x")
    print(lan.token, lan.sign_in(), lan.who_am_i()["sub"], lan.ask("GET", "/api/v1/dossiers"), lan.dossiers()[0])
    print(lan.start_payment(code)["checkout_url"], lan.pay(code, outcome="failed"), lan.rate(code, {"a": 2}))
    lan.withdraw(code, "reason")
    return lan.dossier(code)["status"]["slug"]


def province(province: Province, code: str) -> ProvinceDossier:
    move: Move = "request_supplement"
    print(province.code, province.dossiers()[0]["can"], province.inbox(state="submitted", commune="14464"))
    province.register("2.000635", "14464", {"id": "001099000001", "name": "Nguyễn Văn A"}, channel="direct")
    province.do(code, move, reason="x", items=["y"])
    batch: Batch = province.register_many([{"key": "k", "procedure": "2.000635"}])
    outcome: BatchOutcome = batch["outcomes"][0]
    print(outcome["pointer"], province.do_many([{"key": "m", "code": code, "does": move}])["accepted"])
    return province.dossier(code)


def connector(sandbox: Sandbox, code: str) -> str:
    connector = sandbox.connect("37", "pull", gate="lenient")
    print(connector.key, connector.credentials["events"], sandbox.connectors()[0]["waiting"])
    print(connector.deliveries(after=1, wait=5), connector.kept_cursor("mine"), connector.verdicts()[0]["outcome"])
    connector.keep_cursor("mine", 1)
    print(connector.check_raw(b"{}", [("content-type", b"application/json")])["errors"])
    event = connector.example("dossier.received.v1", code)
    print(connector.check(event)["outcome"], connector.say(event)["outcome"])
    print(sandbox.connector("37").trigger("dossier.refused.v1", code, reason="x")["outcome"])
    connector.hand_in_result(code, b"%PDF-1.7")
    print(
        sandbox.connect("38", "legacy", profile="plain").call("tax-notice", code)["path"],
        sandbox.views(code)["differs"],
    )
    connector.disconnect()
    sandbox.disconnect("37")
    return connector.key
