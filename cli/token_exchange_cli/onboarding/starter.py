"""A first policy for a CI system: what it needs to know, whom it lets in, and runs that it grants and refuses.

The claims have the names and types that the system's preset reads. `{…}` stands for an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange_cli.onboarding.questions import Form


@dataclass(frozen=True, slots=True)
class Ask:
    """An answer that a system needs; `where` says what it is called there, and where to find it."""

    form: Form
    where: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A run that is refused: what is different in its claims, and the reason."""

    title: str
    claims: Mapping[str, Json]
    reason: Reason = Reason.NO_MATCHING_GRANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """The first policy of one system.

    Attributes:
        asks: What it needs to know, by the name of the question.
        settings: Keys of the issuer entry besides provider and audience; one without an answer is left out.
        organization: The allowlist's one item.
        match: What a run has to have.
        claims_match: The same, by the claims of the token.
        pins: Why, a line each, as comments of the grant.
        by_repository: Each source repository pushes below a repository of its own name.
        claims: Those of a run that is granted.
        refused: Runs that are not, besides those with another value for an answer that the grant names.
        audience: The audience of all tokens, where a job cannot choose it.
        warnings: The findings of the linter that no policy for this system can avoid, each with the reason.
        duration: How long a login is good.
        single_use: A token counts once.
    """

    asks: Mapping[str, Ask]
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    organization: Mapping[str, str]
    match: Mapping[str, str | bool]
    claims_match: Mapping[str, str] = field(default_factory=dict[str, str])
    pins: tuple[str, ...]
    by_repository: bool = False
    claims: Mapping[str, Json]
    refused: tuple[Refusal, ...] = ()
    audience: str | None = None
    warnings: Mapping[str, str] = field(default_factory=dict[str, str])
    duration: str = "30m"
    single_use: bool = False


SHARED_AUDIENCE: Final[Mapping[str, str]] = {
    "shared-audience": "a job cannot choose its audience, and other services accept the same one"
}
ONLY_MAIN: Final = "Only the branch main: anyone who can push another branch could push images from it."
UNPROVEN_BRANCH: Final = "The system does not prove the branch: limit who may start runs of this pipeline by hand."
