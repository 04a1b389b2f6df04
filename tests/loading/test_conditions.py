import pytest

from tests.loading.documents import Document, changed, document, faults, load, problems_of
from token_exchange.core.ports import Json
from token_exchange.loading.problems import Code


def conditions(section: str, found: Json, *issuers: str) -> Document:
    whole = changed(document(), "grants[0].issuers", list(issuers) or ["github"])
    return changed(whole, f"grants[0].{section}", found)


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        # unquoted types
        (".branch", True, "wrong-type"),
        (".branch", 7, "wrong-type"),
        (".repository_id", 7, "wrong-type"),
        (".repository_id", ["1", 7], "wrong-type"),
        (".ref_protected", "true", "wrong-type"),
        (".ref_protected", {"like": "t*"}, "wrong-type"),
        # a plain value is no pattern
        (".branch", "*", "bad-value"),
        (".branch", ["main", "release/*"], "bad-value"),
        (".branch", {"not": "release/*"}, "bad-value"),
        # nothing at all
        (".branch", None, "empty"),
        (".branch", "", "empty"),
        (".branch", [], "empty"),
        (".branch", {}, "empty"),
        (".branch", {"like": []}, "empty"),
        (".branch", {"like": ""}, "empty"),
        (".branch", {"not": ["x", ""]}, "empty"),
        (".branch", [None], "wrong-type"),
        (".branch", [["main"]], "wrong-type"),
        (".branch", [{"like": "x"}], "wrong-type"),
        # operators
        (".branch", {"like": 7}, "wrong-type"),
        (".branch", {"like": None}, "wrong-type"),
        (".branch", {"like": {"a": "b"}}, "wrong-type"),
        (".branch", {"not": None}, "wrong-type"),
        (".branch", {"exists": "true"}, "wrong-type"),
        (".branch", {"exists": 1}, "wrong-type"),
        (".branch", {"exists": None}, "wrong-type"),
        (".branch", {"matches": "x"}, "conflict"),
        (".branch", {"like": "x", "equals": "x"}, "conflict"),
        # names
        (".Branch", "main", "unknown-name"),
        (".repository_owner", "x", "unknown-name"),
        (".pipeline", "x", "unknown-name"),
        (".pipeline", {"exists": False}, "unknown-name"),
    ],
)
def test_conditions_on_the_vocabulary(path: str, value: Json, code: Code) -> None:
    problems = faults(conditions("match", {path[1:]: value}))
    assert [what for _, what in problems] == [code]
    assert problems[0][0].startswith(f"grants[0].match{path}")


@pytest.mark.parametrize(
    ("claims", "path", "code"),
    [
        # GitHub sends text and nothing else
        ({"run_number": 12}, ".run_number", "wrong-type"),
        ({"ref_protected": True}, ".ref_protected", "wrong-type"),
        ({"repo_property_tier": 1}, ".repo_property_tier", "wrong-type"),
        ({"repository": {"name": "x"}}, ".repository", "wrong-type"),
        ({"exp": "1"}, ".exp", "wrong-type"),
        ({"sub": 1}, ".sub", "wrong-type"),
        ({"run_id": {"like": 7}}, ".run_id.like", "wrong-type"),
        ({"head_ref": {"exists": "no"}}, ".head_ref.exists", "wrong-type"),
        # operators and names do not mix
        ({"a": {"like": "x", "b": "y"}}, ".a.b", "conflict"),
        # a claim can be sent empty, but a glob says more
        ({"a": {"like": ""}}, ".a.like", "empty"),
        ({"a": {}}, ".a", "empty"),
        ({}, "", "empty"),
        ([], "", "wrong-type"),
        ("x", "", "wrong-type"),
    ],
)
def test_conditions_on_githubs_claims(claims: Json, path: str, code: Code) -> None:
    assert faults(conditions("claims", claims)) == [(f"grants[0].claims{path}", code)]


@pytest.mark.parametrize(
    ("claims", "path"),
    [
        ({"runner_id": "42"}, ".runner_id"),
        ({"project_id": 7}, ".project_id"),
        ({"job_config": "x"}, ".job_config"),
        ({"groups_direct": {"x": "y"}}, ".groups_direct"),
        ({"runner_id": {"x": "y"}}, ".runner_id"),
    ],
)
def test_conditions_on_gitlabs_claims(claims: Json, path: str) -> None:
    assert faults(conditions("claims", claims, "gitlab")) == [(f"grants[0].claims{path}", "wrong-type")]


def test_a_condition_of_its_claims_type_is_taken() -> None:
    load(conditions("claims", {"runner_id": 42, "groups_direct": "werft", "job_config": {"url": "x"}}, "gitlab"))
    load(conditions("claims", {"job_config": {"exists": True}, "aud": "x", "new_claim": {"a": {"b": 1}}}, "gitlab"))
    load(conditions("claims", {"head_ref": "", "base_ref": ["", "main"], "new_claim": {"not": ""}}))
    load(conditions("claims", {"run_number": "12", "exp": 7, "repo_property_tier": {"like": "*"}}))
    load(conditions("claims", {"a": True, "b": 1.5, "c": [1, "x", False], "d": {"e/f:g.h": {"not": 1}}}, "own"))


@pytest.mark.parametrize(
    ("section", "found", "path"),
    [
        ("match", {"repository_id": "1"}, ".repository_id"),
        ("match", {"repository_id": {"not": "1"}}, ".repository_id"),
        ("match", {"organization_id": "1"}, ".organization_id"),
        ("match", {"actor_id": "1"}, ".actor_id"),
        # the same id by the name that one of the issuers has for it
        ("claims", {"repository_owner_id": "1"}, ".repository_owner_id"),
        ("claims", {"project_id": "1"}, ".project_id"),
    ],
)
def test_an_id_is_of_one_issuer(section: str, found: Json, path: str) -> None:
    problems = faults(conditions(section, found, "github", "gitlab"))
    assert problems == [(f"grants[0].{section}{path}", "conflict")]


def test_names_need_not_be_of_one_issuer() -> None:
    load(
        conditions("match", {"branch": "main", "repository": ["nordlicht/kompass", "werft/jolle"]}, "github", "gitlab")
    )
    assert faults(conditions("match", {"workflow": "x"}, "github", "gitlab")) == [
        ("grants[0].match.workflow", "unknown-name")
    ]


def test_messages_say_what_to_write() -> None:
    (star,) = problems_of(conditions("match", {"branch": "release/*"}))
    assert star.message == "a plain value is compared exactly; for a pattern write {like: 'release/*'}"
    (number,) = problems_of(conditions("match", {"repository_id": 7}))
    assert number.message == "the claim is a string, found the number 7; quote it: '7'"
    (flag,) = problems_of(conditions("match", {"branch": True}))
    assert flag.message == "the claim is a string, found true; quote it: 'true'"
    (nested,) = problems_of(conditions("claims", {"repository": {"lik": "x"}}))
    assert nested.message == "the claim is a string; expected a value or operators (exists, like, not, not_like)"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("main", ["main"]),
        (["main", "dev"], ["main", "dev"]),
        ({"like": "v*"}, {"like": ["v*"]}),
        ({"not": ["a", "b"], "exists": True}, {"not": ["a", "b"], "exists": True}),
    ],
)
def test_the_expected_value_is_kept_as_written(found: Json, expected: Json) -> None:
    (condition,) = load(conditions("match", {"branch": found})).grants[0].conditions
    assert condition.expected == expected


@pytest.mark.parametrize(
    ("scalar", "advice"),
    [
        ("yes", "looks like a boolean; quote it: 'yes'"),
        ("2027-06-30", "looks like a date; quote it: '2027-06-30'"),
        ("22:30", "looks like a number; quote it: '22:30'"),
    ],
)
def test_unquoted_values_in_yaml(scalar: str, advice: str) -> None:
    text = f"""
version: 1
issuers: {{github: {{provider: github-actions, audience: a, organizations: [{{name: nordlicht}}]}}}}
registries: {{apps: {{type: ecr, account: "210987654321", region: eu-central-1}}}}
grants:
  - {{name: g, issuers: [github], registry: apps, role: "arn:aws:iam::210987654321:role/x", access: pull,
     repositories: [a], match: {{branch: [main, {scalar}], tag: {{like: {scalar}}}}}}}
"""
    first, second = problems_of(text.encode())
    assert str(first) == f"grants[0].match.branch[1]: {advice}"
    assert str(second) == f"grants[0].match.tag.like: {advice}"


def test_a_glob_is_text_also_where_the_claim_may_be_anything() -> None:
    assert faults(conditions("claims", {"a": {"like": 7, "not_like": [True, "x"]}}, "own")) == [
        ("grants[0].claims.a.like", "wrong-type"),
        ("grants[0].claims.a.not_like", "wrong-type"),
    ]


@pytest.mark.parametrize("operator", ["like", "not_like"])
@pytest.mark.parametrize("unit", ["a", "*a", "?"])
def test_a_glob_is_at_most_as_long_as_its_limit(operator: str, unit: str) -> None:
    glob = unit * (1024 // len(unit))
    load(conditions("match", {"branch": {operator: glob}}))
    problems = problems_of(conditions("match", {"branch": {operator: ["v1", f"{glob}a"]}}))
    assert [str(problem) for problem in problems] == [
        f"grants[0].match.branch.{operator}: expected a glob of at most 1024 characters, found 1025"
    ]


def test_a_value_without_a_glob_may_be_longer() -> None:
    assert load(conditions("match", {"branch": "a" * 2000})).grants
