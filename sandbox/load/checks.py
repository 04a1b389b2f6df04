"""Checks that each job got its own login or refusal, and no other job's."""

import re
from collections.abc import Sequence

from sandbox.aws.server import Aws
from sandbox.evidence import Unexpected, expect, object_of, text_of, texts_of
from sandbox.load.run import Outcome
from token_exchange.reporting.reasons import MEANINGS

_PASSING = frozenset(reason for reason, meaning in MEANINGS.items() if meaning.status in {429, 503})


def failures_of(outcomes: Sequence[Outcome], aws: Aws) -> list[str]:
    """Return a message for each failed check. Messages contain no secrets."""
    found: list[str] = []
    passwords: set[str] = set()
    for outcome in outcomes:
        try:
            _check(outcome, aws, passwords)
        except Unexpected as error:
            found.append(f"{outcome.job.provider}, {outcome.job.source or outcome.job.own}: {error}")
    refused = {outcome.job.source for outcome in outcomes if outcome.job.refused_for is not None}
    found += [
        f"a session was made for {session.tags['repository']}, whose job is refused"
        for session in aws.principals.sessions()
        if session.tags.get("repository") in refused
    ]
    return found


def _check(outcome: Outcome, aws: Aws, passwords: set[str]) -> None:
    job, reply = outcome.job, outcome.reply
    # A successful retry must not hide a failure of the service itself.
    bad = [reason for reason in outcome.retry_reasons if reason not in _PASSING]
    expect(not bad, f"expected only retryable reasons, found {bad}")
    if reply is None:
        raise Unexpected("expected an answer, found none")
    reason = reply.body.get("reason")
    if job.refused_for is not None:
        expect(reason == job.refused_for, f"expected {job.refused_for}, found {reason} with status {reply.status}")
        expect("access_token" not in reply.body, "expected no login, found one")
        return
    expect(reply.status == 200, f"expected a login, found {reason} with status {reply.status}")  # noqa: PLR2004 - HTTP
    listed = reply.body.get("registries")
    if not isinstance(listed, list) or len(listed) != 1:
        raise Unexpected("expected exactly one registry in the answer")
    entry = object_of(listed[0], "registries[0]")
    password = text_of(entry, "password")
    expect(password not in passwords, "expected a unique login, found one that another job also has")
    passwords.add(password)
    expect(texts_of(entry, "repositories") == [*job.own], f"expected {job.own}, found {entry['repositories']}")
    login = aws.registry.login(password)
    if login is None or login.session.policy is None:
        raise Unexpected("expected a login from ECR for a session with a session policy, found another")
    # The session's permissions count, not the answer's words.
    pushes = {
        name
        for statement in login.session.policy.statements
        if "ecr:PutImage" in statement.actions.values
        for arn in statement.resources.values
        for name in re.findall(r":repository/(.+)", arn)
    }
    expect(pushes == {*job.own}, f"expected a session for {job.own}, found one for {sorted(pushes)}")
    if job.source is not None:
        tag = login.session.tags.get("repository")
        expect(tag == job.source, f"expected a session of {job.source}, found one of {tag}")
