"""The colours of the design: every pair that the style sheet uses together has the contrast that WCAG 2.2 wants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared.web.pages import DESIGN

TEXT, OUTLINE = 4.5, 3.0  # WCAG 2.2, 1.4.3 for text and 1.4.11 for what shows where a control is and has the focus
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
TOKEN = re.compile(r"var\(--([\w-]+)\)")
VALUE = re.compile(r"--([\w-]+):\s*(#[0-9a-f]{6})\s*;")
CONTROLS = re.compile(r"\b(?:input|select|textarea|button)\b|\.button\b|\[aria-invalid|:focus-visible")


def channel(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2, definitions)."""
    red, green, blue = (channel(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def without_comments(name: str) -> str:
    return re.sub(r"/\*.*?\*/", "", (DESIGN / name).read_text(encoding="utf-8"), flags=re.DOTALL)


LIGHT, _, DARK = without_comments("tokens.css").partition("@media (prefers-color-scheme: dark)")
THEMES = {"light": dict(VALUE.findall(LIGHT)), "dark": {**dict(VALUE.findall(LIGHT)), **dict(VALUE.findall(DARK))}}


@dataclass(frozen=True)
class Rule:
    """One rule of the style sheet: the tokens that it uses, by property."""

    selector: str
    tokens: dict[str, tuple[str, ...]]

    def of(self, *properties: str) -> set[str]:
        return {token for name in properties for token in self.tokens.get(name, ())}

    @property
    def text(self) -> set[str]:
        return self.of("color")

    @property
    def ground(self) -> set[str]:
        return self.of("background", "background-color")

    @property
    def edges(self) -> set[str]:
        return self.of("border", "border-color", "outline", "outline-color", "border-left")


def rules() -> list[Rule]:
    found = []
    for selector, body in RULE.findall(re.sub(r"@media[^{]*\{", "", without_comments("design.css"))):
        lines = (line.partition(":") for line in body.split(";"))
        tokens = {name.strip(): tuple(TOKEN.findall(value)) for name, _, value in lines}
        found.append(Rule(" ".join(selector.split()), {name: used for name, used in tokens.items() if used}))
    return found


RULES = rules()
# What text and controls stand on whose own rule has no ground: the page, cards, notes. Other grounds bring their own text.
CARRIERS = [rule for rule in RULES if rule.selector == "html" or not (rule.text or "::" in rule.selector)]
GROUNDS = {token for rule in CARRIERS for token in rule.ground}
BAR = {token for rule in RULES if rule.selector == ".bar" for token in rule.ground}


def pairs_of_text() -> Iterator[tuple[str, str, str]]:
    """Selector, colour of the text, colour under it."""
    for rule in RULES:
        for text in rule.text:
            for ground in rule.ground or GROUNDS:
                yield rule.selector, text, ground


def pairs_of_outlines() -> Iterator[tuple[str, str, str]]:
    """Selector, colour of the edge of a control or of its focus, colour around it."""
    in_the_bar = [rule for rule in RULES if rule.selector == ".bar :focus-visible"]
    everywhere = [rule for rule in RULES if CONTROLS.search(rule.selector) and rule not in in_the_bar]
    focus = in_the_bar or [rule for rule in everywhere if rule.selector == ":focus-visible"]
    for some, grounds in ((everywhere, GROUNDS), (focus, BAR)):
        yield from ((rule.selector, edge, ground) for rule in some for edge in rule.edges for ground in grounds)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("selector", "text", "ground"), sorted(set(pairs_of_text())))
def test_text_can_be_read(theme: str, selector: str, text: str, ground: str) -> None:
    colours = THEMES[theme]
    assert contrast(colours[text], colours[ground]) >= TEXT, f"{selector}: --{text} on --{ground}"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("selector", "edge", "ground"), sorted(set(pairs_of_outlines())))
def test_the_edge_of_a_control_and_its_focus_can_be_seen(theme: str, selector: str, edge: str, ground: str) -> None:
    colours = THEMES[theme]
    assert contrast(colours[edge], colours[ground]) >= OUTLINE, f"{selector}: --{edge} on --{ground}"


def test_the_contrast_is_that_of_the_examples_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005), "the nearest grey that is too light"
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_every_kind_of_pair_is_found() -> None:
    text = {(text, ground) for _, text, ground in pairs_of_text()}
    assert {("ink", "paper"), ("soft", "surface"), ("on-accent", "accent"), ("late", "late-soft")} <= text
    assert {("on-bar", "bar"), ("link", "due-soft"), ("accent", "accent-soft"), ("good", "good-soft")} <= text
    edges = {(edge, ground) for _, edge, ground in pairs_of_outlines()}
    assert {
        ("field", "surface"),
        ("field", "paper"),
        ("link", "surface"),
        ("late", "surface"),
        ("accent", "paper"),
    } <= edges


def test_every_colour_is_a_token_that_both_themes_define() -> None:
    sheet = without_comments("design.css")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgba?|hsla?)\(", sheet), "a colour has a name in tokens.css"
    light, dark = (set(dict(VALUE.findall(part))) for part in (LIGHT, DARK))
    assert light == dark
    assert set(TOKEN.findall(sheet)) - light <= {"font", "mono", "radius", "s1", "s2", "s3", "s4", "s5"}
    assert light <= set(TOKEN.findall(sheet)), "a token that nothing uses"
