import pytest

from token_exchange.adapters.settings import AppConfigPlace, FilePlace, PolicyPlace, S3Place, parse_policy_place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("file:policy.yaml", FilePlace(path="policy.yaml")),
        ("file:/opt/policy", FilePlace(path="/opt/policy")),
        # A path may hold anything, another form's beginning too.
        ("file:s3://b/k", FilePlace(path="s3://b/k")),
        ("s3://acme-policies/policy.yaml", S3Place(bucket="acme-policies", key="policy.yaml")),
        ("s3://acme.policies/a/b c/policy.json", S3Place(bucket="acme.policies", key="a/b c/policy.json")),
        ("s3://abc/é", S3Place(bucket="abc", key="é")),
        (
            "appconfig:exchange/live/policy",
            AppConfigPlace(application="exchange", environment="live", profile="policy"),
        ),
        (
            "appconfig:a1b2c3d/e4f5a6b/My Policy",
            AppConfigPlace(application="a1b2c3d", environment="e4f5a6b", profile="My Policy"),
        ),
    ],
)
def test_each_form_is_taken_apart(text: str, place: PolicyPlace) -> None:
    assert parse_policy_place(text) == place
    if not isinstance(place, FilePlace):
        assert str(place) == text


@pytest.mark.parametrize(
    "text",
    [
        # no form, another form, another spelling
        "",
        "policy.yaml",
        "file:",
        "FILE:policy.yaml",
        "https://acme.example/policy.yaml",
        # buckets that cannot be
        "s3:acme-policies/policy.yaml",
        "s3:///policy.yaml",
        "s3://ab/policy.yaml",
        "s3://Acme/policy.yaml",
        "s3://acme_policies/policy.yaml",
        "s3://-acme/policy.yaml",
        f"s3://{'a' * 64}/policy.yaml",
        "s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/p/policy.yaml",
        # no object: a bucket, what consoles show as a folder, what is too long or not printable
        "s3://acme-policies",
        "s3://acme-policies/",
        "s3://acme-policies/policies/",
        f"s3://acme-policies/{'é' * 513}",
        "s3://acme-policies/policy.yaml\n",
        # not three names
        "appconfig:",
        "appconfig:exchange/live",
        "appconfig:exchange/live/policy/1",
        "appconfig:exchange//policy",
        "appconfig://exchange/live/policy",
        "appconfig:exchange/live/policy\n",
        f"appconfig:exchange/live/{'p' * 129}",
    ],
)
def test_anything_else_names_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="expected file:PATH, s3://BUCKET/KEY or appconfig:"):
        parse_policy_place(text)
