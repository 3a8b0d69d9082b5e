"""What the pages name exists: commands of ours, linked files, paths of the repository; and no page uses a sleep."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from lienthong.cli.main import command_line

ROOT = Path(__file__).parents[2]
SKIPPED = {".venv", ".git", "node_modules", "dist"}
PAGES = sorted(
    page for page in ROOT.rglob("*.md") if not SKIPPED & {part.split("/")[0] for part in page.relative_to(ROOT).parts}
)
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = {"", "bash", "sh", "console"}
FOLDERS = sorted(
    each.name for each in ROOT.iterdir() if each.is_dir() and not each.name.startswith(".") and each.name not in SKIPPED
)
FILE = re.compile(r"^[\w*-][\w/*.-]*\.(py|md|csv|json|toml|ya?ml)$")
FOLDER = re.compile(rf"^({'|'.join(FOLDERS)})/[\w/.-]*$|^\w[\w/]*/$")
PLACEHOLDER = re.compile(r"^[A-ZĐ…./0-9-]+$")  # CODE, ID, N: the reader's own words

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
each_page_about_today = pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "adr"],  # those name earlier files
    ids=lambda page: str(page.relative_to(ROOT)),
)


def _lines_of_code(text: str) -> Iterator[str]:
    """Every line of every shell block, and every code span in the prose."""
    for language, block in FENCE.findall(text):
        if language in SHELLS:
            yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def _commands(text: str, program: str) -> Iterator[list[str]]:
    """The words after `program`, for every line that runs it; `a | b` in a span stands for alternatives and ends it."""
    for line in _lines_of_code(text):
        line = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
        if line == program or line.startswith(program + " "):
            yield shlex.split(re.split(r"\s[#|&;>]|;", line)[0])[1:]


@cache  # it is the same for every command, and takes longer to build than to ask
def _program() -> Any:
    return typer.main.get_command(command_line())


def _problem(words: list[str]) -> str | None:
    """Why these words are no command of ours; None if they are one. What follows `--` is another program's."""
    words = words[: words.index("--")] if "--" in words else words
    command = _program()
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        word, *words = words
        if PLACEHOLDER.match(word):
            return None
        if word not in command.commands:
            return f"{command.name or 'lienthong'} has no '{word}': it knows {', '.join(sorted(command.commands))}"
        command = command.commands[word]
    known = {
        "--help",
        *(option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)),
    }
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
    return f"{command.name} has no {', '.join(unknown)}: it knows {', '.join(sorted(known))}" if unknown else None


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert _problem(["clock", "advance", "--by", "P3D"]) is None
    assert "has no 'wind'" in str(_problem(["clock", "wind"]))
    assert "has no --fast" in str(_problem(["clock", "advance", "--fast"]))


@each_page
def test_every_lienthong_command_on_a_page_exists(page: Path) -> None:
    problems = [
        found for words in _commands(page.read_text(encoding="utf-8"), "lienthong") if (found := _problem(words))
    ]
    assert not problems


@each_page_about_today
def test_no_block_ends_the_shell_into_which_it_is_pasted(page: Path) -> None:
    blocks = [block for language, block in FENCE.findall(page.read_text(encoding="utf-8")) if language in SHELLS]
    assert not [
        line for block in blocks for line in block.splitlines() if re.match(r"\s*(set -[a-z]*e|exit|exec )", line)
    ]


@each_page_about_today
def test_a_page_says_where_the_command_is_before_its_first_use_in_a_block(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    uses = [
        match.start()
        for match in FENCE.finditer(text)
        if match[1] in SHELLS and re.search(r"^(\$ )?lienthong ", match[2], re.MULTILINE)
    ]
    assert not uses or "make shell" in text[: uses[0]] or ".venv/bin" in text[: uses[0]]


@pytest.mark.parametrize("term", ["lane", "epoch", "orphan", "parked"])
@each_page_about_today
def test_a_term_of_ours_is_explained_where_a_page_first_uses_it(page: Path, term: str) -> None:
    if page.name == "glossary.md":
        return
    text = page.read_text(encoding="utf-8")
    uses = re.search(rf"\b{term}", FENCE.sub("", text))
    explained = re.search(rf"\*{term}\*", text)
    assert not uses or (explained and "glossary.md" in text[explained.start() :])
    assert not uses or FENCE.sub("", text)[uses.start() - 1] == "*", "explained at its first use"


@each_page
def test_every_make_target_on_a_page_exists(page: Path) -> None:
    named = {word for words in _commands(page.read_text(encoding="utf-8"), "make") for word in words[:1]}
    assert named <= TARGETS


@each_page
def test_every_relative_link_on_a_page_leads_somewhere(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]
    assert not [target for target in targets if target and not (page.parent / target).exists()]


def _missing_paths(page: Path, text: str) -> list[str]:
    """File and folder names in backticks that exist nowhere: a path from the root or from the page, a bare name anywhere."""
    spans = set(re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))
    named = sorted(span for span in spans if FILE.match(span) or FOLDER.match(span))
    return [
        path
        for path in named
        if not any(any(folder.glob(path.rstrip("/"))) for folder in (ROOT, page.parent))
        and ("/" in path or not any(any((ROOT / folder).rglob(path)) for folder in FOLDERS))
    ]


def test_a_path_that_does_not_exist_is_noticed() -> None:
    page = ROOT / "contracts" / "README.md"
    assert (
        _missing_paths(page, "`docs/modes.md` `events/*.json` `catalogue/` `conftest.py` `/healthz` `clock/advance`")
        == []
    )
    assert _missing_paths(page, "`docs/mode.md` `shared/relay/` `nowhere.py`") == [
        "docs/mode.md",
        "nowhere.py",
        "shared/relay/",
    ]


@each_page_about_today
def test_every_path_in_backticks_on_a_page_exists(page: Path) -> None:
    assert not _missing_paths(page, page.read_text(encoding="utf-8"))


@each_page
def test_no_page_uses_a_sleep(page: Path) -> None:
    assert not [line for line in _lines_of_code(page.read_text(encoding="utf-8")) if re.search(r"\bsleep\b", line)]


def test_the_page_of_clients_shows_the_programs_as_they_are() -> None:
    page = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    shown = re.findall(
        r"^\[([^]]+)\]\(\.\./examples/clients/\1\):\n\n```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    assert {name for name, _ in shown} == {
        "go-oidc/main.go",
        "openid-client/sign-in.js",
        "nimbus/src/main/java/SignIn.java",
        "spring-security/src/main/resources/application.properties",
        "spring-security/src/main/java/signin/SignIn.java",
    }
    for name, program in shown:
        assert program == (ROOT / "examples" / "clients" / name).read_text(encoding="utf-8"), name
