"""Error sentences for an unknown word, with the known word that was probably meant."""

from __future__ import annotations

from collections.abc import Collection

from shared.sentences import Sentence

SIMILARITY = 0.6  # difflib's ratio from 0 to 1; above it, the unknown word counts as a misspelling of the known one
_KINDS_VI = {
    "choice": "lựa chọn",
    "content mode": "dạng sự kiện",
    "door": "cửa kết nối",
    "fault": "lỗi",
    "field of administration": "lĩnh vực",
    "gate": "mức kiểm tra",
    "member of this object": "thành phần của đối tượng này",
    "mode": "chế độ",
    "move": "thao tác",
    "organisation": "tổ chức",
    "persona": "nhân vật",
    "province": "tỉnh",
    "push": "dịch vụ nhận dữ liệu",
    "service": "dịch vụ",
    "sex": "giới tính",
    "state": "trạng thái",
    "state of an open dossier": "trạng thái của hồ sơ đang mở",
    "tempo": "nhịp độ",
    "value": "giá trị",
}


def nearest(word: str, known: Collection[str], similarity: float = SIMILARITY) -> str | None:
    """The known word that is most similar to `word`; None if no word reaches `similarity` (0 to 1)."""
    from difflib import get_close_matches  # with what it imports 0.6 MB, for errors only

    return next(iter(get_close_matches(word, known, n=1, cutoff=similarity)), None)


def no_such(kind: str, word: str, known: Collection[str]) -> Sentence:
    """The detail of an error: `'manul' is no mode: did you mean manual? There are simulated, manual`."""
    choices, kind_vi = ", ".join(known), _KINDS_VI.get(kind, kind)
    if similar := nearest(word.strip().lower(), known):
        en, vi = f"did you mean {similar}? There are {choices}", f"có phải ý bạn là {similar}? Có: {choices}"
    else:
        en, vi = f"there are {choices}", f"có: {choices}"
    return Sentence(f"'{word}' is no {kind}: {en}", f"'{word}' không phải là {kind_vi}: {vi}")
