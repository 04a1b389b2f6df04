"""Results of policy tests, for people, as JSON and as JUnit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import click

from token_exchange.core.decision import Award, Denied, Granted
from token_exchange.core.evaluate import Caller, Considered, awarded_reach
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Refused
from token_exchange.http.token import award_fields
from token_exchange.reporting.disclosure import requirement_text
from token_exchange_cli.cases.cases import LISTS, Case, ExpectedDenial, ExpectedLogin
from token_exchange_cli.console import Unusable
from token_exchange_cli.explain.callers import presented_claims
from token_exchange_cli.explain.explanation import explained
from token_exchange_cli.safe_text import ascii_json, escape_non_ascii
from token_exchange_cli.terminal import write_output


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a test: `found` has what the decision is, in the form of what was expected."""

    case: Case
    passed: bool
    found: Mapping[str, Json]

    @property
    def expected(self) -> Mapping[str, Json]:
        """What the test expects, as it is written."""
        return expected_fields(self.case)


def run_case(policy: Policy, case: Case, *, now: float) -> Result:
    """Return what came of `case`.

    Raises:
        Unusable: it names an issuer that the policy does not have.
    """
    try:
        presented = presented_claims(policy, case.claims, issuer=case.issuer, now=now)
    except click.UsageError as error:
        raise Unusable(f"{case.file}: {case.place}.issuer: {error.message}") from error
    explanation = explained(policy, presented, case.ask)
    outcome, expected = explanation.outcome, case.expected
    match outcome:
        case Granted():
            award = _award_of(outcome, expected)
            passed = isinstance(expected, ExpectedLogin) and _agrees(award, expected, explanation.caller)
            return Result(case=case, passed=passed, found=_found_login(outcome, award, expected))
        case Denied() | Refused():
            passed = isinstance(expected, ExpectedDenial) and expected.reason is outcome.reason
            return Result(case=case, passed=passed, found=_found_denial(outcome, explanation.nearest))
        case _:
            assert_never(outcome)


def expected_fields(case: Case) -> dict[str, Json]:
    """Return what `case` expects, as it is written."""
    match case.expected:
        case ExpectedLogin() as login:
            return dict(login.fields)
        case ExpectedDenial() as denial:
            return {"denied": denial.reason.value}
        case _:
            assert_never(case.expected)


def results_fields(results: Sequence[Result]) -> dict[str, Json]:
    """Return all results as the commands print them."""
    passed = sum(result.passed for result in results)
    return {
        "passed": passed,
        "failed": len(results) - passed,
        "cases": [
            {
                "name": result.case.name,
                "file": result.case.file,
                "passed": result.passed,
                "expected": dict(result.expected),
                "found": dict(result.found),
            }
            for result in results
        ],
    }


def spelled_fields(fields: Mapping[str, Json]) -> str:
    """Return what was expected or found, on one line."""
    return ", ".join(
        f"{name} {escape_non_ascii(value) if isinstance(value, str) else ascii_json(value)}"
        for name, value in fields.items()
    )


def _award_of(granted: Granted, expected: ExpectedLogin | ExpectedDenial) -> Award:
    """Return the login by the grant that is expected, or else the first."""
    name = expected.grant if isinstance(expected, ExpectedLogin) else None
    return next((award for award in granted.awards if award.grant.name == name), granted.awards[0])


def _login_fields(award: Award) -> dict[str, Json]:
    """Return the fields of a login that a test may expect; its registry is the policy's name for it."""
    fields = award_fields(award)
    return {**{name: value for name, value in fields.items() if name != "name"}, "registry": fields["name"]}


def _agrees(award: Award, expected: ExpectedLogin, caller: Caller | None) -> bool:
    """Say whether every field that is expected is found; lists in any order, as IAM reads them.

    Where the request has a scope, the repositories may be its own, or all that the grant gives.
    """
    found = _login_fields(award)
    forms = [found]
    if award.scope and caller is not None:
        whole = _login_fields(replace(award, reach=awarded_reach(award.grant, caller, ())))
        forms.append({**found, **{name: whole[name] for name in LISTS}})
    return any(
        all(_comparable(form[name]) == _comparable(value) for name, value in expected.fields.items()) for form in forms
    )


def _comparable(value: Json) -> Json:
    return sorted(value, key=ascii_json) if isinstance(value, list) else value


def _found_login(granted: Granted, award: Award, expected: ExpectedLogin | ExpectedDenial) -> dict[str, Json]:
    found = _login_fields(award)
    names = expected.fields.keys() if isinstance(expected, ExpectedLogin) else ("grant", "access", "repositories")
    others = [other.grant.name for other in granted.awards if other is not award]
    return {**{name: found[name] for name in names}, **({"others": [*others]} if others else {})}


def _found_denial(outcome: Denied | Refused, nearest: Considered | None) -> dict[str, Json]:
    description = outcome.description
    if nearest is not None:
        description = f"{description}: {nearest.grant.name!r} {requirement_text(nearest.failed[0])}"
    return {"denied": outcome.reason.value, "description": description}


def write_junit(path: str, results: Sequence[Result]) -> None:
    """Write `results` to the file at `path`, a suite for each file of tests.

    Raises:
        Unusable: it cannot be written.
    """
    root = Element("testsuites", _counts(results))
    for file in dict.fromkeys(result.case.file for result in results):
        of_file = [result for result in results if result.case.file == file]
        suite = SubElement(root, "testsuite", {"name": escape_non_ascii(file), **_counts(of_file)})
        for result in of_file:
            _add_case(suite, result)
    indent(root)
    write_output(path, tostring(root, encoding="utf-8", xml_declaration=True).decode())


def _counts(results: Iterable[Result]) -> dict[str, str]:
    passed = [result.passed for result in results]
    return {"tests": str(len(passed)), "failures": str(passed.count(False))}


def _add_case(suite: Element, result: Result) -> None:
    # XML cannot contain most control characters, so untrusted values are escaped as on a terminal.
    case = SubElement(
        suite, "testcase", {"classname": escape_non_ascii(result.case.file), "name": escape_non_ascii(result.case.name)}
    )
    if not result.passed:
        found = spelled_fields(result.found)
        failure = SubElement(case, "failure", {"message": f"found {found}"})
        failure.text = f"expected {spelled_fields(result.expected)}\nfound {found}"
