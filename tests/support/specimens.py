"""Small files of every accepted paper type, created here, without anybody's data."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
DOCX_TYPES = f'<Types><Override PartName="/word/document.xml" ContentType="{DOCX_TYPE}.main+xml"/></Types>'
TEXT = f"<text>{'<p>Tờ khai, người khai là hư cấu.</p>' * 20}</text>"


def a_pdf(inside: bytes = b"") -> bytes:
    """One empty page, as small as a reader accepts; `inside` is added to the catalogue."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R " + inside + b">>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
    ]
    content, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, len(content))
    return content + b"xref\n0 %d\n" % (len(places) + 1) + table + trailer


def a_png(width: int = 2, height: int = 2) -> bytes:
    """A grey picture; a large one has dimensions but no pixels."""
    rows = b"".join(b"\0" + bytes(width) for _ in range(height)) if width * height < 100 else b""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def a_jpeg(width: int = 8, height: int = 8) -> bytes:
    """The segments of a grey baseline picture, with a comment and an invalid scan."""

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data

    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
        + segment(0xFE, b"a thumbnail may hold an end: \xff\xd9")
        + segment(0xDB, b"\0" + b"\1" * 64)
        + b"\xff"  # padding before a marker is allowed
        + segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0))
        + segment(0xC4, b"\0\0\1" + bytes(15))
        + segment(0xDA, b"\1\1\0\0\x3f\0")
        + b"\x7f\xff\0\x00"
        + b"\xff\xd9"
    )


def a_docx(parts: Mapping[str, bytes] | None = None, stored: Mapping[str, bytes] | None = None) -> bytes:
    """A text document; `parts` and (without packing) `stored` are added to its parts or replace them."""
    own = {"[Content_Types].xml": DOCX_TYPES.encode(), "word/document.xml": TEXT.encode()}
    return an_archive({**own, **(parts or {})}, stored or {})


def an_odt(parts: Mapping[str, bytes] | None = None) -> bytes:
    return an_archive(
        {"content.xml": TEXT.encode(), **(parts or {})}, {"mimetype": b"application/vnd.oasis.opendocument.text"}
    )


def an_archive(packed: Mapping[str, bytes], stored: Mapping[str, bytes] | None = None) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for how, parts in ((zipfile.ZIP_STORED, stored or {}), (zipfile.ZIP_DEFLATED, packed)):
            for name, content in parts.items():
                entry = zipfile.ZipInfo(name, (2026, 6, 9, 8, 0, 0))
                archive.writestr(entry, content, how)
    return written.getvalue()
