"""A role trusts only the service, and requires what each of its sessions carries."""

from pathlib import Path

import pytest

from tests.cli.roles.made import ACCOUNT, BROKER, made, printed, trusts
from tests.loading.documents import grant
from token_exchange.core.ports import Json

TRACED = {"sts__SourceIdentity": "x", "aws__RequestTag_of_issuer": "github", "aws__RequestTag_of_grant": "reader"}


def test_only_the_service_may_assume_the_role(tmp_path: Path) -> None:
    role = made(tmp_path, grant())
    assert trusts(role, **TRACED)
    for outsider in (f"{BROKER}2", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "*"):
        for action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"):
            assert not trusts(role, action, principal=outsider, **TRACED)
    assert not trusts(role, "sts:AssumeRoleWithWebIdentity", **TRACED)


@pytest.mark.parametrize("missing", list(TRACED))
def test_session_without_attribution_is_refused(tmp_path: Path, missing: str) -> None:
    role = made(tmp_path, grant())
    assert not trusts(role, **{key: value for key, value in TRACED.items() if key != missing})


@pytest.mark.parametrize(
    ("changes", "tags", "identity", "needed"),
    [
        ({}, True, True, TRACED),
        ({"session_tags": False}, False, True, {"sts__SourceIdentity": "x"}),
        ({"source_identity": False}, True, False, {key: TRACED[key] for key in TRACED if "Tag" in key}),
        ({"session_tags": False, "source_identity": False}, False, False, {}),
        (
            {"session_tags": {"team": "{organization}"}, "source_identity": "{actor}"},
            True,
            True,
            {"sts__SourceIdentity": "x", "aws__RequestTag_of_team": "y"},
        ),
    ],
)
def test_trust_has_the_actions_that_the_grants_need(
    tmp_path: Path, changes: dict[str, Json], needed: dict[str, str], *, tags: bool, identity: bool
) -> None:
    role = made(tmp_path, grant(**changes))
    assert trusts(role, "sts:TagSession") is tags
    assert trusts(role, "sts:SetSourceIdentity") is identity
    assert trusts(role, **needed)
    for missing in needed:
        assert not trusts(role, **{key: value for key, value in needed.items() if key != missing})


def test_attribution_common_to_all_grants_is_required(tmp_path: Path) -> None:
    role = made(tmp_path, grant(), grant(name="two", session_tags=False))
    assert trusts(role, sts__SourceIdentity="x")
    assert not trusts(role)
    assert trusts(role, "sts:TagSession")


def test_external_id_is_required(tmp_path: Path) -> None:
    role = made(tmp_path, grant(external_id="one"), grant(name="two", external_id="two"))
    for wanted in ("one", "two"):
        assert trusts(role, sts__ExternalId=wanted, **TRACED)
    assert not trusts(role, sts__ExternalId="three", **TRACED)
    assert not trusts(role, **TRACED)


def test_external_id_missing_on_one_grant_is_remarked(tmp_path: Path) -> None:
    grants = grant(external_id="one"), grant(name="two")
    assert trusts(made(tmp_path, *grants), **TRACED)
    assert "reader state an external_id, two do not" in printed(tmp_path, *grants).err
    assert "external_id" not in printed(tmp_path, grants[0]).err
