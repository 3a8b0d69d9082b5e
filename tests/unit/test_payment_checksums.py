"""Checksums of the payment platform against strings written by hand from the facts (integration.md 4.1, 4.2)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from contracts import payment_platform as platform

SECRET = "bí mật"
INIT = {
    "LoaiBanTin": "INIT",
    "PhienBan": "1.0.6",
    "MaDoiTac": "DVCQG",
    "MaThamChieu": "R1",
    "SoTien": "8000",
    "LoaiHinhThanhToan": "PAY",
    "MaKenhThanhToan": "1",
    "MaThietBi": "1",
    "NgonNgu": "vi-VN",
    "MaTienTe": "VND",
    "MaNganHang": "PAYMENT",
    "ThongTinGiaoDich": "THANH TOAN HO SO H42.14464-260609-0001",
    "ThoiGianGD": "20260609080000",
    "Ip": "127.0.0.1",
    "ThongTinBienLai": {"MaDichVu": 2},
}
INIT_SIGNED = (
    "INIT|1.0.6|DVCQG|R1|8000|PAY|1|1|vi-VN|VND|PAYMENT|THANH TOAN HO SO H42.14464-260609-0001|20260609080000"
    "|127.0.0.1|bí mật"
)
CONFIRM = {
    "ThongTinGiaoDich": "Lệ phí",
    "ThoiGianGD": "20260609080100",
    "LoaiBanTin": "CONFIRM",
    "MaLoi": "00",
    "MaDoiTac": "DVCQG",
    "MaThamChieu": "R1",
    "SoTien": 8000,
    "MaTienTe": "VND",
    "MaGiaoDich": "GD1",
    "MaNganHang": "PAYMENT",
}
CONFIRM_SIGNED = "CONFIRM|00|DVCQG|R1|8000|VND|GD1|PAYMENT|20260609080100|Lệ phí|bí mật"
QUERY = {
    "LoaiBanTin": "QUERY",
    "PhienBan": "1.0.6",
    "MaDoiTac": "DVCQG",
    "MaThamChieu": "R1",
    "ThoiGianGD": "20260609080000",
}
QUERY_SIGNED = "QUERY|1.0.6|DVCQG|R1|20260609080000|bí mật"
REFUND = {"LoaiBanTin": "REFUND", "MaDoiTac": "DVCQG", "MaThamChieu": "R1", "SoTien": 8000, "MaHoanTien": "H1"}
REFUND_SIGNED = "REFUND|DVCQG|R1|8000|H1|bí mật"
CASES: list[tuple[dict[str, Any], platform.Fields, str]] = [
    (INIT, platform.INIT, INIT_SIGNED),
    (CONFIRM, platform.CONFIRM, CONFIRM_SIGNED),
    (QUERY, platform.QUERY, QUERY_SIGNED),
    (REFUND, platform.REFUND, REFUND_SIGNED),
]


@pytest.mark.parametrize(("message", "fields", "signed"), CASES, ids=["INIT", "CONFIRM", "QUERY", "REFUND"])
def test_a_checksum_covers_these_bytes_in_this_order(
    message: dict[str, object], fields: platform.Fields, signed: str
) -> None:
    assert platform.checksum(message, fields, SECRET) == hashlib.sha256(signed.encode("utf-8")).hexdigest()


def test_a_known_checksum() -> None:
    message = dict.fromkeys(platform.QUERY, "a")  # a|a|a|a|a|b, computed with sha256sum
    known = "65566ab81fdd973f2b32cb2e941167c5bdc63aef61f5dae78f8e90b77c903041"
    assert platform.checksum(message, platform.QUERY, "b") == known


def test_every_signed_field_matters_and_only_those() -> None:
    for message, fields, _ in CASES:
        right = {**message, "MaXacThuc": platform.checksum(message, fields, SECRET)}
        assert platform.is_authentic(right, fields, SECRET)
        assert platform.is_authentic({**right, "MoTaLoi": "x", "ThongTinBienLai": None}, fields, SECRET)
        assert not platform.is_authentic(right, fields, "another secret")
        assert not platform.is_authentic({**right, "MaXacThuc": right["MaXacThuc"].upper()}, fields, SECRET)
        assert not platform.is_authentic(message, fields, SECRET)
        for name in fields:
            assert not platform.is_authentic({**right, name: "altered"}, fields, SECRET), name


def test_numbers_and_texts_sign_alike() -> None:
    as_text = {**CONFIRM, "SoTien": "8000"}
    assert platform.checksum(as_text, platform.CONFIRM, SECRET) == platform.checksum(CONFIRM, platform.CONFIRM, SECRET)


class Misread(platform.Signed):
    """A message whose fields read more than was signed."""

    SoTien: int
    MaNganHang: Literal["PAYMENT"] = "PAYMENT"
    MaXacThuc: str


@pytest.mark.parametrize("sent", ["8_000", " 8000", "+8000", "8000.0", 8000.0])
def test_a_checksum_covers_what_was_sent_however_a_field_reads_it(sent: object) -> None:
    fields = ("SoTien", "MaNganHang")
    for value, expected in ((sent, False), (8000, True), ("8000", True)):
        signed = {"SoTien": 8000, "MaNganHang": "PAYMENT"}
        message = Misread.model_validate({"SoTien": value, "MaXacThuc": platform.checksum(signed, fields, SECRET)})
        assert message.SoTien == 8000 and message.is_authentic(fields, SECRET) is expected


def test_every_sandbox_has_a_secret_of_its_own() -> None:
    known = "cb448b440c42ac8ad084fc8a8795c98f5b7802359c305eabd57ecdb20e248896"
    assert platform.partner_secret("b", "default") == "b"
    assert platform.partner_secret("b", "a") == known  # printf a | openssl dgst -sha256 -hmac b
    assert platform.partner_secret("b", "a2") != platform.partner_secret("b", "a")


def test_the_platform_writes_business_time() -> None:
    assert platform.platform_time(datetime(2026, 6, 8, 17, 30, 5, tzinfo=UTC)) == "20260609003005"
