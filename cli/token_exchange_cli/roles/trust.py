"""Who may assume a role, as the service does it: with tags, a source identity and an external id where grants say so.

Source: IAM User Guide, "Passing session tags in STS" and "Monitor and control actions taken with assumed roles".
"""

from collections.abc import Mapping, Sequence
from typing import Final

from token_exchange.core.policy import SessionTerms
from token_exchange.core.ports import Json

_ALWAYS_TAGGED: Final = ("issuer", "grant")
"""Of the standard tags those that no session lacks."""


def broker_trust(sessions: Sequence[SessionTerms], broker: Json) -> list[Json]:
    """Return the statements that let `broker` make `sessions`; there is at least one of these.

    What every session of an external id carries is demanded, so that CloudTrail always says who asked.
    """
    by_external_id: dict[str | None, list[SessionTerms]] = {}
    for terms in sessions:
        by_external_id.setdefault(terms.external_id, []).append(terms)
    statements: list[Json] = [
        _assume(external_id, together, broker, number=number)
        for number, (external_id, together) in enumerate(sorted(by_external_id.items(), key=_by_text), start=1)
    ]
    traces: list[Json] = []
    if any(terms.session_tags for terms in sessions):
        traces.append("sts:TagSession")
    if any(terms.source_identity for terms in sessions):
        traces.append("sts:SetSourceIdentity")
    if traces:
        statements.append(
            {"Sid": "SayWhoAsked", "Effect": "Allow", "Principal": {"AWS": broker}, "Action": _one_or_all(traces)}
        )
    return statements


def _by_text(item: tuple[str | None, list[SessionTerms]]) -> str:
    return item[0] or ""


def _assume(external_id: str | None, sessions: Sequence[SessionTerms], broker: Json, *, number: int) -> Json:
    condition: dict[str, Json] = {}
    if external_id is not None:
        condition["StringEquals"] = {"sts:ExternalId": external_id}
    always = set[str].intersection(*(_carried(terms) for terms in sessions))
    if always:
        condition["Null"] = dict.fromkeys(sorted(always), "false")
    statement: dict[str, Json] = {
        "Sid": "Assume" if number == 1 else f"Assume{number}",
        "Effect": "Allow",
        "Principal": {"AWS": broker},
        "Action": "sts:AssumeRole",
    }
    return {**statement, "Condition": condition} if condition else statement


def _carried(terms: SessionTerms) -> set[str]:
    """Return the condition keys that a session by these `terms` is never without."""
    tags = terms.session_tags
    names = tags if isinstance(tags, Mapping) else _ALWAYS_TAGGED if tags else ()
    carried = {f"aws:RequestTag/{name}" for name in names}
    return carried | {"sts:SourceIdentity"} if terms.source_identity else carried


def _one_or_all(actions: list[Json]) -> Json:
    return actions[0] if len(actions) == 1 else actions
