"""What hides in the structure of a PDF (ISO 32000), found in one pass: the work grows with the size, whatever is in the file."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

HEAD_BYTES = 512  # of a stream, by which an object stream is recognised
WORK = 4  # times the size of the file is read from streams; those of a real PDF do not lie within each other


class Hidden(Exception):
    """Something in the file cannot be looked at; the message says what."""


class TooLarge(Exception):
    """The object streams unpack to more than the limit."""


def spelled(word: str) -> str:
    """A pattern for a name in a PDF, each letter plain or escaped as `#` and two digits (ISO 32000 7.3.5)."""
    return "/" + "".join(f"(?:{letter}|#(?i:{ord(letter):02x}))" for letter in word)


_TYPE = re.compile(spelled("Type").encode())
_SPACE = re.compile(rb"[\0\s]*")
_BLANK = re.compile(rb"[\0\t\v\f ]*")  # without the end of a line
_LINE_END = re.compile(rb"[\r\n]")
_REFERENCE = re.compile(rb"[0-9]++[\0\s]++[0-9]++[\0\s]++R\b")
_STREAM = re.compile(rb"(" + spelled("ObjStm").encode() + rb")|(?<!end)stream\r?\n")
_OBJECTS = re.compile(rb"(?:[\0\s]|%[^\r\n]*[\r\n])*[0-9]+[\0\s]+[0-9]+[\0\s]")  # number and place of its first object


def has_indirect_type(content: bytes) -> bool:
    """Whether the type of an object stands elsewhere: a reference after `/Type`, with spaces and comments between."""
    walked = 0  # lines up to here were walked from their beginning to what follows, and no reference follows
    line_end = 0
    for name in _TYPE.finditer(content):
        at = _end(_BLANK, content, name.end())
        while (char := content[at : at + 1]) in (b"\r", b"\n", b"%"):
            if char == b"%" and line_end <= at:
                found = _LINE_END.search(content, at)
                line_end = found.end() if found else len(content)
            at = line_end if char == b"%" else at + 1
            if at <= walked:
                break
            at = _end(_SPACE, content, at)
        else:
            walked = max(walked, at)
            if at > name.end() and _REFERENCE.match(content, at):
                return True
    return False


def _end(pattern: re.Pattern[bytes], content: bytes, at: int) -> int:
    found = pattern.match(content, at)
    return found.end() if found else at


def _is_deflated(header: bytes) -> bool:
    """RFC 1950 section 2.2: the method in the lower half of the first byte, and a check of both."""
    return len(header) == 2 and header[0] & 15 == 8 and int.from_bytes(header) % 31 == 0


def object_streams(content: bytes, limit: int) -> Iterator[bytes]:
    """The object streams, unpacked (ISO 32000 7.5.7): objects can stand in these too.

    Whatever is named as one must be readable; whatever begins like one is read, because its name can be hidden.

    limit   bytes, all of them together
    raises  Hidden, TooLarge
    """
    whole, left, work = memoryview(content), limit, WORK * len(content)
    is_named, end = False, 0
    for token in _STREAM.finditer(content):
        if token[1]:
            is_named = True
            continue
        at = token.end()
        if 0 <= end < at:
            end = content.find(b"endstream", at)
        work -= end - at if end > at and _is_deflated(content[at : at + 2]) else 0  # what is not is left at once
        if work < 0:
            raise Hidden("Its streams lie within each other")
        inflater = zlib.decompressobj()
        try:
            text = inflater.decompress(whole[at : max(end, at)], HEAD_BYTES)
            is_object_stream = _OBJECTS.match(text) is not None
            if is_object_stream:
                text += inflater.decompress(inflater.unconsumed_tail, left + 1)
        except zlib.error:
            is_object_stream = False
        if is_named or is_object_stream:
            left -= len(text) if is_object_stream else 0
            if left < 0:
                raise TooLarge
            if end < 0 or not (is_object_stream and inflater.eof):
                raise Hidden("An object stream in it cannot be read")
            yield text
        is_named = False
