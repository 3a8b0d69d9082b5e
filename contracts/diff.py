"""What changed between two versions of event schemas, and whom it breaks: those who write messages, or those who read them.

A change breaks writers if a message that was valid is not valid any more. It breaks readers if a message is valid now that
their program cannot be ready for. Readers pass over members that they do not know, and take a longer text or a larger number.
Only the standard library, so that it runs wherever the schemas are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared.errors import Refusal
from shared.sentences import Sentence

Schema = Mapping[str, Any]
RELEASED = Path(__file__).parent / "released"
EVENTS = Path(__file__).parent / "events"
LOWER = ("minimum", "minLength", "minItems")  # a higher value asks more
UPPER = ("maximum", "maxLength", "maxItems")  # a lower value asks more
FORMS = ("pattern", "format")
PROSE = ("title", "description", "x-title-vi", "x-description-vi")


class NoSchemas(Refusal):
    """Nothing to compare at this path. The detail says what is needed."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    pointer  into the body of the event; `*` stands for each entry of a list
    breaks   whom: writers, readers, both, or nobody
    text     what changed and what follows, in words
    """

    type: str
    pointer: str
    breaks: str
    text: str
    text_vi: str

    def document(self) -> dict[str, str]:
        return asdict(self)


def schemas_at(path: Path) -> dict[str, Schema]:
    """Event type → schema, of one schema file or of a folder of them. Raises NoSchemas."""
    try:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        documents = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
    except OSError as error:
        raise NoSchemas(f"{path} cannot be read ({error.strerror}): name a schema file or a folder of them.") from error
    except (ValueError, RecursionError) as error:
        raise NoSchemas(f"{path} has a file that is not JSON ({error}): name JSON Schema files.") from error
    if not documents or not all(isinstance(each, dict) and "properties" in each for each in documents.values()):
        raise NoSchemas(f"{path} has no event schema: name a schema file or a folder of them, such as {EVENTS}.")
    return documents


def compare(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[Change]:
    """Every change from `old` to `new`, by event type. Two single files are compared whatever they are called."""
    if len(old) == len(new) == 1:
        old = dict(zip(new, old.values(), strict=True))
    changes: list[Change] = []
    for type in sorted({*old, *new}):
        if type not in new:
            sentence = Sentence("the event type was removed", "loại sự kiện đã bị bỏ")
            changes.append(Change(type, "", "both", str(sentence), sentence.vi))
        elif type not in old:
            sentence = Sentence("a new event type", "loại sự kiện mới")
            changes.append(Change(type, "", "nobody", str(sentence), sentence.vi))
        else:
            found = _compared(old[type], new[type], "")
            changes += [Change(type, pointer, breaks, str(text), text.vi) for pointer, breaks, text in found]
    return changes


def breaking(changes: list[Change]) -> list[Change]:
    """The changes that need a new version of the event type."""
    return [change for change in changes if change.breaks != "nobody"]


Found = Iterator[tuple[str, str, Sentence]]


def _compared(old: Schema, new: Schema, pointer: str) -> Found:
    yield from _kinds(old, new, pointer)
    yield from _choices(old, new, pointer)
    yield from _limits(old, new, pointer)
    yield from _rest(old, new, pointer)
    yield from _members(old, new, pointer)
    if "items" in old and "items" in new:
        yield from _compared(old["items"], new["items"], f"{pointer}/*")


def _kinds(old: Schema, new: Schema, pointer: str) -> Found:
    before, after = _as_set(old.get("type")), _as_set(new.get("type"))
    if gone := before - after:
        text = Sentence(f"is no longer {_listed(gone)}", f"không còn là {_listed(gone)}")
        yield pointer, "writers" if before & after or not after else "both", text
    if came := after - before:
        text = Sentence(f"can now be {_listed(came)} too", f"nay có thể là {_listed(came)}")
        yield pointer, "readers", text


def _choices(old: Schema, new: Schema, pointer: str) -> Found:
    before, after = old.get("enum"), new.get("enum")
    if before == after:
        return
    if before is None:
        yield (
            pointer,
            "writers",
            Sentence(f"must now be one of {_listed(after)}", f"nay phải là một trong {_listed(after)}"),
        )
    elif after is None:
        yield pointer, "readers", Sentence("can now be any value", "nay có thể là giá trị bất kỳ")
    else:
        if gone := [each for each in before if each not in after]:
            yield pointer, "writers", Sentence(f"{_listed(gone)} is refused now", f"nay từ chối {_listed(gone)}")
        if came := [each for each in after if each not in before]:
            yield pointer, "readers", Sentence(f"a new choice: {_listed(came)}", f"lựa chọn mới: {_listed(came)}")


def _limits(old: Schema, new: Schema, pointer: str) -> Found:
    for name in (*LOWER, *UPPER):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        stricter = before is None or (after is not None and (after > before if name in LOWER else after < before))
        was, now = ("none" if each is None else each for each in (before, after))
        how, how_vi = ("stricter", "chặt hơn") if stricter else ("wider", "rộng hơn")
        text = Sentence(f"{name} is {how}: {was} → {now}", f"{name} {how_vi}: {was} → {now}")
        yield pointer, "writers" if stricter else "nobody", text
    for name in FORMS:
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if before is None:
            yield pointer, "writers", Sentence(f"must now have the {name} {after}", f"nay phải theo {name} {after}")
        elif after is None:
            yield pointer, "readers", Sentence(f"may now have any {name}", f"nay không cần theo {name} nào")
        else:
            yield (
                pointer,
                "both",
                Sentence(f"the {name} changed: {before} → {after}", f"{name} đổi: {before} → {after}"),
            )


def _rest(old: Schema, new: Schema, pointer: str) -> Found:
    if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is False:
        yield pointer, "writers", Sentence("refuses unknown members now", "nay từ chối thành phần lạ")
    if old.get("x-rule") != new.get("x-rule"):
        was, now = old.get("x-rule"), new.get("x-rule")
        yield pointer, "readers", Sentence(f"the rule id changed: {was} → {now}", f"mã quy tắc đổi: {was} → {now}")
    if changed := [name for name in PROSE if old.get(name) != new.get(name)]:
        yield pointer, "nobody", Sentence(f"another text: {', '.join(changed)}", f"đổi lời: {', '.join(changed)}")


def _members(old: Schema, new: Schema, pointer: str) -> Found:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    for name in [*before, *(name for name in after if name not in before)]:
        at = f"{pointer}/{name}"
        if name not in after:
            yield at, "readers", Sentence("was removed or renamed", "đã bị bỏ hoặc đổi tên")
        elif name not in before and name in needs:
            yield at, "writers", Sentence("a new required member", "thành phần bắt buộc mới")
        elif name not in before:
            yield at, "nobody", Sentence("a new optional member", "thành phần không bắt buộc mới")
        else:
            if name in needs - needed:
                yield at, "writers", Sentence("is required now", "nay là bắt buộc")
            if name in needed - needs:
                yield at, "readers", Sentence("may be missing now", "nay có thể vắng mặt")
            yield from _compared(before[name], after[name], at)


def _as_set(kinds: Any) -> set[str]:
    if kinds is None:
        return set()
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _listed(values: Any) -> str:
    return ", ".join(sorted(str(value) for value in values))
