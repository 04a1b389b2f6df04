"""What is known of a CI system: the lines of the login step that are its own, and a first policy.

In the step, `{audience}` stands for the audience, `{url_audience}` for the audience in a query, and `{host}` for the
registry's host. In the first policy, `{…}` stands for the answer to a question.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange_cli.systems.job import Job, JobLine
from token_exchange_cli.values import Form

type StepFormat = Literal["password", "docker-config"]
"""What the step requests: a password for `docker login`, or a file for programs that copy images without docker."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a first policy needs to know; `where` says what the system calls it, and where to find it."""

    form: Form
    where: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A run that is refused: which of its claims are different, and the reason."""

    title: str
    claims: Mapping[str, Json]
    reason: Reason = Reason.NO_MATCHING_GRANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """A first policy. The claims have the names and types that the system's preset reads.

    Attributes:
        questions: What it needs to know, by the names of the options.
        settings: Keys of the issuer entry besides provider and audience; one without an answer is omitted.
        organization: The only item of the allowlist.
        match: The conditions of the grant.
        claims_match: Its conditions on claims of the token.
        pins: The reasons, a line each, as comments of the grant.
        by_repository: Each source repository pushes below a repository with its own name.
        claims: The claims of a run that is granted.
        refused: Runs that are refused, besides those with another value for an answer that the grant names.
        warnings: The linter's findings that no policy for this system can avoid, each with the reason.
        duration: How long a login is valid.
        single_use: A token can be used once.
        contradiction: Returns the sentence for answers that cannot all be right, or None.
    """

    questions: Mapping[str, Question]
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    organization: Mapping[str, str]
    match: Mapping[str, str | bool]
    claims_match: Mapping[str, str] = field(default_factory=dict[str, str])
    pins: tuple[str, ...]
    by_repository: bool = False
    claims: Mapping[str, Json]
    refused: tuple[Refusal, ...] = ()
    warnings: Mapping[str, str] = field(default_factory=dict[str, str])
    duration: str = "30m"
    single_use: bool = False
    contradiction: Callable[[Mapping[str, str]], str | None] = lambda _answers: None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One CI system.

    Attributes:
        page: The page in docs/ci, without its ending.
        title: What messages call the system.
        setup: What to configure outside of the step, a line each.
        token: The lines that set `token`.
        masks: The lines that hide the token, which is in `token`, and the login, which is in the file `login`.
        fixed_audience: The audience of all tokens, if a job cannot choose it.
        format: What the page's step requests.
        image: The image that the page's step copies, if it copies one.
        host: How the step writes the registry's host; a variable unless the page has it in the step itself.
        audience_variable: The step reads the audience from `AUDIENCE`.
        job: Returns where the job behind an audit line is; raises NotInLineError without a value that this needs.
        template_signs: The signs of a template that the language around the step would fill in, and their escapes.
        starter: A first policy.
    """

    page: str
    title: str
    setup: tuple[str, ...] = ()
    token: tuple[str, ...]
    masks: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    fixed_audience: str | None = None
    format: StepFormat = "password"
    image: str = "acme/shop:latest"
    host: str = '"$REGISTRY"'
    audience_variable: bool = False
    job: Callable[[JobLine], Job]
    template_signs: Mapping[str, str] = MappingProxyType({})
    starter: Starter


SHARED_AUDIENCE: Final[Mapping[str, str]] = MappingProxyType(
    {"shared-audience": "a job cannot choose its audience, and other services accept the same one"}
)
ONLY_MAIN: Final = "Only the branch main: anyone who can push another branch could push images from it."
UNPROVEN_BRANCH: Final = "The system does not prove the branch: limit who may start runs of this pipeline by hand."
