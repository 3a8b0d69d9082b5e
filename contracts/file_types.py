"""Detects the type of a file from its bytes, never from its name or its declared type.

Nothing is decoded, rendered or unpacked to disk here. This is not a scanner for malware.
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NoReturn
from xml.parsers import expat

from contracts import pdf_structure
from shared.errors import BodyDoesNotFit, Refusal
from shared.sentences import Sentence

PIXELS = 50_000_000  # an A4 page at 600 dpi has 35 million; decoding 50 million needs 150 MB
ENTRIES = 1_000  # parts of a document; a text with 200 pictures has about 250
DIRECTORY_BYTES = 256 * 1024  # the list of parts: 1,000 entries with names of 200 letters
UNPACKED_BYTES = 64 << 20  # all parts of a document together; read once as a check, in 0.4 s at most, in a thread
XML_BYTES = 8 << 20  # the parts that are read as XML; a text of 500 pages has about as much
UNPACKED_RATIO = 100  # to the received size; XML shrinks to a tenth, and the limit of deflate is 1 : 1032
CHUNK = 1 << 16
PIECES = 10_000  # chunks of a picture: 10 MB in the 8 KB chunks of libpng are 1,300
SCAN, FRAMES = 0xDA, frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of a JPEG
STORED_OR_DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what both document formats allow
# What is refused in a PDF: actions that run programs, actions that fetch or send data, and files in the file. A reader
# accepts every letter of a name as `#` and two digits too (ISO 32000 7.3.5).
PDF_NAMES = {
    "encrypted": ("Encrypt",),
    "programs": ("JavaScript", "Launch", "RichMedia", "Rendition"),
    "external": ("GoToR", "GoToE", "SubmitForm", "ImportData"),
    "attachments": ("EmbeddedFile",),
}
# What is refused in a document, by the last word of a relationship's type (OOXML) or the name of an element (ODF).
DOCX_MACROS = ("macroenabled", "vbaproject", "vbadata", "activex")  # in content types and names of parts
DOCX_PROGRAMS = frozenset({"vbaproject", "control", "oleobject", "afchunk"})
ODT_PROGRAMS = frozenset({"script", "event-listener", "object-ole", "applet", "plugin"})
ODT_FOLDERS = ("basic/", "scripts/", "dialogs/")
XLINK = "http://www.w3.org/1999/xlink"
LINKS = frozenset({"hyperlink", "a"})  # followed only by a click; everything else external is fetched by the reader
ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:|//|\\\\", re.IGNORECASE)  # RFC 3986 4.2, or a Windows share
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError),
    *(OverflowError, struct.error, expat.ExpatError, LookupError),
)  # all errors of `zipfile` and of the XML parser for a broken document


class TypeNotAccepted(Refusal):
    """The file has a type that an office cannot use as a paper."""


class TypeMismatch(Refusal):
    """The content is not of the declared type."""


class ContentDamaged(Refusal):
    """The file begins as an accepted type, but its structure is broken."""


class ContentNotSafe(Refusal):
    """The file is encrypted, contains programs or files, fetches data from elsewhere, or has paths that lead outside."""


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
        raise BodyDoesNotFit(
            ("", Sentence("is empty; send the bytes of the file", "đang trống; hãy gửi nội dung của tệp"))
        )
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


def _pdf(content: bytes) -> Kind:
    """ISO 32000: the version at the beginning, the position of the object table at the end."""
    tail = content[-1024:]
    if not re.match(rb"%PDF-[12]\.\d", content) or b"startxref" not in tail or b"%%EOF" not in tail:
        raise _damaged(PDF, "It has no version at its beginning or no `startxref` and `%%EOF` at its end.")
    try:
        texts = (content, *pdf_structure.object_streams(content, UNPACKED_BYTES))
    except pdf_structure.Hidden as error:
        raise _hidden(str(error)) from error
    except pdf_structure.TooLarge as error:
        raise _bomb(limit_bytes=UNPACKED_BYTES) from error
    if pdf_structure.has_indirect_type(content):
        raise _hidden("It hides the type of an object")
    for text in texts:
        for reason, name in _REFUSED_IN_PDF.items():
            if name.search(text):
                save = "without a password" if reason == "encrypted" else "as a plain PDF, or print it to one"
                raise ContentNotSafe(f"Save it {save}, then send it.", found=PDF.media_type, reason=reason)
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
    names = {entry.orig_filename.lower() for entry in entries}
    if len(entries) > ENTRIES:
        raise _bomb(entries=len(entries), limit_entries=ENTRIES)
    unpacked = sum(entry.file_size for entry in entries)
    limit = min(UNPACKED_BYTES, UNPACKED_RATIO * len(content))
    if unpacked > limit:
        raise _bomb(unpacked_bytes=unpacked, limit_bytes=limit)
    if any(entry.flag_bits & 1 for entry in entries):
        raise _encrypted(None)
    if any(_leads_out(name) for name in names):
        raise ContentNotSafe("Save the document again, then send it.", reason="path")
    if any(entry.compress_type not in STORED_OR_DEFLATED for entry in entries):
        raise _damaged(None, "Its archive uses a compression method that documents do not use.")
    if len(names) < len(entries) or min((entry.header_offset for entry in entries), default=1):
        raise _damaged(None, "Its archive has data before its beginning, or contains a part twice.")


def _leads_out(name: str) -> bool:
    return name.startswith("/") or "\\" in name or "\0" in name or ":" in name or ".." in name.split("/")


def _document_kind(archive: zipfile.ZipFile, entries: set[str]) -> Kind:
    names = {name.lower(): name for name in entries}  # ECMA-376 part 2, 6.2.2: the case of a name means nothing
    if "[content_types].xml" in names:
        types = set[str]()
        _each_element(
            archive,
            [names["[content_types].xml"]],
            lambda _, __, attributes: types.update(map(str.lower, attributes.values())),
        )
        if any(word in each for each in (*types, *names) for word in DOCX_MACROS):
            raise _programs(DOCX)
        if f"{DOCX.media_type}.main+xml" in types and "word/document.xml" in names:
            relationships = [part for name, part in names.items() if name.endswith(".rels")]
            _each_element(archive, relationships, _harmless_relationship)
            return DOCX
    elif "mimetype" in names and archive.read(names["mimetype"]) == ODT.media_type.encode() and "content.xml" in names:
        if any(name.startswith(ODT_FOLDERS) for name in names):
            raise _programs(ODT)
        parts = [part for name, part in names.items() if name.endswith(".xml")]
        _each_element(archive, parts, _harmless_element, XLINK)
        return ODT
    detail = "Send each paper as a separate file; the only accepted archives are .docx and .odt."
    raise TypeNotAccepted(detail, accepted=[kind.media_type for kind in ACCEPTED])


def _each_element(
    archive: zipfile.ZipFile,
    parts: list[str],
    look: Callable[[str, str, Mapping[str, str]], object],
    namespace: str = "",
) -> None:
    """Calls `look` with the part, the name and the attributes, of one namespace, of every element of these parts.

    namespace  "": attributes without one. An attribute of another namespace can have the same name.

    The parser undoes encodings and escapes, so nothing is hidden by them. Entities are refused: no document needs them.
    """
    size = sum(archive.getinfo(part).file_size for part in parts)
    if size > XML_BYTES:
        raise _bomb(xml_bytes=size, limit_bytes=XML_BYTES)

    def element(part: str, name: str, attributes: Mapping[str, str]) -> None:
        pairs = [(key.rpartition(" "), value) for key, value in attributes.items()]
        look(part, _local(name), {local: value.strip() for (of, _, local), value in pairs if of == namespace})

    def entity(*_: object) -> NoReturn:
        raise ValueError("declares an entity")

    for part in parts:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler, parser.EntityDeclHandler = partial(element, part), entity
        parser.Parse(archive.read(part), True)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _harmless_relationship(_: str, __: str, attributes: Mapping[str, str]) -> None:
    """ECMA-376 part 2, 6.5: by relationships a document refers to its parts, and to what lies elsewhere."""
    kind, target = attributes.get("Type", "").rpartition("/")[2].lower(), attributes.get("Target", "")
    if kind in DOCX_PROGRAMS:
        raise _programs(DOCX)
    is_external = attributes.get("TargetMode", "").lower() == "external" or ABSOLUTE.match(target)
    if is_external and kind not in LINKS:
        raise _external(DOCX, target)


def _harmless_element(part: str, kind: str, attributes: Mapping[str, str]) -> None:
    """OASIS ODF 1.3: scripts, objects with a program, references to what lies elsewhere, parts with a password."""
    if kind == "encryption-data":
        raise _encrypted(ODT)
    if kind in ODT_PROGRAMS:
        raise _programs(ODT)
    href = attributes.get("href", "")
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(part), href))
    if kind not in LINKS and (ABSOLUTE.match(href) or inside.startswith(("/", ".."))):
        raise _external(ODT, href)


def _hidden(what: str) -> ContentNotSafe:
    detail = f"{what}: print it to a plain PDF, then send it."
    return ContentNotSafe(detail, found=PDF.media_type, reason="hidden")


def _encrypted(kind: Kind | None) -> ContentNotSafe:
    media_type = kind.media_type if kind else "application/zip"
    return ContentNotSafe("Save it without a password, then send it.", found=media_type, reason="encrypted")


def _programs(kind: Kind) -> ContentNotSafe:
    return ContentNotSafe("Save it as a document without macros.", found=kind.media_type, reason="programs")


def _external(kind: Kind, target: str) -> ContentNotSafe:
    detail = "It fetches a template, a picture or an object from elsewhere: save it without, or print it to a PDF."
    return ContentNotSafe(detail, found=kind.media_type, reason="external", target=target[:200])


def _damaged(kind: Kind | None, detail: str) -> ContentDamaged:
    media_type = kind.media_type if kind else "application/zip"
    return ContentDamaged(f"{detail} Open it, save it again, then send it.", found=media_type)


def _bomb(**facts: int) -> UnpacksTooLarge:
    return UnpacksTooLarge("Send a document that does not become so large when it is unpacked.", **facts)


_REFUSED_IN_PDF = {
    reason: re.compile("|".join(map(pdf_structure.spelled, names)).encode()) for reason, names in PDF_NAMES.items()
}
_CHECKS: dict[bytes, Callable[[bytes], Kind]] = {
    b"%PDF-": _pdf,
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8\xff": _jpeg,
    b"PK\x03\x04": _document,
}
