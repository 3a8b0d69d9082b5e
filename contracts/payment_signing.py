"""Why a signature is wrong: the text that had to be signed, and what the sender signed instead, found by trying mistakes.

A signature says nothing of the text behind it. So the usual mistakes are made here, one at a time, until one gives the
signature that came. Pure functions.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import quote

from msgspec import Struct

from contracts.payment_platform import Fields, joined
from shared.sentences import Sentence

SEPARATOR, MASK = "|", "***"
UNKNOWN = Sentence(
    "by none of the usual mistakes: compare text_to_sign with what you sign; if they are the same, the secret is another one, "
    "such as that of another partner or sandbox, or an older one from before the partner was removed",
    "không do lỗi thường gặp nào: so text_to_sign với văn bản đã ký; nếu giống nhau thì khoá khác, ví dụ khoá của đối tác "
    "hay sandbox khác, hoặc khoá cũ trước khi đối tác bị xoá",
)  # what is said of a signature that `difference` cannot explain
Sign = Callable[[Sequence[str], str], str]


class Difference(Struct, frozen=True):
    """What the sender signed otherwise. `member`: of the message; "" if it lies in no member."""

    member: str
    what: Sentence


def keyed(values: Sequence[str], secret: str) -> str:
    """HMAC-SHA256, lower hex, of the values joined by `|`, with the secret as key (integration.md 4.4)."""
    return _mac(SEPARATOR.join(values).encode(), secret)


def is_signed(message: Mapping[str, object], fields: Fields, secret: str, sign: Sign, claimed: str) -> bool:
    """Whether `claimed` is the signature of these members. The comparison takes constant time."""
    ours = sign(_values(message, fields), secret)
    return hmac.compare_digest(ours.encode(), claimed.encode(errors="replace"))


def text_to_sign(message: Mapping[str, object], fields: Fields, sign: Sign) -> str:
    """The text that had to be signed; the secret, if it is a part of it, is masked."""
    return SEPARATOR.join([*_values(message, fields), *((MASK,) if sign is joined else ())])


def difference(
    message: Mapping[str, object], fields: Fields, secret: str, sign: Sign, claimed: str, others: Mapping[str, str]
) -> Difference | None:
    """The mistake that gives the signature `claimed`; None if none of the usual ones does.

    others  partner → secret: those that the sender may have taken by mistake
    """
    values = _values(message, fields)
    wanted = claimed.strip()
    for made, found in _attempts(values, fields, secret, sign, others):
        if made == wanted:
            return found
    return None


Attempt = tuple[str, Difference]


def _attempts(
    values: list[str], fields: Fields, secret: str, sign: Sign, others: Mapping[str, str]
) -> Iterator[Attempt]:
    right = sign(values, secret)
    yield right.upper(), _of_the_whole("in upper case: send lower case", "viết hoa: gửi chữ thường")
    yield from _other_secrets(values, secret, sign, others)
    yield from _other_ways(values, secret, sign)
    yield from _other_orders(values, fields, secret, sign)
    for place, name in enumerate(fields):
        for other, english, vietnamese in _other_values(values[place]):
            changed = [*values[:place], other, *values[place + 1 :]]
            yield sign(changed, secret), Difference(name, Sentence(english, vietnamese))
        without = [*values[:place], *values[place + 1 :]]
        yield sign(without, secret), Difference(name, Sentence("left out", "bỏ sót"))


def _other_secrets(values: list[str], secret: str, sign: Sign, others: Mapping[str, str]) -> Iterator[Attempt]:
    for name, other in others.items():
        yield sign(values, other), _of_the_whole(f"with the secret of {name}", f"bằng khoá của {name}")
    yield sign(values, ""), _of_the_whole("with an empty secret", "bằng khoá rỗng")
    yield (
        sign(values, f"{secret}\n"),
        _of_the_whole("with a line end behind the secret", "thừa dấu xuống dòng sau khoá"),
    )
    if sign is joined:
        without = hashlib.sha256(SEPARATOR.join(values).encode()).hexdigest()
        yield without, _of_the_whole("without the secret", "thiếu khoá")
        first = hashlib.sha256(SEPARATOR.join((secret, *values)).encode()).hexdigest()
        yield first, _of_the_whole("with the secret at the beginning", "khoá đặt ở đầu")


def _other_ways(values: list[str], secret: str, sign: Sign) -> Iterator[Attempt]:
    others: tuple[tuple[Sign, str, str], ...] = (
        (joined, "SHA-256 with the secret as last value", "SHA-256, khoá là giá trị cuối"),
        (keyed, "HMAC-SHA256 with the secret as key", "HMAC-SHA256, khoá làm khoá ký"),
    )
    for way, english, vietnamese in others:
        if way is not sign:
            yield way(values, secret), _of_the_whole(f"as {english}", f"theo cách {vietnamese}")
    whole = SEPARATOR.join((*values, secret)).encode()
    for name in ("md5", "sha1", "sha512"):
        made = hashlib.new(name, whole, usedforsecurity=False).hexdigest()
        yield made, _of_the_whole(f"by {name.upper()}", f"bằng {name.upper()}")
    for separator, name, name_vi in (
        ("", "joined by nothing", "nối liền, không có dấu ngăn,"),
        *((each, f"joined by {each}", f"nối bằng {each}") for each in ("&", ",", "||")),
    ):
        text = separator.join((*values, secret) if sign is joined else values).encode()
        made = hashlib.sha256(text).hexdigest() if sign is joined else _mac(text, secret)
        yield made, _of_the_whole(f"{name}, not by |", f"{name_vi} thay vì |")


def _mac(text: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def _other_orders(values: list[str], fields: Fields, secret: str, sign: Sign) -> Iterator[Attempt]:
    for place in range(len(values) - 1):
        swapped = [*values]
        swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
        text = Sentence(f"after {fields[place + 1]}", f"đặt sau {fields[place + 1]}")
        yield sign(swapped, secret), Difference(fields[place], text)
    by_name = [value for _, value in sorted(zip(fields, values, strict=True))]
    yield sign(by_name, secret), _of_the_whole("in the order of the names", "xếp theo tên trường")


def _other_values(value: str) -> Iterator[tuple[str, str, str]]:
    """Another value that a program may have signed, and how it came to be."""
    if value:
        yield "", "as an empty text", "là chuỗi rỗng"
    yield "null", 'as "null"', 'là "null"'
    yield "None", 'as "None"', 'là "None"'
    if value.isdecimal():
        yield f"{value}.0", f"as {value}.0", f"là {value}.0"
        yield f"{value}00", "in hundredths", "nhân với 100"
        yield f"{int(value):,}", "with separators of thousands", "có dấu phân cách hàng nghìn"
    for other, english, vietnamese in (
        (value.strip(), "without spaces around it", "đã cắt khoảng trắng ở hai đầu"),
        (f"{value} ", "with a space behind it", "thừa khoảng trắng ở cuối"),
        (quote(value, safe=""), "URL-encoded", "đã mã hoá URL"),
        (value.replace(" ", "+"), "with + in place of spaces", "dùng + thay khoảng trắng"),
        (_unaccented(value), "without accents", "đã bỏ dấu"),
        (unicodedata.normalize("NFD", value), "with decomposed accents (NFD)", "dấu ở dạng tổ hợp (NFD)"),
        (unicodedata.normalize("NFC", value), "with composed accents (NFC)", "dấu ở dạng dựng sẵn (NFC)"),
        (value.lower(), "in lower case", "viết thường"),
        (value.upper(), "in upper case", "viết hoa"),
    ):
        if other != value:
            yield other, english, vietnamese


def _unaccented(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(each for each in plain if not unicodedata.combining(each))


def _of_the_whole(english: str, vietnamese: str) -> Difference:
    return Difference("", Sentence(english, vietnamese))


def _values(message: Mapping[str, object], fields: Fields) -> list[str]:
    """The members as texts; what is missing is an empty text."""
    return [str(message.get(name, "")) for name in fields]
