"""Issuer entries that trust more than their author may expect."""

from collections.abc import Iterator
from typing import Final, assert_never

from token_exchange.core.policy import Issuer
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.meaning.patterns import has_placeholder

_AWS_STS: Final = "sts.amazonaws.com"
_GITLAB_COM: Final = "https://gitlab.com"
_MAX_NAMED: Final = 3

_OWN_AUDIENCE: Final = "https://exchange.invalid"
"""An audience of one's own, where one can be chosen (RFC 6761 section 6.4)."""


def organization_without_id(subject: Subject) -> Iterator[Finding]:
    """Warn of organizations by name: an outsider can register a name that was given up, but not an id."""
    for name, issuer in subject.policy.issuers.items():
        preset = issuer.preset
        # On a self-hosted server, only its administrators assign names.
        own_server = preset.provider == "gitlab" and preset.issuer != _GITLAB_COM
        of_id = preset.vocabulary.get("organization_id")
        if own_server or of_id is None or of_id == preset.vocabulary.get("organization"):
            continue
        for place, organization in enumerate(issuer.organizations):
            # A placeholder that was left is a separate error.
            if organization.id is None and not has_placeholder(organization.name or ""):
                yield warning(
                    "organization-without-id",
                    ("issuers", name, "organizations", place),
                    f"if the name {organization.name} is given up, an outsider can take it, and their runs get logins",
                    'list the id of each group that runs jobs instead: {id: "ITS-ID"}'
                    if preset.organization_is_path
                    else f'add its id: {{name: {organization.name}, id: "ITS-ID"}}',
                )


def gives_one_token(issuer: Issuer) -> bool:
    """Say whether the jobs of `issuer` have, or may have, one token for all their steps."""
    preset = issuer.preset
    match preset.minted:
        case "on-request":
            return False
        case "once-per-job":
            return True
        case "once-if-shared":
            return any(map(preset.shared_audience, issuer.trust.audiences))
        case _:
            assert_never(preset.minted)


def shared_audience(subject: Subject) -> Iterator[Finding]:
    """Warn of audiences that other services accept: they can replay tokens here."""
    for name, issuer in subject.policy.issuers.items():
        preset = issuer.preset
        shared = sorted(a for a in issuer.trust.audiences if a == _AWS_STS or preset.shared_audience(a))
        for audience in shared:
            advice = [] if preset.shared_audience(_OWN_AUDIENCE) else ["use your own audience"]
            again = [grant.name for _, grant in subject.grants() if name in grant.issuers and not grant.single_use]
            if again and not gives_one_token(issuer):
                more = f" and {len(again) - _MAX_NAMED} more" if len(again) > _MAX_NAMED else ""
                advice.append(f"set single_use on {', '.join(again[:_MAX_NAMED])}{more}")
            yield warning(
                "shared-audience",
                ("issuers", name, "audience"),
                f"other services accept {audience} too, and any of them can send the tokens that it receives to this "
                "service",
                ", or ".join(advice)
                or "this CI system has no other; keep max_lifetime short, and give these jobs little access",
            )


RULES: Final = (organization_without_id, shared_audience)
