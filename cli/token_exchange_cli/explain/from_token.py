"""A caller from a token that is at hand: read as the service reads it, but for its signature and its age."""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.evaluate import caller_of
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.token import UnverifiedToken, read_compact
from token_exchange.core.trust import IssuerTrust, check_claims
from token_exchange.core.verifier import chosen_trust
from token_exchange_cli.explain.presented import Presented, entries
from token_exchange_cli.input_files import read_input, shown_name
from token_exchange_cli.statuses import Unusable

MAX_TOKEN_FILE_BYTES: Final = 64 * 1024
"""Room for a token of 16 KiB, and for white space around it."""

UNVERIFIED: Final = (
    "the token is unverified: its signature was not checked, and whoever wrote the file chose every word in it"
)


def read_token(argument: str) -> UnverifiedToken:
    """Return the token in the file `argument`, without the white space around it.

    Raises:
        Unusable: it cannot be read, or is no token.
    """
    content = read_input(argument, max_bytes=MAX_TOKEN_FILE_BYTES)
    text = content.decode("ascii", "replace").strip()
    if not text:
        raise Unusable(f"{shown_name(argument)}: empty; expected a token")
    try:
        return read_compact(text)
    except Refused as refused:
        raise Unusable(f"{shown_name(argument)}: {refused.description}") from refused


def presented_token(policy: Policy, token: UnverifiedToken, *, issuer: str | None, now: float) -> Presented:
    """Return the caller of `token`, which is held against its entry as an exchange would at `now`.

    That it has expired, or is not valid yet, is a remark: a policy is asked about runs, and tokens live for minutes.
    """
    remarks = [UNVERIFIED]
    try:
        _, trust = chosen_trust(token, entries(policy, issuer))
        claims = token.unverified_claims
        remarks += _out_of_time(claims, trust, now=now)
        caller = caller_of(policy.issuers[trust.entry], claims, now=now)
    except Refused as refused:
        return Presented(outcome=refused, remarks=tuple(remarks))
    return Presented(outcome=caller, remarks=tuple(remarks))


def _out_of_time(claims: Mapping[str, Json], trust: IssuerTrust, *, now: float) -> list[str]:
    try:
        check_claims(claims, trust=trust, now=now)
    except Refused as refused:
        if refused.reason not in (Reason.EXPIRED, Reason.NOT_YET_VALID):
            raise
        check_claims(claims, trust=trust, now=_first_moment(claims))
        return [f"{refused.description}: the service would refuse it with {refused.reason}"]
    return []


def _first_moment(claims: Mapping[str, Json]) -> float:
    """Return when a token whose times are numbers becomes valid."""
    times = [claims.get("iat"), claims.get("nbf")]
    return max(float(time) for time in times if isinstance(time, int | float))
