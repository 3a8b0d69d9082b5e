"""The tables of docs/pages.md: every page with its addresses and every `data-testid` on it, read from the templates.

A template is followed without rendering it: all branches, with the macros and the parts that it includes. What a page
fills in stands in capitals: `dossier-CODE`.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from jinja2 import Environment, FileSystemLoader, nodes

from shared.web.pages import DESIGN
from tools.docs.printed import table

SERVICES = Path(__file__).parents[2] / "services"
MARK = re.compile(r'data-testid="([^"]*)"')
FILLED = re.compile(r"\x02([^\x03]*)\x03")  # around the name of what a page fills in
HEADINGS = ("page", "address", "`data-testid`")
ANYWHERE = "where it is needed"
EVERYWHERE, REFUSED = "layout.html", "refused.html"
Bindings = Mapping[str, str]
Macros = dict[str, nodes.Macro]


@dataclass(frozen=True)
class Folder:
    """The pages of one service. `frame`: the template that all of them share."""

    service: str
    path: str
    frame: str


FOLDERS = (
    Folder("portal", "portal/pages", "frame.html"),
    Folder("portal", "portal/console", "console.html"),
    Folder("province_gateway", "province_gateway/pages", "desk.html"),
    Folder("identity_mock", "identity_mock", EVERYWHERE),
    Folder("payment_mock", "payment_mock", EVERYWHERE),
)


@dataclass(frozen=True)
class Page:
    """`marks`: the values of `data-testid`, without those of the frame."""

    template: str
    addresses: tuple[str, ...]
    marks: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The marks as they are printed: what a page fills in stands in capitals."""
        return [FILLED.sub(r"\1", mark) for mark in self.marks]

    @property
    def patterns(self) -> list[re.Pattern[str]]:
        """One for each mark, for what a browser finds."""
        return [re.compile(FILLED.sub(".+", re.escape(mark))) for mark in self.marks]


def parts(apps: Mapping[str, FastAPI]) -> dict[str, Iterable[str]]:
    return {folder: _table(pages) for folder, pages in every_page(apps).items()}


def every_page(apps: Mapping[str, FastAPI]) -> dict[str, list[Page]]:
    """Folder of templates → its pages."""
    own = {f"services/{folder.path}": pages_of(folder, apps[folder.service]) for folder in FOLDERS}
    return {str(DESIGN.relative_to(SERVICES.parent)): pages_of_all(), **own}


def _table(pages: Iterable[Page]) -> list[str]:
    rows = (
        (
            page.template.removesuffix(".html"),
            "<br>".join(f"`{address}`" for address in page.addresses) or ANYWHERE,
            ", ".join(f"`{name}`" for name in page.names),
        )
        for page in pages
    )
    return table(HEADINGS, rows)


def pages_of_all() -> list[Page]:
    """What the design itself has: the layout around every page, and the pages that all services share."""
    reader = Reader(DESIGN)
    around = marks_of(reader, EVERYWHERE)
    own = (
        name for name in sorted(path.name for path in DESIGN.glob("*.html")) if name not in (EVERYWHERE, "forms.html")
    )
    return [Page(EVERYWHERE, (), around), *(Page(name, (), _without(around, marks_of(reader, name))) for name in own)]


def pages_of(folder: Folder, app: FastAPI) -> list[Page]:
    """The pages of a service; first the frame of them all, if they have one of their own."""
    home = SERVICES / folder.path
    reader, addresses = Reader(home), _addresses(home, app)
    around = marks_of(reader, EVERYWHERE)
    frame = _without(around, marks_of(reader, folder.frame))
    found = [Page(folder.frame, (), frame)] if frame else []
    names = sorted(path.name for path in home.glob("*.html"))
    parts = {name for each in names for name in reader.parts(each)}
    for name in names:
        if name != folder.frame and name not in parts:
            marks = _without((*around, *frame), marks_of(reader, name))
            found.append(Page(name, addresses.get(name, ()), marks))
    return found


def _without(left_out: Iterable[str], marks: Iterable[str]) -> tuple[str, ...]:
    taken = set(left_out)
    return tuple(mark for mark in marks if mark not in taken)


def marks_of(reader: Reader, template: str) -> tuple[str, ...]:
    return tuple(sorted(set(MARK.findall(reader.text(template))) - {""}, key=lambda mark: FILLED.sub(r"\1", mark)))


# --- which address shows which template
def _addresses(home: Path, app: FastAPI) -> dict[str, tuple[str, ...]]:
    """Template → addresses that a browser can open, by what each endpoint calls in its service."""
    calls = _calls(home)
    found: dict[str, list[str]] = {}
    for route in iter_route_contexts(app.routes):
        original = route.original_route
        if isinstance(original, APIRoute) and "GET" in (route.methods or ()) and _file(original).parent == home:
            for template in _reached(calls, original.endpoint.__name__) - {REFUSED}:
                found.setdefault(template, []).append(str(route.path))
    return {template: tuple(sorted(set(paths), key=len)) for template, paths in found.items()}


def _file(route: APIRoute) -> Path:
    return Path(inspect.getfile(route.endpoint))


def _calls(home: Path) -> dict[str, set[str]]:
    """Function → the names that it calls and the templates that it names, in all files of a folder."""
    calls: dict[str, set[str]] = {}
    for file in home.glob("*.py"):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                calls.setdefault(function.name, set()).update(_named_in(function))
    return calls


def _named_in(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            yield node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if getattr(node.func, "id", "") == "show":  # a view of the console, by its name
                views = (str(each.value) for each in node.args if isinstance(each, ast.Constant))
                yield from (f"console_{view}.html".replace("-", "_") for view in views)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".html"):
            yield node.value


def _reached(calls: Mapping[str, set[str]], start: str) -> set[str]:
    waiting, seen = [start], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(calls.get(name, ()))
    return {name for name in seen if name.endswith(".html")}


# --- what a template can write
@dataclass
class Scope:
    """What the names in a template mean: values of macro parameters, macros of its own, macros that it imports."""

    bindings: Bindings = field(default_factory=dict)
    macros: Macros = field(default_factory=dict)
    imported: dict[str, Macros] = field(default_factory=dict)

    def bound(self, bindings: Bindings) -> Scope:
        return Scope({**self.bindings, **bindings}, self.macros, self.imported)


class Reader:
    """Reads templates of one folder and of the design."""

    def __init__(self, folder: Path) -> None:
        self._environment = Environment(loader=FileSystemLoader([folder, DESIGN]), autoescape=True)

    def text(self, template: str) -> str:
        """Everything that a template can write, with that of its parents."""
        return "".join(self._written(self._parsed(template).body, Scope()))

    def parts(self, template: str) -> list[str]:
        """The templates that it includes, and those whose macros it uses."""
        body = self._parsed(template)
        used = [node.template for node in body.find_all(nodes.Include)]
        used += [node.template for node in body.find_all(nodes.Import)]
        return [str(name.value) for name in used if isinstance(name, nodes.Const)]

    def _parsed(self, template: str) -> nodes.Template:
        assert self._environment.loader is not None
        return self._environment.parse(self._environment.loader.get_source(self._environment, template)[0])

    def _macros(self, template: str) -> Macros:
        return {macro.name: macro for macro in self._parsed(template).find_all(nodes.Macro)}

    def _written(self, body: Iterable[nodes.Node], scope: Scope) -> Iterator[str]:
        for node in body:
            match node:
                case nodes.Output():
                    yield from (self._value(each, scope) for each in node.nodes)
                case nodes.Extends():
                    yield self.text(str(node.template.as_const()))
                case nodes.Include() if isinstance(node.template, nodes.Const):
                    yield from self._written(self._parsed(str(node.template.as_const())).body, scope)
                case nodes.CallBlock():
                    yield self._call(node.call, scope)
                    yield from self._written(node.body, scope)
                case nodes.Import():
                    scope.imported[node.target] = self._macros(str(node.template.as_const()))
                case nodes.Macro():
                    scope.macros[node.name] = node
                case nodes.If():
                    yield from self._written([*node.body, *node.elif_, *node.else_], scope)
                case nodes.For():
                    for bindings in self._rounds(node):
                        yield from self._written([*node.body, *node.else_], scope.bound(bindings))
                case nodes.Block():
                    yield from self._written(node.body, scope)

    def _rounds(self, loop: nodes.For) -> list[dict[str, str]]:
        """Values of the variable of a loop: of a loop over constants, all of them."""
        if isinstance(loop.target, nodes.Name) and isinstance(loop.iter, nodes.Tuple):
            return [{loop.target.name: str(each.as_const())} for each in loop.iter.items]
        return [{}]

    def _value(self, node: nodes.Node, scope: Scope) -> str:
        match node:
            case nodes.TemplateData():
                return node.data
            case nodes.Const():
                return str(node.value)
            case nodes.Name():
                return scope.bindings.get(node.name, f"\x02{node.name.upper()}\x03")
            case nodes.Getattr():
                return f"\x02{node.attr.upper()}\x03"
            case nodes.Filter() if isinstance(node.node, nodes.Name | nodes.Getattr):
                return self._value(node.node, Scope())
            case nodes.Concat():
                return "".join(self._value(each, scope) for each in node.nodes)
            case nodes.Call():
                return self._call(node, scope)
        return ""

    def _call(self, call: nodes.Call, scope: Scope) -> str:
        called = call.node
        if isinstance(called, nodes.Name) and (macro := scope.macros.get(called.name)):
            inside = scope
        elif isinstance(called, nodes.Getattr) and isinstance(called.node, nodes.Name):
            macros = scope.imported.get(called.node.name, {})
            macro, inside = macros.get(called.attr), Scope(macros=macros)
        else:
            macro, inside = None, scope
        if macro is None:
            return ""
        names = [argument.name for argument in macro.args]
        left_out = dict(zip(names[len(names) - len(macro.defaults) :], macro.defaults, strict=True))
        given = {**dict(zip(names, call.args, strict=False)), **{each.key: each.value for each in call.kwargs}}
        bindings = {name: self._value(value, scope) for name, value in {**left_out, **given}.items()}
        return "".join(self._written(macro.body, inside.bound(bindings)))
