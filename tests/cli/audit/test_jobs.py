"""The job of an audit line: an address of its values, or a sentence on what to look up."""

import json
import re
from collections.abc import Iterator

import pytest

from sandbox.providers.shape import sample_of
from tests.docs.pages import page
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.presets.catalog import provider_named
from token_exchange_cli.audit.jobs import job_of
from token_exchange_cli.audit.log import Row
from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.systems.job import Job

EXPECTED = {
    "aws-sts": Job(
        look_up="in CloudTrail of the account 777788889999, the event GetWebIdentityToken of this role just before; "
        "its session names the build: CodeBuild's are called AWSCodeBuild-ID"
    ),
    "azure-devops": Job(
        address="https://dev.azure.com/acme/4e8a17d3-9c05-42bf-a6e1-58f2d0b7c934/_build/results?buildId=4021"
    ),
    "bitbucket-pipelines": Job(
        address=(
            "https://bitbucket.org/acme/%7Bc2e7a415-9d30-4b8c-a1f6-68b4d7e05392%7D"
            "/pipelines/results/%7B18f5b6c9-e07a-4d24-93bb-f40a2c6d7e81%7D"
            "/steps/%7Bf3a9d072-6b5e-4c18-8d41-a7c2e90b5f36%7D"
        )
    ),
    "bitrise": Job(address="https://app.bitrise.io/app/62d8f1a4b07c93e5", look_up="the build with the number 204"),
    "buildkite": Job(address="https://buildkite.com/acme/shop-images/builds/318#019a64f1-72c0-7e3d-a5b8-0f96d1c4e72a"),
    "circleci": Job(address="https://app.circleci.com/pipelines/workflows/69f0d8b3-24ae-4715-bc90-e1a3725d8f4c"),
    "codefresh": Job(address="https://g.codefresh.io/build/68f00a1d3c5e7b9264d8f1a3"),
    "forgejo": Job(address="https://forgejo.acme.example/acme/shop/actions/runs/23"),
    "gitea": Job(address="https://gitea.acme.example/acme/shop/actions/runs/7120"),
    "github-actions": Job(address="https://github.acme.example/acme/shop/actions/runs/9100200300/job/31900200301"),
    "gitlab": Job(address="https://gitlab.acme.example/acme/payments/checkout/-/jobs/440021"),
    "google": Job(
        address="https://console.cloud.google.com/cloud-build/builds?project=acme-builds",
        look_up="the build of this service account at this time, in each region",
    ),
    "harness": Job(
        address=(
            "https://app.harness.io/ng/account/bX4tRk9wQe2LmZ7sVy1Nha/all/orgs/default/projects/shop"
            "/pipelines/shop_images/pipeline-studio"
        ),
        look_up="in its execution history, the execution at this time",
    ),
    "hcp-terraform": Job(address="https://app.terraform.io/app/acme/shop-prod/runs/run-Yb5Zc9GhTk2MwPq7"),
    "jenkins": Job(address="https://jenkins.acme.example/job/shop/job/main/41/"),
    "kubernetes": Job(
        look_up="in the cluster, the pod runner-9d4kz in the namespace shop-ci; if it is gone, search the cluster's "
        "audit log for its uid, which is the run: the runner that created the pod knows the job"
    ),
    "semaphore": Job(address="https://acme.semaphoreci.com/jobs/e46d82b1-5a90-4f37-83cb-90d1f7c5a2e6"),
    "spacelift": Job(address="https://acme.app.spacelift.io/stack/shop-images/run/01KB3XV8N2C6Z4L9P7D5F1S3A0"),
    "vela": Job(look_up="in Vela's web interface, the build 23 of acme/shop"),
}

EVERY_PROVIDER = pytest.mark.parametrize("provider", sorted(EXPECTED))


def row_of(provider: str, **changes: Json) -> Row:
    """Return the row of a job's line, with the claims of the system's sample; None leaves a claim out."""
    changed = {**sample_of(provider).job, **changes}
    claims: dict[str, Json] = {name: value for name, value in changed.items() if value is not None}
    issuer_url = str(claims["iss"])
    identity = identify(provider_named(provider).preset({}, issuer_url), claims).vocabulary
    return {"verified": True, "provider": provider, "issuer_url": issuer_url, "claims": json.dumps(claims), **identity}


def test_every_system_says_where_a_job_is() -> None:
    assert EXPECTED.keys() == SYSTEMS.keys()


def test_the_page_says_what_is_shown_of_each_system() -> None:
    rows = dict(page("docs/cli.md").table("`audit trace`"))
    titles = {SYSTEMS[provider].title: job for provider, job in EXPECTED.items()}
    assert [*rows] == sorted(titles, key=str.lower)
    exact = {title for title, shown in rows.items() if re.match(r"the (build|job|run|step|workflow)\b(?! of)", shown)}
    assert exact == {title for title, job in titles.items() if job.look_up is None}


@EVERY_PROVIDER
def test_a_job_of_the_sample_has_its_address(provider: str) -> None:
    assert job_of(row_of(provider)) == EXPECTED[provider]


RUN = "actions/runs/9100200300"


@pytest.mark.parametrize(
    ("provider", "changes", "address"),
    [
        ("github-actions", {"check_run_id": None}, f"https://github.acme.example/acme/shop/{RUN}"),
        ("github-actions", {"repository": "acme/.x"}, f"https://github.acme.example/acme/.x/{RUN}/job/31900200301"),
        (
            "github-actions",
            {"iss": "https://token.actions.githubusercontent.com"},
            f"https://github.com/acme/shop/{RUN}/job/31900200301",
        ),
        ("gitlab", {"iss": "https://a.example/git"}, "https://a.example/git/acme/payments/checkout/-/jobs/440021"),
        (
            "gitea",
            {"iss": "https://a.example/git/api/actions/oidc"},
            "https://a.example/git/acme/shop/actions/runs/7120",
        ),
        ("codefresh", {"platform_url": None}, "https://g.codefresh.io/build/68f00a1d3c5e7b9264d8f1a3"),
        (
            "jenkins",
            {"sub": "https://jenkins.acme.example/job/a/job/feature%252Fcart/"},
            "https://jenkins.acme.example/job/a/job/feature%252Fcart/41/",
        ),
    ],
)
def test_one_system_has_several_forms(provider: str, changes: dict[str, Json], address: str) -> None:
    assert job_of(row_of(provider, **changes)) == Job(address=address)


@pytest.mark.parametrize(
    ("issuer_url", "site"),
    [
        ("https://token.actions.githubusercontent.com/acme", "github.com"),
        ("https://token.actions.acme.ghe.com", "acme.ghe.com"),
        ("https://token.actions.acme.ghe.com/acme", "acme.ghe.com"),
    ],
)
def test_githubs_other_issuers_have_its_web_hosts(issuer_url: str, site: str) -> None:
    address = job_of({**row_of("github-actions"), "issuer_url": issuer_url}).address
    assert address == f"https://{site}/acme/shop/{RUN}/job/31900200301"


def test_a_test_of_a_spacelift_module_is_looked_up() -> None:
    found = job_of({**row_of("spacelift"), "event": "TESTING"})
    assert found == Job(
        address="https://acme.app.spacelift.io",
        look_up="in the tests of the module shop-images, the run 01KB3XV8N2C6Z4L9P7D5F1S3A0",
    )


NOT_VERIFIED = Job(look_up="nothing in a CI system, because anyone can write a token that is not verified")


@pytest.mark.parametrize("changes", [{"verified": False}, {"verified": None}, {"provider": None}, {"issuer_url": None}])
def test_an_unproven_token_has_no_job(changes: Row) -> None:
    assert job_of({**row_of("gitlab"), **changes}) == NOT_VERIFIED


def test_an_unknown_system_is_named_by_its_issuer() -> None:
    found = job_of({**row_of("gitlab"), "provider": "generic"})
    assert found == Job(look_up="the run at the issuer https://gitlab.acme.example, whose pages are not known")


@pytest.mark.parametrize(
    ("provider", "changes", "name"),
    [
        ("github-actions", {"run_id": None}, "run_id"),
        # a record cuts long values, and replaces tokens with their hashes
        ("github-actions", {"repository": "acme/shop…[12 more]"}, "repository"),
        ("github-actions", {"repository": f"sha256:{'0' * 64}"}, "repository"),
        ("forgejo", {"claims": None}, "run_number"),
        ("forgejo", {"claims": "[]"}, "run_number"),
        ("forgejo", {"claims": f'{{"run_number": {"9" * 5000}}}'}, "run_number"),
        ("forgejo", {"claims": "[" * 100_000 + "]" * 100_000}, "run_number"),
        ("forgejo", {"issuer_url": "https://forgejo.acme.example"}, "issuer_url"),
        ("kubernetes", {"claims": '{"kubernetes.io": {"pod": "p"}}'}, "name"),
        # the address of a job on another server is not this job's
        ("jenkins", {"pipeline": "https://evil.example/job/shop/"}, "pipeline"),
        ("jenkins", {"pipeline": "https://jenkins.acme.example@evil.example/job/shop/"}, "pipeline"),
        ("jenkins", {"pipeline": "https://jenkins.acme.example/job/%2e%2E/"}, "pipeline"),
        ("jenkins", {"pipeline": "the nightly job"}, "pipeline"),
        ("azure-devops", {"claims": json.dumps({"sub": "p://evil.example#/x/y"})}, "sub"),
        ("codefresh", {"claims": json.dumps({"platform_url": "https://evil.example/?x="})}, "platform_url"),
    ],
)
def test_what_is_missing_is_named(provider: str, changes: Row, name: str) -> None:
    found = job_of({**row_of(provider), **changes})
    title = SYSTEMS[provider].title
    assert found == Job(look_up=f"the run in {title}: {name}, which is part of its address, is not whole in this line")


HOSTILE: tuple[Json, ...] = (
    *("", ".", "..", "../..", "a/../b", "a//b", "/a", "a/", "%2e%2e", "a%2fb", "a?b=c", "a#b", "a&b", "a b", "a\\b"),
    *("@evil.example", "a@evil.example", "//evil.example", "https://evil.example/", "javascript:alert(1)"),
    *("a\nb", "17\n", "a\x1b[31m", "a\u202eb", "\u0430cme", "ü", "a'b", 'a"b', "<b>", "{x}", "${x}", "$(x)", "a;b"),
    *("x" * 300, "…[12 more]", "\ud800"),
    *(True, False, None, 1.5, -1, [], {}),
)
"""No plain name: what ends a part of an address, starts another one, or is another thing to a browser or a shell."""


def replaced(value: Json, new: Json) -> Iterator[Json]:
    """Yield `value` with `new` in each of its places in turn."""
    yield new
    if isinstance(value, dict):
        for name, inner in value.items():
            for changed in replaced(inner, new):
                yield {**value, name: changed}


PLAIN = re.compile(
    r"https://[a-z0-9.:-]+(?:/[A-Za-z0-9._~%-]+)*/?(?:\?[a-zA-Z]+=[A-Za-z0-9._-]+)?(?:#[A-Za-z0-9._-]+)?"
)


@EVERY_PROVIDER
def test_no_hostile_value_leads_elsewhere(provider: str) -> None:
    row, claims = row_of(provider), {**sample_of(provider).job}
    origin = (EXPECTED[provider].address or "").split("/")[:3]
    names = row.keys() - {"verified", "provider", "issuer_url", "claims"}
    rows = [{**row, name: new} for name in names for new in HOSTILE]
    rows += [{**row, "claims": json.dumps(each)} for new in HOSTILE for each in replaced(claims, new)]
    for changed in rows:
        address = job_of(changed).address
        if address is not None:
            assert PLAIN.fullmatch(address), changed
            assert address.split("/")[:3] == origin, changed
            assert not {".", "..", ""} & {*address.removesuffix("/").split("/")[3:]}, changed


@pytest.mark.parametrize(
    "issuer_url",
    [
        *("http://gitlab.acme.example", "https://evil.example@gitlab.acme.example", "https://evil.example\u202e/x"),
        *(
            "https://a b/x",
            "https://gitlab.acme.example/..",
            "https://gitlab.acme.example/?x",
            "javascript:alert(1)",
            "",
        ),
    ],
)
def test_a_server_is_only_a_plain_https_url(issuer_url: str) -> None:
    for provider in ("github-actions", "gitlab", "hcp-terraform", "semaphore", "spacelift"):
        assert job_of({**row_of(provider), "issuer_url": issuer_url}).address is None
