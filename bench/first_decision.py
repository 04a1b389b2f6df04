"""The process whose start is timed: the function as it is imported, and the first decision with its policy.

`BENCH_CLAIMS` has the claims of a run, as JSON.
"""

import json
import os

import exchange.app
from token_exchange.core.decision import AccessRequest, Granted, decide
from token_exchange.core.evaluate import caller_of


def main() -> None:
    """Decide once, and end without tearing down, as an environment does."""
    policy = exchange.app.handler._policies.policy()  # noqa: SLF001 - as a request has it, without a token's check
    claims = json.loads(os.environ["BENCH_CLAIMS"])
    caller = caller_of(policy.issuers["github"], claims, now=claims["iat"])
    assert isinstance(decide(policy, caller, AccessRequest(registries=("apps",))), Granted)
    os._exit(0)


if __name__ == "__main__":
    main()
