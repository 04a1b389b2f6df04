# ruff: noqa: INP001, T201 - a script, which prints for people
"""Stop a deployment whose policy does not load: `python deploy/check_policy.py functions/exchange/policy.yaml`."""

import sys
from pathlib import Path

from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import PolicyUnreadable


def main(path: Path) -> int:
    """Return 0 if the service would start with the policy at `path`; otherwise print the reasons and return 1."""
    try:
        document = PolicyFile(path).read()
        policy = load_policy(
            document.content, name=document.name, read_file=document.read_file, grant_files=document.grant_files
        )
    except (PolicyUnreadable, PolicyUnusable) as error:
        print(f"not deployed, because the policy does not load: {path}\n{error}", file=sys.stderr)
        return 1
    print(f"policy {policy.sha256[:12]} loads: {len(policy.grants)} {'grant' if len(policy.grants) == 1 else 'grants'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
