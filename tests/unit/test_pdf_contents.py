"""What hides in the object streams of a PDF."""

from __future__ import annotations

import zlib

import pytest

from contracts import file_types
from contracts.file_types import PDF
from tests.support.specimens import a_pdf


def an_object_stream(content: bytes, dictionary: bytes = b"/Type /ObjStm /Filter /FlateDecode") -> bytes:
    return (
        a_pdf() + b"9 0 obj\n<< " + dictionary + b" >>\nstream\n" + content + b"\nendstream\nendobj\nstartxref\n%%EOF\n"
    )


@pytest.mark.parametrize("type", [b"/ObjStm", b"/#4fbjStm"])
def test_what_an_object_stream_hides_is_found(type: bytes) -> None:
    for objects, dictionary, reason in (
        (zlib.compress(b"7 0 << /S /J#61vaScript >>"), b"/Filter /FlateDecode", "programs"),
        (b"7 0 << /S /Launch >>".hex().encode() + b">", b"/Filter /ASCIIHexDecode", "hidden"),
        (zlib.compress(b"7 0 << >>")[:-6], b"/Filter /FlateDecode", "hidden"),
    ):
        with pytest.raises(file_types.ContentNotSafe) as refused:
            file_types.kind_of(an_object_stream(objects, b"/Type " + type + b" " + dictionary))
        assert refused.value.facts["reason"] == reason
    assert file_types.kind_of(an_object_stream(zlib.compress(b"7 0 << /Type /Page >>"), b"/Type " + type)) == PDF


SCRIPT = zlib.compress(b"7 0 << /S /JavaScript >>")


@pytest.mark.parametrize(
    ("dictionary", "reason"),
    [
        (b"/Type /ObjStm /X (stream\n" + zlib.compress(b"x") + b"endstream) /Filter /FlateDecode", "hidden"),
        (b"/Type /ObjStm /X (stream\n" + zlib.compress(b"7 0 x") + b"endstream) /Filter /FlateDecode", "programs"),
        (b"/Type 8 0 R /Filter /FlateDecode", "hidden"),
        (b"/T#79pe\0%\n8 0 R /Filter /FlateDecode", "hidden"),
        (b"/Filter /FlateDecode", "programs"),
    ],
)
def test_an_object_stream_that_is_not_named_or_stands_behind_a_decoy_is_found(dictionary: bytes, reason: str) -> None:
    with pytest.raises(file_types.ContentNotSafe) as refused:
        file_types.kind_of(an_object_stream(SCRIPT, dictionary))
    assert refused.value.facts["reason"] == reason


@pytest.mark.parametrize(
    ("piece", "is_taken"),
    [
        (b"/Type%", True),
        (b"%/Type\n", True),
        (b"/Type \n", True),
        (b"%/Type\n ", True),
        (b"stream\n", True),
        (b"stream\nx\x9c", False),
        (b"stream\n" + zlib.compress(b"%" * 500), False),
    ],
)
def test_the_work_grows_with_the_size_of_a_file_and_not_with_its_square(piece: bytes, is_taken: bool) -> None:
    """With its square, each of these would take minutes or hours, and the process could do nothing else."""
    head, tail = b"%PDF-1.4\n" + piece * (200_000 // len(piece)), b"endstream\nstartxref\n0\n%%EOF"
    for follows in (b"", b" " * 200_000, b"8" * 200_000, b"8 " * 100_000):
        if is_taken:
            assert file_types.kind_of(head + follows + tail) == PDF
    if not is_taken:
        content = head + tail
        with pytest.raises(file_types.ContentNotSafe, match="within each other"):
            file_types.kind_of(content)


def test_a_comment_hides_no_type_wherever_it_stands() -> None:
    for hidden in (b"/Type%\n%/Type\n8 0 R", b"%/Type\n% x\n /Type %\r\n\0 8 0 R", b"% /Type 8 0 R\n"):
        with pytest.raises(file_types.ContentNotSafe, match="hides the type"):
            file_types.kind_of(a_pdf() + hidden + b"\nstartxref\n0\n%%EOF")
    for plain in (b"/Type%/Type\n/Page 8 0 R", b"/Type8 0 R", b"/Type %8 0 R\n/Page"):
        assert file_types.kind_of(a_pdf() + plain + b"\nstartxref\n0\n%%EOF") == PDF


def test_a_page_that_speaks_of_scripts_is_a_page() -> None:
    page = zlib.compress(b"BT /F1 12 Tf (/JavaScript) Tj ET")
    assert file_types.kind_of(an_object_stream(page, b"/Filter /FlateDecode")) == PDF


def test_an_object_stream_that_unpacks_beyond_all_measure_is_a_bomb() -> None:
    with pytest.raises(file_types.UnpacksTooLarge):
        file_types.kind_of(an_object_stream(zlib.compress(b"7 0 " + bytes(file_types.UNPACKED_BYTES))))
