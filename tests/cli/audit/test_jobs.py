"""The address of a job: only of values that can be part of one, and of no provider whose form is not known."""

import pytest

from token_exchange_cli.audit.jobs import job_address

GITHUB = {
    "issuer_url": "https://token.actions.githubusercontent.com",
    "repository": "nordlicht/shop",
    "run_id": "17",
    "actor": None,
}
GITLAB = {"issuer_url": "https://gitlab.werft.example/", "repository": "werft/apps/shop", "run_id": "17"}


@pytest.mark.parametrize(
    ("provider", "values", "address"),
    [
        ("github-actions", GITHUB, "https://github.com/nordlicht/shop/actions/runs/17"),
        (
            "github-actions",
            {**GITHUB, "issuer_url": "https://github.nordlicht.example/_services/token"},
            "https://github.nordlicht.example/nordlicht/shop/actions/runs/17",
        ),
        ("gitlab", GITLAB, "https://gitlab.werft.example/werft/apps/shop/-/pipelines/17"),
        ("gitlab", {**GITLAB, "job_id": "5"}, "https://gitlab.werft.example/werft/apps/shop/-/jobs/5"),
        ("gitlab", {**GITLAB, "job_id": ""}, "https://gitlab.werft.example/werft/apps/shop/-/pipelines/17"),
    ],
)
def test_a_known_provider_has_an_address(provider: str, values: dict[str, str | None], address: str) -> None:
    assert job_address(provider, values) == address


@pytest.mark.parametrize(
    ("provider", "values"),
    [
        (None, GITHUB),
        ("generic", GITHUB),
        ("github-actions", {**GITHUB, "issuer_url": None}),
        ("github-actions", {**GITHUB, "issuer_url": "http://token.actions.githubusercontent.com"}),
        ("github-actions", {**GITHUB, "issuer_url": "https://evil.example\u202e/x"}),
        ("github-actions", {**GITHUB, "issuer_url": "https://a b/x"}),
        ("github-actions", {**GITHUB, "run_id": None}),
        ("github-actions", {**GITHUB, "repository": "nordlicht/../other"}),
        ("github-actions", {**GITHUB, "repository": "nordlicht/shop?x#"}),
        ("github-actions", {**GITHUB, "repository": "/shop"}),
        ("github-actions", {**GITHUB, "run_id": "17\n"}),
        ("gitlab", {**GITLAB, "run_id": None}),
        ("gitlab", {**GITLAB, "job_id": "%2e%2e"}),
    ],
)
def test_other_values_make_no_address(provider: str | None, values: dict[str, str | None]) -> None:
    assert job_address(provider, values) is None
