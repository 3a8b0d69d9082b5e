"""A page of ours: HTML with styles of its own, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import HTMLResponse

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


class HtmlPage(HTMLResponse):
    """Without `form-action` in its policy: browsers apply that to the address to which a form's answer redirects, too."""

    def __init__(self, content: str, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, headers={"Content-Security-Policy": POLICY, **(headers or {})})
