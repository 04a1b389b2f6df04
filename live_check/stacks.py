"""What the check makes, and what all of it is called."""

import re
import secrets
from dataclasses import dataclass

COST = (
    "cost: well under a dollar. A few calls of a Lambda, an HTTP API and a table on demand, kilobytes in S3 and ECR,"
    " and an hour's share of the template's alarms."
)
MADE = (
    "an S3 bucket for the deployment",
    "the stack of the exchange: functions, roles, an HTTP API, a table, log groups, alarms",
    "a stack with a role that the exchange may assume (deploy/member-account.yaml)",
    "a stack with two ECR repositories and a role for measuring, which this account's own principals may assume",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one check, all of which begin alike, so that a person can find what an accident has left."""

    base: str
    account: str
    partition: str

    @property
    def bucket(self) -> str:
        """A name that is unique in AWS."""
        return f"{self.base}-{self.account}"

    @property
    def role_stack(self) -> str:
        """The stack of the role that the exchange assumes."""
        return f"{self.base}-role"

    @property
    def repositories_stack(self) -> str:
        """The stack of the repositories and of the role for measuring."""
        return f"{self.base}-repositories"

    @property
    def push_role(self) -> str:
        """The role's name; it is known before it exists, since the exchange has to name it."""
        return f"{self.base}-push"

    @property
    def measuring_role(self) -> str:
        """The name of the role for measuring."""
        return f"{self.base}-measure"

    @property
    def own(self) -> str:
        """The repository that the policy grants."""
        return f"{self.base}/own"

    @property
    def other(self) -> str:
        """The repository that it does not."""
        return f"{self.base}/other"

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role of this account."""
        return f"arn:{self.partition}:iam::{self.account}:role/{name}"


def new_base() -> str:
    """Return the beginning of all names of a new check."""
    return f"live-check-{secrets.token_hex(4)}"


def is_base(text: str) -> bool:
    """Tell whether `text` is what `new_base` returns."""
    return re.fullmatch(r"live-check-[0-9a-f]{8}", text) is not None
