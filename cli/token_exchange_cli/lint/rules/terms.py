"""How long a grant and its logins last, and whether its session policy fits."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from token_exchange.core.policy import Grant, SessionTerms, Template
from token_exchange.core.reach import MAX_NAME_LENGTH, Reach, RepositoryPattern
from token_exchange.core.refusals import Refused
from token_exchange.core.session import MAX_SESSION_POLICY_CHARACTERS, session_policy
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.rules.issuers import gives_one_token

_SOON: Final = timedelta(days=30)
_SESSION_SECONDS: Final = 3600
_VALUE_CHARACTERS: Final = 100
_FULL: Final = 0.8
_SOME_SECOND: Final = 1_800_000_000


def single_use_of_a_jobs_only_token(subject: Subject) -> Iterator[Finding]:
    """Warn of `single_use` where a job has one token for all its steps."""
    for path, grant in subject.grants():
        once = sorted(issuer.preset.provider for issuer in subject.issuers(grant) if gives_one_token(issuer))
        if grant.single_use and once:
            yield warning(
                "single-use-of-an-only-token",
                (*path, "single_use"),
                f"{once[0]} gives a job one token for all its steps, so the job's second exchange fails",
                "remove single_use, and keep max_lifetime short",
            )


def outlives_its_session(subject: Subject) -> Iterator[Finding]:
    """Warn of durations longer than a role session: whether the login outlives it is not known."""
    for path, grant in subject.grants():
        if grant.terms is not None and grant.terms.duration_seconds > _SESSION_SECONDS:
            yield warning(
                "outlives-its-session",
                (*path, "duration"),
                "the role session lasts at most an hour, and whether the login outlives it is not known",
                "use a duration of 1h or less, and exchange again",
            )


def expires(subject: Subject) -> Iterator[Finding]:
    """Warn of grants that expired or will soon."""
    for path, grant in subject.grants():
        if grant.expires is None:
            continue
        last = date.fromisoformat(grant.expires)
        if last < subject.today:
            yield warning("expired", (*path, "expires"), f"it expired on {grant.expires}", "remove the grant")
        elif last - subject.today <= _SOON:
            yield warning(
                "expires-soon", (*path, "expires"), f"it expires on {grant.expires}", "renew it, or plan to remove it"
            )


def nearly_full(subject: Subject) -> Iterator[Finding]:
    """Warn of session policies that are close to the limit of STS: beyond it, the exchange fails."""
    # The grants of ten thousand repositories mostly have the same few templates.
    seen: dict[tuple[object, ...], str | None] = {}
    for path, grant in subject.grants():
        terms = grant.terms
        if terms is None:
            continue
        texts = tuple(template.text for template in terms.repositories), tuple(one.text for one in terms.also_pull)
        key = (grant.registry.name, terms.access, terms.also, *texts)
        if key not in seen:
            seen[key] = _how_full(grant, terms)
        if (said := seen[key]) is not None:
            yield warning(
                "session-policy-nearly-full",
                (*path, "repositories"),
                said,
                "use fewer repositories, or one pattern for several; a session policy over the limit is refused",
            )


def _how_full(grant: Grant, terms: SessionTerms) -> str | None:
    at_hundred = _characters(grant, terms, _VALUE_CHARACTERS)
    if at_hundred is not None and at_hundred <= _FULL * MAX_SESSION_POLICY_CHARACTERS:
        return None
    has = "more than STS accepts" if at_hundred is None else f"{at_hundred} characters"
    if not any(one.names for one in (*terms.repositories, *terms.also_pull)):
        return (
            f"its session policy has {has}, of {MAX_SESSION_POLICY_CHARACTERS}"
            f"{': it never fits' if at_hundred is None else ''}"
        )
    lengths = range(1, MAX_NAME_LENGTH + 1)
    too_long = bisect_left(lengths, True, key=lambda length: _characters(grant, terms, length) is None)  # noqa: FBT003 - what is looked for
    limit = f"with values of more than {too_long} characters it no longer fits" if too_long else "it never fits"
    return (
        f"if names have {_VALUE_CHARACTERS} characters, its session policy has {has}, of "
        f"{MAX_SESSION_POLICY_CHARACTERS}: {limit}"
    )


def _characters(grant: Grant, terms: SessionTerms, value_characters: int) -> int | None:
    """Return the length of the session policy if each value has this many characters; None if it is too long."""
    value = "x" * value_characters
    reach = Reach(
        access=terms.access,
        repositories=tuple(_measured(one, value) for one in terms.repositories),
        also_pull=tuple(_measured(one, value) for one in terms.also_pull),
        also=terms.also,
    )
    try:
        return len(session_policy(grant.registry, reach, until=_SOME_SECOND))
    except Refused:
        return None


def _measured(template: Template, value: str) -> RepositoryPattern:
    """Return a pattern only to measure: `value` replaces every name, and may be too long for one."""
    return RepositoryPattern(template.filled([value] * len(template.names)))


RULES: Final = (single_use_of_a_jobs_only_token, outlives_its_session, expires, nearly_full)
