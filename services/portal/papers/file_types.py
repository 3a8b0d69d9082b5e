"""Detects the type of a file from its bytes, never from its name or its declared type.

Nothing is decoded, rendered or unpacked to disk here. This is not a scanner for malware.
"""

from __future__ import annotations

import io
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import BodyDoesNotFit, Refusal

PIXELS = 50_000_000  # an A4 page at 600 dpi has 35 million; decoding 50 million needs 150 MB
ENTRIES = 1_000  # parts of a document; a text with 200 pictures has about 250
DIRECTORY_BYTES = 256 * 1024  # the list of parts: 1,000 entries with names of 200 letters
UNPACKED_BYTES = 64 << 20  # all parts of a document together; read once as a check, in 0.4 s at most, in a thread
UNPACKED_RATIO = 100  # to the received size; XML shrinks to a tenth, and the limit of deflate is 1 : 1032
NAME_LETTERS = 200
CHUNK = 1 << 16
PIECES = 10_000  # chunks of a picture: 10 MB in the 8 KB chunks of libpng are 1,300
SCAN, FRAMES = 0xDA, frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of a JPEG
STORED_OR_DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what both document formats allow
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
)  # all errors of `zipfile` for a broken archive


class TypeNotAccepted(Refusal):
    """The file has a type that an office cannot use as a paper."""


class TypeMismatch(Refusal):
    """The content is not of the declared type."""


class ContentDamaged(Refusal):
    """The file begins as an accepted type, but its structure is broken."""


class ContentNotSafe(Refusal):
    """The file is encrypted, contains programs, or contains paths that lead outside the archive."""


class UnpacksTooLarge(Refusal):
    """A small file that becomes huge when it is opened: a decompression bomb."""


@dataclass(frozen=True)
class Kind:
    """An accepted file type; the first extension is the usual one."""

    media_type: str
    extensions: tuple[str, ...]


PDF = Kind("application/pdf", (".pdf",))
PNG = Kind("image/png", (".png",))
JPEG = Kind("image/jpeg", (".jpg", ".jpeg"))
DOCX = Kind("application/vnd.openxmlformats-officedocument.wordprocessingml.document", (".docx",))
ODT = Kind("application/vnd.oasis.opendocument.text", (".odt",))
ACCEPTED = (PDF, PNG, JPEG, DOCX, ODT)


def kind_of(content: bytes) -> Kind:
    """The type of `content`; checks its whole structure.

    raises  BodyDoesNotFit (empty), TypeNotAccepted, ContentDamaged, ContentNotSafe, UnpacksTooLarge
    """
    if not content:
        raise BodyDoesNotFit(("", "is empty; send the bytes of the file"))
    for magic, check in _CHECKS.items():
        if content.startswith(magic):
            return check(content)
    names = ", ".join(extension for kind in ACCEPTED for extension in kind.extensions)
    raise TypeNotAccepted(f"Send one of {names}.", accepted=[kind.media_type for kind in ACCEPTED])


def agree(kind: Kind, media_type: str, name: str) -> None:
    """Raises TypeMismatch if the declared media type or the file name does not fit `kind`."""
    declared = media_type.partition(";")[0].strip().lower()
    if declared != kind.media_type:
        raise TypeMismatch("Send it with the Content-Type of its content.", said=declared, found=kind.media_type)
    if not name.lower().endswith(kind.extensions):
        detail = f"Its name must end in {' or '.join(kind.extensions)}."
        raise TypeMismatch(detail, said=name, found=kind.media_type)


def name_of(text: str) -> str:
    """The name of a stored file, NFC, at most 200 letters; raises BodyDoesNotFit if `text` is no plain file name."""
    name = unicodedata.normalize("NFC", text)
    if problem := _problem_of_name(name):
        raise BodyDoesNotFit(("/query/name", problem))
    return name


def _problem_of_name(name: str) -> str | None:
    if not 1 <= len(name) <= NAME_LETTERS:
        return f"has {len(name)} letters; a name has 1 to {NAME_LETTERS}"
    if "/" in name or "\\" in name:
        return "contains a path; send only the name of the file"
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in name):
        return "contains an invisible character; remove it"
    if name != name.strip() or name.startswith("."):
        return "begins with a dot, or begins or ends with a space; remove it"
    return None


def _pdf(content: bytes) -> Kind:
    """ISO 32000: the version at the beginning, the position of the object table at the end."""
    tail = content[-1024:]
    if not re.match(rb"%PDF-[12]\.\d", content) or b"startxref" not in tail or b"%%EOF" not in tail:
        raise _damaged(PDF, "It has no version at its beginning or no `startxref` and `%%EOF` at its end.")
    if b"/Encrypt" in content:
        raise ContentNotSafe("Save it without a password, then send it.", found=PDF.media_type, reason="encrypted")
    for word in (b"/JavaScript", b"/Launch"):  # uncompressed only; an object stream can hide them
        if word in content:
            raise ContentNotSafe("Print it to a plain PDF, then send it.", found=PDF.media_type, reason="programs")
    return PDF


def _png(content: bytes) -> Kind:
    """W3C PNG: IHDR with the dimensions first, then chunks up to IEND, the last one."""
    if content[8:16] != b"\0\0\0\rIHDR" or len(content) < 33:
        raise _damaged(PNG, "It does not begin with its dimensions (IHDR).")
    at, kinds = 8, [b""]
    while kinds[-1] != b"IEND":
        if at + 12 > len(content) or len(kinds) > PIECES:
            raise _damaged(PNG, "It ends before its last chunk (IEND).")
        length, kind = struct.unpack_from(">I4s", content, at)
        kinds.append(kind)
        at += 12 + length
    if at != len(content) or b"IDAT" not in kinds:
        raise _damaged(PNG, "It contains no picture, or data after its last chunk (IEND).")
    _few_pixels(PNG, *struct.unpack_from(">II", content, 16))
    return PNG


def _jpeg(content: bytes) -> Kind:
    """ITU-T T.81: segments with lengths, a frame with the dimensions, a scan, an end; cameras append their own data."""
    at, marker, height, width = 2, 0, 0, 0
    for _ in range(PIECES):
        if marker == SCAN or content[at : at + 1] != b"\xff" or at + 9 > len(content):
            break
        marker, length, one_height, one_width = struct.unpack_from(">xBHxHH", content, at)
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in FRAMES:
            height, width = one_height, one_width
        at += 2 + length
    if marker != SCAN or content.find(b"\xff\xd9", at) < 0:
        raise _damaged(JPEG, "It ends before its picture or before its end marker (EOI).")
    _few_pixels(JPEG, width, height)
    return JPEG


def _few_pixels(kind: Kind, width: int, height: int) -> None:
    if not width or not height:
        raise _damaged(kind, "It does not contain its width and height.")
    if width * height > PIXELS:
        detail = f"Make the picture smaller: at most {PIXELS} pixels."
        raise UnpacksTooLarge(detail, found=kind.media_type, pixels=width * height, limit_pixels=PIXELS)


def _document(content: bytes) -> Kind:
    """ECMA-376 and OASIS ODF: a ZIP archive; one part names the document type."""
    try:
        return _document_in(content)
    except UNREADABLE as error:
        raise _damaged(None, "Its archive cannot be read to the end.") from error


def _document_in(content: bytes) -> Kind:
    # Checked before `zipfile` reads the list: a list of a million entries is itself a decompression bomb.
    if content[-22:-18] != b"PK\5\6" or content[-42:-38] == b"PK\6\7":
        raise _damaged(None, "Its archive does not end like a document.")
    (directory,) = struct.unpack_from("<I", content, len(content) - 10)
    if directory > DIRECTORY_BYTES:
        raise _bomb(directory_bytes=directory, limit_bytes=DIRECTORY_BYTES)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        _harmless(content, entries)
        for entry in entries:  # at most the declared size is read; a different size is an error
            with archive.open(entry) as part:
                while part.read(CHUNK):
                    pass
        return _document_kind(archive, {entry.orig_filename for entry in entries})


def _harmless(content: bytes, entries: list[zipfile.ZipInfo]) -> None:
    """Checks an archive by its list of entries only."""
    names = {entry.orig_filename for entry in entries}
    if len(entries) > ENTRIES:
        raise _bomb(entries=len(entries), limit_entries=ENTRIES)
    unpacked = sum(entry.file_size for entry in entries)
    limit = min(UNPACKED_BYTES, UNPACKED_RATIO * len(content))
    if unpacked > limit:
        raise _bomb(unpacked_bytes=unpacked, limit_bytes=limit)
    if any(entry.flag_bits & 1 for entry in entries):
        raise ContentNotSafe("Save it without a password, then send it.", reason="encrypted")
    if any(_leads_out(name) for name in names):
        raise ContentNotSafe("Save the document again, then send it.", reason="path")
    if any(entry.compress_type not in STORED_OR_DEFLATED for entry in entries):
        raise _damaged(None, "Its archive uses a compression method that documents do not use.")
    if len(names) < len(entries) or min((entry.header_offset for entry in entries), default=1):
        raise _damaged(None, "Its archive has data before its beginning, or contains a part twice.")


def _leads_out(name: str) -> bool:
    return name.startswith("/") or "\\" in name or "\0" in name or ":" in name or ".." in name.split("/")


def _document_kind(archive: zipfile.ZipFile, names: set[str]) -> Kind:
    if "[Content_Types].xml" in names:
        types = archive.read("[Content_Types].xml")
        if b"macroEnabled" in types or any(name.endswith("vbaProject.bin") for name in names):
            raise ContentNotSafe("Save it as a document without macros.", found=DOCX.media_type, reason="programs")
        if f"{DOCX.media_type}.main+xml".encode() in types and "word/document.xml" in names:
            return DOCX
    elif "mimetype" in names and archive.read("mimetype") == ODT.media_type.encode() and "content.xml" in names:
        if any(name.startswith(("Basic/", "Scripts/")) for name in names):
            raise ContentNotSafe("Save it as a document without macros.", found=ODT.media_type, reason="programs")
        return ODT
    detail = "Send each paper as a separate file; the only accepted archives are .docx and .odt."
    raise TypeNotAccepted(detail, accepted=[kind.media_type for kind in ACCEPTED])


def _damaged(kind: Kind | None, detail: str) -> ContentDamaged:
    media_type = kind.media_type if kind else "application/zip"
    return ContentDamaged(f"{detail} Open it, save it again, then send it.", found=media_type)


def _bomb(**facts: int) -> UnpacksTooLarge:
    return UnpacksTooLarge("Send a document that does not become so large when it is unpacked.", **facts)


_CHECKS: dict[bytes, Callable[[bytes], Kind]] = {
    b"%PDF-": _pdf,
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8\xff": _jpeg,
    b"PK\x03\x04": _document,
}
