"""The proof itself, as short as it gets: one fault and the poison under load; what it measures is what it says."""

import json
from pathlib import Path

from lienthong.embedded import ports
from tests.support.command import command


def test_a_short_proof_finds_every_promise_kept_and_every_fault_traced(tmp_path: Path) -> None:
    words = ["--faults", "kill-gateway-worker,poison", "--minutes", "0.1", "--seed", "e2e", "--json"]
    place = ["--data", str(tmp_path / "proof"), "--port-base", str(ports.free_base())]
    done = command(*words, *place, url=None, module="tools.prove")
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["good"], (report["sentence"], report["promises"], report["faults"])
    assert {fault["name"] for fault in report["faults"]} == {"kill-gateway-worker", "poison"}
    assert all(fault["trace"] and fault["converged_seconds"] is not None for fault in report["faults"])
    assert all(promise["checked"] and not promise["violations"] for promise in report["promises"])
    assert report["facts"]["payments"] and report["facts"]["withdrawals"], report["facts"]


def test_a_fault_that_does_not_exist_is_named_with_those_that_do() -> None:
    done = command("--faults", "flood", url=None, module="tools.prove")
    assert done.returncode == 1
    assert "There is no fault 'flood'" in done.stderr and "wipe-broker" in done.stderr
