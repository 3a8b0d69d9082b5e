"""The contracts that a running portal serves to generators and validators."""

from __future__ import annotations

import yaml

from contracts.gate import RULES
from contracts.legacy.rules import ADAPTER_RULES
from contracts.lifecycle import LIFECYCLE
from contracts.schemas import event_types, rules, schema
from tests.support.country import Country, problem


async def test_a_generator_finds_every_payload_of_the_served_asyncapi_document(country: Country) -> None:
    reply = await country.ask("portal", "GET", "/asyncapi.yaml")
    assert reply.headers["content-type"] == "application/yaml"
    messages = yaml.safe_load(reply.text)["components"]["messages"]
    assert set(messages) >= set(event_types())
    assert messages["verdict.v1"]["payload"]["$ref"] == "./verdict.v1.json"
    for name in event_types():
        assert messages[name]["payload"]["$ref"] == f"./schemas/{name}.json"
        payload = await country.ask("portal", "GET", f"/schemas/{name}.json")
        assert payload.headers["content-type"] == "application/schema+json"
        assert payload.json() == schema(name)


async def test_an_event_type_that_is_none_has_no_schema(country: Country) -> None:
    reply = await country.ask("portal", "GET", "/schemas/dossier.lost.v1.json")
    assert problem(reply, 404, "event-type-unknown")["known"] == list(event_types())


async def test_the_lifecycle_is_served_with_a_reaction_for_every_state_and_event(country: Country) -> None:
    served = (await country.ask("portal", "GET", "/lifecycle.json")).json()
    assert [state["slug"] for state in served["states"]] == [state.slug for state in LIFECYCLE.states]
    assert len(served["moves"]) == len(LIFECYCLE.moves)
    slugs = {state.slug for state in LIFECYCLE.states}
    assert {move["when"] for move in served["moves"]} | {move["then"] for move in served["moves"]} <= slugs
    for event in LIFECYCLE.events():
        assert set(served["reactions"][event]) == slugs


async def test_every_rule_is_served_with_its_place(country: Country) -> None:
    served = (await country.ask("portal", "GET", "/rules.json")).json()
    assert set(served) == {rule for name in event_types() for rule in rules(name)} | set(RULES) | set(ADAPTER_RULES)
    assert served["LT-LAW-063"]["stage"] == "law" and served["LT-LAW-063"]["lenient"] is True
    assert served["LT-SUB-010"]["pointer"] == "/applicant/level"
    assert served["LT-SUB-010"]["asks"] == {"type": "integer", "enum": [1, 2]}


async def test_a_checker_finds_the_schema_of_verdicts_and_messages_to_try_itself_on(country: Country) -> None:
    verdict = await country.ask("portal", "GET", "/verdict.v1.json")
    assert verdict.headers["content-type"] == "application/schema+json" and "outcome" in verdict.json()["properties"]
    zoo = (await country.ask("portal", "GET", "/invalid.json")).json()
    assert {error["rule"] for each in zoo.values() for error in each["verdict"]["errors"]} >= set(RULES)


async def test_the_list_of_addresses_has_version_and_hash_of_the_contracts(country: Country) -> None:
    found = (await country.ask("portal", "GET", "/_lab/doors")).json()["contracts"]
    assert found["version"].count(".") == 2 and len(found["sha256"]) == 64
