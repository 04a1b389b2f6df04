"""Whether everybody got what is his, and nobody what is another's."""

import re
from collections.abc import Sequence

from sandbox.aws.server import Aws
from sandbox.evidence import Unexpected, expect, object_of, text_of, texts_of
from sandbox.load.run import Outcome
from token_exchange.core.refusals import MEANINGS

_PASSING = frozenset(reason for reason, meaning in MEANINGS.items() if meaning.status in {429, 503})


def faults_of(outcomes: Sequence[Outcome], aws: Aws) -> list[str]:
    """Return what is not as it should be, a text for each; it holds no secret."""
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
    # A second try must not hide a fault of the service's own.
    bad = [reason for reason in outcome.again if reason not in _PASSING]
    expect(not bad, f"expected to be told to come again for what passes, found {bad}")
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
    expect(password not in passwords, "expected a login of its own, found one that another job has too")
    passwords.add(password)
    expect(texts_of(entry, "repositories") == [*job.own], f"expected {job.own}, found {entry['repositories']}")
    login = aws.registry.login(password)
    if login is None or login.session.policy is None:
        raise Unexpected("expected a login that ECR gave out to a bounded session, found another")
    # Not what the answer says, but what the session can do.
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
