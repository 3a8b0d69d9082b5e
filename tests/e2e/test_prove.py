"""The proof itself, as short as it gets: one fault and the poison under load; what it measures is what it says."""

import json
from pathlib import Path

import pytest

from lienthong.embedded import ports
from tests.support.command import command


@pytest.mark.long  # CI runs `make prove-short`
def test_a_short_proof_finds_every_promise_kept_and_every_fault_traced(tmp_path: Path) -> None:
    words = ["--faults", "kill-gateway-worker,poison", "--minutes", "0.1", "--seed", "e2e", "--json"]
    place = ["--data", str(tmp_path / "proof"), "--port-base", str(ports.free_base())]
    done = command(*words, *place, url=None, module="tools.prove")
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["good"], (report["sentence"], report["promises"], report["faults"])
    assert {fault["name"] for fault in report["faults"]} == {"kill-gateway-worker", "poison"}
    assert all(fault["trace"] and fault["converged_seconds"] is not None for fault in report["faults"])
    assert all(promise["checked"] and not promise["violations"] for promise in report["promises"])
    done_by_citizens = ("payments", "withdrawals", "answered supplements", "ratings")
    assert all(report["facts"][each] for each in done_by_citizens), report["facts"]
    assert report["seed"].startswith("e2e@") and f"--seed {report['seed']}" in report["again"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--faults", "flood"), ("There is no fault 'flood'", "wipe-broker")),
        (("--plant", "gremlin"), ("There is no planted bug 'gremlin'", "lost-timer")),
        (("--seed", "7@000000"), ("draws another run now", "--seed 7")),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(words: tuple[str, str], said: tuple[str, str]) -> None:
    done = command(*words, url=None, module="tools.prove")
    assert done.returncode == 1
    assert all(each in done.stderr for each in said), done.stderr
