"""The identity of a run: the preset of a CI system, which defines its claims, and the values that one token has.

`Preset.claims` lists every documented claim of a provider with its JSON type. So a condition of the wrong type is found
when the policy loads, and a claim that the provider did not send before is noticed.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Final, Literal

from token_exchange.core.ports import Json
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.sources import BracedUuid
from token_exchange.core.vocabulary import NAMES, ClaimPath, Name, Source, Vocabulary, claim_at, spelled

type ClaimType = Literal["text", "number", "boolean", "list", "object", "any"]


@record
class Preset:
    """How the tokens of one issuer are read.

    These decide who a token speaks for, and which grants it can get:

    - `vocabulary`: the source of each common name; tokens never have a name that is not listed.
    - `required`: claims that distinguish a job's token from other tokens of the same issuer.
    - `required_values`: further claims that must be present, with the values that they have in a job's token.
      `required_suffixes` is the same for strings of which only the end is known. `defaults` are the values of those
      claims of `required_values` that a token may omit. `configured` are those whose value comes from the policy.
    - `claims`: every documented claim and its JSON type; `other_claims` is the type of every other claim.
      `nested_claims` are documented claims inside another. `custom_claim_prefixes` are the prefixes of claim names that
      customers choose; `""` means every name.
    - `untrusted_trigger`: returns how outsiders can have started the run of a token, or None.
    - `must_match`: claims that every grant must match, since no other claim reveals an outsider's run; a grant without
      such a condition never applies.
    - `organization_is_path`: an organization's name includes everything below it; its first part is the tenant.
    - `ignores_case`: the system never has two organizations or repositories whose names differ only by case.

    These decide what a policy may contain, and what a refusal shows:

    - `public_claims`: claims that do not name a repository, project, group, workflow, pipeline, workspace or person.
      They name a branch, an environment, an event or another thing that every tenant's runs can have. A refusal may
      show what a grant requires of these to a caller that the grant is not for; every other claim counts as a name.
    - `braced_uuids`: claims that are a UUID in braces; they are compared without braces, in either notation.
    - `proven`: names whose values the provider takes from its own records, besides organization, repository and ids.
    - `declared`: claims that a user of the CI system types in. A name computed from one can be matched, but it proves
      no identity and fills no template of a push grant; this includes organization and repository.
    - `shared_audience`: returns whether other services accept this audience too.
    - `keys_host`: the host of the key set, if it is not the issuer's.

    These decide nothing; the command line's warnings and proofs use them:

    - `triggers`: claims whose value can show, whatever the other claims are, that outsiders can have started a run. The
      linter passes one of them to `untrusted_trigger`, with `trigger_context`, the claims that a member's run also has.
    - `job_controlled_claims`: claims that the job or a file of its repository chooses; a condition on one excludes no
      one.
    - `empty_claims`: claims that tokens contain with an empty value.
    - `named_in_sub`: names of the vocabulary that `sub` contains; if such a name changes owner, `sub` does too.
    - `host_prefixed_claims`: claims that begin with a host, followed by the tenant.
    - `minted`: whether a step requests each token, or a job receives one for all its steps; `once-if-shared` means the
      latter for audiences that other services accept too.
    """

    provider: str
    issuer: str
    algorithms: tuple[str, ...]
    max_lifetime_seconds: int
    vocabulary: Mapping[Name, Source]
    required: frozenset[ClaimPath]
    required_values: Mapping[ClaimPath, tuple[str | bool, ...]] = field(
        default_factory=dict[ClaimPath, tuple[str | bool, ...]]
    )
    required_suffixes: Mapping[ClaimPath, str] = field(default_factory=dict[ClaimPath, str])
    defaults: Mapping[ClaimPath, str] = field(default_factory=dict[ClaimPath, str])
    configured: frozenset[ClaimPath] = frozenset()
    must_match: frozenset[ClaimPath] = frozenset()
    claims: Mapping[str, ClaimType]
    public_claims: frozenset[ClaimPath]
    nested_claims: Mapping[ClaimPath, ClaimType] = field(default_factory=dict[ClaimPath, ClaimType])
    custom_claim_prefixes: tuple[str, ...] = ()
    other_claims: ClaimType
    braced_uuids: frozenset[ClaimPath] = frozenset()
    proven: frozenset[Name]
    declared: frozenset[ClaimPath] = frozenset()
    untrusted_trigger: Callable[[Mapping[str, Json]], str | None]
    triggers: frozenset[ClaimPath] = frozenset()
    trigger_context: Mapping[str, Json] = field(default_factory=dict[str, Json])
    job_controlled_claims: frozenset[ClaimPath] = frozenset()
    empty_claims: frozenset[ClaimPath] = frozenset()
    named_in_sub: frozenset[Name] = frozenset()
    host_prefixed_claims: frozenset[ClaimPath] = frozenset()
    ignores_case: bool
    organization_is_path: bool = False
    shared_audience: Callable[[str], bool]
    minted: Literal["on-request", "once-per-job", "once-if-shared"]
    keys_host: str | None = None

    def claim_type(self, path: ClaimPath) -> ClaimType:
        """Return the JSON type of the claim at `path`; an undocumented nested claim can have any type."""
        if len(path) > 1:
            return self.nested_claims.get(path, "any")
        return STANDARD_CLAIMS.get(path[0]) or self.claims.get(path[0], self.other_claims)

    def is_public(self, path: ClaimPath) -> bool:
        """Return whether refusals may show every caller what a grant requires of the claim at `path`."""
        return path in self.public_claims or path in _TIMES

    def is_public_name(self, name: Name) -> bool:
        """Return the same for a name of the vocabulary: every claim that it is computed from must be public."""
        source = self.vocabulary.get(name)
        return source is not None and bool(source.source_claims) and all(map(self.is_public, source.source_claims))

    @property
    def marks(self) -> frozenset[ClaimPath]:
        """The claims that every token of a job has."""
        return self.required | (self.required_values.keys() - self.defaults.keys()) | self.required_suffixes.keys()

    def is_braced(self, name: Name) -> bool:
        """Return whether the provider sends `name` as a UUID in braces."""
        return isinstance(self.vocabulary.get(name), BracedUuid)

    def is_declared(self, name: Name) -> bool:
        """Return whether `name` is computed from a claim that a user of the CI system types in."""
        source = self.vocabulary.get(name)
        return source is not None and not self.declared.isdisjoint(source.source_claims)


STANDARD_CLAIMS: Final[Mapping[str, ClaimType]] = {
    "iss": "text",
    "sub": "text",
    "aud": "any",
    "exp": "number",
    "iat": "number",
    "nbf": "number",
    "jti": "text",
}
"""The registered claims of RFC 7519 section 4.1; `aud` is a string or a list."""

_TIMES: Final[frozenset[ClaimPath]] = frozenset({("exp",), ("iat",), ("nbf",)})


@record
class Identity:
    """What a token says about its run; `untrusted_trigger` is how outsiders can have started it, or None."""

    vocabulary: Vocabulary
    untrusted_trigger: str | None


def identify(preset: Preset, claims: Mapping[str, Json]) -> Identity:
    """Interpret the verified `claims` by the rules of `preset`.

    Raises:
        Refused: `missing-claim` if the token is not a job's, `invalid-claim` if claims do not have the types that the
            provider sends.
    """
    # Most issuers also sign tokens for people and for their own services; these must not pass for a job's.
    for path in sorted(preset.marks):
        if claim_at(claims, path) in (None, ""):
            raise Refused(Reason.MISSING_CLAIM, f"claim {spelled(path)}: missing; every job's token has it")
    _check_types(preset, claims)
    _check_kind(preset, claims)
    vocabulary: dict[str, str | bool] = {
        name: value
        for name in NAMES
        if (source := preset.vocabulary.get(name)) is not None and (value := source.read(claims)) is not None
    }
    return Identity(vocabulary=vocabulary, untrusted_trigger=preset.untrusted_trigger(claims))


def _check_types(preset: Preset, claims: Mapping[str, Json]) -> None:
    # A list or an object under a documented name could compare or print as something it is not.
    for name, kind in preset.claims.items():
        if kind == "text" and not isinstance(claims.get(name), str | None):
            raise Refused(Reason.INVALID_CLAIM, f"claim {name}: expected a string")
    for path, kind in preset.nested_claims.items():
        if kind == "text" and not isinstance(claim_at(claims, path), str | None):
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected a string")


def _check_kind(preset: Preset, claims: Mapping[str, Json]) -> None:
    # Like the marks, these tell a job's token from others: in CircleCI's rerun with SSH, a person types the commands.
    for path, values in preset.required_values.items():
        found = claim_at(claims, path)
        if found is None:
            found = preset.defaults.get(path)
        # In Python 1 == True; in JSON the number 1 is not true.
        if not any(found == value and isinstance(found, type(value)) for value in values):
            wanted = " or ".join(str(value).lower() if isinstance(value, bool) else value for value in values)
            # The caller's organization is not proven yet: another tenant must not read the policy.
            wanted = "that of its issuer entry" if path in preset.configured else wanted
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected {wanted}, as in a job's token")
    for path, ending in preset.required_suffixes.items():
        text = claim_at(claims, path)
        if not isinstance(text, str) or not text.endswith(ending):
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected a value that ends in {ending}")
