"""Files that come with a form: checked, and stored as papers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import cast

from starlette.datastructures import UploadFile

from contracts.file_types import ACCEPTED
from services.portal.auth import Citizen
from services.portal.papers import store
from services.portal.runtime import Portal
from services.portal.settings import Settings
from shared.errors import BodyDoesNotFit
from shared.sandbox.files import hash_of

UNKNOWN = "application/octet-stream"  # RFC 2046 section 4.5.1


async def receive(portal: Portal, owner: Citizen, upload: UploadFile, text: Callable[..., str]) -> str:
    """The id of the paper in the owner's store. Raises the refusals of `store.receive`.

    text  sentences in the language of the page
    """
    limit = cast(Settings, portal.settings).paper_limit_bytes
    content = await upload.read()
    if len(content) > limit:
        raise BodyDoesNotFit(("", text("refusal.file-too-large", limit=limit >> 20)))
    name, media_type = upload.filename or "", _declared(upload)
    paper, _ = await store.receive(
        portal, portal.files, owner, content, name=name, media_type=media_type, sha256=hash_of(content)
    )
    return paper.id


def _declared(upload: UploadFile) -> str:
    """The media type that the browser declares; that of the name, where it does not know: DOCX and ODT on many machines."""
    declared = upload.content_type or UNKNOWN
    extension = PurePath(upload.filename or "").suffix.lower()
    by_name = next((kind.media_type for kind in ACCEPTED if extension in kind.extensions), UNKNOWN)
    return by_name if declared == UNKNOWN else declared
