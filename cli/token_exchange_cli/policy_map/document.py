"""The page: the picture, then every grant under its registry and role, then what the grants do not show."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element

from token_exchange.core.conditions import Condition
from token_exchange.core.policy import Grant, Policy
from token_exchange.core.vocabulary import spelled
from token_exchange.loading.fields import spelled_duration
from token_exchange_cli.pages.elements import Node, element
from token_exchange_cli.pages.page import asset, page
from token_exchange_cli.pages.tables import filterable
from token_exchange_cli.policy_map.drawing import drawing
from token_exchange_cli.policy_map.flow import lay_out
from token_exchange_cli.policy_map.ways import Way, links_of, ways_of
from token_exchange_cli.reachable import GrantPaths
from token_exchange_cli.safe_text import ascii_json, counted, in_reading_order

_OPEN_GRANTS: Final = 30
"""Up to this many grants, all roles are expanded at first."""


def map_page(policy: Policy, paths: GrantPaths, *, name: str, at: str) -> str:
    """Return the page about `paths`, all grants of `policy`, at the time `at`; `name` is the policy's file."""
    ways = ways_of(policy, paths.open)
    sections = [_picture(ways), _grants(ways), *_not_in_force(paths), *_deny_rules(policy)]
    lead = f"{name}, SHA-256 {policy.sha256[:12]}, {at}: {counted(len(ways), 'grant')} in force"
    return page(
        title="Who can reach what", lead=[lead], sections=sections, more_styles=asset("map.css", of=__package__)
    )


def _picture(ways: Sequence[Way]) -> Element:
    kinds = [
        element("span", {"class": kind}, f"■ {text}")
        for kind, text in (("push", "push"), ("pull", "pull"), ("stored", "stored login"))
    ]
    return element(
        "section",
        {},
        drawing(lay_out(links_of(ways), columns=3)),
        element("p", {"class": "quiet"}, *_spaced(kinds), " The width of a ribbon shows its number of grants."),
    )


def _grants(ways: Sequence[Way]) -> Element:
    buttons = [
        element("button", {"type": "button", "class": "plain", "data-opens": which}, text)
        for which, text in (("all", "Open all"), ("none", "Close all"))
    ]
    is_open = len(ways) <= _OPEN_GRANTS
    registries = [
        _group(registry, list(of_registry), is_open=is_open)
        for registry, of_registry in groupby(ways, key=lambda way: way.registry)
    ]
    return element(
        "section",
        {},
        element("h2", {}, "Grants"),
        element("p", {}, *_spaced(buttons)),
        filterable(element("div", {}, *registries), label="Filter the grants by words"),
    )


def _group(title: str, ways: Sequence[Way], *, is_open: bool) -> Element:
    roles = [
        _folded([role, _quiet(counted(len(members), "grant"))], [_grant(way) for way in members], is_open=is_open)
        for role, found in groupby(ways, key=lambda way: way.role)
        for members in [list(found)]
    ]
    return _folded([element("b", {}, title), _quiet(counted(len(ways), "grant"))], roles, is_open=True)


def _folded(summary: Sequence[Node], inside: Sequence[Element], *, is_open: bool) -> Element:
    attributes = {"data-group": "", **({"open": "open"} if is_open else {})}
    return element("details", attributes, element("summary", {}, *_spaced(summary)), *inside)


def _grant(way: Way) -> Element:
    grant = way.path.grant
    parts: list[Node] = [
        element("b", {}, grant.name),
        element("span", {"class": way.kind}, way.kind if way.kind != "stored" else "stored login"),
        ", ".join(way.callers),
        *(_quiet(_condition(condition)) for condition in grant.conditions),
    ]
    terms = [part for name, value in _fields(way) for part in (element("dt", {}, name), element("dd", {}, value))]
    # A filter may search for words of the headings too, so the words of an item include them.
    return element("details", {"data-item": ""}, element("summary", {}, *_spaced(parts)), element("dl", {}, *terms))


def _fields(way: Way) -> Iterator[tuple[str, str]]:
    grant = way.path.grant
    for condition in grant.conditions:
        yield "condition", _condition(condition)
    yield "registry", way.registry
    terms = grant.terms
    if terms is not None:
        yield "role", terms.role
        yield "repositories", ", ".join(template.text for template in terms.repositories)
        if terms.also_pull:
            yield "also pull", ", ".join(template.text for template in terms.also_pull)
        yield "duration", spelled_duration(terms.duration_seconds)
    yield from _limits(grant)


def _limits(grant: Grant) -> Iterator[tuple[str, str]]:
    if grant.single_use:
        yield "single use", "each token once"
    if grant.allow_untrusted_triggers:
        yield "untrusted triggers", "allowed: outsiders can start such a run"
    if grant.expires is not None:
        yield "expires", grant.expires
    if grant.contact is not None:
        yield "contact", grant.contact


def _condition(condition: Condition) -> str:
    section, *rest = condition.document_path
    return f"{'' if section == 'match' else 'claims '}{spelled(tuple(rest))} {ascii_json(condition.expected)}"


def _not_in_force(paths: GrantPaths) -> Iterator[Element]:
    for title, names in (("In report mode", paths.in_report_mode), ("Expired", paths.expired)):
        if names:
            yield element("section", {}, element("h2", {}, title), element("p", {}, ", ".join(names)))


def _deny_rules(policy: Policy) -> Iterator[Element]:
    if policy.deny:
        rules = [
            element(
                "li",
                {},
                *_spaced(
                    [
                        element("b", {}, rule.name),
                        ", ".join(sorted(rule.issuers, key=in_reading_order)),
                        *(_quiet(_condition(condition)) for condition in rule.conditions),
                    ]
                ),
            )
            for rule in policy.deny
        ]
        yield element(
            "section",
            {},
            element("h2", {}, "Deny rules"),
            element("p", {}, "Runs for which all conditions of a rule hold get nothing, whatever the grants say."),
            element("ul", {}, *rules),
        )


def _quiet(text: str) -> Element:
    return element("span", {"class": "quiet"}, text)


def _spaced(nodes: Sequence[Node]) -> list[Node]:
    return [part for node in nodes for part in (node, " ")]
