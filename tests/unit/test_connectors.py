"""The programs of examples/connectors are small, and stand alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lienthong.embedded import Trouble
from tools.connectors.programs import EXAMPLES, PACKAGES, Program, programs, require_tools

MOST_LINES = 150  # of code: what a reader takes in at one sitting
SOURCES = {".go", ".java", ".js", ".py"}
COMMENT = re.compile(r"^\s*(//|#|/?\*|$)")
OURS = re.compile(
    r"^\s*(import|from|const .*= require)\b.*\b(lienthong|contracts|services|shared|tools)\b", re.MULTILINE
)

each_program = pytest.mark.parametrize("program", programs(), ids=lambda program: program.name)


def sources(program: Program) -> list[Path]:
    built = {"node_modules", "target", ".venv"}
    files = (EXAMPLES / program.name).rglob("*")
    return [file for file in files if file.suffix in SOURCES and not built & set(file.parts)]


def test_every_folder_is_a_row_of_the_page() -> None:
    folders = {place.parent.name for place in EXAMPLES.glob("*/README.md")}
    assert folders == {program.name for program in programs()}


@each_program
def test_a_program_is_small_and_imports_nothing_of_ours(program: Program) -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in sources(program))
    lines = [line for line in text.splitlines() if not COMMENT.match(line)]
    assert 0 < len(lines) <= MOST_LINES
    assert not OURS.search(text)


@each_program
def test_the_page_of_a_program_has_the_commands_of_the_table(program: Program) -> None:
    page = (EXAMPLES / program.name / "README.md").read_text(encoding="utf-8")
    assert f"{program.build} && " in page and program.run in page
    assert f"--via {program.via}" in page


def test_a_missing_tool_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Trouble, match=r"Missing: go\. .*apt-get install golang-go\."):
        require_tools(programs("go-pull"))
    assert {tool for program in programs() for tool in program.tools} <= set(PACKAGES)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(Trouble, match=r"There is no connector 'rust'\. There are: .*go-pull"):
        programs("rust")
