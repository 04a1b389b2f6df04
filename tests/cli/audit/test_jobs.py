"""The address of a job: made only of safe values, and only for providers whose form is known."""

import pytest

from token_exchange_cli.audit.jobs import job_address

GITHUB = {
    "issuer_url": "https://token.actions.githubusercontent.com",
    "repository": "nordlicht/shop",
    "run_id": "17",
    "actor": None,
}
SPACELIFT = {
    "issuer_url": "https://nordlicht.app.spacelift.io",
    "pipeline_id": "images",
    "event": "TRACKED",
    "run_id": "01JD",
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
        (
            "buildkite",
            {
                "issuer_url": "https://agent.buildkite.com",
                "organization": "nordlicht",
                "pipeline": "images",
                "run_id": "17",
                "job_id": "019a",
            },
            "https://buildkite.com/nordlicht/images/builds/17#019a",
        ),
        (
            "hcp-terraform",
            {
                "issuer_url": "https://app.terraform.io",
                "organization": "nordlicht",
                "pipeline": "images",
                "run_id": "run-17",
            },
            "https://app.terraform.io/app/nordlicht/images/runs/run-17",
        ),
        ("spacelift", SPACELIFT, "https://nordlicht.app.spacelift.io/stack/images/run/01JD"),
        (
            "semaphore",
            {"issuer_url": "https://nordlicht.semaphoreci.com", "job_id": "c2d20510"},
            "https://nordlicht.semaphoreci.com/jobs/c2d20510",
        ),
        # what a name contains does not end it
        (
            "github-actions",
            {**GITHUB, "repository": "nordlicht/shop?x#ü y%2e"},
            "https://github.com/nordlicht/shop%3Fx%23%C3%BC%20y%252e/actions/runs/17",
        ),
        (
            "gitlab",
            {**GITLAB, "job_id": "%2e%2e"},
            "https://gitlab.werft.example/werft/apps/shop/-/jobs/%252e%252e",
        ),
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
        ("github-actions", {**GITHUB, "issuer_url": "https://evil.example@token.example/x"}),
        ("github-actions", {**GITHUB, "repository": "nordlicht/shop…[12 more]"}),
        ("github-actions", {**GITHUB, "repository": "nordlicht//shop"}),
        ("github-actions", {**GITHUB, "repository": "."}),
        ("buildkite", GITHUB),
        ("spacelift", {**SPACELIFT, "event": "TESTING"}),
        # its tokens have no number of a build that its addresses have
        ("bitbucket-pipelines", GITHUB),
        ("github-actions", {**GITHUB, "repository": "/shop"}),
        ("github-actions", {**GITHUB, "run_id": "17\n"}),
        ("gitlab", {**GITLAB, "run_id": None}),
    ],
)
def test_other_values_make_no_address(provider: str | None, values: dict[str, str | None]) -> None:
    assert job_address(provider, values) is None
