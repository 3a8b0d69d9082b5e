"""The names of files that people hand in."""

from __future__ import annotations

import unicodedata

from shared.errors import BodyDoesNotFit
from shared.sentences import Sentence
from shared.text import acting

NAME_LETTERS = 200


def name_of(text: str) -> str:
    """The name of a stored file, NFC, at most 200 letters; raises BodyDoesNotFit if `text` is no plain file name."""
    name = unicodedata.normalize("NFC", text)
    if problem := _problem_of_name(name):
        raise BodyDoesNotFit(("/query/name", problem))
    return name


def _problem_of_name(name: str) -> Sentence | None:
    if not 1 <= len(name) <= NAME_LETTERS:
        return Sentence(
            f"has {len(name)} letters; a name has 1 to {NAME_LETTERS}",
            f"có tên dài {len(name)} chữ; tên có từ 1 đến {NAME_LETTERS} chữ",
        )
    if "/" in name or "\\" in name:
        return Sentence("contains a path; send only the name of the file", "có đường dẫn trong tên; chỉ gửi tên tệp")
    if char := acting(name):
        return Sentence(
            f"contains the invisible character {char}; remove it", f"có ký tự ẩn {char} trong tên; hãy bỏ đi"
        )
    if name != name.strip() or name.startswith("."):
        return Sentence(
            "begins with a dot, or begins or ends with a space; remove it",
            "có tên bắt đầu bằng dấu chấm, hoặc có dấu cách ở đầu hay cuối; hãy bỏ đi",
        )
    return None
