"""Reads the issuer entries: whom the service trusts, with which keys and limits, and the organization allowlist."""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import BadSetting, Preset, Provider
from token_exchange.core.keys import SCHEMES, KeySet, UnusableKeySet
from token_exchange.core.policy import MODES, Issuer, Organization, duration_between
from token_exchange.core.ports import Json
from token_exchange.core.refusals import quoted
from token_exchange.core.trust import Discovered, IssuerTrust, KeySource, Pinned, Published
from token_exchange.core.vocabulary import without_braces
from token_exchange.loading.budgets import read_budgets
from token_exchange.loading.document import NamedFiles
from token_exchange.loading.fields import Fields, Node, Unquoted, described, text_of
from token_exchange.presets.catalog import NAMES, owner_of, provider_named, providers
from token_exchange.presets.issuer_url import issuer_host

_MAX_AUDIENCE_LENGTH: Final = 1000

_AWS_STS: Final = "sts.amazonaws.com"
"""What every tutorial for AWS uses: a token for it can be replayed at STS, and one sent there can be replayed here."""


def read_issuers(document: Fields, files: NamedFiles, *, has_state: bool) -> Mapping[str, Issuer | None]:
    """Return the issuer entries by their names; None stands for one that cannot be used.

    `has_state` says whether there is a state table, which budgets need.
    """
    issuers: dict[str, Issuer | None] = {}
    for name, fields in document.named_mappings("issuers", required=True):
        issuers[name] = None
        if fields is not None:
            issuers[name] = _read_issuer(name, fields, files, has_state=has_state)
            fields.finish()
    _report_shared_audiences(document, issuers)
    return issuers


def _read_issuer(name: str, fields: Fields, files: NamedFiles, *, has_state: bool) -> Issuer | None:
    chosen = fields.choice("provider", NAMES)
    if chosen is None:
        fields.pass_over("issuer", *(key for each in providers().values() for key in each.settings))
    preset = None if chosen is None else _read_preset(fields, provider_named(chosen))
    audiences = fields.texts("audience", required=True, single=True)
    shared = fields.boolean("shared_audience", default=False)
    mode = fields.choice("mode", MODES, default="enforce")
    leeway = fields.converted("leeway", duration_between("0s", "120s"))
    max_lifetime = fields.converted("max_lifetime", duration_between("1s", "744h"))
    ca_bundle = _read_ca_bundle(fields, files)
    budgets = read_budgets(fields, preset, has_state=has_state)
    algorithms = _read_algorithms(fields, preset)
    fields.pass_over("jwks_url", "jwks_file", "jwks")
    keys = None if preset is None or not algorithms else _read_keys(fields, preset, algorithms, files)
    organizations = read_organizations(fields, preset)
    if preset is None or audiences is None or keys is None or mode is None:
        return None
    _check_audiences(fields, preset, audiences, shared=shared)
    return Issuer(
        name=name,
        preset=preset,
        organizations=organizations,
        mode=mode,
        budgets=budgets,
        trust=IssuerTrust(
            entry=name,
            url=preset.issuer,
            audiences=frozenset(audiences),
            algorithms=algorithms,
            leeway_seconds=60 if leeway is None else leeway,
            max_lifetime_seconds=preset.max_lifetime_seconds if max_lifetime is None else max_lifetime,
            keys=keys,
            ca_bundle=ca_bundle,
        ),
    )


def _read_preset(fields: Fields, provider: Provider) -> Preset | None:
    already_wrong = len(fields.problems)
    settings: dict[str, Json] = {}
    for key in sorted(provider.settings):
        if key in fields:
            settings[key] = _setting(fields, key)
    issuer = fields.text("issuer")
    if len(fields.problems) > already_wrong:
        return None
    try:
        preset = provider.preset(settings, issuer)
    except BadSetting as error:
        fields.problem(error.key, "bad-value" if error.key in fields else "missing", str(error))
        return None
    owner = owner_of(issuer_host(preset.issuer).partition(":")[0])
    if owner is not None and owner != provider.name:
        # A generic entry would pose as the provider without the checks that its preset makes.
        key = next((key for key in settings if "issuer" not in fields), "issuer")
        fields.problem(key, "conflict", f"expected provider: {owner}, which alone signs on this host")
        return None
    return preset


def _setting(fields: Fields, key: str) -> Json:
    """Return a provider's own key as plain values; its form is the provider's to judge."""
    value = fields.take(key)
    if value is None or isinstance(value, dict | list):
        return _plain(fields, key, value, text_only=True)
    return text_of(value, fields.at(key), fields.problems)


def _plain(fields: Fields, key: str, value: Node, *, text_only: bool) -> Json:
    match value:
        case dict():
            return {name: _plain(fields, key, item, text_only=text_only) for name, item in value.items()}
        case list():
            return [_plain(fields, key, item, text_only=text_only) for item in value]
        case str() | None:
            return value
        case bool() | int() | float() if not text_only:
            return value
        case Unquoted() | bool() | int() | float():
            fields.problem(key, "ambiguous-value", f"expected text, found {described(value)}; quote it")
            return None


def _read_algorithms(fields: Fields, preset: Preset | None) -> tuple[str, ...]:
    wanted = fields.texts("algorithms", required=preset is not None and not preset.algorithms)
    if preset is None:
        return ()
    possible = preset.algorithms or tuple(SCHEMES)
    for algorithm in wanted or ():
        if algorithm not in possible:
            fields.problem("algorithms", "bad-value", f"expected {', '.join(possible)}, found {quoted(algorithm)}")
    return preset.algorithms if wanted is None else tuple(name for name in wanted if name in possible)


def _read_keys(fields: Fields, preset: Preset, algorithms: tuple[str, ...], files: NamedFiles) -> KeySource | None:
    given = [key for key in ("jwks_url", "jwks_file", "jwks") if key in fields]
    for key in given[1:]:
        fields.take(key)
        fields.problem(key, "conflict", f"expected at most one of jwks_url, jwks_file and jwks; {given[0]} is there")
    match given:
        case []:
            return Discovered(keys_host=preset.keys_host)
        case ["jwks_url", *_]:
            return _read_jwks_url(fields)
        case ["jwks_file", *_]:
            path = fields.text("jwks_file")
            return None if path is None else _pinned(fields, "jwks_file", path, algorithms, files)
        case _:
            node = fields.take("jwks")
            if node is None:
                return None
            if not isinstance(node, dict):
                fields.problem("jwks", "wrong-type", f"expected a key set, found {described(node)}")
                return None
            already_wrong = len(fields.problems)
            plain = _plain(fields, "jwks", node, text_only=False)
            if not isinstance(plain, dict) or len(fields.problems) > already_wrong:
                return None
            return _parsed(fields, "jwks", plain, algorithms)


def _read_jwks_url(fields: Fields) -> KeySource | None:
    url = fields.text("jwks_url")
    if url is None:
        return None
    try:
        issuer_host(url)
    except BadSetting:
        fields.problem(
            "jwks_url", "bad-value", f"expected https://HOST/PATH without query or fragment, found {quoted(url)}"
        )
        return None
    return Published(jwks_url=url)


def _pinned(fields: Fields, key: str, path: str, algorithms: tuple[str, ...], files: NamedFiles) -> KeySource | None:
    try:
        content = files.content(path)
    except ValueError as error:
        fields.problem(key, "bad-value", f"{error}, found {quoted(path)}")
        return None
    return _parsed(fields, key, content, algorithms)


def _parsed(
    fields: Fields, key: str, content: bytes | dict[str, Json], algorithms: tuple[str, ...]
) -> KeySource | None:
    try:
        return Pinned(keys=KeySet.parse(content, algorithms=algorithms))
    except UnusableKeySet as error:
        fields.problem(key, "bad-value", f"no key can be used: {error}")
        return None


def _read_ca_bundle(fields: Fields, files: NamedFiles) -> str | None:
    # PEM text has line breaks, which no other text of a policy may have.
    value = fields.take("ca_bundle")
    if isinstance(value, str) and value.lstrip().startswith("-----BEGIN CERTIFICATE-----"):
        return value
    path = None if value is None else text_of(value, fields.at("ca_bundle"), fields.problems)
    if path is None:
        return None
    try:
        pem = files.content(path).decode("ascii")
    except UnicodeDecodeError:
        pem = ""
    except ValueError as error:
        fields.problem("ca_bundle", "bad-value", f"{error}, found {quoted(path)}")
        return None
    if "-----BEGIN CERTIFICATE-----" not in pem:
        fields.problem("ca_bundle", "bad-value", "expected certificates in PEM")
    return pem


def read_organizations(fields: Fields, preset: Preset | None) -> tuple[Organization, ...]:
    """Return the list under `organizations`; without a preset it is not known which of the two tokens have."""
    organizations: list[Organization] = []
    for entry in fields.mappings("organizations", required=True):
        name, id_ = entry.text("name"), entry.text("id")
        if "name" not in entry and "id" not in entry:
            entry.problem("name", "missing", "expected name, id or both")
        for key, value, vocabulary_name in (("name", name, "organization"), ("id", id_, "organization_id")):
            if value is not None and "*" in value:
                # No globs: a wildcard in the allowlist would let a stranger's organization in.
                entry.problem(key, "bad-value", f"expected one organization, no pattern, found {quoted(value)}")
            if value is not None and preset is not None and vocabulary_name not in preset.vocabulary:
                entry.problem(key, "unknown-name", f"no token of this issuer has the {vocabulary_name}")
        entry.finish()
        if id_ is not None and preset is not None and preset.is_braced("organization_id"):
            id_ = without_braces(id_)
        if name is not None or id_ is not None:
            organizations.append(Organization(name=name, id=id_))
    return tuple(organizations)


def _check_audiences(fields: Fields, preset: Preset, audiences: tuple[str, ...], *, shared: bool) -> None:
    for audience in audiences:
        if len(audience) > _MAX_AUDIENCE_LENGTH:
            fields.problem("audience", "too-long", f"expected at most {_MAX_AUDIENCE_LENGTH} characters")
        if (audience == _AWS_STS or preset.shared_audience(audience)) and not shared:
            fields.problem(
                "audience",
                "conflict",
                f"{quoted(audience)} is accepted by other services too, which could replay a token here: choose an "
                "audience of your own, or accept this with shared_audience: true",
            )


def _report_shared_audiences(document: Fields, issuers: Mapping[str, Issuer | None]) -> None:
    """Report entries that nothing tells apart: issuer and audience together have to pick one."""
    seen: dict[tuple[str, str], str] = {}
    for name, issuer in issuers.items():
        if issuer is None:
            continue
        for audience in sorted(issuer.trust.audiences):
            first = seen.setdefault((issuer.trust.url, audience), name)
            if first != name:
                document.problems.add(
                    ("issuers", name, "audience"),
                    "conflict",
                    f"{quoted(audience)} of the same issuer belongs to {first} already",
                )
