"""The picture itself, in SVG: organizations on the left, roles in the middle, registries on the right."""

from typing import Final
from xml.etree.ElementTree import Element

from token_exchange_cli.pages.elements import element
from token_exchange_cli.policy_map.flow import Box, Flow, Ribbon

_WIDTH: Final = 1160
_BOX_WIDTH: Final = 12
_COLUMNS: Final = (240, 560, 880)
"""Where each column begins. Labels are to the right of their boxes, those of the first to the left."""

_LABEL_CHARACTERS: Final = (34, 36, 38)
_HEADINGS: Final = ((234, "end", "CI organization"), (560, "start", "Role"), (880, "start", "Registry"))
_TOP: Final = 28
_BOTTOM: Final = 8


def drawing(flow: Flow) -> Element:
    """Return the picture; pressing a box filters the grants of the page by its words."""
    height = round(flow.height) + _TOP + _BOTTOM
    return element(
        "svg",
        {
            "viewBox": f"0 0 {_WIDTH} {height}",
            "role": "group",
            "aria-label": "Which organizations reach which roles and registries",
        },
        *(
            element("text", {"x": str(x), "y": "14", "class": "heading", "text-anchor": anchor}, heading)
            for x, anchor, heading in _HEADINGS
        ),
        *(_ribbon(ribbon) for ribbon in flow.ribbons),
        *(_box(box) for box in flow.boxes),
    )


def _ribbon(ribbon: Ribbon) -> Element:
    left, right = _COLUMNS[ribbon.column] + _BOX_WIDTH, _COLUMNS[ribbon.column + 1]
    middle, start, end = (left + right) / 2, _TOP + ribbon.start, _TOP + ribbon.end
    return element(
        "path",
        {
            "class": ribbon.kind,
            "d": f"M{left},{start:.1f} C{middle:.0f},{start:.1f} {middle:.0f},{end:.1f} {right},{end:.1f}",
            "stroke-width": f"{ribbon.width:.2f}",
        },
        element("title", {}, f"{ribbon.links} {ribbon.kind}"),
    )


def _box(box: Box) -> Element:
    x, top, height = _COLUMNS[box.column], _TOP + box.top, box.bottom - box.top
    return element(
        "g",
        _pressed(box),
        element("title", {}, "\n".join(box.keys) if len(box.keys) == 1 else f"{len(box.keys)} more"),
        element("rect", {"x": str(x), "y": f"{top:.1f}", "width": str(_BOX_WIDTH), "height": f"{height:.1f}"}),
        _label(box, y=top + min(height / 2, 12) + 4),
    )


def _pressed(box: Box) -> dict[str, str]:
    if len(box.keys) > 1:
        return {"class": "box"}
    (key,) = box.keys
    return {"class": "box", "role": "button", "tabindex": "0", "data-words": key, "aria-label": f"Filter: {key}"}


def _label(box: Box, *, y: float) -> Element:
    text = _short(box.keys[0]) if len(box.keys) == 1 else f"and {len(box.keys)} more"
    most = _LABEL_CHARACTERS[box.column]
    shown = text if len(text) <= most else f"{text[: most - 1]}…"
    x, anchor = (_COLUMNS[0] - 6, "end") if box.column == 0 else (_COLUMNS[box.column] + _BOX_WIDTH + 6, "start")
    return element("text", {"x": str(x), "y": f"{y:.1f}", "text-anchor": anchor}, shown)


def _short(key: str) -> str:
    """Return a role's account and name for its ARN, and everything else as it is."""
    parts = key.split(":", 5)
    return f"{parts[4]} {parts[5].removeprefix('role/')}" if key.startswith("arn:") else key
