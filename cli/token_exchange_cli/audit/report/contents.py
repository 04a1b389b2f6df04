"""What the report contains: each section is a saved query, and what a reader should know about it."""

from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import Element

from token_exchange import __version__
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange_cli.audit.engine import query
from token_exchange_cli.audit.log import AuditLog, Row
from token_exchange_cli.audit.report.charts import DECISIONS, OTHER, exchanges_over_time, times_by_part
from token_exchange_cli.pages.elements import element
from token_exchange_cli.pages.page import asset, page
from token_exchange_cli.pages.tables import Cell, Column, table

_WHO: Final = {"issuer": "issuer", "organization": "organization", "repository": "repository"}

_TABLES: Final[tuple[tuple[str, str, str, Mapping[str, str]], ...]] = (
    (
        "refusals",
        "Refusals and failures",
        "By reason and caller. Without a verified token there is no caller.",
        {
            "reason": "reason",
            "decision": "decision",
            **_WHO,
            "exchanges": "exchanges",
            "first_at": "first (UTC)",
            "last_at": "last (UTC)",
        },
    ),
    (
        "repositories",
        "Busiest repositories",
        "CI repositories by number of exchanges, without explanations.",
        {
            **_WHO,
            "exchanges": "exchanges",
            "granted": "granted",
            "denied": "denied",
            "failed": "failed",
            "last_at": "last (UTC)",
        },
    ),
    (
        "timings",
        "Time by part",
        "Milliseconds of granted exchanges, as the service measured them. The quantiles are approximate.",
        {"part": "part", "exchanges": "exchanges", "p50": "p50", "p95": "p95", "p99": "p99", "longest": "longest"},
    ),
    (
        "starts_by_day",
        "Cold starts and throttles",
        "By day. Throttles are those of AWS and of the budgets in the policy.",
        {
            "day": "day",
            "exchanges": "exchanges",
            "cold_starts": "cold starts",
            "throttles": "throttles",
            "failures": "failures",
        },
    ),
    (
        "failed_logins",
        "Failed logins",
        "Logins that were granted and could not be made.",
        {
            "failed_reason": "reason",
            "registry": "registry",
            "role_arn": "role",
            "grant_name": "grant",
            "logins": "logins",
            "first_at": "first (UTC)",
            "last_at": "last (UTC)",
        },
    ),
    (
        "deny_rules",
        "Deny rules",
        "Rules that refused a request, with the callers.",
        {"deny_rule": "rule", **_WHO, "exchanges": "exchanges", "last_at": "last (UTC)"},
    ),
    (
        "grants",
        "Grants",
        "How often each grant gave a login, to how many CI repositories, and when last.",
        {
            "grant_name": "grant",
            "registry": "registry",
            "access": "access",
            "role_arn": "role",
            "logins": "logins",
            "repositories": "repositories",
            "last_at": "last (UTC)",
        },
    ),
    (
        "grant_users",
        "Who uses each grant",
        "By CI repository.",
        {"grant_name": "grant", **_WHO, "logins": "logins", "last_at": "last (UTC)"},
    ),
)


_POLICIES: Final = (
    "SELECT policy_sha256, count(*) AS exchanges FROM audit WHERE policy_sha256 IS NOT NULL "
    "GROUP BY policy_sha256 ORDER BY exchanges DESC"
)

MOST_ROWS: Final = 2000
"""The busiest come first; a person does not read more rows of a table."""


def report_queries() -> list[str]:
    """Return the texts of the queries that the report asks."""
    return [query("decisions_by_hour"), *(query(name) for name, _, _, _ in _TABLES), _POLICIES]


def report(log: AuditLog, policy: Policy | None) -> str:
    """Return the report of a loaded log as one page; with `policy`, its unused grants and rules are in the tables."""
    (found,) = log.rows("SELECT min(logged_at) AS first, max(logged_at) AS last, count(*) AS exchanges FROM audit")
    links = [element("a", {"href": f"#{name}"}, title) for name, title, _, _ in _TABLES]
    over_time = exchanges_over_time(log.ask("decisions_by_hour"))
    sections = [
        element("section", {}, *_tiles(log, found["exchanges"]), *_policies(log, policy), *_remarks(log)),
        element("nav", {"aria-label": "Sections"}, *links),
        element("section", {}, element("h2", {"id": "time"}, "Exchanges over time"), *over_time),
        *(_section(log, name, title, note, columns, policy) for name, title, note, columns in _TABLES),
    ]
    lead = f"{_minute(found['first'])} to {_minute(found['last'])} UTC, by ecr-token-exchange {__version__}"
    return page(
        title="Audit report", lead=[lead], sections=sections, more_styles=asset("report.css", of=__package__ or "")
    )


def tables(log: AuditLog, policy: Policy | None) -> dict[str, Json]:
    """Return the rows of the report's tables, and of its chart over time, by the names of their queries."""
    rows: dict[str, Json] = {name: [*_rows(log, name, policy)] for name, _, _, _ in _TABLES}
    return {"decisions_by_hour": [*log.ask("decisions_by_hour")], **rows, "read": log.counts()}


def _tiles(log: AuditLog, total: Json) -> list[Element]:
    counts = {
        row["decision"]: row["exchanges"]
        for row in log.rows("SELECT decision, count(*) AS exchanges FROM audit GROUP BY decision")
    }
    tiles = [element("li", {}, element("b", {}, f"{total:,}"), "exchanges")]
    tiles += [element("li", {"class": name}, element("b", {}, f"{counts.pop(name, 0):,}"), name) for name in DECISIONS]
    if counts:
        others = sum(count for count in counts.values() if isinstance(count, int))
        tiles.append(element("li", {}, element("b", {}, f"{others:,}"), OTHER))
    return [element("ul", {"class": "tiles"}, *tiles)]


def _remarks(log: AuditLog) -> list[Element]:
    remarks = log.remarks()
    if not remarks:
        return []
    listed = element("ul", {}, *(element("li", {}, one) for one in remarks))
    return [element("details", {"open": ""}, element("summary", {}, "What was not read, or is unusual"), listed)]


def _policies(log: AuditLog, policy: Policy | None) -> list[Element]:
    rows = log.rows(_POLICIES)
    text = f"{len(rows)} {'policy' if len(rows) == 1 else 'policies'} decided these exchanges."
    if policy is not None:
        decided = next((row["exchanges"] for row in rows if row["policy_sha256"] == policy.sha256), 0)
        text += f" The given policy ({policy.sha256[:12]}) decided {decided:,} of them."
    return [element("p", {}, text)]


def _section(
    log: AuditLog, name: str, title: str, note: str, columns: Mapping[str, str], policy: Policy | None
) -> Element:
    rows = _rows(log, name, policy)
    charts = times_by_part(rows) if name == "timings" else []
    return element("section", {}, element("h2", {"id": name}, title), *charts, _table(rows, columns, note))


def _rows(log: AuditLog, name: str, policy: Policy | None) -> list[Row]:
    rows = log.ask(name)
    if policy is not None and name == "grants":
        rows += _unused_grants(policy, {row["grant_name"] for row in rows})
    if policy is not None and name == "deny_rules":
        used = {row["deny_rule"] for row in rows}
        rows += [{"deny_rule": rule.name, "exchanges": 0} for rule in policy.deny if rule.name not in used]
    return rows


def _table(rows: Sequence[Row], columns: Mapping[str, str], note: str) -> Element:
    if not rows:
        return element("p", {"class": "quiet"}, f"{note} There are none.")
    shown = rows[:MOST_ROWS]
    kinds = [
        Column(title=title, kind="number" if any(_is_number(row.get(name)) for row in shown) else "text")
        for name, title in columns.items()
    ]
    more = f" The first {MOST_ROWS:,} of {len(rows):,} rows." if len(rows) > MOST_ROWS else ""
    return table(kinds, ([_cell(row.get(name)) for name in columns] for row in shown), caption=note + more)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float)


def _cell(value: Json) -> Cell:
    match value:
        case int():
            return Cell(shown=[f"{value:,}"], sorted_by=value)
        case float():
            return Cell(shown=[f"{value:,.1f}"], sorted_by=value)
        case str() if len(value) in _LENGTHS_OF_TIMES and value[10] == "T" and value.endswith("Z"):
            return Cell(shown=[f"{value[:10]} {value[11:19]}"])
        case None:
            return Cell(shown=["-"])
        case _:
            return Cell(shown=[str(value)])


_LENGTHS_OF_TIMES: Final = (20, 24)
"""RFC 3339 with seconds, or with milliseconds."""


def _minute(value: Json) -> str:
    return "-" if value is None else str(value)[:16].replace("T", " ")


def _unused_grants(policy: Policy, used: set[Json]) -> list[Row]:
    return [
        {
            "grant_name": grant.name,
            "registry": grant.registry.name,
            "access": None if grant.terms is None else grant.terms.access,
            "role_arn": None if grant.terms is None else grant.terms.role,
            "logins": 0,
            "repositories": 0,
        }
        for grant in policy.grants
        if grant.name not in used
    ]
