"""Who owns what, drawn: rectangles whose areas are numbers of paths, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from conda_pipsafe.audit.overview import Owned
from conda_pipsafe.render.terminal import printable

WIDTH, HEIGHT = 960, 360
_MOST = 400  # rectangles; the rest is one
_LETTER = 6.2  # pixels of one at the labels' size
_LINE = 14


@dataclass(frozen=True, slots=True)
class Box:
    """One rectangle, in pixels."""

    x: float
    y: float
    width: float
    height: float


def layout(weights: Sequence[float], box: Box) -> list[Box]:
    """Cut a box into rectangles of these areas: halves of like weight, across the longer side, until one is left."""
    if len(weights) <= 1:
        return [box] * len(weights)
    total, half, cut = sum(weights), 0.0, 0
    while cut < len(weights) - 1 and (cut == 0 or half + weights[cut] / 2 < total / 2):
        half += weights[cut]
        cut += 1
    share = half / total if total else 0.5
    if box.width >= box.height:
        first = Box(box.x, box.y, box.width * share, box.height)
        second = Box(box.x + first.width, box.y, box.width - first.width, box.height)
    else:
        first = Box(box.x, box.y, box.width, box.height * share)
        second = Box(box.x, box.y + first.height, box.width, box.height - first.height)
    return layout(weights[:cut], first) + layout(weights[cut:], second)


def treemap(owners: Sequence[Owned]) -> str:
    """The picture of an environment: one rectangle per conda package and per distribution of pip's, each side apart."""
    shown = [owned for owned in owners if owned.paths][:_MOST]
    sides = [side for kind in ("conda", "pip") if (side := [owned for owned in shown if owned.owner == kind])]
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Who owns how many paths">']
    boxes = layout([float(sum(owned.paths for owned in side)) for side in sides], Box(0, 0, WIDTH, HEIGHT))
    drawn = [
        pair
        for side, box in zip(sides, boxes, strict=True)
        for pair in zip(side, layout([float(owned.paths) for owned in side], box), strict=True)
    ]
    # The contested ones last, so that nobody's edge hides theirs.
    for owned, box in sorted(drawn, key=lambda pair: pair[0].contested > 0):
        parts += _rectangle(owned, box)
    return "\n".join([*parts, "</svg>"])


def _rectangle(owned: Owned, box: Box) -> Iterator[str]:
    kind, inset = ("contested", 1.5) if owned.contested else (owned.owner, 0.0)
    tail = f", {owned.contested} of them contested" if owned.contested else ""
    said = escape(printable(f"{owned.owner}: {owned.name} {owned.version}, {owned.paths} paths{tail}"))
    yield (
        f'<g><title>{said}</title><rect class="{kind} {owned.owner}" x="{box.x + inset:.1f}" y="{box.y + inset:.1f}"'
        f' width="{max(box.width - 2 * inset, 0.5):.1f}" height="{max(box.height - 2 * inset, 0.5):.1f}"/>'
    )
    if len(owned.name) * _LETTER + 8 < box.width and box.height > _LINE:
        yield f'<text x="{box.x + 4:.1f}" y="{box.y + 12:.1f}">{escape(printable(owned.name))}</text>'
        number = f"{owned.paths:,}"
        if box.height > 2 * _LINE + 4 and len(number) * _LETTER + 8 < box.width:
            yield f'<text x="{box.x + 4:.1f}" y="{box.y + 12 + _LINE:.1f}">{number}</text>'
    yield "</g>"
