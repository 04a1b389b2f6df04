"""Audit lines, as the service's own code renders them, once for each team and kind of run.

A line of the month is such a line with other times, ids and hashes in it, so that a million of them take a minute.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sandbox.month.company import Kind
from token_exchange.core.attempt import Attempt, MintedLogin
from token_exchange.core.decision import AccessRequest, Denied, Granted, decide
from token_exchange.core.evaluate import caller_of
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Deadline, Json
from token_exchange.core.refusals import Refused
from token_exchange.core.session import bounded_session, utc_second
from token_exchange.core.trust import SignedToken
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.reasons import MEANINGS

_NOW: Final = 1_700_000_000
_REQUEST_ID: Final = "5e5e5e5e-0001-4a4a-8b8b-c0c0c0c0c0c0"
_DIGITS: Final = _REQUEST_ID.replace("-", "")[:12]
_RUN_ID: Final = "9000000000000001"
_SHA: Final = "5a" * 20
_TOKEN_ID: Final = "00000000-aaaa-4bbb-8ccc-dddddddddddd"
_TOKEN_SHA256: Final = "70" * 32
_ROLE_ID: Final = "AROAMONTHPUSHROLE001"
_KEY_ID: Final = "ASIAMONTHKEYKEYKEY01"
_STS_ID: Final = "5151e0e0-0002-4a4a-8b8b-c0c0c0c0c0c0"
_ECR_ID: Final = "ecececec-0003-4a4a-8b8b-c0c0c0c0c0c0"
_API_ID: Final = "apiapiapiapiap0="
_AGENTS: Final = ("curl/8.14.1", "curl/7.88.1", "docker-credential-ecr-exchange")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The session that a line is about, as CloudTrail sees it."""

    role_arn: str
    role_id: str
    session_name: str
    source_identity: str
    key_id: str
    sts_request_id: str
    made_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One audit line, and the session behind it where it granted a login."""

    text: str
    request_id: str
    session: Session | None


class _StoppedClock:
    def now(self) -> float:
        return _NOW

    def monotonic(self) -> float:
        return 0.0


class LineMaker:
    """Makes lines of one policy, with ids drawn from `chance`."""

    def __init__(self, policy: Policy, chance: random.Random) -> None:
        self._policy = policy
        self._chance = chance
        self._made: dict[tuple[str, int], tuple[str, dict[str, str] | None]] = {}

    def line(self, kind: Kind, team: int, at: float) -> Line:
        """Return the line of a run of this kind and team, at `at` seconds since the epoch."""
        key = kind.name, team
        if key not in self._made:
            self._made[key] = _rendered(self._policy, kind, team)
        text, login = self._made[key]
        chance = self._chance
        request_id, key_id, sts_id = self._id(), f"ASIA{chance.getrandbits(64):016X}", self._id()
        digits = request_id.replace("-", "")[:12]
        run_id = str(9_000_000_000 + chance.getrandbits(30))
        sts, ecr = chance.lognormvariate(3.6, 0.4), chance.lognormvariate(3.2, 0.4)
        # The longest first: one is part of another nowhere.
        for old, new in (
            (_TOKEN_SHA256, f"{chance.getrandbits(256):064x}"),
            (_SHA, f"{chance.getrandbits(160):040x}"),
            (_REQUEST_ID, request_id),
            (_TOKEN_ID, self._id()),
            (_STS_ID, sts_id),
            (_ECR_ID, self._id()),
            (_KEY_ID, key_id),
            (_DIGITS, digits),
            (_API_ID, f"{chance.getrandbits(60):015x}="),
            (_RUN_ID, run_id),
            (utc_second(_NOW + 900), utc_second(int(at) + 900)),
            (utc_second(_NOW + 1800), utc_second(int(at) + 1800)),
            (utc_second(_NOW + 3600), utc_second(int(at) + 3600)),
            (str(_NOW - 60), str(int(at) - 60)),
            (str(_NOW + 240), str(int(at) + 240)),
            ('"sts":1.5', f'"sts":{round(sts, 3)}'),
            ('"ecr":2.5', f'"ecr":{round(ecr, 3)}'),
            ('"total":9.5', f'"total":{round(sts + ecr + 3, 3)}'),
            ('"cold_start":null', f'"cold_start":{"true" if chance.random() < 0.02 else "false"}'),  # noqa: PLR2004 - one in fifty
            ("curl/0", chance.choice(_AGENTS)),
            ("1970-01-01T00:00:00.000+00:00", datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")),
        ):
            text = text.replace(old, new)
        session = None
        if login is not None:
            session = Session(
                role_arn=login["role_arn"],
                role_id=_ROLE_ID,
                session_name=login["session_name"].replace(_DIGITS, digits).replace(_RUN_ID, run_id),
                source_identity=login.get("source_identity", ""),
                key_id=key_id,
                sts_request_id=sts_id,
                made_at=at,
            )
        return Line(text=text, request_id=request_id, session=session)

    def _id(self) -> str:
        digits = f"{self._chance.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _rendered(policy: Policy, kind: Kind, team: int) -> tuple[str, dict[str, str] | None]:
    claims = {name: _of_team(value, team) for name, value in kind.claims.items()}
    claims |= {"run_id": _RUN_ID, "sha": _SHA, "jti": _TOKEN_ID, "iat": _NOW - 60, "exp": _NOW + 240}
    if kind.issuer == "gitlab":
        claims["pipeline_id"] = claims.pop("run_id")
    clock = _StoppedClock()
    attempt = Attempt(request_id=_REQUEST_ID, deadline=Deadline(clock=clock, at_monotonic_seconds=9.0))
    issuer = policy.issuers[kind.issuer]
    request = AccessRequest(registries=kind.registries)
    caller = caller_of(issuer, claims, now=_NOW)
    attempt.policy, attempt.caller, attempt.request = policy, caller, request
    attempt.token = SignedToken(trust=issuer.trust, claims=claims, signed_part_sha256=_TOKEN_SHA256)
    decision = attempt.decision = decide(policy, caller, request)
    record = AuditRecord(
        attempt=attempt, api_request_id=_API_ID, source_ip=f"203.0.113.{team % 250}", user_agent="curl/0"
    )
    record.token_sha256 = _TOKEN_SHA256
    record.record_request(request, format_name=kind.format, one_login=False)
    match decision:
        case Denied(reason=reason, description=description):
            record.refuse(Refused(reason, description), status=MEANINGS[reason].status)
        case Granted(awards=(award,)) if award.grant.terms is not None and award.reach is not None:
            bounded = bounded_session(award, award.grant.terms, award.reach, caller, request_id=_REQUEST_ID, now=_NOW)
            name, role = bounded.request.session_name, bounded.request.role_arn
            attempt.logins.append(
                MintedLogin(
                    award=award,
                    request=bounded.request,
                    expires_at=bounded.bounded_until,
                    assumed_role_id=f"{_ROLE_ID}:{name}",
                    assumed_role_arn=f"{role.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/{name}",
                    access_key_id=_KEY_ID,
                    packed_policy_percent=20,
                    sts_request_id=_STS_ID,
                    ecr_request_id=_ECR_ID,
                )
            )
        case _:
            raise AssertionError(f"the company's runs of the kind {kind.name} get one login or none")
    fields = record.render()
    more: dict[str, Json] = {
        "timings_ms": {"keys": 0.1, "verify": 0.6, "decide": 0.2, "sts": 1.5, "ecr": 2.5, "total": 9.5},
        "cold_start": None,
        "version": "0.1.0",
        "function_version": "$LATEST",
        "region": "eu-west-1",
    }
    line = {
        "level": "INFO",
        "location": "write:112",
        "message": "exchange",
        "timestamp": "1970-01-01T00:00:00.000+00:00",
        "service": "token-exchange",
        **fields,
        **more,
    }
    return json.dumps(line, separators=(",", ":")), _login(fields)


def _login(fields: Mapping[str, Json]) -> dict[str, str] | None:
    grants = fields.get("grants")
    first = grants[0] if isinstance(grants, list) else None
    return None if not isinstance(first, dict) else {name: str(value) for name, value in first.items()}


def _of_team(value: Json, team: int) -> Json:
    return value.replace("…", f"{team:03}") if isinstance(value, str) else value
