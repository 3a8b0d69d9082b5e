"""The pytest plugin as its users meet it: in test files of their own, run by a pytest of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lienthong.client import Wish
from lienthong.embedded import ports
from lienthong.sync import Country
from tests.support.command import command

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
NO_LOOP = ("-p", "no:asyncio", "-p", "no:anyio")


@pytest.fixture
def here(lienthong_sync: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of pytest in this test use the country that runs already."""
    monkeypatch.setenv("LIENTHONG_URL", lienthong_sync.url)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of pytest in this test know of no country."""
    monkeypatch.delenv("LIENTHONG_URL", raising=False)


@pytest.mark.usefixtures("here")
def test_a_test_without_a_loop_has_a_frozen_sandbox_of_its_own_that_is_the_same_every_time(
    lienthong_sync: Country, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest

        def test_a_month_passes(sandbox_sync):
            lan = sandbox_sync.citizen("lan")
            code = lan.submit("1.001776", "37", "14464")["code"]
            sandbox_sync.script(code, reception="receive")
            row = sandbox_sync.show()
            assert (row["rate"], row["name"]) == (0, "test_it.py::test_a_month_passes")
            before = sandbox_sync.clock.now()
            sandbox_sync.clock.advance("30d")
            assert (sandbox_sync.clock.now() - before).days == 30
            assert lan.dossier(code)["status"]["slug"] == "result_returned"
            assert sandbox_sync.settle()["proof_of_absence"]
            assert [dossier["code"] for dossier in sandbox_sync.province("37").dossiers()] == [code]
            events = [(entry["event"], entry["at"]) for entry in sandbox_sync.events(code)]
            print("SEEN", sandbox_sync.id, row["seed"], code, events)

        @pytest.mark.lienthong(start="2026-06-09T08:00:00+07:00", rate=1000)
        class TestRunning:
            @pytest.mark.lienthong(rate=60)
            def test_the_nearest_marker_goes_first(self, sandbox_sync):
                row = sandbox_sync.show()
                assert row["rate"] == 60 and row["now"] >= "2026-06-09T08:00:00"
                assert sandbox_sync.clock.freeze()["rate"] == 0
                assert sandbox_sync.clock.resume()["rate"] == 1
        """
    )
    seen = []
    for _ in range(2):
        done = pytester.runpytest_subprocess("-s", *NO_LOOP)
        done.assert_outcomes(passed=2)
        (line,) = [line for line in done.outlines if "SEEN" in line]
        seen.append(line.partition("SEEN ")[2].split(" ", 1))
    (first, story), (second, again) = seen
    assert first != second and story == again
    assert not {first, second} & {row["id"] for row in lienthong_sync.list_sandboxes()}, "deleted after the test"


@pytest.mark.usefixtures("here")
def test_the_same_sandbox_is_awaited_in_any_loop(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import asyncio
        import pytest

        async def _pays(sandbox):
            lan = sandbox.citizen("lan")
            code = (await lan.submit("2.000635", "37", "14464"))["code"]
            await sandbox.script(code, reception="receive")
            await sandbox.clock.advance("1d")
            checkout = (await lan.start_payment(code))["checkout_url"]
            (order,) = await sandbox.payments.orders(code)
            assert (order["state"], order["checkout_url"], order["amount_dong"]) == ("open", checkout, 8000)
            await sandbox.payments.fail(checkout)
            assert [each["state"] for each in await sandbox.payments.orders(code)] == ["failed"]
            await sandbox.payments.pay(checkout)
            await sandbox.settle()
            (order,) = await sandbox.payments.orders(code)
            assert (order["state"], order["confirmed"], order["refunded_dong"]) == ("paid", True, 0)
            return code

        def test_in_a_loop_of_the_tests_own(sandbox):
            asyncio.run(_pays(sandbox))

        @pytest.mark.asyncio
        async def test_in_a_loop_of_pytest_asyncio(sandbox, lienthong):
            assert lienthong.doors["portal"] == lienthong.url
            await _pays(sandbox)

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
        async def test_in_a_loop_of_anyio(sandbox, sandbox_sync, anyio_backend):
            code = await _pays(sandbox)
            assert sandbox_sync.dossiers() == [code], "both faces look at one sandbox"
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=4)


@pytest.mark.usefixtures("here")
def test_without_a_cache_a_failing_test_writes_no_file(pytester: pytest.Pytester, lienthong_sync: Country) -> None:
    pytester.makepyfile(test_it="def test_it(sandbox_sync):\n    raise ValueError")
    done = pytester.runpytest_subprocess(*NO_LOOP, "-p", "no:cacheprovider")
    done.assert_outcomes(failed=1)
    (said,) = re.findall(r"to record this run: (lienthong sandbox export (s\w+) run.json)", done.stdout.str())
    assert not (pytester.path / ".pytest_cache").exists()
    recorded = command(*said[0].split()[1:], url=lienthong_sync.url)
    assert recorded.returncode == 0, recorded.stderr
    lienthong_sync.delete_sandbox(said[1])


@pytest.mark.usefixtures("here")
def test_a_failing_test_tells_the_story_of_its_dossiers_and_what_is_waited_for(
    lienthong_sync: Country, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_story="""
        import pytest

        @pytest.fixture
        def code(sandbox_sync):
            return sandbox_sync.citizen("lan").submit("2.000635", "37", "14464")["code"]

        def test_fails(code, sandbox_sync):
            sandbox_sync.settle()
            assert code == "another"

        @pytest.mark.lienthong(rate=1)
        def test_fails_while_time_runs(sandbox_sync):
            raise ValueError("as it was raised")

        def test_fails_when_its_sandbox_is_gone(code, lienthong_sync, sandbox_sync):
            lienthong_sync.delete_sandbox(sandbox_sync.id)
            assert code == "another"

        def test_fails_with_a_connector(code, sandbox_sync):
            connector = sandbox_sync.connect("37", via="pull")
            assert connector.trigger("dossier.result_returned.v1", code)["outcome"] == "accepted"

        def test_may_delete_its_sandbox(lienthong_sync, sandbox_sync):
            lienthong_sync.delete_sandbox(sandbox_sync.id)

        @pytest.fixture
        def refused(sandbox_sync):
            sandbox_sync.citizen("lan").submit("2.000635", "37", "99999")

        def test_cannot_even_begin(refused): ...
        """
    )
    done = pytester.runpytest_subprocess(*NO_LOOP, "-n", "2")
    done.assert_outcomes(passed=1, failed=4, errors=1)
    text = done.stdout.str()
    assert text.count("- lienthong sandbox s") == 5
    assert "ValueError: as it was raised" in text and text.count("== 'another'") >= 2
    assert "settle: still: nothing can happen before the clock advances" in text
    assert re.search(r"│ Portal +│ The citizen submits the dossier online", text)
    assert (
        "37/1" in text and "rejected: dossier.result_returned.v1" in text and "lawful now: dossier.received.v1" in text
    )
    assert "The report is incomplete: Problem: " in text and "During handling" not in text
    replays = re.findall(r"to repeat this run: (lienthong replay \S+test_fails.json) --keep", text)
    again = command(*replays[0].split()[1:], url=lienthong_sync.url)
    assert again.returncode == 0 and "1 calls repeated" in again.stdout, again.stderr
    assert "1 sandbox seconds per second" in text
    kept = {
        row["name"].partition("::")[2]: row["id"]
        for row in lienthong_sync.list_sandboxes()
        if "test_story.py" in row["name"]
    }
    assert set(kept) == {
        "test_fails",
        "test_fails_while_time_runs",
        "test_fails_with_a_connector",
        "test_cannot_even_begin",
    }
    (code,) = lienthong_sync.enter(kept["test_fails"]).dossiers()
    assert f"\n{code} " in text
    for id in kept.values():
        lienthong_sync.delete_sandbox(id)


@pytest.mark.usefixtures("here")
def test_what_cannot_be_wished_is_one_sentence(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.lienthong(sede="spring")
        def test_one(sandbox): ...

        @pytest.mark.lienthong(start="yesterday")
        def test_two(sandbox): ...

        @pytest.mark.lienthong(scenario="birth", rate=1)
        def test_three(sandbox): ...

        @pytest.mark.lienthong(scenario="brith")
        def test_four(sandbox): ...
        """
    )
    done = pytester.runpytest_subprocess()
    done.assert_outcomes(errors=4)
    text = done.stdout.str()
    wishes = ", ".join([*Wish.__annotations__, "scenario"])
    assert f"pytest.mark.lienthong takes {wishes} by name; not sede." in text
    assert (
        "There is no sandbox for this test. 422 body-does-not-fit: The body does not fit. "
        "/start: 'yesterday' is not an RFC 3339 time" in text
    )
    assert "pytest.mark.lienthong takes scenario, seed, name, time_to_live by name; not rate." in text
    assert "There is no sandbox for this test. There is no scenario 'brith': did you mean birth?" in text
    assert "Traceback" not in text and "pytest_plugin.py" not in text


@pytest.mark.usefixtures("here")
def test_a_scenario_has_happened_in_the_tests_sandbox(pytester: pytest.Pytester) -> None:
    (pytester.path / "mine.yaml").write_text("scenario: 1\ntitle_en: Mine\ntitle_vi: Của tôi\nseed: mine\n")
    pytester.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.lienthong(scenario="birth")
        def test_one(sandbox_sync):
            dossier = sandbox_sync.citizen("lan").dossier(sandbox_sync.codes["birth"])
            assert dossier["status"]["slug"] == "result_returned"
            assert sandbox_sync.show()["seed"] == "birth"

        @pytest.mark.lienthong(scenario="mine.yaml", seed="another")
        async def test_two(sandbox):
            assert (await sandbox.show())["seed"] == "another" and sandbox.codes == {}
        """
    )
    pytester.runpytest_subprocess("--asyncio-mode=auto").assert_outcomes(passed=2)


@pytest.mark.usefixtures("nowhere")
def test_a_country_that_cannot_be_had_is_one_sentence(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(test_it="def test_one(sandbox): ...\ndef test_two(sandbox): ...")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    started = pytester.runpytest_subprocess()
    started.assert_outcomes(errors=2)
    assert "The country could not be started. Kafka needs Java 17 or newer" in started.stdout.str()
    monkeypatch.setenv("LIENTHONG_URL", f"http://127.0.0.1:{ports.free_base()}")
    named = pytester.runpytest_subprocess()
    named.assert_outcomes(errors=2)
    assert "There is no country at http://127.0.0.1:" in named.stdout.str()
    assert "pytest_plugin.py" not in started.stdout.str() + named.stdout.str()


@pytest.mark.usefixtures("nowhere")
def test_all_workers_share_one_country_that_ends_with_the_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import os
        import pytest
        from lienthong.pytest_plugin import run_of

        @pytest.mark.parametrize("number", range(8))
        def test_it(number, sandbox_sync, lienthong, pytestconfig):
            sandbox_sync.citizen("lan").submit("2.000635", "37", "14464")
            with open("seen", "a") as seen:
                print(lienthong.url, run_of(pytestconfig).folder, os.getpid(), file=seen)
        """
    )
    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=8)
    seen = [line.split() for line in (pytester.path / "seen").read_text().splitlines()]
    assert len(seen) == 8 and len({pid for _, _, pid in seen}) == 2
    ((url, folder),) = {(url, folder) for url, folder, _ in seen}
    assert not Path(folder).exists()
    base = int(urlsplit(url).port or 0)
    assert ports.wait_free(range(base, base + ports.SPAN), 0) == []


@pytest.mark.usefixtures("nowhere")
def test_a_country_ends_with_its_run_even_if_that_is_killed(pytester: pytest.Pytester) -> None:
    told, held = pytester.path / "told", pytester.path / "held"
    os.mkfifo(told)
    os.mkfifo(held)
    pytester.makepyfile(
        test_it="""
        def test_it(lienthong):
            with open("told", "w") as told:
                print(lienthong.url, file=told)
            open("held").read()
        """
    )
    run = subprocess.Popen([sys.executable, "-m", "pytest", "-q"], stdout=subprocess.DEVNULL, start_new_session=True)
    with told.open() as heard:
        base = int(urlsplit(heard.read().strip()).port or 0)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert ports.wait_free(range(base, base + ports.SPAN), 30) == []


def test_who_does_not_use_it_pays_nothing_for_it() -> None:
    words = "import sys, pytest; before = set(sys.modules); import lienthong.pytest_plugin; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stdout.split()} == {"lienthong"}
    assert set(done.stdout.split()) == {"lienthong", "lienthong.pytest_plugin"}


@pytest.mark.usefixtures("here")
def test_the_page_is_true(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/testing.md: its test files, and that of the README, run by its commands."""
    text = PAGE.read_text(encoding="utf-8")
    readme = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    for place, file in enumerate(re.findall(r"^```python\n(.*?)^```", text + readme, re.MULTILINE | re.DOTALL)):
        pytester.makepyfile(**{f"test_{place}": file})
    (commands,) = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for line in commands.splitlines():
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
        assert done.returncode == 0 and "8 passed" in done.stdout, done.stdout + done.stderr
