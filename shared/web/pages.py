"""Pages that a service renders: templates beside its routes, one design, two languages, a strict content security policy."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.sandbox.clock import BUSINESS_ZONE
from shared.sandbox.registry import Sandbox
from shared.sentences import in_language
from shared.web.router import Router

Lang = Literal["vi", "en"]
DESIGN = Path(__file__).with_name("design")
LANGUAGE_COOKIE = "lienthong-language"
FOR_EVER = "public, max-age=31536000, immutable"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action {forms}"
)
NO_HEADERS: Mapping[str, str] = {}
# Addresses at which a browser gets a page, whatever happens: all but those for programs.
PAGES = re.compile(r"(?!(?:/s/[^/]+)?/(?:api|_lab|docs|healthz|readyz|metrics|openapi\.json)(?:/|$)).*")
# Characters that act instead of being shown, on a page and in the terminal of who reads it there; and lone surrogates.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
PICTURES = 0x2400  # Unicode block Control Pictures: ␀ for NUL, ␛ for ESC
DAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "vi": ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật"),
}

router = Router(include_in_schema=False)


@dataclass(frozen=True)
class Visit:
    """What every page knows of its visitor.

    sandbox    None: the chosen one does not exist
    name       of the sandbox; empty if it is not known
    path       with the query; the switch of the language leads back to it
    signed_in  the name of who is signed in; empty for nobody
    csrf       what a form of this visitor must repeat; empty for nobody
    """

    lang: Lang
    sandbox: Sandbox | None
    name: str
    path: str
    signed_in: str = ""
    csrf: str = ""


@dataclass(frozen=True)
class Templates:
    """Renders the templates of one service.

    text   key, language and facts → sentence
    forms  origins of other services to which a form of these pages may lead
    pages  whole paths of pages; what goes wrong there, a browser sees as a page
    home   where a page leads that can lead nowhere else
    """

    folders: tuple[Path, ...]
    text: Callable[..., str]
    forms: Sequence[str] = ()
    pages: re.Pattern[str] = PAGES
    home: str = "/"
    environment: Environment = field(init=False, compare=False)

    def __post_init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader([*self.folders, DESIGN]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {"asset": asset, "quoted": lambda value: quote(value, safe=""), "home": self.home}
        object.__setattr__(self, "environment", environment)

    def render(
        self,
        visit: Visit,
        template: str,
        status: int = 200,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        forms: Sequence[str] = (),
        **facts: Any,
    ) -> HTMLResponse:
        """forms: origins of other services to which a form of this page may lead, besides those of every page."""
        content = self.part(visit, template, **facts)
        allowed = " ".join(("'self'", *self.forms, *forms))
        policy = {"Content-Security-Policy": POLICY.format(forms=allowed), "Content-Language": visit.lang}
        return HTMLResponse(content, status, {**policy, **headers})

    def part(self, visit: Visit, template: str, **facts: Any) -> str:
        """A template as text: a page, or a part of one."""
        lang = visit.lang
        words = {
            "t": lambda key, **named: self.text(key, lang, **named),
            "number": lambda count: number(count, lang),
            "dong": lambda amount: dong(amount, lang),
            "day": lambda at: day(at, lang),
            "moment": lambda at: moment(at, lang),
            "named": lambda thing: named(thing, lang),
            "said": lambda sentence: in_language(sentence, lang),
        }
        content = self.environment.get_template(template).render(visit=visit, lang=lang, **words, **facts)
        return without_controls(content)


def without_controls(text: str) -> str:
    """`text` with a sign in place of each character that would act: `␀` for NUL, `␛` for ESC."""
    return CONTROLS.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == 0x7F:
        return "\u2421"
    return chr(PICTURES + code) if code < 0x20 else "\ufffd"


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def language_of(request: Request) -> Lang:
    """Vietnamese, unless the visitor has chosen English."""
    return "en" if request.cookies.get(LANGUAGE_COOKIE) == "en" else "vi"


def own_path(text: str, fallback: str = "/") -> str:
    """`text` if it is a path of this service; else `fallback`, so that no link of ours leads elsewhere."""
    leads_elsewhere = text.startswith(("//", "/\\")) or not text.isprintable()
    return text if text.startswith("/") and not leads_elsewhere else fallback


@router.get("/language/{lang}")
async def choose_language(lang: Lang, next: str = "/") -> RedirectResponse:
    """Back to where the choice was made."""
    response = RedirectResponse(own_path(next), 303)
    response.set_cookie(LANGUAGE_COOKIE, lang, max_age=31_536_000, httponly=True, samesite="lax")
    return response


@cache
def _file(name: str) -> tuple[bytes, str, str]:
    """Content, media type and version of a file of the design. Raises KeyError."""
    path = next((each for each in DESIGN.iterdir() if each.name == name and each.suffix != ".html"), None)
    if path is None:
        raise KeyError(name)
    content = path.read_bytes()
    kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(name)[0] or "application/octet-stream"
    return content, kind, hashlib.sha256(content).hexdigest()[:12]


def asset(name: str) -> str:
    """The address of a file of the design; it changes with its content."""
    return f"/design/{name}?v={_file(name)[2]}"


@router.get("/design/{name}")
async def design_file(name: str, v: str = "") -> Response:
    try:
        content, kind, version = _file(name)
    except KeyError:
        return Response(status_code=404)
    return Response(content, media_type=kind, headers={"Cache-Control": FOR_EVER if v == version else "no-cache"})


def dong(amount: int, lang: Lang) -> str:
    return f"{number(amount, lang)} đ"


def number(count: int, lang: Lang) -> str:
    """`100.000`, in English `100,000`."""
    return f"{count:,}" if lang == "en" else f"{count:,}".replace(",", ".")


def _local(at: datetime | date | str) -> datetime | date:
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return at.astimezone(BUSINESS_ZONE) if isinstance(at, datetime) else at


def day(at: datetime | date | str, lang: Lang) -> str:
    """`Thứ Ba, 09/06/2026` or `Tue, 09/06/2026`, in Viet Nam."""
    local = _local(at)
    return f"{DAYS[lang][local.weekday()]}, {local:%d/%m/%Y}"


def moment(at: datetime | str, lang: Lang) -> str:
    """`08:00, Thứ Ba, 09/06/2026`."""
    return f"{_local(at):%H:%M}, {day(at, lang)}"


def named(thing: Any, lang: Lang) -> str:
    """The name of a state, a procedure, a province or a commune; the Vietnamese name if there is no other."""

    def of(name: str) -> Any:
        return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)

    return str(of(f"name_{lang}") or of("name_vi"))
