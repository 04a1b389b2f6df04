"""The roles that a policy needs, and the grants that need each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from token_exchange.core.policy import Policy
from token_exchange_cli.roles.arns import RoleArn, role_arn
from token_exchange_cli.roles.rights import GrantInUse


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleNeed:
    """A role, and the grants that assume it, at least one."""

    arn: RoleArn
    grants: tuple[GrantInUse, ...]

    @property
    def by_broker(self) -> list[GrantInUse]:
        """The grants for which the service assumes the role itself."""
        return [one for one in self.grants if one.terms.assume == "broker"]

    @property
    def directly(self) -> list[GrantInUse]:
        """The grants for which the caller assumes the role with their own token."""
        return [one for one in self.grants if one.terms.assume == "web-identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The roles in the order in which the policy first names them, and the names of grants without a role.

    `not_yet` are grants in report mode whose roles would be usable at once.
    """

    roles: tuple[RoleNeed, ...]
    expired: tuple[str, ...]
    not_yet: tuple[str, ...]


def needs_of(policy: Policy, *, now: float) -> Needs:
    """Return the roles of every grant that has not expired.

    A grant in report mode gets its role: the service does not assume it until the grant is in force. A role that trusts
    the CI system directly would be usable as soon as it exists, so a grant in report mode gets none.
    """
    roles: dict[str, RoleArn] = {}
    grants: dict[str, list[GrantInUse]] = {}
    expired: list[str] = []
    not_yet: list[str] = []
    for grant in policy.grants:
        if grant.terms is None:
            continue
        if grant.has_expired(now):
            expired.append(grant.name)
            continue
        issuers = tuple(policy.issuers[name] for name in grant.issuers)
        if grant.terms.assume == "web-identity":
            issuers = tuple(issuer for issuer in issuers if "report" not in (grant.mode, issuer.mode))
            if not issuers:
                not_yet.append(grant.name)
                continue
        arn = role_arn(grant.terms.role)
        if arn is None:
            raise AssertionError("a policy that loads has only valid role ARNs")
        roles[arn.text] = arn
        grants.setdefault(arn.text, []).append(GrantInUse(grant=grant, terms=grant.terms, issuers=issuers))
    found = (RoleNeed(arn=arn, grants=tuple(grants[text])) for text, arn in roles.items())
    return Needs(roles=tuple(found), expired=tuple(expired), not_yet=tuple(not_yet))


def clashes(roles: Sequence[RoleNeed]) -> Iterator[str]:
    """Yield what is wrong with roles that cannot exist in the same account.

    A name is unique in its account, whatever its path and its case (IAM API Reference, CreateRole).
    """
    by_name: dict[tuple[str, str], RoleNeed] = {}
    for role in roles:
        first = by_name.setdefault((role.arn.account, role.arn.name.lower()), role)
        if first is role:
            continue
        yield (
            f"{role.arn.text} (grant {role.grants[0].grant.name}) and {first.arn.text} (grant "
            f"{first.grants[0].grant.name}): role names are unique in an account, whatever their path and case"
        )
