"""Who is told what of a refusal.

Until signature, issuer, audience, times and organization are proven, a caller is a stranger: the text depends on the
token only. After that the caller is told who we took them for, and, of a denial, the grants that are their own: those
whose conditions on claims that name someone all hold (`Grant.who`). A run that outsiders can start, or one that a deny
rule refuses, learns of none. Roles and deny rules are never named.
"""

import json
from collections.abc import Sequence
from typing import Final

from token_exchange.core.decision import MOST_CONSIDERED, Denied, Granted, Nearest
from token_exchange.core.evaluate import Considered, Shortfall
from token_exchange.core.ports import Json
from token_exchange.core.refusals import MEANINGS, Reason
from token_exchange.reporting.audit import AuditRecord, shortfall_fields

_MAX_TEXT: Final = 100


def identity_fields(record: AuditRecord) -> dict[str, Json]:
    """Return who the caller was taken for, once that is proven."""
    caller = record.attempt.caller
    if caller is None or not record.identity_is_proven:
        return {}
    return {"identity": {"issuer": caller.issuer.name, **caller.identity.vocabulary}}


def considered_fields(denied: Denied) -> dict[str, Json]:
    """Return the caller's own grants with what did not hold, and the number of the others."""
    return _considered_fields(denied.shown, denied.not_shown)


def explained_fields(granted: Granted, found: Nearest) -> dict[str, Json]:
    """Return the same of a request that is granted: first the grants that win, then the others."""
    won = [Considered(grant=award.grant, failed=()) for award in granted.awards]
    names = {winner.grant.name for winner in won}
    others = [shown for shown in found.shown if shown.grant.name not in names]
    shown = [*won, *others][:MOST_CONSIDERED]
    return _considered_fields(shown, len(found.shown) + found.not_shown - len(shown))


def _considered_fields(considered: Sequence[Considered], not_shown: int) -> dict[str, Json]:
    fields: dict[str, Json] = {}
    if considered:
        fields["considered"] = [
            {"grant": shown.grant.name, "failed": [shortfall_fields(shortfall) for shortfall in shown.failed]}
            for shown in considered
        ]
    if not_shown:
        fields["considered_not_shown"] = not_shown
    return fields


def description_of(denied: Denied) -> str:
    """Return the denial in a sentence, with what the nearest of the caller's own grants wants."""
    nearest = next((shown for shown in denied.shown if shown.failed), None)
    if denied.reason not in (Reason.NO_MATCHING_GRANT, Reason.SCOPE_EXCEEDS_GRANT) or nearest is None:
        return denied.description
    return f"{denied.description}: '{nearest.grant.name}' {wants(nearest.failed[0])}"


def hint_of(reason: Reason, considered: Sequence[Considered], *, in_report_mode: bool = False) -> str:
    """Return what the caller can do, and whom the nearest grant names to ask."""
    hint = MEANINGS[reason].hint
    if in_report_mode:
        hint = (
            "a grant or issuer in report mode grants nothing: have its mode set to enforce once its audit lines satisfy"
        )
    contact = considered[0].grant.contact if considered else None
    return f"{hint}; contact: {contact}" if contact else hint


def wants(shortfall: Shortfall) -> str:
    """Return in words what did not hold: what the grant wants, and what the token has."""
    if shortfall.claim is None:
        return _wants_rule(shortfall)
    name = shortfall.claim if isinstance(shortfall.claim, str) else " → ".join(shortfall.claim)
    found = "has none" if shortfall.found is None else f"has {_shown(shortfall.found)}"
    to_be = "to be " if shortfall.rule in {"repositories", "must_match"} else ""
    return f"wants {name} {to_be}{_shown(shortfall.expected)}, the token {found}"


def _wants_rule(shortfall: Shortfall) -> str:
    match shortfall.rule:
        case "expires":
            return f"counted until {_shown(shortfall.expected)}"
        case "scope":
            return f"holds {_shown(shortfall.expected)}"
        case "mode":
            return "is in report mode"
        case rule:
            return f"wants {rule} {_shown(shortfall.expected)}"


def _shown(value: Json) -> str:
    match value:
        case [single]:
            return _shown(single)
        case list():
            shown = " or ".join(_shown(item) for item in value)
        case str():
            shown = value
        case dict():
            shown = ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
        case _:
            shown = json.dumps(value)
    return shown if len(shown) <= _MAX_TEXT else f"{shown[:_MAX_TEXT]}…"
