"""Scenario files are read as plainly as JSON; what is more than that, or nothing at all, is said with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lienthong.client.http import NotRunning, Problem
from lienthong.scenarios.files import LARGEST, ScenarioFault, parse, read, ready
from lienthong.scenarios.staging import _journey, _Staging

HEAD = "scenario: 1\ntitle_en: Mine\ntitle_vi: Của tôi\n"
QUOTES = "a name must be text: write it in quotes"
JSON_HAS = "JSON has no infinity"

BAD = [
    ("\tdossiers: []\n", "line 4: cannot be read: found character '\\t'"),
    ("about: 'a\0b'\n", "line 4: contains U+0000: remove it"),
    ("about: 'a\x07b'\n", "line 4: contains U+0007: remove it"),
    ('about: "\\ud800"\n', f"line 4: cannot be read: {JSON_HAS}"),
    ('"\\ud800": 1\n', f"line 4: cannot be read: {JSON_HAS}"),
    ('about: "\\U00110000"\n', "cannot be read: chr()"),
    (f"about: {'1' * 5000}\n", f"line 4: cannot be read: {JSON_HAS}"),
    ("about: .inf\n", f"line 4: cannot be read: {JSON_HAS}"),
    ("about: .nan\n", f"line 4: cannot be read: {JSON_HAS}"),
    ("about: 1.0e+999\n", f"line 4: cannot be read: {JSON_HAS}"),
    (f"about: {'[' * 5000}\n", "it is nested too deep"),
    ("title_en: Other\n", "line 4: cannot be read: 'title_en' is written twice: remove one"),
    ("modes: {37: {mode: manual}}\n", f"line 4: cannot be read: {QUOTES}"),
    ("null: 1\n", f"line 4: cannot be read: {QUOTES}"),
    ("modes:\n  on: {mode: manual}\n", f"line 5: cannot be read: {QUOTES}"),
    ("? [a]\n: 1\n", f"line 4: cannot be read: {QUOTES}"),
    ("<<: {about: x}\n", f"line 4: cannot be read: {QUOTES}"),
    ("about: !!binary aGVsbG8=\n", "line 4: cannot be read: could not determine a constructor"),
    ("about: !!timestamp 2026-03-02\n", "line 4: cannot be read: could not determine a constructor"),
    ("about: !!set {a, b}\n", "line 4: cannot be read: could not determine a constructor"),
    ("about: !!python/object:os.system x\n", "line 4: cannot be read: could not determine a constructor"),
    ("seed: &a x\nabout: *a\n", "line 5: cannot be read: *a refers to another part: write it out"),
    (f"---\n{HEAD}", "line 4: cannot be read: but found another document"),
]


@pytest.mark.parametrize(("more", "said"), BAD, ids=[more[:20] for more, _ in BAD])
def test_what_json_has_not_is_refused_with_its_line(more: str, said: str) -> None:
    with pytest.raises(ScenarioFault) as told:
        parse(HEAD + more, "mine")
    assert said in str(told.value) and str(told.value).startswith("mine") and "\n" not in str(told.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "hello", "- 1\n"])
def test_what_is_no_object_is_no_scenario(text: str) -> None:
    with pytest.raises(ScenarioFault, match="is not a scenario; begin with"):
        parse(text)


def test_a_date_stays_text_and_a_mark_of_byte_order_says_nothing() -> None:
    file = parse(f"\ufeff{HEAD}clock: {{start: 2026-03-02T08:00:00+07:00}}\r\n")
    assert file.document["clock"] == {"start": "2026-03-02T08:00:00+07:00"}
    assert file.lines["/clock/start"] == 4


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "birth").mkdir()
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"scenario: 1\ntitle_en: \xe9\n")
    (tmp_path / "large.yaml").write_text("#" * (LARGEST + 1))
    assert read("birth").where == "birth.yaml", "a folder of that name is in nobody's way"
    for wanted, said in {
        "folder.yaml": "folder.yaml cannot be read: Is a directory.",
        "none.yaml": "none.yaml cannot be read: No such file or directory.",
        "latin.yaml": "latin.yaml, line 2: is not UTF-8: save the file in that encoding.",
        "large.yaml": "large.yaml has more than 256 KiB, which is too long for a scenario.",
        "/dev/zero": "/dev/zero has more than 256 KiB, which is too long for a scenario.",
        "a" * 300: "cannot be read: File name too long.",
        "brith": f"There is no scenario 'brith': did you mean birth? There are {', '.join(ready())}; or name a file.",
    }.items():
        with pytest.raises(ScenarioFault) as told:
            read(wanted)
        assert said in str(told.value)


def test_null_is_as_good_as_left_out() -> None:
    part = {"name": "one", "persona": "lan", "procedure": "2.000635", "province": "37", "state": "submitted"}
    assert _journey({**part, "withdraws": None}) == _journey(part)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_trouble_of_the_machine_is_no_error_of_the_file(status: int) -> None:
    async def work() -> None:
        raise Problem("overloaded", status, "Later.", {})

    with pytest.raises(Problem):
        await parse("scenario: 1\ndossiers: []\n").checked("/dossiers", work())


async def test_staging_waits_for_a_busy_country_and_then_names_it() -> None:
    waiting = {"verdict": "waiting", "waiting_for": [{"service": "gateway", "detail": "3 events unread"}]}
    verdicts = [waiting, waiting, {"verdict": "still", "waiting_for": []}, *[waiting] * 9]

    class Busy:
        async def settle(self) -> Any:
            return verdicts.pop(0)

    sandbox: Any = Busy()
    staging = _Staging(sandbox, parse("scenario: 1\n"), {"until": None, "handed_in": []}, lambda line: None)
    assert (await staging._still(sandbox.settle()))["verdict"] == "still"
    with pytest.raises(NotRunning, match="makes no progress: gateway: 3 events unread"):
        await staging._still(sandbox.settle())
