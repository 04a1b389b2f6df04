"""Results of policy tests as JUnit XML, which CI systems show beside a pipeline."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from token_exchange_cli.cases.results import Result, spelled_fields
from token_exchange_cli.statuses import Unusable
from token_exchange_cli.terminal import shown


def write_junit(path: str, results: Sequence[Result]) -> None:
    """Write `results` to the file at `path`, a suite for each file of tests.

    Raises:
        Unusable: it cannot be written.
    """
    root = Element("testsuites", _counts(results))
    for file in dict.fromkeys(result.case.file for result in results):
        of_file = [result for result in results if result.case.file == file]
        suite = SubElement(root, "testsuite", {"name": shown(file), **_counts(of_file)})
        for result in of_file:
            _add_case(suite, result)
    indent(root)
    try:
        with Path(path).open("wb") as output:
            ElementTree(root).write(output, encoding="utf-8", xml_declaration=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not the name of a file"
        raise Unusable(f"{shown(path)}: {reason.lower()}") from error


def _counts(results: Iterable[Result]) -> dict[str, str]:
    passed = [result.passed for result in results]
    return {"tests": str(len(passed)), "failures": str(passed.count(False))}


def _add_case(suite: Element, result: Result) -> None:
    # XML has no way to write most control characters, so what strangers chose is shown as on a terminal.
    case = SubElement(suite, "testcase", {"classname": shown(result.case.file), "name": shown(result.case.name)})
    if not result.passed:
        found = spelled_fields(result.found)
        failure = SubElement(case, "failure", {"message": f"found {found}"})
        failure.text = f"expected {spelled_fields(result.expected)}\nfound {found}"
