"""How long a grant and its logins last, and whether its session can be made at all."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from token_exchange.downscope.session_policy import MAX_SESSION_POLICY_CHARACTERS, session_policy
from token_exchange.policy.model import Grant, SessionTerms
from token_exchange.policy.reach import Reach
from token_exchange.refusals import Refused
from token_exchange_cli.lint.finding import Finding, Subject, warning

_SOON: Final = timedelta(days=30)
_SESSION_SECONDS: Final = 3600
_VALUE_CHARACTERS: Final = 100
_FULL: Final = 0.8
_SOME_SECOND: Final = 1_800_000_000


def single_use_of_a_jobs_only_token(subject: Subject) -> Iterator[Finding]:
    """A job with one token for all its steps cannot exchange it twice."""
    for path, grant in subject.grants():
        once = sorted(preset.provider for preset in subject.presets(grant) if preset.minted == "once-per-job")
        if grant.single_use and once:
            yield warning(
                "single-use-of-an-only-token",
                (*path, "single_use"),
                f"{once[0]} gives a job one token for all its steps, and its second exchange fails",
                "leave single_use out, and keep max_lifetime short",
            )


def outlives_its_session(subject: Subject) -> Iterator[Finding]:
    """Whether a login outlives its role session is not known."""
    for path, grant in subject.grants():
        if grant.terms is not None and grant.terms.duration_seconds > _SESSION_SECONDS:
            yield warning(
                "outlives-its-session",
                (*path, "duration"),
                "the role session lasts an hour at most, and whether the login outlives it is not known",
                "use a duration of 1h or less, and exchange again",
            )


def expires(subject: Subject) -> Iterator[Finding]:
    """A grant that has ended, or ends soon."""
    for path, grant in subject.grants():
        if grant.expires is None:
            continue
        last = date.fromisoformat(grant.expires)
        if last < subject.today:
            yield warning("expired", (*path, "expires"), f"it ended with {grant.expires}", "take the grant out")
        elif last - subject.today <= _SOON:
            yield warning(
                "expires-soon", (*path, "expires"), f"it ends with {grant.expires}", "renew it, or plan to take it out"
            )


def nearly_full(subject: Subject) -> Iterator[Finding]:
    """A session policy that does not fit is an exchange that fails."""
    for path, grant in subject.grants():
        if grant.terms is None:
            continue
        at_hundred = _characters(grant, grant.terms, _VALUE_CHARACTERS)
        if at_hundred is not None and at_hundred <= _FULL * MAX_SESSION_POLICY_CHARACTERS:
            continue
        fits = _longest_that_fits(grant, grant.terms)
        shown = "more than STS takes" if at_hundred is None else f"{at_hundred} characters"
        limit = (
            "it never fits" if fits is None else "the repositories are the same for all" if fits < 0 else
            f"with values longer than {fits} it no longer fits"
        )  # fmt: skip
        yield warning(
            "session-policy-nearly-full",
            (*path, "repositories"),
            f"with values of {_VALUE_CHARACTERS} characters its session policy has {shown} of "
            f"{MAX_SESSION_POLICY_CHARACTERS}: {limit}",
            "use fewer repositories, or one pattern for several",
        )


def _characters(grant: Grant, terms: SessionTerms, value_characters: int) -> int | None:
    """Return the length of the session policy where each value has so many characters, None where it is too long."""
    value = "x" * value_characters
    reach = Reach(
        access=terms.access,
        repositories=tuple(one.filled([value] * len(one.names)) for one in terms.repositories),
        also_pull=tuple(one.filled([value] * len(one.names)) for one in terms.also_pull),
        also=terms.also,
    )
    try:
        return len(session_policy(grant.registry, reach, until=_SOME_SECOND))
    except Refused:
        return None


def _longest_that_fits(grant: Grant, terms: SessionTerms) -> int | None:
    """Return the longest values that fit, -1 where there are none to fill in, None where not even the shortest do."""
    if not any(one.names for one in (*terms.repositories, *terms.also_pull)):
        return None if _characters(grant, terms, 1) is None else -1
    fits = [length for length in range(1, 257) if _characters(grant, terms, length) is not None]
    return fits[-1] if fits else None


RULES: Final = (single_use_of_a_jobs_only_token, outlives_its_session, expires, nearly_full)
