"""What `pip install` installs: one importable package, with the source of the services inside it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = out.glob("*.whl")
    return zipfile.ZipFile(wheel)


@pytest.fixture
def names(wheel: zipfile.ZipFile) -> list[str]:
    return wheel.namelist()


def test_only_lienthong_is_importable(names: list[str]) -> None:
    tops = {name.split("/", 1)[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"lienthong"}


def test_the_services_are_inside(names: list[str]) -> None:
    source = "lienthong/_source/"
    for part in (
        "shared/messaging/relay.py",
        "services/portal/app.py",
        "services/province_gateway/worker.py",
        "services/identity_mock/app.py",
        "services/payment_mock/app.py",
        "contracts/lifecycle.py",
        "contracts/data/communes.csv",
        "contracts/events/dossier.submitted.v1.json",
    ):
        assert source + part in names


def test_pytest_finds_the_plugin_and_type_checkers_the_types(wheel: zipfile.ZipFile, names: list[str]) -> None:
    (entries,) = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
    assert "[pytest11]\nlienthong = lienthong.pytest_plugin\n" in wheel.read(entries).decode()
    assert "lienthong/py.typed" in names
