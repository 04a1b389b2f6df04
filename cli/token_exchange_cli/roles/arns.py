"""The ARN of an IAM role, taken apart.

Source: IAM User Guide, "IAM identifiers".
"""

import re
from dataclasses import dataclass
from typing import Final

_FORM: Final = re.compile(
    r"arn:(aws[a-z-]*):iam::([0-9]{12}):role(/(?:[\x21-\x7e]{1,510}/)?)([\w+=,.@-]{1,64})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleArn:
    """A role's ARN and its parts; `path` begins and ends with a slash."""

    text: str
    partition: str
    account: str
    path: str
    name: str


def role_arn(text: str) -> RoleArn | None:
    """Return the parts of `text`, or None where it is no ARN of one role."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    return RoleArn(text=text, partition=form[1], account=form[2], path=form[3], name=form[4])
