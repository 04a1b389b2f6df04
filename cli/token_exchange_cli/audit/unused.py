"""The parts of a policy that no one used in the period of a log."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from token_exchange.core.conditions import NamedCondition
from token_exchange.core.policy import Grant, Policy, Template
from token_exchange.core.ports import Json
from token_exchange.core.reach import pattern_covers
from token_exchange.core.strict_json import NotStrictJson
from token_exchange_cli.audit.engine import query
from token_exchange_cli.audit.log import AuditLog
from token_exchange_cli.replay.recorded import record_in

KINDS: Final[Mapping[str, str]] = {
    "grants": "grant",
    "deny": "deny rule",
    "registries": "registry",
    "roles": "role",
    "issuers": "issuer",
    "organizations": "organization",
    "values": "value of a condition",
    "repositories": "repository pattern",
}
"""The kinds of parts, each with its name in the output."""

_QUERIES: Final = ("grants", "failed_logins", "deny_rules", "issuers", "login_values")


def unused_queries(*, has_trail: bool) -> list[str]:
    """Return the texts of the queries that `unused` asks."""
    return [query(name) for name in (*_QUERIES, *(["grant_events"] if has_trail else []))]


_LISTED: Final = frozenset(
    {
        "repository_id",
        "repository",
        "branch",
        "tag",
        "environment",
        "event",
        "workflow",
        "organization",
        "organization_id",
    }
)


class ReportMode:
    """The grants of a policy that cannot win, because they or all of their issuers are in report mode.

    `would_win` are those that would have granted something, as the lines say that were seen.
    """

    def __init__(self, policy: Policy) -> None:
        self.grants = [
            grant
            for grant in policy.grants
            if grant.mode == "report" or all(policy.issuers[name].mode == "report" for name in grant.issuers)
        ]
        self.would_win: set[str] = set()

    def seen(self, texts: Iterable[bytes]) -> Iterator[bytes]:
        """Look into each of `texts`, and yield it."""
        for text in texts:
            if self.grants and b'"would"' in text:
                # A line that is no JSON is counted where it is loaded.
                with suppress(NotStrictJson):
                    self._add(record_in(text).get("would"))
            yield text

    def _add(self, would: Json) -> None:
        for entry in would if isinstance(would, list) else ():
            if isinstance(entry, dict):
                self.would_win.add(str(entry.get("grant")))

    def remarks(self) -> Iterator[str]:
        """Yield a sentence for each of the grants."""
        for grant in self.grants:
            would = "would have granted exchanges" if grant.name in self.would_win else "would have granted nothing"
            yield f"{grant.name}: in report mode, so it cannot be used; it {would} in this period"


def unused(policy: Policy, log: AuditLog, report_mode: ReportMode, *, has_trail: bool) -> dict[str, list[str]]:
    """Return the parts of `policy` that no line of the loaded log used, by kind.

    A login that was granted and could not be made is a use too. Grants in report mode are not listed, and what those
    name that would win is used.
    With CloudTrail's events, also the patterns of repositories that no session of their grant touched.
    """
    logins = log.ask("grants") + log.ask("failed_logins")
    used = {str(row["grant_name"]) for row in logins}
    would_win = [grant for grant in report_mode.grants if grant.name in report_mode.would_win]
    registries = {str(row["registry"]) for row in logins} | {grant.registry.name for grant in would_win}
    roles = {str(row["role_arn"]) for row in logins} | {grant.terms.role for grant in would_win if grant.terms}
    rules = {str(row["deny_rule"]) for row in log.ask("deny_rules")}
    callers = log.ask("issuers")
    issuers = {str(row["issuer"]) for row in callers}
    found = {
        "grants": [grant.name for grant in policy.grants if grant.name not in used and grant not in report_mode.grants],
        "deny": [rule.name for rule in policy.deny if rule.name not in rules],
        "registries": [name for name in policy.registries if name not in registries],
        "roles": sorted({grant.terms.role for grant in policy.grants if grant.terms is not None} - roles),
        "issuers": [name for name in policy.issuers if name not in issuers],
        "organizations": [
            f"{issuer.name}: {organization.name or organization.id}"
            for issuer in policy.issuers.values()
            for organization in issuer.organizations
            if not any(
                issuer.lists([organization], name=_text(row["organization"]), id_=_text(row["organization_id"]))
                for row in callers
                if row["issuer"] == issuer.name
            )
        ],
        "values": list(_values(policy, log, used)),
    }
    if has_trail:
        found["repositories"] = list(_repositories(policy, log, used))
    return found


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _values(policy: Policy, log: AuditLog, used: set[str]) -> Iterator[str]:
    """Yield values that a grant lists for one name and that none of its callers had, beside others that some had."""
    seen: dict[tuple[str, str], set[Json]] = defaultdict(set)
    for row in log.ask("login_values"):
        seen[str(row["grant_name"]), str(row["name"])].add(row["value"])
    for grant in policy.grants:
        for condition in grant.conditions:
            if not isinstance(condition, NamedCondition) or condition.name not in _LISTED or grant.name not in used:
                continue
            listed = [str(value) for kind, value in condition.exact_keys or () if kind == "text"]
            for value in sorted(set(listed) - {str(one) for one in seen[grant.name, condition.name]}):
                yield f"{grant.name}: {condition.name} {value}"


def _repositories(policy: Policy, log: AuditLog, used: set[str]) -> Iterator[str]:
    touched: dict[str, set[str]] = defaultdict(set)
    for row in log.ask("grant_events"):
        if row["ecr_repository"] is not None:
            touched[str(row["grant_name"])].add(str(row["ecr_repository"]))
    for grant in policy.grants:
        for template in _templates(grant) if grant.name in used else ():
            pattern = template.filled(["*"] * len(template.names))
            if not any(pattern_covers(pattern, name) for name in touched[grant.name]):
                yield f"{grant.name}: {template.text}"


def _templates(grant: Grant) -> tuple[Template, ...]:
    return () if grant.terms is None else (*grant.terms.repositories, *grant.terms.also_pull)
