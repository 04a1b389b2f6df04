"""Reads the issuer entries: trusted issuers with their keys, limits, budgets and organization allowlist."""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import Preset
from token_exchange.core.jwk import SCHEMES
from token_exchange.core.keys import KeySet, UnusableKeySet
from token_exchange.core.policy import MODES, Budget, Issuer, Organization
from token_exchange.core.ports import Json
from token_exchange.core.refusals import quoted
from token_exchange.core.trust import Discovered, IssuerTrust, KeySource, Pinned, Published
from token_exchange.core.vocabulary import NAMES, without_braces
from token_exchange.loading.document import NamedFiles
from token_exchange.loading.fields import Fields, Node, Unquoted, described, duration_between, string_of
from token_exchange.presets.catalog import NAMES as PROVIDERS
from token_exchange.presets.catalog import owner_of, provider_named, providers
from token_exchange.presets.provider import BadSetting, Provider, issuer_host

_MAX_AUDIENCE_LENGTH: Final = 1000

_AWS_STS: Final = "sts.amazonaws.com"
"""The audience of every AWS tutorial: STS accepts a token with it, and a token sent to STS could be replayed here."""

MAX_BUDGETS: Final = 5
"""Each budget costs every exchange one write, one after the other."""

_MAX_EXCHANGES: Final = 1_000_000
NO_STATE: Final = "requires a state table; set TOKEN_EXCHANGE_STATE_TABLE"


def read_issuers(document: Fields, files: NamedFiles, *, has_state: bool) -> Mapping[str, Issuer | None]:
    """Return the issuer entries by name; None marks an entry with problems.

    `has_state` is whether there is a state table, which budgets require.
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
    chosen = fields.choice("provider", PROVIDERS)
    if chosen is None:
        fields.ignore("issuer", *(key for each in providers().values() for key in each.settings))
    preset = None if chosen is None else _read_preset(fields, provider_named(chosen))
    audiences = fields.strings("audience", required=True, single=True)
    shared = fields.boolean("shared_audience", default=False)
    mode = fields.choice("mode", MODES, default="enforce")
    leeway = fields.converted("leeway", duration_between("0s", "120s"))
    max_lifetime = fields.converted("max_lifetime", duration_between("1s", "744h"))
    ca_bundle = _read_ca_bundle(fields, files)
    budgets = _read_budgets(fields, preset, has_state=has_state)
    algorithms = _read_algorithms(fields, preset)
    fields.ignore("jwks_url", "jwks_file", "jwks")
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
    issuer = fields.string("issuer")
    if len(fields.problems) > already_wrong:
        return None
    try:
        preset = provider.preset(settings, issuer)
    except BadSetting as error:
        fields.problem(error.key, "bad-value" if error.key in fields else "missing", str(error))
        return None
    owner = owner_of(issuer_host(preset.issuer).partition(":")[0])
    if owner is not None and owner != provider.name:
        # A generic entry for this host would skip the checks of the provider's preset.
        key = next((key for key in settings if "issuer" not in fields), "issuer")
        fields.problem(key, "conflict", f"expected provider: {owner}; only that provider signs on this host")
        return None
    return preset


def _setting(fields: Fields, key: str) -> Json:
    """Return a provider's own key as plain values; the provider checks them."""
    value = fields.take(key)
    if value is None or isinstance(value, dict | list):
        return _plain(fields, key, value, text_only=True)
    return string_of(value, fields.at(key), fields.problems)


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
            fields.problem(key, "ambiguous-value", f"expected a string, found {described(value)}; quote it")
            return None


def _read_algorithms(fields: Fields, preset: Preset | None) -> tuple[str, ...]:
    wanted = fields.strings("algorithms", required=preset is not None and not preset.algorithms)
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
        fields.problem(key, "conflict", f"expected at most one of jwks_url, jwks_file and jwks; found {given[0]} too")
    match given:
        case []:
            return Discovered(keys_host=preset.keys_host)
        case ["jwks_url", *_]:
            return _read_jwks_url(fields)
        case ["jwks_file", *_]:
            path = fields.string("jwks_file")
            content = None if path is None else _content(fields, "jwks_file", path, files)
            return None if content is None else _parsed(fields, "jwks_file", content, algorithms)
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
    url = fields.string("jwks_url")
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


def _content(fields: Fields, key: str, path: str, files: NamedFiles) -> bytes | None:
    try:
        return files.content(path)
    except ValueError as error:
        fields.problem(key, "bad-value", f"{error}, found {quoted(path)}")
        return None


def _parsed(
    fields: Fields, key: str, content: bytes | dict[str, Json], algorithms: tuple[str, ...]
) -> KeySource | None:
    try:
        return Pinned(keys=KeySet.parse(content, algorithms=algorithms))
    except UnusableKeySet as error:
        fields.problem(key, "bad-value", f"the key set cannot be used: {error}")
        return None


def _read_ca_bundle(fields: Fields, files: NamedFiles) -> str | None:
    # PEM has line breaks, which no other string of a policy may contain.
    value = fields.take("ca_bundle")
    if isinstance(value, str) and value.lstrip().startswith("-----BEGIN CERTIFICATE-----"):
        content: bytes | None = value.encode("ascii", "ignore")
    else:
        path = None if value is None else string_of(value, fields.at("ca_bundle"), fields.problems)
        content = None if path is None else _content(fields, "ca_bundle", path, files)
    if content is None:
        return None
    # Comments between the certificates may have any characters (RFC 7468 section 2); `ssl` accepts only ASCII.
    pem = content.decode("ascii", "ignore")
    if "-----BEGIN CERTIFICATE-----" not in pem:
        fields.problem("ca_bundle", "bad-value", "expected certificates in PEM format")
    return pem


def read_organizations(fields: Fields, preset: Preset | None) -> tuple[Organization, ...]:
    """Return the list under `organizations`; without a preset, it is not checked that tokens have name and id."""
    organizations: list[Organization] = []
    for entry in fields.mappings("organizations", required=True):
        name, id_ = entry.string("name"), entry.string("id")
        if "name" not in entry and "id" not in entry:
            entry.problem("name", "missing", "expected name, id or both")
        for key, value, vocabulary_name in (("name", name, "organization"), ("id", id_, "organization_id")):
            if value is not None and "*" in value:
                # Anyone can register an organization whose name matches a pattern.
                entry.problem(key, "bad-value", f"expected one organization, not a pattern, found {quoted(value)}")
            if value is not None and preset is not None and vocabulary_name not in preset.vocabulary:
                entry.problem(key, "unknown-name", f"tokens of this issuer have no {vocabulary_name}")
        entry.finish()
        if id_ is not None and preset is not None and preset.is_braced("organization_id"):
            id_ = without_braces(id_)
        if name is not None or id_ is not None:
            organizations.append(Organization(name=name, id=id_))
    return tuple(organizations)


def _read_budgets(fields: Fields, preset: Preset | None, *, has_state: bool) -> tuple[Budget, ...]:
    """Return the budgets in the order of the document, which is the order in which they are counted."""
    budgets: list[Budget] = []
    for entry in fields.mappings("budgets"):
        per = entry.choice("per", NAMES)
        if per is not None and preset is not None and per not in preset.vocabulary:
            entry.problem("per", "unknown-name", f"tokens of {preset.provider} have no {per}")
        exchanges = _exchanges(entry)
        every = entry.converted("every", duration_between("1s", "24h"), required=True)
        entry.finish()
        if per is not None and exchanges is not None and every is not None:
            budgets.append(Budget(per=per, exchanges=exchanges, every_seconds=every))
    if "budgets" in fields and not has_state:
        fields.problem("budgets", "conflict", NO_STATE)
    if len(budgets) > MAX_BUDGETS:
        fields.problem("budgets", "too-long", f"expected at most {MAX_BUDGETS} budgets")
    if len({(budget.per, budget.every_seconds) for budget in budgets}) < len(budgets):
        fields.problem("budgets", "duplicate-name", "two budgets have the same per and every")
    return tuple(budgets)


def _exchanges(entry: Fields) -> int | None:
    value = entry.take("exchanges", required=True)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_EXCHANGES:
        expected = f"expected a whole number between 1 and {_MAX_EXCHANGES}"
        entry.problem("exchanges", "bad-value", f"{expected}, found {described(value)}")
        return None
    return value


def _check_audiences(fields: Fields, preset: Preset, audiences: tuple[str, ...], *, shared: bool) -> None:
    for audience in audiences:
        if len(audience) > _MAX_AUDIENCE_LENGTH:
            fields.problem("audience", "too-long", f"expected at most {_MAX_AUDIENCE_LENGTH} characters")
        if (audience == _AWS_STS or preset.shared_audience(audience)) and not shared:
            fields.problem(
                "audience",
                "conflict",
                f"other services accept {quoted(audience)} too and could replay a token here; choose your own "
                "audience, or set shared_audience: true",
            )


def _report_shared_audiences(document: Fields, issuers: Mapping[str, Issuer | None]) -> None:
    """Report entries with the same issuer and audience: a token must select exactly one entry."""
    seen: dict[tuple[str, str], str] = {}
    for name, issuer in issuers.items():
        if issuer is None:
            continue
        for audience in sorted(issuer.trust.audiences):
            first = seen.setdefault((issuer.trust.url, audience), name)
            if first != name:
                text = f"{quoted(audience)} of the same issuer is already used by {first}"
                document.problems.add(("issuers", name, "audience"), "conflict", text)
