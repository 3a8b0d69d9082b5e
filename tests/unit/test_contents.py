"""What a file is, found in its bytes: every accepted type, every way of not being one, and bytes at random."""

from __future__ import annotations

import io
import random
import struct
import unicodedata
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import file_names, file_types
from contracts.file_types import DOCX, JPEG, ODT, PDF, PNG, Kind
from shared.errors import BodyDoesNotFit, Refusal
from tests.support.specimens import DOCX_TYPES, a_docx, a_jpeg, a_pdf, a_png, an_archive, an_odt

SPECIMENS: dict[Kind, bytes] = {PDF: a_pdf(), PNG: a_png(), JPEG: a_jpeg(), DOCX: a_docx(), ODT: an_odt()}
each_kind = pytest.mark.parametrize("kind", SPECIMENS, ids=lambda kind: kind.extensions[0])


@each_kind
def test_every_accepted_type_is_known_by_its_content(kind: Kind) -> None:
    assert file_types.kind_of(SPECIMENS[kind]) == kind


def test_the_specimens_are_all_that_is_accepted() -> None:
    assert set(SPECIMENS) == set(file_types.ACCEPTED)


@each_kind
def test_half_a_file_is_damaged(kind: Kind) -> None:
    whole = SPECIMENS[kind]
    with pytest.raises(file_types.ContentDamaged, match="save it again"):
        file_types.kind_of(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\0" + bytes(100),  # a program
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),  # a .doc of old
        b"GIF89a" + bytes(20),
        b"<html><script>alert(1)</script></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "Tờ khai".encode(),
        b"  %PDF-1.7",
        b"PK",
    ],
    ids=lambda content: repr(content[:6]),
)
def test_other_types_are_refused(content: bytes) -> None:
    with pytest.raises(file_types.TypeNotAccepted) as refused:
        file_types.kind_of(content)
    assert refused.value.facts["accepted"] == [kind.media_type for kind in file_types.ACCEPTED]


def test_an_empty_file_is_a_body_that_does_not_fit() -> None:
    with pytest.raises(BodyDoesNotFit) as refused:
        file_types.kind_of(b"")
    assert refused.value.errors[0]["pointer"] == ""


def test_a_plain_archive_is_no_paper() -> None:
    with pytest.raises(file_types.TypeNotAccepted, match="each paper as a separate file"):
        file_types.kind_of(an_archive({"khai-sinh.pdf": a_pdf()}))


# --- bombs ----------------------------------------------------------------------------------------------------------------
def test_a_document_that_unpacks_to_a_thousand_times_its_size_is_a_bomb() -> None:
    bomb = a_docx({"word/media/image1.bmp": bytes(10 << 20)})
    assert len(bomb) < 20_000
    with pytest.raises(file_types.UnpacksTooLarge) as refused:
        file_types.kind_of(bomb)
    assert refused.value.facts["unpacked_bytes"] > 10 << 20 > refused.value.facts["limit_bytes"]  # type: ignore[operator]


def test_a_large_document_that_unpacks_beyond_all_measure_is_a_bomb() -> None:
    dense = bytes(range(256)) * 4096  # kept unpacked: the ratio alone would let the rest pass
    bomb = a_docx({f"word/media/{n}": bytes(7 << 20) for n in range(10)}, stored={"word/media/dense": dense})
    with pytest.raises(file_types.UnpacksTooLarge) as refused:
        file_types.kind_of(bomb)
    assert refused.value.facts["limit_bytes"] == file_types.UNPACKED_BYTES


def test_a_header_that_lies_about_the_size_is_found_by_reading() -> None:
    """The list says ten bytes; the part itself would give ten million."""
    content = a_docx({"word/media/image1.bmp": bytes(10 << 20)})
    lying = content.replace(struct.pack("<I", 10 << 20), struct.pack("<I", 10))
    assert lying != content
    with pytest.raises(file_types.ContentDamaged):
        file_types.kind_of(lying)


def test_more_parts_than_a_document_has_are_a_bomb() -> None:
    parts = {f"word/{n}": b"" for n in range(file_types.ENTRIES)}
    with pytest.raises(file_types.UnpacksTooLarge) as refused:
        file_types.kind_of(a_docx(parts))
    assert refused.value.facts["limit_entries"] == file_types.ENTRIES


def test_a_list_of_parts_that_is_itself_a_bomb_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = an_archive({f"word/{n:0200d}": b"" for n in range(1_200)})
    monkeypatch.delattr(zipfile, "ZipFile")  # whoever opened it would fail
    with pytest.raises(file_types.UnpacksTooLarge) as refused:
        file_types.kind_of(content)
    assert refused.value.facts["directory_bytes"] > refused.value.facts["limit_bytes"]  # type: ignore[operator]


def test_an_archive_that_ends_in_64_bit_numbers_is_not_read() -> None:
    content = a_docx()
    locator = b"PK\6\7" + bytes(16)
    with pytest.raises(file_types.ContentDamaged):
        file_types.kind_of(content[:-22] + locator + content[-22:])


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (2**31, 2**31)])
def test_a_picture_of_too_many_pixels_is_a_bomb(width: int, height: int) -> None:
    with pytest.raises(file_types.UnpacksTooLarge) as refused:
        file_types.kind_of(a_png(width, height))
    assert refused.value.facts["pixels"] == width * height
    with pytest.raises(file_types.UnpacksTooLarge):
        file_types.kind_of(a_jpeg(50_000, 50_000))


def test_a_sheet_scanned_at_600_dpi_is_none() -> None:
    assert file_types.kind_of(a_png(4960, 7016)) == PNG
    assert file_types.kind_of(a_jpeg(4960, 7016)) == JPEG


@pytest.mark.parametrize("picture", [a_png(0, 10), a_jpeg(10, 0)], ids=["PNG", "JPEG"])
def test_a_picture_without_dimensions_is_damaged(picture: bytes) -> None:
    with pytest.raises(file_types.ContentDamaged):
        file_types.kind_of(picture)


# --- what is not safe -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "word/../../up", "..\\up", "C:up"])
def test_a_part_whose_name_leads_out_is_refused(name: str) -> None:
    with pytest.raises(file_types.ContentNotSafe) as refused:
        file_types.kind_of(a_docx({name: b"x"}))
    assert refused.value.facts["reason"] == "path"


def test_a_document_with_macros_is_refused() -> None:
    macros = DOCX_TYPES.replace("document.main", "document.macroEnabled.main")
    in_other_words = macros.replace("macroEnabled", "&#109;acroENABLED")
    office, script = ("urn:oasis:names:tc:opendocument:xmlns:" + name for name in ("office:1.0", "script:1.0"))
    listener = (
        f'<d xmlns:o="{office}" xmlns:s="{script}"><o:event-listeners><s:event-listener/></o:event-listeners></d>'
    )
    for content in (
        a_docx({"[Content_Types].xml": macros.encode()}),
        a_docx({"[Content_Types].xml": in_other_words.encode()}),
        a_docx({"[Content_Types].xml": f'<?xml version="1.0" encoding="UTF-16"?>{macros}'.encode("utf-16")}),
        a_docx({"word/vbaProject.bin": b"x"}),
        a_docx({"word/VBAPROJECT.BIN": b"x"}),
        a_docx({"word/_rels/document.xml.rels": relationship("control", "activeX1.xml")}),
        a_docx({"word/_rels/document.xml.rels": relationship("oleObject", "embeddings/oleObject1.bin")}),
        an_odt({"Basic/Standard/Module1.xml": b"<x/>"}),
        an_odt({"BASIC/Standard/Module1.xml": b"<x/>"}),
        an_odt({"content.xml": listener.encode()}),
    ):
        with pytest.raises(file_types.ContentNotSafe) as refused:
            file_types.kind_of(content)
        assert refused.value.facts["reason"] == "programs"


def relationship(kind: str, target: str, mode: str = "Internal") -> bytes:
    type = f"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"
    return (
        f'<Relationships><Relationship Type="{type}" Target="{target}" TargetMode="{mode}"/></Relationships>'.encode()
    )


FOREIGN = 'xmlns:x="urn:x"'


def shadowed(kind: str, target: str, more: str) -> bytes:
    """A relationship with attributes of another namespace, which readers ignore."""
    return relationship(kind, target, "External").replace(b"<Relationship ", f"<Relationship {more} ".encode())


def link(element: str, target: str) -> bytes:
    return f'<d xmlns:x="http://www.w3.org/1999/xlink"><{element} x:href="{target}"/></d>'.encode()


def test_a_document_that_fetches_from_elsewhere_is_refused_but_may_link() -> None:
    settings_rels, url = "word/_rels/settings.xml.rels", "http://elsewhere.test/a.dotm"
    for content in (
        a_docx({settings_rels: relationship("attachedTemplate", url, "External")}),
        a_docx({settings_rels: relationship("attachedTemplate", url)}),
        a_docx({"word/_RELS/DOCUMENT.XML.RELS": relationship("image", "file:///c:/a.png", "EXTERNAL")}),
        a_docx({settings_rels: relationship("image", "&#92;&#92;elsewhere/share/a.png", "External")}),
        an_odt({"meta.xml": link("template", url)}),
        a_docx({settings_rels: relationship("attachedTemplate", f" {url}")}),
        a_docx({settings_rels: shadowed("attachedTemplate", url, f'{FOREIGN} x:TargetMode="Internal" x:Target="a"')}),
        a_docx({settings_rels: shadowed("attachedTemplate", url, f'{FOREIGN} x:Type="hyperlink"')}),
        an_odt({"styles.xml": link("image", "//elsewhere.test/a.png")}),
        an_odt({"styles.xml": link("image", f" {url}")}),
        an_odt({"styles.xml": link("image", "/etc/passwd")}),
        an_odt({"styles.xml": link("image", "../../etc/passwd")}),
        an_odt({"Object 1/content.xml": link("image", "../../etc/passwd")}),
        an_odt({"styles.xml": link("image", url).replace(b"/></d>", b' href="a" xmlns:f="urn:f" f:href="#"/></d>')}),
    ):
        with pytest.raises(file_types.ContentNotSafe) as refused:
            file_types.kind_of(content)
        assert refused.value.facts["reason"] == "external"
    assert file_types.kind_of(a_docx({settings_rels: relationship("hyperlink", url, "External")})) == DOCX
    assert file_types.kind_of(a_docx({settings_rels: relationship("image", "media/image1.png")})) == DOCX
    assert (
        file_types.kind_of(an_odt({"styles.xml": link("a", url), "meta.xml": link("image", "Pictures/1.png")})) == ODT
    )
    assert file_types.kind_of(an_odt({"Object 1/content.xml": link("image", "../Pictures/1.png")})) == ODT


@pytest.mark.parametrize("name", ["[content_types].XML", "WORD/DOCUMENT.XML"])
def test_a_part_that_is_there_twice_in_another_case_is_refused(name: str) -> None:
    with pytest.raises(file_types.ContentDamaged):
        file_types.kind_of(a_docx({name: b"<x/>"}))


def test_a_part_that_declares_entities_or_is_no_xml_is_damaged() -> None:
    for types in (
        '<!DOCTYPE t [<!ENTITY e "x">]><Types a="&e;"/>',
        "<Types>",
        '<?xml version="1.0" encoding="no"?><T/>',
    ):
        with pytest.raises(file_types.ContentDamaged):
            file_types.kind_of(a_docx({"[Content_Types].xml": types.encode()}))


def test_more_xml_than_can_be_read_is_a_bomb() -> None:
    long = b"<x>" + random.Random(1).randbytes(file_types.XML_BYTES // 2).hex().encode() + b"</x>"
    with pytest.raises(file_types.UnpacksTooLarge) as refused:
        file_types.kind_of(an_odt({"content.xml": long}))
    assert refused.value.facts["limit_bytes"] == file_types.XML_BYTES


def test_an_odt_with_a_password_is_refused() -> None:
    with pytest.raises(file_types.ContentNotSafe) as refused:
        file_types.kind_of(
            an_odt({"META-INF/manifest.xml": b"<manifest><file-entry><encryption-data/></file-entry></manifest>"})
        )
    assert refused.value.facts["reason"] == "encrypted"


def test_a_locked_document_is_refused() -> None:
    content = bytearray(a_docx())
    at = content.find(b"PK\1\2")
    content[at + 8] |= 1  # general purpose bit 0: encrypted
    with pytest.raises(file_types.ContentNotSafe) as refused:
        file_types.kind_of(bytes(content))
    assert refused.value.facts["reason"] == "encrypted"


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        (b"/Encrypt 5 0 R", "encrypted"),
        (b"/#45ncrypt 5 0 R", "encrypted"),
        (b"/S /JavaScript", "programs"),
        (b"/S /J#61vaScript", "programs"),
        (b"/S /#4a#61#76#61#53#63#72#69#70#74", "programs"),
        (b"/S /#4Aava#53cript", "programs"),
        (b"/S /Launch", "programs"),
        (b"/S /L#61unch", "programs"),
        (b"/S /SubmitF#6frm", "external"),
        (b"/Names << /EmbeddedFiles 5 0 R >>", "attachments"),
    ],
)
def test_a_pdf_that_is_locked_or_runs_programs_is_refused(inside: bytes, reason: str) -> None:
    with pytest.raises(file_types.ContentNotSafe) as refused:
        file_types.kind_of(a_pdf(inside))
    assert refused.value.facts["reason"] == reason


@pytest.mark.parametrize(
    "content",
    [a_png() + b"PK\3\4", b"PK\3\4" + bytes(30) + a_docx(), a_docx() + b"trailer"],
    ids=["picture and more", "something before an archive", "something after an archive"],
)
def test_a_file_that_is_two_files_is_damaged(content: bytes) -> None:
    with pytest.raises(file_types.ContentDamaged):
        file_types.kind_of(content)


def test_a_part_that_is_there_twice_is_refused() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("word/document.xml", b"one")
        archive.writestr("word/document.xml", b"another")
    with pytest.raises(file_types.ContentDamaged):
        file_types.kind_of(written.getvalue())


def test_a_camera_may_append_what_it_likes() -> None:
    assert file_types.kind_of(a_jpeg() + b"SEFT" + bytes(40)) == JPEG


# --- what the sender says -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["khai-sinh.pdf", "KHAI SINH.PDF", "a.png.pdf"])
def test_name_and_header_of_the_same_type_agree(name: str) -> None:
    file_types.agree(PDF, "Application/PDF; charset=binary", name)


@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        ("application/octet-stream", "a.pdf"),
        ("", "a.pdf"),
        ("image/png", "a.pdf"),
        ("application/pdf", "a.exe"),
        ("application/pdf", "a.pdf.exe"),
        ("application/pdf", "pdf"),
    ],
)
def test_name_or_header_of_another_type_is_a_mismatch(media_type: str, name: str) -> None:
    with pytest.raises(file_types.TypeMismatch) as refused:
        file_types.agree(PDF, media_type, name)
    assert refused.value.facts["found"] == PDF.media_type


@pytest.mark.parametrize("name", ["Giấy khai sinh.pdf", "a.pdf", "…" * 196 + ".pdf", "giấy (2).pdf"])
def test_a_mere_name_is_kept(name: str) -> None:
    assert file_names.name_of(name) == name


def test_a_name_is_kept_as_nfc() -> None:
    assert file_names.name_of(unicodedata.normalize("NFD", "Giấy ủy quyền.pdf")) == "Giấy ủy quyền.pdf"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("../../etc/passwd.pdf", "path"),
        ("/etc/a.pdf", "path"),
        ("..\\a.pdf", "path"),
        ("C:\\giấy\\a.pdf", "path"),
        ("a\x00.pdf", "invisible character"),
        ("a\n.pdf", "invisible character"),
        ("gpj\u202efdp.exe", "invisible character"),  # shown as gpjexe.pdf
        ("a\ud800.pdf", "invisible character"),
        (".pdf", "begins with a dot"),
        (" a.pdf", "space"),
        ("", "0 letters"),
        ("a" * 201, "201 letters"),
    ],
)
def test_a_name_that_is_more_than_a_name_is_refused(name: str, word: str) -> None:
    with pytest.raises(BodyDoesNotFit) as refused:
        file_names.name_of(name)
    (error,) = refused.value.errors
    assert error["pointer"] == "/query/name" and word in error["detail"]


# --- bytes at random ------------------------------------------------------------------------------------------------------
@given(
    st.sampled_from(list(SPECIMENS)), st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(max_size=8)), max_size=6)
)
@settings(max_examples=600, deadline=None)
def test_whatever_is_broken_in_a_file_the_answer_is_a_refusal(kind: Kind, wounds: list[tuple[int, bytes]]) -> None:
    content = bytearray(SPECIMENS[kind])
    for place, bytes_ in wounds:
        at = place % len(content)
        content[at : at + len(bytes_)] = bytes_
    try:
        assert file_types.kind_of(bytes(content)) == kind
    except Refusal as refusal:
        assert refusal.detail
