"""`audit unused`: the parts of a policy that a log did not use, and only these."""

import gzip
import json
from pathlib import Path

from tests.cli.audit.conftest import Written
from tests.cli.program import run, write_json
from token_exchange.core.ports import Json


def test_unused_parts_are_listed(month: Written) -> None:
    done = run("audit", "unused", month.policy, month.logs, "--json")
    assert done.status == 0
    fields = {name: value for name, value in done.fields.items() if name not in ("since", "until", "read")}
    assert fields == {
        "grants": ["old-archive"],
        "deny": ["retired-group"],
        "registries": ["archive"],
        "roles": ["arn:aws:iam::111122223333:role/ci-ecr-archive"],
        "issuers": ["buildkite"],
        "organizations": ["github: acme-labs", "buildkite: acme"],
        "values": ["shared-tools: event workflow_dispatch"],
        "in_report_mode": {},
    }
    assert str(done.fields["since"]).startswith("2026-10-01T")


def test_repositories_are_known_from_cloudtrail(month: Written) -> None:
    done = run("audit", "unused", month.policy, month.logs, "--trail", month.trail, "--exit-code")
    assert done.status == 1
    patterns = [row.partition("pattern ")[2] for row in done.out.splitlines() if row.startswith("repository pattern")]
    assert patterns == ["shared-tools: shared/tools/*", "own-images: base/*"]


def test_a_policy_that_is_all_used_has_none(month: Written, tmp_path: Path) -> None:
    policy = json.loads(month.policy.read_text())
    policy["grants"] = [grant for grant in policy["grants"] if grant["name"] != "old-archive"]
    policy["grants"][0]["match"]["event"] = "push"
    policy["deny"] = policy["deny"][:1]
    policy["issuers"]["github"]["organizations"] = policy["issuers"]["github"]["organizations"][:1]
    del policy["issuers"]["buildkite"], policy["registries"]["archive"]
    done = run("audit", "unused", write_json(tmp_path / "policy.json", policy), month.logs, "--exit-code")
    assert (done.status, done.out.count("\n")) == (0, 1)
    assert done.out.endswith(": 0\n")


def test_grants_of_another_policy_are_remarked(month: Written, tmp_path: Path) -> None:
    policy = json.loads(month.policy.read_text())
    policy["grants"][1]["name"] = "renamed"
    done = run("audit", "unused", write_json(tmp_path / "policy.json", policy), month.logs)
    assert "grant renamed\n" in done.out
    assert "remark: grants in the log that this policy does not have: own-images\n" in done.err


def _lines(month: Written) -> list[bytes]:
    texts = b"".join(gzip.decompress(path.read_bytes()) for path in sorted(month.logs.rglob("*.gz"))).splitlines()
    return [text[25:] for text in texts if b'"record":"audit"' in text]


def test_a_grant_whose_logins_failed_is_not_unused(month: Written, tmp_path: Path) -> None:
    lines = [json.loads(text) for text in _lines(month)]
    for line in lines:
        for login in line.get("grants") or []:
            if login["grant"] == "shared-tools":
                line |= {"decision": "failed", "reason": "role-refused", "status": 502}
                login |= {"reason": "role-refused"}
    log = tmp_path / "log"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert run("audit", "unused", month.policy, log, "--json").fields["grants"] == ["old-archive"]


def test_lines_without_their_logins_are_said(month: Written, tmp_path: Path) -> None:
    lines = [json.loads(text) for text in _lines(month)]
    log = tmp_path / "log"
    log.write_text("".join(f"{json.dumps({**line, 'grants': None})}\n" for line in lines))
    done = run("audit", "unused", month.policy, log)
    assert "grant own-images\n" in done.out
    assert (
        "remark: 555 lines granted, but without the login: included in sums of exchanges, but not of grants\n"
        in done.err
    )


def _in_report_mode(month: Written, tmp_path: Path, would: list[Json]) -> tuple[Path, Path]:
    """Return a policy with `old-archive` in report mode, and a log one of whose lines has `would`."""
    policy = json.loads(month.policy.read_text())
    policy["grants"][-1]["mode"] = "report"
    log = tmp_path / "log"
    lines = [json.loads(text) for text in _lines(month)[:60]]
    lines[7]["would"] = would
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"record":"audit","would":[{]}\n')
    return write_json(tmp_path / "policy.json", policy), log


def test_a_grant_in_report_mode_is_not_unused(month: Written, tmp_path: Path) -> None:
    would: list[Json] = [7, {"grant": "old-archive", "registry": "archive"}]
    policy, log = _in_report_mode(month, tmp_path, would)
    fields = run("audit", "unused", policy, log, "--json").fields
    assert fields["in_report_mode"] == {"old-archive": True}
    for kind in ("grants", "registries", "roles"):
        assert "archive" not in json.dumps(fields[kind])
    done = run("audit", "unused", policy, log)
    assert (
        "remark: old-archive: in report mode, so it cannot be used; it would have granted exchanges in this period\n"
        in done.err
    )


def test_a_grant_in_report_mode_may_have_no_callers(month: Written, tmp_path: Path) -> None:
    policy, log = _in_report_mode(month, tmp_path, [{"grant": "another"}])
    fields = run("audit", "unused", policy, log, "--json").fields
    assert fields["in_report_mode"] == {"old-archive": False}
    assert (fields["grants"], fields["registries"]) == ([], ["archive"])
    assert "it would have granted nothing in this period" in run("audit", "unused", policy, log).err


def test_all_grants_of_an_issuer_in_report_mode_are_in_it(month: Written, tmp_path: Path) -> None:
    policy = json.loads(month.policy.read_text())
    policy["issuers"]["gitlab"]["mode"] = "report"
    done = run("audit", "unused", write_json(tmp_path / "policy.json", policy), month.logs, "--json")
    assert done.fields["in_report_mode"] == {"gitlab-images": False}
