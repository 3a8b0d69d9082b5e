"""Curves as SVG of our own: one above the other over one axis. A file stands alone, in light and in dark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT = 1000.0, 150.0, 60.0  # of one curve, in pixels of the picture
ABOVE, BELOW = 30.0, 40.0  # room for the title of a curve, and for the ticks under the last
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#5d6675}.axis{stroke:#d9d5cb}.curve{fill:none;stroke:#1d5fa8;stroke-width:1.5}"
    ".point{fill:#1d5fa8}@media(prefers-color-scheme:dark){text{fill:#a0a8b5}.axis{stroke:#343b47}.curve{stroke:#7db3f0}"
    ".point{fill:#7db3f0}}"
)
Place = Callable[[float], float]  # a value on the axis → its place in the picture


@dataclass(frozen=True)
class Curve:
    """One curve: its points as SVG has them, in parts between which nothing is known, and its highest value."""

    title: str
    parts: list[str]
    highest: float


def curve(title: str, points: Sequence[tuple[float, float | None]], x: Place) -> Curve:
    """`points`: (place on the axis, value); None where nothing is known."""
    highest = max([value for _, value in points if value is not None], default=0) or 1
    parts: list[list[str]] = [[]]
    for at, value in points:
        if value is None:
            parts.append([])
        else:
            parts[-1].append(f"{x(at)},{round(HEIGHT - HEIGHT * value / highest, 1)}")
    return Curve(title, [" ".join(part) for part in parts if part], highest)


def svg(label: str, curves: Sequence[Curve], ticks: Sequence[tuple[float, str]], *, with_points: bool = False) -> str:
    """The picture; `ticks`: (place in the picture, text); `with_points`: a dot where something was measured."""
    height = len(curves) * (HEIGHT + BELOW) + BELOW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(label)}"><style>{STYLE}</style>'
    ]
    for index, each in enumerate(curves):
        parts.append(f'<g transform="translate(0 {ABOVE + index * (HEIGHT + BELOW):.0f})">')
        parts.append(f'<line class="axis" x1="{LEFT}" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>')
        parts.append(f'<text x="{LEFT}" y="-6">{escape(each.title)}</text>')
        parts.append(f'<text x="{LEFT - 6}" y="10" text-anchor="end">{_figure(each.highest)}</text>')
        parts.append(f'<text x="{LEFT - 6}" y="{HEIGHT}" text-anchor="end">0</text>')
        for part in each.parts:
            parts.append(f'<polyline class="curve" points="{part}"/>')
            if with_points:
                places = (point.split(",") for point in part.split(" "))
                parts += [f'<circle class="point" cx="{left}" cy="{top}" r="4"/>' for left, top in places]
        parts.append("</g>")
    y = len(curves) * (HEIGHT + BELOW) + 12
    parts += [f'<text x="{left}" y="{y:.0f}" text-anchor="middle">{escape(text)}</text>' for left, text in ticks]
    return "".join(parts) + "</svg>\n"


def along(begin: float, end: float) -> Place:
    """The places of a linear axis from `begin` to `end`."""
    span = (end - begin) or 1.0
    return lambda value: round(LEFT + (WIDTH - LEFT) * (min(max(value, begin), end) - begin) / span, 1)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"
