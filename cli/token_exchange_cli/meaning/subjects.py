"""What the form of a `sub` proves: whose run it is, and which of them no token has.

Source: each provider's page on OIDC, of the subject; docs/providers.md.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange.core.conditions import Condition, Equals, Like
from token_exchange.core.identity import Preset
from token_exchange_cli.meaning.conditions import is_on_claim

_TENANTS: Final[Mapping[str, re.Pattern[str]]] = {
    "bitrise": re.compile(r"app:[^*?:]+:"),
    "buildkite": re.compile(r"organization:[^*?:]+:"),
    "codefresh": re.compile(r"account:[^*?:]+:"),
    "github-actions": re.compile(r"(?:repo|(?:repository|repository_owner)(?:_id)?):[^*?:/@]+[:/@]"),
    "gitlab": re.compile(r"(?:project_path|project_id|namespace_path|namespace_id):[^*?:/]+[:/]"),
    "google": re.compile(r"[^*?]+\Z"),
    "hcp-terraform": re.compile(r"organization:[^*?:]+:"),
    "kubernetes": re.compile(r"system:serviceaccount:[^*?:]+:"),
}
"""Issuers that sign for several tenants, and how a subject begins that is one tenant's."""


_SAYS_NOTHING: Final[Mapping[str, re.Pattern[str]]] = {
    "jenkins": re.compile(r"https://(?:(?!/job/)[^*?])*/(?:job/)?[*?](?:job|[/*?])*"),
    "kubernetes": re.compile(r"(?:system|serviceaccount|[:*?])*"),
    "spacelift": re.compile(r"(?:space|stack|module|run_type|scope|[:*?])*"),
}
"""Patterns that hold nothing but the words which every subject of the provider has."""


_ONLY_SEPARATORS: Final = re.compile(r"[*?:/{}]*")


_BEGINS: Final[Mapping[str, str]] = {
    # A token that was asked for with a service connection has sc://, and is refused.
    "azure-devops": "p://",
    "bitbucket-pipelines": "{",
    "circleci": "org/",
    "hcp-terraform": "organization:",
    "kubernetes": "system:serviceaccount:",
    "vela": "repo:",
}
"""How `sub` begins in each token that is let in; no user can customise it there."""


_WITHOUT_A_RUN: Final[Mapping[str, re.Pattern[str]]] = {
    "github-actions": re.compile(r"repo:[^/:*?]+/[^/:*?]+"),
    "gitlab": re.compile(r"project_path:[^:*?]+"),
}
"""Subjects that end with the repository. A customised one can; by default branch, tag or environment come next."""


_BUILDKITES_OWN: Final = "organization:"
"""A job may choose which id `sub` is. That is a bare UUID, so the default form is Buildkite's own statement."""


def is_of_several_tenants(provider: str) -> bool:
    """Say whether one issuer of `provider` signs for several tenants, which `sub` tells apart."""
    return provider in _TENANTS


def names_the_tenant(provider: str, pattern: str) -> bool:
    """Say whether no wildcard of `pattern` stands before the end of the tenant's name.

    What follows it is written by strangers, too: the person who names a branch writes the end of a subject.
    """
    if "*" not in pattern and "?" not in pattern:
        return True
    form = _TENANTS.get(provider)
    return pattern[:1] not in ("*", "?") if form is None else form.match(pattern) is not None


def says_nothing(provider: str, pattern: str) -> bool:
    """Say whether `pattern` has wildcards, and nothing that tells one subject of `provider` from another."""
    if "*" not in pattern and "?" not in pattern:
        return False
    form = _SAYS_NOTHING.get(provider)
    return any(one.fullmatch(pattern) is not None for one in (_ONLY_SEPARATORS, form) if one is not None)


def is_of_no_subject(condition: Condition, preset: Preset) -> bool:
    """Say whether `condition` is on `sub`, and wants another beginning than each token of `preset` has."""
    begins = _BEGINS.get(preset.provider)
    wanted = _wanted(condition)
    if begins is None or wanted is None or not is_on_claim(condition, ("sub",)):
        return False
    heads = [re.split(r"[*?]", text, maxsplit=1)[0] if is_pattern else text for text, is_pattern in wanted]
    return not any(
        head.startswith(begins) or (is_pattern and begins.startswith(head))
        for head, (_, is_pattern) in zip(heads, wanted, strict=True)
    )


def only_customised(condition: Condition, preset: Preset) -> list[str]:
    """Return the values of `condition`, which is on `sub`, that only a customised subject has."""
    form = _WITHOUT_A_RUN.get(preset.provider)
    if form is None:
        return []
    return [text for text, _ in _wanted(condition) or () if form.fullmatch(text) is not None]


def is_chosen_by_the_job(condition: Condition, preset: Preset) -> bool:
    """Say whether a job can choose a `sub` for which `condition`, which is on `sub`, holds."""
    wanted = _wanted(condition)
    return (
        preset.provider != "buildkite"
        or wanted is None
        or not all(text.startswith(_BUILDKITES_OWN) for text, _ in wanted)
    )


def _wanted(condition: Condition) -> list[tuple[str, bool]] | None:
    """Return the values and patterns one of which `condition` wants, each with whether it is a pattern."""
    for test in condition.tests:
        match test:
            case Equals(keys):
                return [(value, False) for _, value in keys if isinstance(value, str)]
            case Like(globs):
                return [(glob.pattern, True) for glob in globs]
            case _:
                continue
    return None
