"""One POST to the address of a user, and what came of it, in words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from shared.errors import ReceiverNotAllowed
from shared.receivers import HUNG_UP, refused_words, unreachable_words

ANSWER_BYTES = 64 << 10  # of an answer are read
CUT_WORDS = "a fault rule broke the connection in mid-answer"


@dataclass(frozen=True)
class Reply:
    """What came of a request.

    status    None: there was no answer
    error     what the receiver did wrong; "": it answered with 2xx
    content   the beginning of its answer
    is_whole  the answer came to its end, or as far as it is read
    """

    status: int | None
    error: str
    milliseconds: int
    content: bytes = b""
    is_whole: bool = False


async def post(
    http: httpx.AsyncClient,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    seconds: float,
    is_cut: bool = False,
) -> Reply:
    """One request; what the receiver does wrong is in the reply.

    http     without timeouts of its own, over an AllowedTransport
    seconds  for the whole request
    is_cut   a fault rule ends it in mid-answer
    """
    status, content, is_whole, begun = None, b"", False, time.perf_counter()
    try:
        async with asyncio.timeout(seconds), http.stream("POST", url, content=body, headers=headers) as response:
            status = response.status_code
            if is_cut:
                return Reply(None, CUT_WORDS, _milliseconds(begun))
            async for piece in response.aiter_raw():
                content += piece
                if len(content) >= ANSWER_BYTES:
                    break
        is_whole, error = True, "" if response.is_success else refused_words(response)
    except TimeoutError:
        error = f"did not answer within {seconds:g} s"
    except ReceiverNotAllowed as refusal:
        error = refusal.detail
    except (httpx.ConnectError, OSError) as fault:
        error = f"cannot be reached: {unreachable_words(httpx.URL(url), fault)}"
    except httpx.HTTPError:
        error = "broke the connection in mid-answer" if status else HUNG_UP
    return Reply(status, error, _milliseconds(begun), content, is_whole)


def _milliseconds(begun: float) -> int:
    return round((time.perf_counter() - begun) * 1000)
