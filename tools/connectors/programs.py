"""The programs of examples/connectors, built and started as their README says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lienthong.embedded import Trouble

EXAMPLES = Path(__file__).parents[2] / "examples" / "connectors"
ROW = re.compile(r"^\| \[([\w-]+)\]\([^)]*\) \| (\w+) \| ([\w, ]+) \| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)
PACKAGES = {
    "go": "golang-go",
    "node": "nodejs",
    "npm": "npm",
    "java": "openjdk-17-jdk-headless",
    "mvn": "maven",
    "python3": "python3-venv",
}
CONNECTED = "connected to"  # what a program prints when it can be told
LINES = 20  # of the log of a program that failed


@dataclass(frozen=True)
class Program:
    """A row of the README. `via`: its door; `tools`: commands that it needs."""

    name: str
    via: str
    tools: tuple[str, ...]
    build: str
    run: str


def programs(only: str | None = None) -> list[Program]:
    """All programs, or the one of this name. Raises Trouble for a name that none has."""
    rows = ROW.findall((EXAMPLES / "README.md").read_text(encoding="utf-8"))
    known = [Program(name, via, tuple(tools.split(", ")), build, run) for name, via, tools, build, run in rows]
    chosen = [program for program in known if only in (None, "", program.name)]
    if not chosen:
        raise Trouble(f"There is no connector '{only}'. There are: {', '.join(program.name for program in known)}.")
    return chosen


def require_tools(chosen: list[Program]) -> None:
    """Raises Trouble that names every tool that is missing, and how to get it."""
    tools = sorted({tool for program in chosen for tool in program.tools if shutil.which(tool) is None})
    if tools:
        packages = " ".join(PACKAGES[tool] for tool in tools)
        raise Trouble(f"Missing: {', '.join(tools)}. On Debian or Ubuntu: apt-get install {packages}.")


def build(program: Program, folder: Path) -> None:
    """Build it in a copy of examples/connectors; it fetches its packages. Raises Trouble."""
    done = subprocess.run(
        ["bash", "-c", program.build], cwd=folder / program.name, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Trouble(f"{program.name}: `{program.build}` failed.\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


class Running:
    """A program while it runs, in its folder. What it prints is kept, over all its lives."""

    def __init__(self, program: Program, folder: Path, environment: Mapping[str, str]) -> None:
        self.program, self._folder = program, folder / program.name
        self._environment = {**os.environ, **environment}
        self._lines = deque[str](maxlen=LINES)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it; it can be told when this returns. Raises Trouble if it ends before it says so."""
        self._process = subprocess.Popen(
            shlex.split(self.program.run),
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output = self._process.stdout
        assert output is not None
        for line in output:
            self._lines.append(line.rstrip())
            if CONNECTED in line:
                threading.Thread(target=self._keep, args=(output,), daemon=True).start()
                return
        self._process.wait()
        self.require_alive()

    def _keep(self, output: Iterable[str]) -> None:
        for line in output:
            self._lines.append(line.rstrip())

    def kill(self) -> None:
        """SIGKILL; it is gone when this returns."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def require_alive(self) -> None:
        """Raises Trouble with its last words, if it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise Trouble(f"{self.program.name} ended with {self._process.returncode}.\n{self.last_words()}")

    def last_words(self) -> str:
        return "\n".join(f"    {line}" for line in list(self._lines))
