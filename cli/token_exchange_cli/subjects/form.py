"""An ordered form of a `sub` with named parts, from which it is both written and read."""

import re
from dataclasses import dataclass
from typing import Final

_PART: Final = re.compile(r"<([a-z_]+)>")


@dataclass(frozen=True, slots=True)
class Form:
    """A form such as `app:<pipeline_id>:workflow:<workflow>`. Make it with `form`."""

    template: str
    _pattern: re.Pattern[str]

    def write(self, **values: str) -> str:
        """Return the subject with `values` for the parts.

        Raises:
            KeyError: a part has no value.
        """
        return _PART.sub(lambda found: values[found[1]], self.template)

    def read(self, text: str) -> dict[str, str] | None:
        """Return the parts of `text`, or None where it does not have this form."""
        found = self._pattern.fullmatch(text)
        return None if found is None else found.groupdict()


def form(template: str, **parts: str) -> Form:
    """Return the form `template`, in which each `<part>` is what its regular expression in `parts` matches."""
    pieces = _PART.split(template)
    pattern = "".join(
        f"(?P<{piece}>{parts[piece]})" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)
    )
    return Form(template, re.compile(pattern, re.DOTALL))
