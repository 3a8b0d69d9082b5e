"""lienthong/sync_methods.py: a blocking method for every async method of the client, with its signature and docstring."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lienthong import client

FOLDER = Path(client.__file__).parent
# Class to generate → the classes whose methods it gets, the first with its bases.
CLASSES = {
    "Country": ["country.Country"],
    "Sandbox": ["country.Sandbox", "modes.ActingProvinces", "connectors.Connectors", "waits.Waiting"],
    "Clock": ["clock.Clock"],
    "Citizen": ["citizen.Citizen"],
    "Province": ["province.Province"],
    "Connector": ["connectors.Connector"],
    "Faults": ["faults.Faults"],
    "Payments": ["payments.Payments"],
}
BY_HAND = {"open", "new_sandbox", "connect"}  # what they take or return has a blocking version of its own
HEADER = '''"""The methods of `lienthong.sync`, generated from those of `lienthong.client` by `make contracts`."""

from __future__ import annotations

'''


def code() -> str:
    imports, classes = {"from lienthong.background import SyncObject"}, []
    for name, sources in CLASSES.items():
        methods = []
        for file, source in (each.split(".") for each in sources):
            tree = ast.parse((FOLDER / f"{file}.py").read_text(encoding="utf-8"))
            origin = _origins(tree, f"lienthong.client.{file}")
            for method in _async_methods(tree, source):
                methods.append(_blocking(method))
                imports |= {origin[each] for each in _names(method) if each in origin}
        imports.add(f"from lienthong.client import {sources[0].partition('.')[0]}")
        classes.append(f"class {name}Methods(SyncObject[{sources[0]}]):\n" + "\n\n".join(methods))
    return _formatted(HEADER + "\n".join(sorted(imports)) + "\n\n\n" + "\n\n\n".join(classes) + "\n")


def _async_methods(tree: ast.Module, name: str) -> Iterator[ast.AsyncFunctionDef]:
    (definition,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    methods = (node for node in definition.body if isinstance(node, ast.AsyncFunctionDef) and not node.decorator_list)
    return (method for method in methods if method.name not in BY_HAND and method.name[0] != "_")


def _blocking(method: ast.AsyncFunctionDef) -> str:
    given = method.args
    words = [arg.arg for arg in (*given.posonlyargs, *given.args) if arg.arg != "self"]
    words += [f"{arg.arg}={arg.arg}" for arg in given.kwonlyargs]
    words += [f"**{given.kwarg.arg}"] if given.kwarg else []
    call = ast.parse(f"return self.run(self.there.{method.name}({', '.join(words)}))").body
    text = ast.get_docstring(method)
    assert text, f"{method.name} has no docstring: editors show it."
    lines = text.splitlines()
    docstring = f'"""{lines[0]}' + "".join(f"\n{' ' * 8 if line else ''}{line}" for line in lines[1:])
    docstring += '\n        """' if lines[1:] else '"""'
    head = ast.FunctionDef(method.name, given, call, [], method.returns, lineno=0, col_offset=0)
    first, body = ast.unparse(ast.fix_missing_locations(head)).split("\n", 1)
    return f"    {first}\n        {docstring}\n        {body.strip()}"


def _names(method: ast.AsyncFunctionDef) -> Iterator[str]:
    """Names that the signature uses."""
    for part in (method.args, method.returns):
        if part is not None:
            yield from (node.id for node in ast.walk(part) if isinstance(node, ast.Name))


def _origins(tree: ast.Module, module: str) -> dict[str, str]:
    """The import statement for each name of a file."""
    origin: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            origin |= {alias.name: f"from {node.module} import {alias.name}" for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            origin[node.name] = f"from {module} import {node.name}"
    return origin


def _formatted(text: str) -> str:
    for words in (("check", "--select", "I", "--fix"), ("format", "--line-length", "120")):
        command = [sys.executable, "-m", "ruff", words[0], "--isolated", "--quiet", *words[1:], "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    return text
