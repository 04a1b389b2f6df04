"""Who a verified token speaks for: what a CI system's preset says of its claims, and what they say of the run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.sources import BracedUuid
from token_exchange.core.vocabulary import NAMES, WHO, ClaimPath, Name, Source, Vocabulary, claim_at, spelled

type ClaimType = Literal["text", "number", "boolean", "list", "object", "any"]

type Settings = Mapping[str, Json]
"""The keys of an issuer entry that belong to its provider alone, such as `host` or `enterprise`, as they were read."""


class BadSetting(ValueError):
    """A provider's own key has a value that it cannot have.

    `key` is the key to blame.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How tokens of one issuer are read.

    - `vocabulary`: where each common name is found; a name that is not here can never be had.
    - `required`: claims that mark a job's token and not some other token of the same issuer.
    - `only`: claims that must be there too, and the values that they have in a token of a job. `endings` is the same
      for text of which only the end is known. `defaults` are the values that claims of `only` have where a token
      leaves them out.
    - `must_match`: claims that every grant has to match, since nothing else tells a stranger's run; one that does not
      never applies.
    - `claims`: every documented claim and its JSON type; `other_claims` is the type of all the rest. `nested_claims`
      are those inside another. `open_claims` are how the names begin that customers may choose; `""` is all of them.
    - `public_claims`: claims that name no repository, project, group, workflow, pipeline, workspace or person, but a
      branch, an environment, an event or some other kind of thing that anyone's run can have. What a grant demands of
      these a refusal may show to callers whom it is not for; every other claim, documented or not, counts as a name.
    - `braced_uuids`: claims that are a UUID in braces; they are compared without these, however the policy has them.
    - `proven`: names whose values the provider takes from its own records, besides organization, repository and ids.
    - `declared`: claims that a user of the CI system types in. A name made of one can be matched, but it identifies
      nobody, and fills no template of a push, organization and repository included.
    - `untrusted_trigger`: says of a token how outsiders can have started its run, or None.
    - `triggers`: claims of which one value can show by itself that outsiders can have started a run, whatever else the
      token says; `untrusted_trigger` of that claim alone then says so. `beside_triggers` are claims of a member's run
      without which it cannot be judged.
    - `written`: claims that the job itself chooses, or a file of its repository: a condition on one keeps nobody out.
    - `sent_empty`: claims that tokens have with nothing in them.
    - `named_in_sub`: names of the vocabulary that `sub` spells, and with which it changes hands.
    - `behind_host`: claims that begin with a host, and then have the tenant.
    - `ignores_case`: organization and repository names differ by more than case.
    - `organization_is_path`: an organization's name holds for what lies below it, and its first part is the tenant.
    - `shared_audience`: is this an audience that services other than ours accept, too?
    - `minted`: whether a step asks for each token, or a job is handed one for all its steps.
    - `step_line`: the line with which a step prints its token; `AUDIENCE` stands for the audience.
    - `keys_host`: the host of the key set, where it is not the issuer's.
    """

    provider: str
    issuer: str
    algorithms: tuple[str, ...]
    max_lifetime_seconds: int
    vocabulary: Mapping[Name, Source]
    required: frozenset[ClaimPath]
    only: Mapping[ClaimPath, tuple[str | bool, ...]] = field(default_factory=dict[ClaimPath, tuple[str | bool, ...]])
    endings: Mapping[ClaimPath, str] = field(default_factory=dict[ClaimPath, str])
    defaults: Mapping[ClaimPath, str] = field(default_factory=dict[ClaimPath, str])
    must_match: frozenset[ClaimPath] = frozenset()
    claims: Mapping[str, ClaimType]
    public_claims: frozenset[ClaimPath]
    nested_claims: Mapping[ClaimPath, ClaimType] = field(default_factory=dict[ClaimPath, ClaimType])
    open_claims: tuple[str, ...] = ()
    other_claims: ClaimType
    braced_uuids: frozenset[ClaimPath] = frozenset()
    proven: frozenset[Name]
    declared: frozenset[ClaimPath] = frozenset()
    untrusted_trigger: Callable[[Mapping[str, Json]], str | None]
    triggers: frozenset[ClaimPath] = frozenset()
    beside_triggers: Mapping[str, Json] = field(default_factory=dict[str, Json])
    written: frozenset[ClaimPath] = frozenset()
    sent_empty: frozenset[ClaimPath] = frozenset()
    named_in_sub: frozenset[Name] = frozenset()
    behind_host: frozenset[ClaimPath] = frozenset()
    ignores_case: bool
    organization_is_path: bool = False
    shared_audience: Callable[[str], bool]
    minted: Literal["on-request", "once-per-job"]
    step_line: str
    keys_host: str | None = None
    who: frozenset[ClaimPath] = field(init=False)

    def __post_init__(self) -> None:
        behind = {path for name, source in self.vocabulary.items() if name in WHO for path in source.behind}
        object.__setattr__(self, "who", frozenset(behind | {("sub",)}))

    def claim_type(self, path: ClaimPath) -> ClaimType:
        """Return the JSON type of the claim at `path`; what lies inside another claim can be anything, if not known."""
        if len(path) > 1:
            return self.nested_claims.get(path, "any")
        return STANDARD_CLAIMS.get(path[0]) or self.claims.get(path[0], self.other_claims)

    def is_public(self, path: ClaimPath) -> bool:
        """Say whether the claim at `path` names no one, so that anyone may be told what a grant demands of it."""
        return path in self.public_claims or path in _TIMES

    def is_public_name(self, name: str) -> bool:
        """Say the same of a name of the vocabulary: all that its value is made of has to be public."""
        source = next((source for known, source in self.vocabulary.items() if known == name), None)
        return source is not None and bool(source.behind) and all(map(self.is_public, source.behind))

    @property
    def marks(self) -> frozenset[ClaimPath]:
        """The claims that every token of a job has."""
        return self.required | (self.only.keys() - self.defaults.keys()) | self.endings.keys()

    def is_braced(self, name: Name) -> bool:
        """Say whether the value of `name` is a UUID that comes in braces."""
        return isinstance(self.vocabulary.get(name), BracedUuid)

    def is_declared(self, name: Name) -> bool:
        """Say whether the value of `name` is made of what a user of the CI system types in."""
        source = self.vocabulary.get(name)
        return source is not None and not self.declared.isdisjoint(source.behind)


STANDARD_CLAIMS: Mapping[str, ClaimType] = {
    "iss": "text",
    "sub": "text",
    "aud": "any",
    "exp": "number",
    "iat": "number",
    "nbf": "number",
    "jti": "text",
}
"""The claims of RFC 7519 section 4.1; `aud` is text or a list."""

_TIMES: Final[frozenset[ClaimPath]] = frozenset({("exp",), ("iat",), ("nbf",)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One kind of CI system, as an issuer entry names it.

    `settings` are the keys that such an entry may have besides those of every entry. `preset` makes the preset from
    them and from the entry's `issuer`, where it has one, or raises `BadSetting`.
    """

    name: str
    settings: frozenset[str] = frozenset()
    preset: Callable[[Settings, str | None], Preset]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the provider says of the run.

    `untrusted_trigger` says how outsiders can have started it, or is None.
    """

    vocabulary: Vocabulary
    untrusted_trigger: str | None


def identify(preset: Preset, claims: Mapping[str, Json]) -> Identity:
    """Read `claims`, which a signature has proven, as the provider means them.

    Raises:
        Refused: `missing-claim` for a token that is not a job's, `invalid-claim` for one whose claims are not of the
            types that the provider sends.
    """
    for path in sorted(preset.marks):
        if claim_at(claims, path) in (None, ""):
            raise Refused(Reason.MISSING_CLAIM, f"claim {spelled(path)}: missing, though every job's token has it")
    _check_types(preset, claims)
    _check_kind(preset, claims)
    vocabulary: dict[str, str | bool] = {
        name: value
        for name in NAMES
        if (source := preset.vocabulary.get(name)) is not None and (value := source.read(claims)) is not None
    }
    return Identity(vocabulary=vocabulary, untrusted_trigger=preset.untrusted_trigger(claims))


def _check_types(preset: Preset, claims: Mapping[str, Json]) -> None:
    for name, kind in preset.claims.items():
        if kind == "text" and not isinstance(claims.get(name), str | None):
            raise Refused(Reason.INVALID_CLAIM, f"claim {name}: expected text")
    for path, kind in preset.nested_claims.items():
        if kind == "text" and not isinstance(claim_at(claims, path), str | None):
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected text")


def _check_kind(preset: Preset, claims: Mapping[str, Json]) -> None:
    for path, values in preset.only.items():
        found = claim_at(claims, path)
        if found is None:
            found = preset.defaults.get(path)
        # The number 1 is not true, though to Python the two are equal.
        if not any(found == value and isinstance(found, type(value)) for value in values):
            wanted = " or ".join(str(value).lower() if isinstance(value, bool) else value for value in values)
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected {wanted}, as a job's token has it")
    for path, ending in preset.endings.items():
        text = claim_at(claims, path)
        if not isinstance(text, str) or not text.endswith(ending):
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected a value that ends in {ending}")
