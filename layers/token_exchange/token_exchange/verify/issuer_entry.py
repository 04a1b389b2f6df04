"""Which issuer entry a token is for: its `iss` and its `aud` together pick one, before any key is looked up."""

from collections.abc import Mapping

from token_exchange.ports import Json
from token_exchange.quoting import quoted
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange.verify.trust import IssuersByUrl, IssuerTrust


def choose_entry(unverified_claims: Mapping[str, Json], issuers: IssuersByUrl) -> IssuerTrust:
    """Return the entry whose URL is the token's `iss` and among whose audiences are all of its `aud`.

    Both are compared byte for byte. A token that is also for somebody else is refused: that somebody could
    have been handed it, and could send it here.

    Raises:
        Refused: `unknown-issuer` or `wrong-audience`.
    """
    issuer = unverified_claims.get("iss")
    if not isinstance(issuer, str):
        raise Refused(Reason.UNKNOWN_ISSUER, "the token names no issuer: iss is not a string")
    entries = issuers.get(issuer)
    if not entries:
        raise Refused(Reason.UNKNOWN_ISSUER, f"the token's issuer {quoted(issuer)} is not one of this service's")
    audiences = _audiences(unverified_claims.get("aud"))
    for entry in entries:
        if audiences <= entry.audiences:
            return entry
    named = ", ".join(quoted(audience) for audience in sorted(audiences)[:3])
    raise Refused(Reason.WRONG_AUDIENCE, f"the token is not for this service alone: its aud is {named}")


def _audiences(claim: Json) -> set[str]:
    members = claim if isinstance(claim, list) else [claim]
    audiences = {member for member in members if isinstance(member, str)}
    if not audiences or not all(isinstance(member, str) for member in members):
        raise Refused(Reason.WRONG_AUDIENCE, "the token names no audience: aud is neither a string nor a list of them")
    return audiences
