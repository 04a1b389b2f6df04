import pytest

from tests.core.decisions import terms
from tests.loading.documents import Document, changed, document, faults, grant, load, without
from token_exchange.core.policy import Also, Grant
from token_exchange.core.ports import Json
from token_exchange.loading.problems import Code

SIGNER = "arn:aws:signer:eu-central-1:210987654321:/signing-profiles/ship_1"


def read(**changes: Json) -> Grant:
    return load(document(grant(**changes))).grants[0]


def test_defaults_of_omitted_keys() -> None:
    found = read()
    assert terms(found).duration_seconds == 3600
    assert terms(found).also == Also()
    assert (terms(found).session_tags, terms(found).source_identity) == (True, True)
    assert (found.mode, found.allow_untrusted_triggers, found.single_use) == ("enforce", False, False)
    assert (found.expires_at_seconds, terms(found).external_id, found.contact) == (None, None, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("assume", "broker"),
        ("single_use", True),
        ("single_use", False),
        ("duration", "1m"),
        ("duration", "12h"),
        ("external_id", "a-1:/@=,.+_"),
        ("session_tags", False),
        ("session_tags", {"team/name": "{repository}", "static": "x", "Owner": "{actor}-{ref_protected}"}),
        ("source_identity", False),
        ("source_identity", "{actor}"),
        ("mode", "report"),
        ("contact", "#help, or x@nordlicht.example"),
        ("role", "arn:aws:iam::210987654321:role/path/to/ci-push"),
        ("role", "arn:aws:iam::999999999999:role/a+b=c,d.e@f-g_h"),
        ("also", ["list", "import", {"sign": SIGNER}]),
        ("also_pull", ["base/*", "ci/{repository}"]),
        ("allow_untrusted_triggers", True),
    ],
)
def test_good_values(key: str, value: Json) -> None:
    read(**{key: value})


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        # name
        ("name", 7, "wrong-type"),
        ("name", "", "empty"),
        ("name", "a b", "bad-value"),
        ("name", "a/b", "bad-value"),
        ("name", "x" * 129, "bad-value"),
        # issuers
        ("issuers", [], "empty"),
        ("issuers", "github", "wrong-type"),
        ("issuers", ["nobody"], "unknown-name"),
        ("issuers", ["github", "github"], "duplicate-name"),
        ("issuers", ["github", 7], "wrong-type"),
        # conditions
        ("match", {}, "empty"),
        ("match", [], "wrong-type"),
        ("claims", {}, "empty"),
        # registry
        ("registry", "nowhere", "unknown-name"),
        ("registry", ["apps"], "wrong-type"),
        # role
        ("role", "ci-push", "bad-value"),
        ("role", "arn:aws:iam::210987654321:user/x", "bad-value"),
        ("role", "arn:aws:iam::21098765432:role/x", "bad-value"),
        ("role", "arn:aws:iam::210987654321:role/", "bad-value"),
        ("role", "arn:aws:iam::210987654321:role/x y", "bad-value"),
        ("role", "arn:aws:iam::210987654321:role/*", "bad-value"),
        ("role", "arn:aws:iam::210987654321:role/é", "bad-value"),
        ("role", "arn:aws:sts::210987654321:assumed-role/x/y", "bad-value"),
        ("role", f"arn:aws:iam::210987654321:role/{'x' * 65}", "bad-value"),
        ("role", "arn:aws-cn:iam::210987654321:role/x", "conflict"),
        # assume and single_use
        ("assume", "both", "bad-value"),
        ("single_use", "true", "wrong-type"),
        # access
        ("access", "write", "bad-value"),
        ("access", "Pull", "bad-value"),
        ("access", ["pull"], "wrong-type"),
        # repositories
        ("repositories", [], "empty"),
        ("repositories", "base/*", "wrong-type"),
        ("repositories", ["Base/*"], "bad-value"),
        ("repositories", ["base/?"], "bad-value"),
        ("repositories", ["base/${x}"], "bad-value"),
        ("repositories", ["a", "a"], "duplicate-name"),
        ("repositories", ["{nobody}"], "bad-value"),
        ("repositories", ["{pipeline}"], "unknown-name"),
        ("also_pull", [], "empty"),
        ("also_pull", ["{pipeline_id}"], "unknown-name"),
        # also
        ("also", [], "empty"),
        ("also", "list", "wrong-type"),
        ("also", {"sign": SIGNER}, "wrong-type"),
        ("also", ["list", "list"], "bad-value"),
        ("also", ["delete"], "bad-value"),
        ("also", ["sign"], "bad-value"),
        ("also", [{"sign": "x"}], "bad-value"),
        ("also", [{"sign": 7}], "bad-value"),
        ("also", [{"sign": SIGNER, "list": True}], "bad-value"),
        ("also", [{"sign": SIGNER}, {"sign": SIGNER}], "bad-value"),
        ("also", [None], "bad-value"),
        # duration
        ("duration", "59s", "bad-value"),
        ("duration", "13h", "bad-value"),
        ("duration", 30, "wrong-type"),
        ("duration", "half an hour", "bad-value"),
        # session
        ("external_id", "x", "bad-value"),
        ("external_id", "a b", "bad-value"),
        ("external_id", "x" * 1225, "bad-value"),
        ("session_tags", {}, "empty"),
        ("session_tags", "x", "wrong-type"),
        ("session_tags", ["x"], "wrong-type"),
        ("source_identity", "{nobody}", "bad-value"),
        ("source_identity", "", "empty"),
        ("source_identity", 7, "wrong-type"),
        ("source_identity", "{pipeline}", "unknown-name"),
        # the rest
        ("allow_untrusted_triggers", "true", "wrong-type"),
        ("mode", "dry-run", "bad-value"),
        ("expires", "soon", "bad-value"),
        ("contact", "a\nb", "bad-value"),
        ("contact", "x" * 257, "too-long"),
        ("contact", "", "empty"),
        ("repository", "x", "unknown-key"),
        ("organizations", ["x"], "unknown-key"),
        ("deny", True, "unknown-key"),
    ],
)
def test_one_fault_and_nothing_that_only_follows_from_it(key: str, value: Json, code: Code) -> None:
    problems = faults(changed(document(), f"grants[0].{key}", value))
    assert [(where.removeprefix(f"grants[0].{key}").split("[")[0], what) for where, what in problems] == [("", code)]


@pytest.mark.parametrize("key", ["name", "issuers", "registry", "role", "access", "repositories"])
def test_missing_keys_of_a_grant_are_errors(key: str) -> None:
    assert faults(without(document(), f"grants[0].{key}")) == [(f"grants[0].{key}", "missing")]


def test_every_key_may_be_empty_never() -> None:
    for key in grant(**dict.fromkeys(["match", "duration", "also", "contact", "expires", "mode", "session_tags"], "x")):
        assert faults(changed(document(), f"grants[0].{key}", None)) == [(f"grants[0].{key}", "empty")]


def test_a_repeated_name_is_reported_even_of_broken_grants() -> None:
    broken = grant(role="x")
    assert faults(document(broken, broken)) == [
        ("grants[0].role", "bad-value"),
        ("grants[1].name", "duplicate-name"),
        ("grants[1].role", "bad-value"),
    ]
    nameless = grant(name=None)
    assert faults(document(nameless, nameless)) == [("grants[0].name", "missing"), ("grants[1].name", "missing")]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2027-01-15", 1_800_057_600),
        ("1970-01-01", 86_400),
        ("2028-02-29", 1_835_481_600),
        ("0001-01-01", -62_135_510_400),
        ("9999-12-31", 253_402_300_800),
    ],
)
def test_the_last_day_counts_to_its_end(text: str, seconds: int) -> None:
    found = read(expires=text)
    assert found.expires_at_seconds == seconds
    assert found.expires == text


@pytest.mark.parametrize(
    "value",
    [
        "2027-13-01",
        "2027-02-29",
        "2027-6-30",
        "20270630",
        "2027-W26-3",
        "2027-181",
        "30.06.2027",
        "2027-06-30T00:00",
        "٢٠٢٧-06-30",
        "2027-06-3\n",
        20270630,
        True,
        [],
        {"date": "x"},
    ],
)
def test_a_value_that_is_not_a_date_is_refused(value: Json) -> None:
    assert faults(document(grant(expires=value))) == [("grants[0].expires", "bad-value")]


@pytest.mark.parametrize(
    ("written", "loads"),
    [
        ("2027-06-30", True),
        ("'2027-06-30'", True),
        ("2027-6-30", False),
        ("2027-06-30 10:00:00", False),
        ("20270630", False),
    ],
)
def test_a_date_may_be_plain(written: str, loads: bool) -> None:  # noqa: FBT001 - a table's column
    text = f"""
version: 1
issuers: {{github: {{provider: github-actions, audience: a, organizations: [{{name: nordlicht}}]}}}}
registries: {{apps: {{type: ecr, account: "210987654321", region: eu-central-1}}}}
grants:
  - {{name: g, issuers: [github], registry: apps, role: "arn:aws:iam::210987654321:role/x", access: pull,
     repositories: [a], expires: {written}}}
""".encode()
    if loads:
        assert load(text).grants[0].expires == "2027-06-30"
    else:
        assert faults(text) == [("grants[0].expires", "bad-value")]


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({"match": {"branch": "main", "repository": "a/b", "actor_id": "7"}}, {1, 2}),
        ({"match": {"organization": "a", "event": "push"}}, {0}),
        ({"claims": {"repository_owner": "a", "sub": "x", "run_number": "1"}}, {0, 1}),
        ({"claims": {"project": "a", "git": {"branch": "main"}}, "issuers": ["own"]}, {0}),
        ({"match": {"branch": "main"}, "claims": {"project_path": "a"}, "issuers": ["gitlab"]}, {1}),
        ({}, set()),
    ],
)
def test_conditions_that_identify_the_owner_of_a_grant(changes: Document, who: set[int]) -> None:
    assert read(**changes).identifying == who
