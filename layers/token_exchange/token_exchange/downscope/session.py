"""Makes of one award the request for its session: role, policy, length, and traces of who asked."""

from dataclasses import dataclass
from typing import Final

from token_exchange.downscope.session_policy import session_policy
from token_exchange.downscope.traces import fitted_tags, session_name, source_identity, standard_tags, who_asks
from token_exchange.policy.decision import Award
from token_exchange.policy.judgement import Caller, session_texts
from token_exchange.policy.model import SessionTerms
from token_exchange.policy.reach import Reach
from token_exchange.ports import RoleRequest

_MIN_SESSION_SECONDS: Final = 900
_MAX_CHAINED_SESSION_SECONDS: Final = 3600
"""STS API Reference, AssumeRole: a role that a role assumes is limited to an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedSession:
    """The request for a session, and the second from which its policy allows nothing more."""

    request: RoleRequest
    made_at: int
    bounded_until: int


def bounded_session(
    award: Award, terms: SessionTerms, reach: Reach, caller: Caller, *, request_id: str, now: float
) -> BoundedSession:
    """Return the session that carries out `award`, by the `terms` of its grant and within `reach`, made at `now`.

    Raises:
        Refused: `misconfigured` where it cannot be bounded as the grant says.
    """
    made_at = int(now)
    until = made_at + terms.duration_seconds
    tags, identity = session_texts(terms, caller)
    if tags is None:
        tags = (
            standard_tags(caller.identity.vocabulary, issuer=caller.issuer.name, grant=award.grant.name)
            if terms.session_tags
            else {}
        )
    else:
        tags = fitted_tags(tags)
    if identity is None and terms.source_identity:
        identity = who_asks(caller.identity.vocabulary, subject=str(caller.claims.get("sub")))
    return BoundedSession(
        made_at=made_at,
        bounded_until=until,
        request=RoleRequest(
            role_arn=terms.role,
            session_name=session_name(caller.identity.vocabulary, request_id=request_id),
            session_policy=session_policy(award.registry, reach, until=until),
            duration_seconds=min(max(terms.duration_seconds, _MIN_SESSION_SECONDS), _MAX_CHAINED_SESSION_SECONDS),
            external_id=terms.external_id,
            source_identity=None if identity is None else source_identity(identity),
            tags=tags,
        ),
    )
