"""A QR code with the structure of VietQR (EMVCo merchant-presented mode), to an account that does not exist.

source  EMVCo QR Code Specification for Payment Systems, merchant-presented mode; the layout of field 38 is from memory,
        unverified. The bank number 999999 belongs to no bank.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

BANK, ACCOUNT = "999999", "0000000000"


def _field(id: str, value: str) -> str:
    """Two digits id, two digits length, value."""
    return f"{id}{len(value):02}{value}"


def checksum(text: str) -> str:
    """CRC-16/CCITT-FALSE as four hexadecimal digits (EMVCo, ISO/IEC 13239 with initial value FFFF)."""
    crc = 0xFFFF
    for byte in text.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return f"{crc:04X}"


def payload(amount_dong: int, reference: str) -> str:
    """What the code says; `reference` stands in the purpose of the transaction, cut to 25 characters."""
    beneficiary = _field("00", BANK) + _field("01", ACCOUNT)
    account = _field("00", "A000000727") + _field("01", beneficiary) + _field("02", "QRIBFTTA")
    text = (
        _field("00", "01")
        + _field("01", "12")  # one payment only
        + _field("38", account)
        + _field("53", "704")  # ISO 4217: VND
        + _field("54", str(amount_dong))
        + _field("58", "VN")
        + _field("62", _field("08", reference[:25]))
        + "6304"
    )
    return text + checksum(text)


def data_uri(amount_dong: int, reference: str) -> str:
    """The code as PNG in a `data:` address."""
    import segno

    return str(segno.make(payload(amount_dong, reference), error="m", micro=False).png_data_uri(scale=4))


@lru_cache(maxsize=256)
def picture(amount_dong: int, reference: str) -> bytes:
    """The code as SVG."""
    import segno  # takes 20 ms, and most processes show no checkout

    svg = BytesIO()
    segno.make(payload(amount_dong, reference), error="m", micro=False).save(svg, kind="svg", scale=4, light="#fff")
    return svg.getvalue()
