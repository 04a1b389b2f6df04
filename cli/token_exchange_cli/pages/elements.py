"""HTML elements, whose text can never become markup."""

from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element

from token_exchange_cli.safe_text import escape_unprintable

type Node = Element | str

_NO_ATTRIBUTES: Final[Mapping[str, str]] = {}


def element(tag: str, attributes: Mapping[str, str] = _NO_ATTRIBUTES, /, *children: Node) -> Element:
    """Return an element with `children`; strings become text, with control characters escaped.

    `tag` and the names of `attributes` must be the program's own; their values and all text may be an outsider's,
    except in an attribute that a browser acts on, such as `href`: a page has no use for one.
    """
    made = Element(tag, {name: escape_unprintable(value) for name, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = (made.text or "") + escape_unprintable(child)
        else:
            last.tail = (last.tail or "") + escape_unprintable(child)
    return made
