"""Proves that the package alone is enough: the wheel, an environment with nothing in it, and examples/suite as its README says.

    python -m tests.wheel.proof         or `make example`

It works in a folder of its own outside the project, on free ports; packages come from where pip finds them, in the versions that
requirements.txt pins. Exit status 0: every command of the README was run, in its order, and every test passed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lienthong.embedded import ports

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "examples" / "suite"
OURS = re.compile(
    r"LIENTHONG_|PYTHON|VIRTUAL_ENV|PYTEST_|KAFKA_|\w+_DATABASE_"
)  # variables that would bend what is proven
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?(==\S+(?: *;[^\\]*)?)", re.MULTILINE)
MOST_PACKAGES = 20
PYRIGHT = "pyright[nodejs]==1.1.414"
LIGHT_VERBS = (
    "sandbox create --seed spring",
    "sandbox list",
    "clock show",
    "scenario list",
    "fault list",
    "mode show --province 37",
    "settle",
    "projection list",
    "dead list",
    "demo --json",
    "status --url $LIENTHONG_URL",
)
LIGHT_TEST = """
import lienthong.client, lienthong.sync

def test_a_month_passes(sandbox_sync):
    lan = sandbox_sync.citizen("lan")
    code = lan.submit("1.001776", province="37", commune="14464")["code"]
    sandbox_sync.clock.advance("30d")
    assert lan.dossier(code)["code"] == code
"""
PASSED = re.compile(r"^=* ?(\d+) passed\b(?!.*(?:failed|error|skipped))", re.MULTILINE)


def prove() -> None:
    with tempfile.TemporaryDirectory(prefix="lienthong-example-") as outside:
        place = Path(outside)
        build(place / "dist")
        here = Path(
            shutil.copytree(SUITE, place / "examples" / "suite", ignore=shutil.ignore_patterns(".*", "__pycache__"))
        )
        pins = place / "pins.txt"
        pins.write_text(
            "".join(f"{name}{version}\n" for name, version in PIN.findall((ROOT / "requirements.txt").read_text()))
        )
        environment = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        environment |= {"PATH": without_ours(os.environ["PATH"]), "PIP_CONSTRAINT": str(pins)}
        told = ""
        base = str(ports.free_base())
        for command in commands(SUITE / "README.md"):
            on_free_ports = command.replace("up --detach", f"up --detach --port-base {base}").replace(
                ":8000", f":{base}"
            )
            told += run(on_free_ports, here, environment)
        installed = run(".venv/bin/python -c 'import lienthong; print(lienthong.__file__)'", here, environment)
        expected = [str(count()) for command in commands(SUITE / "README.md") if "pytest" in command.split()[-1]]
        if PASSED.findall(told) != expected or not expected:
            sys.exit(f"NOT PROVEN. Wanted {expected} passed, saw {PASSED.findall(told)}.")
        if not Path(installed.strip()).is_relative_to(here / ".venv"):
            sys.exit(f"NOT PROVEN. What was tested is {installed}")
        light(place, here / ".venv/bin", environment)


def light(place: Path, stack: Path, environment: dict[str, str]) -> None:
    """The package alone: what it brings, and that client, plugin and verbs work with a country of another environment.

    stack  the programs of an environment that has what starts a country
    """
    python = place / "light/bin/python"
    (wheel,) = (place / "dist").glob("*.whl")
    install = f"{stack}/pip --python {python} install -q"
    run(f"python3 -m venv --without-pip light && {install} {wheel}", place, environment)
    listed = "import importlib.metadata as m; print(*sorted({d.name for d in m.distributions()}))"
    packages = run(f"{python} -c {shlex.quote(listed)}", place, environment).split()
    size = run("du -sk --apparent-size light/lib", place, environment).split()[0]
    print(f"        {len(packages)} packages, {int(size) / 1000:.0f} MB: {' '.join(packages)}")
    if len(packages) > MOST_PACKAGES:
        sys.exit(f"NOT PROVEN. The package alone brings more than {MOST_PACKAGES} packages.")
    run(f"{install} pytest", place, environment)
    config = {"include": ["typed_program.py"], "typeCheckingMode": "strict"}
    (place / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    shutil.copy(ROOT / "tests/wheel/typed_program.py", place)
    run(f"python3 -m venv types && types/bin/pip install -q '{PYRIGHT}'", place, environment)
    print(run(f"types/bin/pyright --pythonpath {python}", place, environment).strip())
    (place / "test_light.py").write_text(LIGHT_TEST, encoding="utf-8")
    verbs = " && ".join(f"light/bin/lienthong {words}" for words in LIGHT_VERBS)
    (place / "verbs.sh").write_text(f"set -e\n{verbs}\nlight/bin/python -m pytest -q test_light.py\n", encoding="utf-8")
    told = run(f"{stack}/lienthong exec -- bash verbs.sh", place, environment)
    if not PASSED.search(told):
        sys.exit(f"NOT PROVEN. The package alone:\n{told}")
    refused = subprocess.run(
        [place / "light/bin/lienthong", "up"], cwd=place, env=environment, capture_output=True, text=True
    )
    if refused.returncode != 1 or "pip install 'lienthong[stack]'" not in refused.stderr:
        sys.exit(f"NOT PROVEN. `lienthong up` of the package alone said {refused.stderr}")


def build(dist: Path) -> None:
    words = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)


def without_ours(path: str) -> str:
    """The search path without the environment that runs this."""
    ours = Path(sys.executable).parent
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if Path(folder) != ours)


def commands(page: Path) -> list[str]:
    """Every line of its shell blocks."""
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def count() -> int:
    return sum(file.read_text(encoding="utf-8").count("def test_") for file in SUITE.glob("tests/test_*.py"))


def run(command: str, place: Path, environment: dict[str, str]) -> str:
    """What it prints; ends everything if it fails."""
    begun = time.monotonic()
    done = subprocess.run(["bash", "-ec", command], cwd=place, env=environment, capture_output=True, text=True)
    print(f"{time.monotonic() - begun:6.1f} s  {command}", flush=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\nNOT PROVEN. `{command}` ended with {done.returncode}.")
    return done.stdout


if __name__ == "__main__":
    prove()
    print("Proven.")
