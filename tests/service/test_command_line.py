"""The service and the command line decide alike: the same tokens, the same policy, the same answer."""

from pathlib import Path

import pytest

from tests.cli.program import run
from tests.service.front import Front

SCENARIOS = ("push-main", "push-feature", "pull-request-target", "leaked-runner", "other-organization")
QUERIES: tuple[tuple[str, list[str]], ...] = (
    ("", []),
    ("registry=apps", ["--registry", "apps"]),
    ("registry=base&registry=apps", ["--registry", "base", "--registry", "apps"]),
    ("grant=release", ["--grant", "release"]),
    (
        "registry=apps&scope=repository:ci/acme/shop:pull",
        ["--registry", "apps", "--scope", "repository:ci/acme/shop:pull"],
    ),
)


@pytest.mark.parametrize(("query", "options"), QUERIES, ids=[query for query, _ in QUERIES])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_say_the_same(
    front: Front,
    environment: dict[str, str],
    tmp_path: Path,
    scenario: str,
    query: str,
    options: list[str],
) -> None:
    policy = environment["TOKEN_EXCHANGE_POLICY"].removeprefix("file:")
    token = front.token(scenario)
    path = tmp_path / "token.jwt"
    path.write_text(token)
    of_service = front.send(token, query, path="/v1/explain").fields
    of_program = run("policy", "explain", policy, "--token", path, *options, "--json").fields
    for name in ("decision", "reason", "registries"):
        assert of_program[name] == of_service[name]
    if "identity" in of_service:
        assert of_program["identity"] == of_service["identity"]
    # Whatever a caller is shown, the author is shown, too.
    shown, all_of_it = of_service.get("considered", []), of_program["considered"]
    assert isinstance(shown, list)
    assert isinstance(all_of_it, list)
    failed = {str(one["grant"]): one["failed"] for one in all_of_it if isinstance(one, dict)}
    assert all(isinstance(one, dict) and failed[str(one["grant"])] == one["failed"] for one in shown)
    assert run("token", "inspect", path, "--policy", policy, "--json").fields["verified"] is True
