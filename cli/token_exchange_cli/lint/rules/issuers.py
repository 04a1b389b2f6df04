"""Whom an issuer entry trusts more than its author may think."""

from collections.abc import Iterator
from typing import Final

from token_exchange.core.policy import Issuer
from token_exchange.core.vocabulary import Name
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.meaning.conditions import has
from token_exchange_cli.meaning.patterns import has_placeholder

_AWS_STS: Final = "sts.amazonaws.com"
_GITLAB_COM: Final = "https://gitlab.com"
_IDS: Final[tuple[Name, ...]] = ("organization_id", "repository_id")
_MOST_NAMED: Final = 3

_NOBODYS: Final = "https://exchange.invalid"
"""An audience of one's own, where one can be chosen (RFC 6761 section 6.4)."""


def organization_without_id(subject: Subject) -> Iterator[Finding]:
    """A name that is given up can be taken by a stranger; an id cannot."""
    for name, issuer in subject.policy.issuers.items():
        preset = issuer.preset
        # On a server of one's own nobody but its administrators hands out names.
        own_server = preset.provider == "gitlab" and preset.issuer != _GITLAB_COM
        of_id = preset.vocabulary.get("organization_id")
        if own_server or of_id is None or of_id == preset.vocabulary.get("organization"):
            continue
        if _every_grant_has_an_id(subject, issuer):
            continue
        for place, organization in enumerate(issuer.organizations):
            # What still stands there as a placeholder is an error of its own.
            if organization.id is None and not has_placeholder(organization.name or ""):
                yield warning(
                    "organization-without-id",
                    ("issuers", name, "organizations", place),
                    f"the name {organization.name} can be given up and taken by a stranger, whose runs then get logins",
                    'list the id of each group that runs jobs, instead: {id: "ITS-ID"}'
                    if preset.organization_is_path
                    else f'give its id beside the name: {{name: {organization.name}, id: "ITS-ID"}}',
                )


def _every_grant_has_an_id(subject: Subject, issuer: Issuer) -> bool:
    """Say whether every grant for `issuer` asks for an id, which no stranger who takes the name has."""
    grants = [grant for _, grant in subject.grants() if issuer.name in grant.issuers]
    return bool(grants) and all(has(grant.conditions, _IDS, issuer.preset) for grant in grants)


def shared_audience(subject: Subject) -> Iterator[Finding]:
    """A token for an audience that others accept can be replayed here by them."""
    for name, issuer in subject.policy.issuers.items():
        preset = issuer.preset
        shared = sorted(a for a in issuer.trust.audiences if a == _AWS_STS or preset.shared_audience(a))
        for audience in shared:
            advice = [] if preset.shared_audience(_NOBODYS) else ["use an audience of your own"]
            again = [grant.name for _, grant in subject.grants() if name in grant.issuers and not grant.single_use]
            if preset.minted == "on-request" and again:
                more = f" and {len(again) - _MOST_NAMED} more" if len(again) > _MOST_NAMED else ""
                advice.append(f"set single_use on {', '.join(again[:_MOST_NAMED])}{more}")
            yield warning(
                "shared-audience",
                ("issuers", name, "audience"),
                f"other services accept {audience} too: whoever receives such a token there can send it here",
                ", or ".join(advice) or "there is no other; keep max_lifetime short, and give these jobs little",
            )


RULES: Final = (organization_without_id, shared_audience)
