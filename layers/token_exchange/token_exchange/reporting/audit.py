"""The audit record: the content of the audit line of one attempt, whatever its outcome.

It records what was decided, for whom, by which policy, and the AWS sessions that were created. It never contains a
token, a password, a key or a request's body.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal, assert_never

from token_exchange.core.attempt import Attempt, FailedLogin, MintedLogin, ReadLogin
from token_exchange.core.decision import AccessRequest, Award, Denied, Granted, ReportOnlyAward
from token_exchange.core.evaluate import Considered
from token_exchange.core.policy import Issuer, SecretRegistry
from token_exchange.core.ports import Json
from token_exchange.core.reach import Reach, scope_text
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.session import utc_second
from token_exchange.reporting.disclosure import (
    NOT_SEARCHED,
    Nearest,
    failed_check_fields,
    is_up_to_grants,
    nearest_grants,
)
from token_exchange.reporting.reasons import MEANINGS, Fault, fault_of
from token_exchange.reporting.safe_text import (
    cut,
    cut_as_written,
    cut_json,
    redacted,
    redacted_start,
    tokens_hashed_in,
    within_size,
)

SCHEMA: Final = 1

type DecisionWord = Literal["granted", "denied", "rejected", "failed", "explained"]


@dataclass(slots=True, kw_only=True)
class AuditRecord:
    """The content of the audit line: the attempt, where it came from, and how it was answered."""

    attempt: Attempt
    api_request_id: str | None = None
    source_ip: str | None = None
    user_agent: str | None = None
    token_sha256: str | None = None
    asked: dict[str, Json] = field(default_factory=dict)
    refused: Refused | None = None
    reason: Reason | None = None
    status: int = 200
    is_explanation: bool = False
    _nearest: Nearest | None = field(default=None, init=False, repr=False)

    @property
    def request_id(self) -> str:
        """Lambda's id of the request."""
        return self.attempt.request_id

    def nearest(self) -> Nearest:
        """Return the grants that came nearest to the caller, looked up once however often they are needed."""
        attempt = self.attempt
        if attempt.policy is None or attempt.caller is None or attempt.request is None:
            return NOT_SEARCHED
        if self._nearest is None:
            with attempt.measure("decide"):
                self._nearest = nearest_grants(attempt.policy, attempt.caller, attempt.request)
        return self._nearest

    @property
    def considered(self) -> Sequence[Considered]:
        """The winning grants and those tried before them, or the nearest of a denial, whatever the caller may see."""
        match self.attempt.decision:
            case Denied(reason=reason):
                return self.nearest().nearest if is_up_to_grants(reason) else ()
            case Granted(awards=awards, tried=tried):
                # The winners come first: a record that is too long loses the end of this list.
                return [*(Considered(grant=award.grant, failed=()) for award in awards), *tried]
            case None:
                return ()
            case unknown:
                assert_never(unknown)

    def record_token_hash(self, raw_token: str) -> None:
        """Record the token's hash; the token itself is not kept."""
        self.token_sha256 = sha256(raw_token.encode("utf-8", "surrogatepass")).hexdigest()

    def record_request(
        self, request: AccessRequest, *, format_name: str | None = None, one_login: bool | None = None
    ) -> None:
        """Record what is asked for: with it and the token's claims, the line can be decided again exactly.

        An explanation has neither a format nor a number of logins.
        """
        self.asked = _present(
            {
                # The scope comes last: it is the longest, and the first to be left out of a record that is too long.
                "one_login": one_login,
                "format": format_name,
                "grant": cut_as_written(request.grant),
                "registries": [cut_as_written(name) for name in request.registries],
                "scope": tokens_hashed_in(scope_text(request.scope)),
            }
        )

    def refuse(self, refused: Refused, *, status: int) -> None:
        """Record that there is no login, and why."""
        # Its traceback leads to this record, so both would stay in memory, with the token, until the next collection.
        self.refused = refused.with_traceback(None)
        self.reason = refused.reason
        self.status = status

    def decision(self) -> DecisionWord:
        """Return the outcome in one word; an explanation issues no login, whatever its result."""
        if self.is_explanation:
            return "explained"
        if self.status == 200:  # noqa: PLR2004 - the only success status
            return "granted"
        if self.status == 403 or self.reason is Reason.REPLAYED:  # noqa: PLR2004 - the status of a denial
            return "denied"
        return "rejected" if self.status < 500 else "failed"  # noqa: PLR2004 - from 500 on, a failure of ours or upstream

    def fault(self) -> Fault | None:
        """Return whose failure this is, if it is one; an explanation of a denial is not."""
        if self.reason is None or self.status == 200:  # noqa: PLR2004 - the only success status
            return None
        if self.reason is Reason.MISCONFIGURED and self.attempt.logins and self.failed_login() is None:
            # Every login was made, and the format that the caller chose cannot hold one. As the service's own fault,
            # any caller could page its operators with it, and take a policy back.
            return "caller"
        return fault_of(self.reason, is_proven=self.attempt.token is not None)

    def failed_login(self) -> FailedLogin | None:
        """Return the login for which the request was refused, if it was for one."""
        failed = (login for login in self.attempt.logins if isinstance(login, FailedLogin))
        return next((login for login in failed if login.refused is self.refused), None)

    def refusing_account(self) -> str | None:
        """Return the account whose role or secret refused, if one did."""
        login = self.failed_login()
        if login is None:
            return None
        terms, registry = login.award.grant.terms, login.award.registry
        if isinstance(registry, SecretRegistry):
            return registry.secret_arn.split(":")[4]
        return None if terms is None else terms.role.split(":")[4]

    def render(self) -> dict[str, Json]:
        """Return the fields of the line, limited in size and without tokens; see `within_size`."""
        attempt, decision = self.attempt, self.attempt.decision
        fields = _present(
            {
                "record": "audit",
                "schema": SCHEMA,
                "decision": self.decision(),
                "reason": self.reason or "granted",
                "status": self.status,
                "request_id": self.request_id,
                "api_request_id": cut_as_written(self.api_request_id),
                "source_ip": cut_as_written(self.source_ip),
                # The sender chooses this value, which may contain a token.
                "user_agent": cut_as_written(None if self.user_agent is None else redacted_start(self.user_agent)),
                "token_sha256": self.token_sha256,
                "verified": attempt.token is not None,
                "policy_sha256": None if attempt.policy is None else attempt.policy.sha256,
                "brake_sha256": None if attempt.policy is None else attempt.policy.brake_sha256,
                **self._issuer_fields(),
                "deny_rule": decision.deny_rule if isinstance(decision, Denied) else None,
                "asked": self.asked,
                "considered": [_considered_fields(considered) for considered in self.considered],
                "would": [] if decision is None else [would_fields(would) for would in decision.would],
                "grants": [login_fields(login) for login in attempt.logins],
                "error": self._error(),
            }
        )
        # Values that are cut are hashed already. These are not, and a session's name is made of claims too.
        hashed: dict[str, Json] = {
            name: tokens_hashed_in(fields[name]) for name in ("considered", "would", "grants") if name in fields
        }
        return within_size({**fields, **hashed})

    def _issuer_fields(self) -> dict[str, Json]:
        token, policy, caller = self.attempt.token, self.attempt.policy, self.attempt.caller
        if token is None or policy is None:
            # Until the signature is verified, anyone may have written the token: only its `iss` is kept.
            return {"issuer_url": cut_as_written(self.attempt.unverified_issuer)}
        issuer = policy.issuers[token.trust.entry]
        identity = {} if caller is None else caller.identity.vocabulary
        return {
            "issuer": token.trust.entry,
            "issuer_url": token.trust.url,
            "provider": issuer.preset.provider,
            "token_id": cut_as_written(token.token_id),
            "identity": {name: cut(value) if isinstance(value, str) else value for name, value in identity.items()},
            "claims": {
                name: cut_json(token.claims[name])
                for name in sorted(claims_named(issuer, policy.claims_in_conditions))
                if token.claims.get(name) is not None
            },
        }

    def _error(self) -> Json:
        if self.refused is None or MEANINGS[self.refused.reason].status < 500:  # noqa: PLR2004 - see decision()
            return None
        cause = self.refused.__cause__ or self.refused
        return {"class": type(cause).__name__, "message": cut_as_written(redacted(str(cause)))}


def claims_named(issuer: Issuer, conditions: Iterable[str]) -> frozenset[str]:
    """Return the claims of `issuer`'s tokens that a record contains: those in its preset or in a condition."""
    preset = issuer.preset
    behind = {path[0] for source in preset.vocabulary.values() for path in source.source_claims}
    return frozenset(
        {"sub", "aud", "iat", "exp", *behind, *(path[0] for path in preset.required), *preset.claims, *conditions}
    )


def _considered_fields(considered: Considered) -> Json:
    fields: dict[str, Json] = {"grant": considered.grant.name}
    if considered.failed:
        fields["failed"] = [failed_check_fields(failed) for failed in considered.failed]
    return fields


def would_fields(would: ReportOnlyAward) -> Json:
    """Return what an entry in report mode would have granted, as answers and records show it."""
    return {
        "decision": "granted",
        "grant": would.grant.name,
        "registry": would.grant.registry.name,
        **_reach_fields(would.reach),
    }


def _reach_fields(reach: Reach | None) -> dict[str, Json]:
    return {} if reach is None else {"access": reach.access, "repositories": [*reach.repositories]}


def login_fields(login: MintedLogin | ReadLogin | FailedLogin) -> Json:
    """Return one entry of `grants`: a login, or a login that failed."""
    match login:
        case MintedLogin(request=request):
            outcome: dict[str, Json] = {
                "expires_at": utc_second(login.expires_at),
                "session_name": request.session_name,
                "source_identity": request.source_identity,
                "assumed_role_id": cut_as_written(login.assumed_role_id),
                "assumed_role_arn": cut_as_written(login.assumed_role_arn),
                "access_key_id": cut_as_written(login.access_key_id),
                "sts_request_id": cut_as_written(login.sts_request_id),
                "ecr_request_id": cut_as_written(login.ecr_request_id),
                "session_policy_sha256": request.policy_sha256,
                "session_token_percent": login.packed_policy_percent,
            }
        case ReadLogin():
            outcome = {"secret_arn": login.secret_arn, "secret_request_id": cut_as_written(login.secret_request_id)}
        case FailedLogin():
            outcome = {"reason": login.refused.reason}
        case _:
            assert_never(login)
    return _present({**_award_fields(login.award), **outcome})


def _award_fields(award: Award) -> dict[str, Json]:
    return {
        "grant": award.grant.name,
        "registry": award.registry.name,
        "role_arn": None if award.grant.terms is None else award.grant.terms.role,
        **_reach_fields(award.reach),
        "scope": None if award.reach is None else award.reach.scope or None,
    }


def _present(fields: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value is not None and value not in ([], {})}
