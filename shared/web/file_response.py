"""A stored file as an HTTP response."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

from fastapi import Response

from shared.sandbox.files import File


def response(file: File, name: str, request_headers: Mapping[str, str]) -> Response:
    """The response to a GET; 304 if If-None-Match says that the caller already has the file.

    name             file name for the caller
    request_headers  the caller's headers
    """
    etag = f'"{file.sha256}"'  # RFC 9110 section 8.8.3; the content's hash is its version
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}  # may be cached, but must be revalidated every time
    known = request_headers.get("if-none-match", "")
    if etag in known or known.strip() == "*":
        return Response(status_code=304, headers=headers)
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    headers |= {
        "Content-Type": file.media_type,
        "Content-Length": str(len(file.content)),
        "Content-Disposition": f"attachment; {_filenames(name)}",
        "X-Content-Type-Options": "nosniff",
        "Repr-Digest": f"sha-256=:{digest}:",  # RFC 9530
    }
    return Response(file.content, headers=headers)


def _filenames(name: str) -> str:
    """RFC 6266: once in ASCII for old clients, once complete in UTF-8."""
    plain = unicodedata.normalize("NFKD", name.replace("đ", "d").replace("Đ", "D")).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", plain)
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
