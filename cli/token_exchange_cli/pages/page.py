"""One page, complete in one file: its styles and scripts are in it, and a browser lets it load and run nothing else."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Final
from xml.etree.ElementTree import Element, tostring

from token_exchange_cli.pages.elements import Node, element

_STYLES: Final = "page.css"
_SCRIPT: Final = "page.js"


def page(*, title: str, lead: Sequence[Node], sections: Iterable[Element], more_styles: str = "") -> str:
    """Return an HTML document with the heading `title`, a paragraph `lead` and `sections`.

    `more_styles` is the program's own CSS for these sections. The page sorts and filters what `tables.py` makes.
    """
    styles = asset(_STYLES) + more_styles
    script = asset(_SCRIPT)
    head = element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": content_policy(styles, script)}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("title", {}, title),
        _raw("style", styles),
    )
    body = element(
        "body",
        {},
        element("header", {}, element("h1", {}, title), element("p", {}, *lead)),
        element("main", {}, *sections),
        _raw("script", script),
    )
    root = element("html", {"lang": "en"}, head, body)
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"


def content_policy(styles: str, script: str) -> str:
    """Return the Content Security Policy of a page with exactly these styles and this script.

    Nothing is loaded, nothing else runs, no form is sent, and the script itself cannot turn text into markup.
    Source: W3C, "Content Security Policy Level 3" and "Trusted Types".
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_source(styles)}'",
            f"script-src '{_source(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


@cache
def asset(name: str, *, of: str = __package__) -> str:
    """Return the text of the file `name` in the package `of`, by default this one."""
    return (files(of) / name).read_text("utf-8")


def _raw(tag: str, text: str) -> Element:
    """Return a style or script element, whose text is the program's own and is not escaped."""
    if "</" in text:
        raise ValueError(f"the text of {tag} would end the element")
    made = Element(tag)
    made.text = text
    return made


def _source(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
