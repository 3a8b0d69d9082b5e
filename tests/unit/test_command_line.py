"""What every verb has: --lang, words that a shell completes, errors of options; and plain failures."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from lienthong.cli import command as shared
from lienthong.cli import complete, language, replay
from lienthong.cli.main import command_line
from lienthong.client import Country, NotRunning
from lienthong.doctor import machine
from lienthong.replay import Difference
from shared.messaging import kafka
from tests.support.command import command

APP = command_line()
RUNNER = CliRunner()
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def language_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_chosen", "")


def verbs(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from verbs(each, (*words, name))
        else:
            yield (*words, name), each


VERBS = dict(verbs(typer.main.get_command(APP)))


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_has_a_language(words: tuple[str, ...]) -> None:
    options = {option for parameter in VERBS[words].params for option in parameter.opts}
    assert "--lang" in options
    assert "--json" in options or words in (
        ("exec",),  # the output is the command's
        ("sandbox", "export"),  # the output is JSON
        ("scenario", "schema"),
        ("scenario", "show"),  # the output is the file
    )


PROVINCES = [(words, each) for words, verb in VERBS.items() for each in verb.params if each.name == "province"]


@pytest.mark.parametrize(
    ("words", "option"), PROVINCES, ids=lambda value: " ".join(value) if type(value) is tuple else ""
)
def test_a_province_is_named_by_its_code_or_that_of_its_agency(words: tuple[str, ...], option: Any) -> None:
    assert [option.type.convert(text, option, None) for text in ("37", "h42", "H99", "*")] == ["37", "37", "H99", "*"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("fault list", "families"),
        ("connect", "doors"),
        ("connect", "profiles"),
        ("push", "profiles"),
        ("mode set", "doors"),
        ("mode set", "called_doors"),
    ],
)
def test_help_names_every_choice(words: str, kind: str) -> None:
    assert any(complete.listed(kind) in (getattr(each, "help", "") or "") for each in VERBS[(*words.split(),)].params)


@pytest.mark.parametrize("words", [["diff"], ["diff", "H42.1", "--dossier", "H42.2"]], ids=" ".join)
def test_a_diff_is_of_one_dossier(words: list[str]) -> None:
    assert "name one dossier" in RUNNER.invoke(APP, words).output


def completed(words: str) -> str:
    environment = {"_LIENTHONG_COMPLETE": "complete_bash", "LIENTHONG_URL": NOWHERE}
    environment |= {"COMP_WORDS": f"lienthong {words}", "COMP_CWORD": str(len(words.split(" ")))}
    return RUNNER.invoke(APP, [], prog_name="lienthong", env=environment).output


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("fault on bank", "bank-down"),
        ("fault show bank", "bank-down"),
        ("fault list --family pay", "payment"),
        ("sandbox create --fault bank", "bank-down"),
        ("sandbox create --mode 37", "37=manual"),
        ("sandbox create --scenario mon", "monday-morning"),
        ("scenario check mon", "monday-morning"),
        ("mode set 3", "37"),
        ("mode set 37 ma", "manual"),
        ("mode set 37 simulated --tempo at", "at_once"),
        ("wait-for dossier.rec", "dossier.received.v1"),
        ("settle --lang v", "vi"),
        ("logs --level warn", "warning"),
        ("dead show po", "portal"),
        ("deliveries --state gi", "given_up"),
    ],
)
def test_a_shell_completes_what_has_a_name(typed: str, word: str) -> None:
    assert word in completed(typed).split()


def test_a_shell_completes_sandboxes_of_the_running_country(monkeypatch: pytest.MonkeyPatch) -> None:
    from lienthong.cli import complete

    monkeypatch.setattr(complete, "_rows", lambda ctx, path: [{"id": "s123", "name": "", "seed": "x"}])
    assert completed("settle --sandbox s1").split() == ["s123"] == completed("sandbox show s").split()


def test_without_a_country_a_shell_completes_no_sandbox() -> None:
    assert completed("settle --sandbox s").strip() == ""


def test_the_version_is_printed() -> None:
    done = RUNNER.invoke(APP, ["--version"])
    assert (done.exit_code, done.output.split()[0]) == (0, "lienthong")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["clock", "rate", "--", "-1"], "'-1' must be a number from 0 to 1,000,000."),
        (["clock", "rate", "fast"], "'fast' must be a number from 0 to 1,000,000."),
        (["settle", "--timeout", "x"], "'x' must be a number, 0 or greater."),
        (["clock", "rate", "--lang", "vi", "fast"], "'fast' phải là số từ 0 đến 1,000,000."),
        (["deliveries", "--province", "37", "--state", "2"], "'2' is no state: write waiting, delivered or"),
        (["deliveries", "--province", "37", "--state", "deliverd"], "did you mean delivered?"),
        (["logs", "--lines", "x"], "'x' is not a valid int"),
    ],
    ids=" ".join,
)
def test_an_option_that_does_not_fit_is_refused(words: list[str], sentence: str) -> None:
    done = RUNNER.invoke(APP, words)
    assert done.exit_code == 2 and sentence in done.output


@pytest.mark.parametrize(
    "verb", [["advance", "1d"], ["set", "2030-01-01T00:00:00Z"], ["rate", "2"], ["freeze"], ["resume"]]
)
def test_the_clock_of_the_default_sandbox_is_changed_only_if_it_is_named(verb: list[str]) -> None:
    done = RUNNER.invoke(APP, ["clock", *verb, "--url", NOWHERE], env={"LIENTHONG_SANDBOX": ""})
    assert done.exit_code == 2 and "--default" in done.output
    for named in (["--default"], ["--sandbox", "default"]):
        done = RUNNER.invoke(APP, ["clock", *verb, *named, "--url", NOWHERE], env={"LIENTHONG_SANDBOX": ""})
        assert done.exit_code == 1 and not done.output, "it was sent"


@pytest.mark.parametrize("verb", ["up", "status", "down", "reset", "doctor", "logs"])
@pytest.mark.parametrize("folder", ["/dev/null/country", "/proc/country"])
def test_a_folder_that_cannot_be_written_is_one_sentence(verb: str, folder: str) -> None:
    done = command(verb, "--data", folder, url=None)
    assert "Traceback" not in done.stderr
    if verb == "up":
        assert done.returncode == 1 and f"{folder} cannot be written" in done.stderr


@pytest.mark.parametrize("folder", ["/dev/null/country", "/proc/country"])
def test_the_doctor_tries_whether_a_folder_can_be_written(folder: str) -> None:
    assert machine.look(Path(folder)).writable is False


def test_the_doctor_leaves_nothing_behind(tmp_path: Path) -> None:
    assert machine.look(tmp_path / "country").writable and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"status": "running", "service": "province_gateway"}, "is the address of province_gateway"),
        ("hello", "is no portal"),
    ],
)
async def test_an_address_that_is_not_the_portals_is_named(body: Any, text: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.url.path == "/healthz" else 404, json=body)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(NotRunning, match=text):
            await Country("http://127.0.0.1:8001").open(http)


def test_nobody_is_sent_to_a_makefile_that_he_does_not_have() -> None:
    done = command("settle", url=NOWHERE)
    assert done.returncode == 1 and "`lienthong up`" in done.stderr and "make" not in done.stderr


def test_a_refusal_is_printed_as_its_problem_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = {"type": "/problems/x", "status": 409, "detail": "Mend it."}

    def refuse() -> None:
        raise shared.Trouble("409 x: Mend it.", document)

    monkeypatch.setattr("sys.argv", ["lienthong", "settle", "--json"])
    with pytest.raises(SystemExit):
        shared.run_command(refuse)
    printed = capsys.readouterr()
    assert json.loads(printed.out) == document and printed.err == "409 x: Mend it.\n"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TimeoutError(), "TimeoutError."),
        (TimeoutError("timed out"), "timed out."),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device."),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.json"), "a.json: No such file or directory."),
    ],
    ids=["no words", "words", "number", "file"],
)
def test_only_an_error_about_a_file_names_one(
    capsys: pytest.CaptureFixture[str], error: OSError, sentence: str
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit):
        shared.run_command(fail)
    assert capsys.readouterr().err == f"{sentence}\n"


def test_the_first_difference_of_a_replay_names_the_field() -> None:
    recorded = {"event": "x", "data": {"fee": {"amount": 1}, "items": [1, 2]}}
    replayed = {"event": "x", "data": {"fee": {"amount": 2}, "items": [1, 3]}}
    assert replay._lines(Difference("H42, portal event 1", recorded, replayed)) == [
        "H42, portal event 1",
        "  /data/fee/amount recorded 1, replayed 2",
        "  /data/items/1 recorded 2, replayed 3",
    ]


def test_the_librarys_retries_are_no_errors_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert kafka.Writer
    logging.getLogger("aiokafka.consumer.group_coordinator").error("Group Coordinator Request failed")
    assert capsys.readouterr() == ("", "")
    assert not logging.getLogger("aiokafka.client").isEnabledFor(logging.ERROR)
