"""The text that stands for what a policy does not say yet."""

import re
from typing import Final

PLACEHOLDER: Final = "replace-me"
"""What `policy import` writes for everything that a trust policy does not say. No organization or role has the name."""

_ITS_WORD: Final = re.compile(rf"(?<![A-Za-z0-9-]){PLACEHOLDER}(?![A-Za-z0-9-])")


def has_placeholder(text: str) -> bool:
    """Say whether the placeholder stands in `text`, as a word of its own."""
    return _ITS_WORD.search(text) is not None
