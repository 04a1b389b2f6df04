"""One token on standard output: `python -m sandbox tokens PROVIDER`, with the keys that `serve` publishes."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.policy import AUDIENCE
from sandbox.providers import all_providers
from sandbox.serve import ISSUER_PORT
from sandbox.state import DEFAULT_FOLDER
from sandbox.tokens import Mint, claim_value, provider_argument


def main(arguments: Sequence[str]) -> int:
    """Print a token; return 2 when there is no such scenario."""
    parser = argparse.ArgumentParser(prog="python -m sandbox tokens", description=__doc__)
    parser.add_argument(
        "provider", type=provider_argument, help=f"{', '.join(all_providers())}, or a part of one's name"
    )
    parser.add_argument("--audience", help=f"({AUDIENCE}, where the provider lets a job choose)")
    parser.add_argument("--scenario", help="by default the provider's first scenario")
    parser.add_argument("--claim", action="append", default=[], metavar="NAME=VALUE", help="can be repeated")
    parser.add_argument("--lifetime-seconds", type=int)
    parser.add_argument("--issuer-port", type=int, default=ISSUER_PORT, help="issuer port of serve (%(default)s)")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="folder with the keys (%(default)s)")
    asked = parser.parse_args(arguments)
    scenarios = asked.provider.scenarios
    if asked.scenario is not None and asked.scenario not in scenarios:
        print(f"no scenario {asked.scenario}: expected one of {', '.join(scenarios)}", file=sys.stderr)
        return 2
    mint = Mint(asked.folder / "keys", base_url=f"https://localhost:{asked.issuer_port}")
    pairs = (each.partition("=") for each in asked.claim)
    claims = {name: claim_value(value) for name, _, value in pairs}
    token = mint.mint(
        asked.provider.name,
        audience=asked.audience or asked.provider.fixed_audience or AUDIENCE,
        scenario=asked.scenario,
        claims=claims,
        lifetime_seconds=asked.lifetime_seconds,
    )
    print(token)
    return 0
