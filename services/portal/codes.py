"""Codes of dossiers and references of payments, each readable from the other. Plain Python, no I/O."""

from __future__ import annotations

from datetime import datetime

from shared.sandbox.clock import per_day

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FORMATS = {8: "1", 6: "2"}  # digits of the date in a dossier code → first digit of its references


def code_series(agency: str, now: datetime) -> str:
    """The counter that numbers the dossier codes of an agency; it starts again every day."""
    return per_day(agency, now)


def dossier_code(agency: str, day: str, value: int, epoch: int) -> str:
    """`H42.14464-20260609-0000001` (fact sheet 2.4). Each epoch starts at its own million, so no code repeats."""
    return f"{agency}-{day}-{(epoch - 1) % 10 * 1_000_000 + value:07d}"


def reference_of(code: str, attempt: int) -> str:
    """The platform's MaThamChieu, at most 20 letters and digits: the dossier code and the attempt, in base 36.

    The first digit is the format of the code: 1 for a date of eight digits, 2 for six (TT 01/2018).
    """
    agency, day, sequence = code.split("-")
    _, _, commune = agency.partition(".")
    number = int(f"{FORMATS[len(day)]}{agency[1:3]}{commune or '0':0>5}{day}{sequence:0>7}{attempt % 1000:03d}")
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return f"DVC{text}"


def code_of(reference: str) -> str | None:
    """The dossier code in a reference; None if it is not a reference of the portal."""
    if (
        not reference.startswith("DVC")
        or not 4 <= len(reference) <= 23
        or any(letter not in DIGITS for letter in reference)
    ):
        return None
    digits = str(int(reference[3:], 36))
    # Attempts had two digits in old versions, and such a payment may still be open.
    days = next((days for days, mark in FORMATS.items() if digits[0] == mark and len(digits) - days in (17, 18)), None)
    if days is None:
        return None
    commune = "" if digits[3:8] == "00000" else f".{digits[3:8]}"
    day, sequence = digits[8 : 8 + days], digits[8 + days : 15 + days]
    return f"H{digits[1:3]}{commune}-{day}-{sequence if days == 8 else f'{int(sequence):04d}'}"
