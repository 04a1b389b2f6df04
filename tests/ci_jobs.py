"""Claims of every CI system's jobs, as the sandbox's issuer signs them."""

from pathlib import Path

from sandbox.tokens import Mint, find_provider
from tests.ci_claims import NOON
from token_exchange.core.ports import Json

SERVED = "https://localhost:8443"

_MINT = Mint(Path("no-keys-are-made"), base_url=SERVED)


def issuer_of(provider: str) -> str:
    """Return the `iss` of a provider's jobs."""
    return _MINT.issuer(provider)


def job_claims(provider: str, scenario: str | None = None, **changes: Json) -> dict[str, Json]:
    """Return the claims of a job's token; what follows from `changes` follows, and None leaves a claim out."""
    found = find_provider(provider)
    claims = found.claims(issuer_of(provider), scenario=scenario, changes=changes)
    issued_at = int(NOON)
    times: dict[str, Json] = {"iat": issued_at, "exp": issued_at + found.lifetime_seconds}
    audience: Json = found.fixed_audience or "https://exchange.acme.example"
    whole = {"aud": [audience] if found.audience_is_list else audience, **times, **claims}
    return {name: value for name, value in whole.items() if value is not None or name not in changes}
