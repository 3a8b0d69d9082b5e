"""A public generator makes a client from each OpenAPI document; the four clients sign in, submit and pay."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lienthong.sync import Country
from tests.generated.conftest import PROGRAMS
from tools.docs.generate import REPOSITORY, SERVICES
from tools.fetched import run

# Types of files that the generator does not know; it sends and returns their bytes.
FILES = ("application/pdf", "image/png", "image/jpeg", "application/yaml")
FILES += ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",)
FILES += ("application/vnd.oasis.opendocument.text",)


@pytest.fixture(scope="module")
def clients(generator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one package per service, generated without a warning."""
    folder = tmp_path_factory.mktemp("clients")
    settings = {"content_type_overrides": dict.fromkeys(FILES, "application/octet-stream"), "post_hooks": []}
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    for service in SERVICES:
        document = REPOSITORY / f"contracts/openapi/{service}.yaml"
        words = ("--path", document, "--output-path", folder / service, "--meta", "none", "--fail-on-warning")
        run(generator / "openapi-python-client", "generate", "--config", folder / "settings.yaml", *words, cwd=folder)
    return folder


def test_generated_clients_sign_in_submit_and_pay(clients: Path, generator: Path, lienthong_sync: Country) -> None:
    said = run(generator / "python", PROGRAMS / "submit.py", PYTHONPATH=str(clients), LIENTHONG_URL=lienthong_sync.url)
    assert "is submitted, received and paid" in said
