"""The story of a dossier as a sequence diagram: timeline entries → steps → SVG, or Mermaid text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from contracts import lifecycle as law
from shared.web.pages import without_controls

CITIZEN, PORTAL, KAFKA, PROVINCE, IDENTITY, PAYMENT = range(6)
LANES = ("citizen", "portal", "kafka", "province", "identity", "payment")  # keys of texts.toml, under `lane`
WIDTH, HEAD, ROW = 132, 56, 46  # pixels
LETTERS = 30  # of a label
SERVICE = {"portal": PORTAL, "gateway": PROVINCE, "identity": IDENTITY, "payment": PAYMENT}
# What a citizen did, to which an event of the portal is the answer.
BY_CITIZEN = (law.DOSSIER_SUBMITTED, law.SUPPLEMENT_ANSWERED, law.WITHDRAWAL_REQUESTED, law.DOSSIER_RATED)
# Kind of a journal line → from whom to whom.
CALLS = {
    "signed_in": (CITIZEN, IDENTITY),
    "tokens_given": (IDENTITY, PORTAL),
    "checkout_opened": (PORTAL, PAYMENT),
    "paid": (CITIZEN, PAYMENT),
    "payment_failed": (CITIZEN, PAYMENT),
    "confirm_taken": (PAYMENT, PORTAL),
    "confirm_refused": (PAYMENT, PORTAL),
    "refunded": (PAYMENT, CITIZEN),
}
REFUSED = ("payment_failed", "confirm_refused")


@dataclass(frozen=True)
class Step:
    """One arrow, or a note over one lane (`source` = `target`).

    entry   index of its timeline entry
    look    event, call, refused, fault, verdict, rejected or note
    """

    entry: int
    source: int
    target: int
    label: str
    look: str
    at: str


def steps_of(entries: Sequence[Mapping[str, Any]], lang: str) -> list[Step]:
    steps: list[Step] = []
    for index, entry in enumerate(entries):
        words, at, kind = str(entry[f"text_{lang}"]), str(entry["at"]), str(entry["kind"])
        lane = SERVICE.get(str(entry["service"]), PORTAL)
        if kind == "event":
            if entry["event"] in BY_CITIZEN:
                steps.append(Step(index, CITIZEN, PORTAL, words, "call", at))
            other = PROVINCE if lane == PORTAL else PORTAL
            steps.append(Step(index, lane, other, str(entry["event"]), "event", at))
        elif kind in CALLS:
            source, target = CALLS[kind]
            steps.append(Step(index, source, target, words, "refused" if kind in REFUSED else "call", at))
        else:
            look = "fault" if kind == "fault" else "note"
            if kind == "verdict":
                look = "rejected" if entry["data"].get("outcome") == "rejected" else "verdict"
            steps.append(Step(index, lane, lane, words, look, at))
    return steps


def svg(steps: Sequence[Step], lanes: Sequence[str], *, link: str = "", chosen: int | None = None) -> str:
    """The diagram. Colours are attributes, for a file; on a page, classes give it those of the design.

    lanes   names in the order of LANES
    link    address of a step, with `{}` for the number of its entry; empty: the arrows lead nowhere
    """
    width, height = WIDTH * len(LANES), HEAD + ROW * len(steps) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'class="sequence" role="group" font-family="system-ui, sans-serif" font-size="13">',
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" '
        'markerWidth="12" markerHeight="12" orient="auto">'
        '<path d="M0 0 L10 5 L0 10 z" fill="context-stroke"/></marker></defs>',
    ]
    for lane, name in enumerate(lanes):
        x = _x(lane)
        parts.append(f'<line x1="{x}" y1="{HEAD - 14}" x2="{x}" y2="{height - 10}" stroke="#b9b2a4" class="life"/>')
        parts.append(f'<text x="{x}" y="24" text-anchor="middle" font-weight="700" class="lane">{escape(name)}</text>')
    for row, step in enumerate(steps):
        drawn = _step(step, HEAD + ROW * row + ROW // 2, is_chosen=step.entry == chosen)
        if link:
            drawn = f'<a href="{escape(link.format(step.entry))}" data-testid="step-{row}">{drawn}</a>'
        parts.append(drawn)
    return "\n".join([*parts, "</svg>"])


def _x(lane: int) -> int:
    return WIDTH * lane + WIDTH // 2


COLOURS = {"event": "#0a5a55", "call": "#4a5666", "refused": "#9c2219", "fault": "#9c2219", "verdict": "#1a6236"}
COLOURS |= {"rejected": "#9c2219", "note": "#704a00"}


def _step(step: Step, y: int, *, is_chosen: bool) -> str:
    colour = COLOURS[step.look]
    title = f"<title>{escape(_shown(step.label))}</title>"
    mark = ' data-chosen="yes"' if is_chosen else ""
    if step.source == step.target:
        x, wide = _x(step.source), WIDTH - 12
        box = (
            f'<rect x="{x - wide // 2}" y="{y - 16}" width="{wide}" height="32" rx="6" fill="#fbf0d9" stroke="{colour}" '
            'class="box"/>'
        )
        return f'<g class="step {step.look}"{mark}>{title}{box}{_words(step.label, x, y + 4, 18)}</g>'
    begin, end = _x(step.source), _x(step.target)
    label = _words(step.label, (begin + end) // 2, y - 8, LETTERS if abs(begin - end) > WIDTH else 18)
    line = (
        f'<line x1="{begin}" y1="{y}" x2="{end}" y2="{y}" stroke="{colour}" stroke-width="2" marker-end="url(#tip)" '
        f'class="arrow"{_dashes(step)}/>'
    )
    through = f'<circle cx="{_x(KAFKA)}" cy="{y}" r="5" fill="{colour}" class="dot"/>' if step.look == "event" else ""
    return f'<g class="step {step.look}"{mark}>{title}{line}{through}{label}</g>'


def _shown(text: str) -> str:
    """Without what XML cannot have, or what would act: a sign stands in its place."""
    shown = without_controls(" ".join(text.split("\n")))
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in shown)


def _dashes(step: Step) -> str:
    return ' stroke-dasharray="6 4"' if step.look == "refused" else ""


def _words(text: str, x: int, y: int, most: int) -> str:
    text = _shown(text)
    short = text if len(text) <= most else text[: most - 1] + "…"
    return f'<text x="{x}" y="{y}" text-anchor="middle" class="label">{escape(short)}</text>'


def mermaid(steps: Sequence[Step], lanes: Sequence[str]) -> str:
    """The same for a ticket: Mermaid's `sequenceDiagram`."""
    lines = [
        "sequenceDiagram",
        *(f"  participant {key} as {_plain(name)}" for key, name in zip(LANES, lanes, strict=True)),
    ]
    for step in steps:
        source, target, label = LANES[step.source], LANES[step.target], _plain(step.label)
        if step.source == step.target:
            lines.append(f"  Note over {source}: {label}")
        elif step.look == "event":
            lines += [f"  {source}-){LANES[KAFKA]}: {label}", f"  {LANES[KAFKA]}-){target}: {label}"]
        else:
            lines.append(f"  {source}{'-x' if step.look == 'refused' else '->>'}{target}: {label}")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Without what Mermaid reads as its own: `;` ends a statement, `#` begins an entity."""
    return " ".join(_shown(text).replace(";", ",").replace("#", "").split()) or "-"
