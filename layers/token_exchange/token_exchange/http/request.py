"""What a request asks for: its parameters, in the query or the body, and its scope."""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from token_exchange.core.decision import MAX_REGISTRIES
from token_exchange.core.policy import Ask, RepositoryScope
from token_exchange.core.ports import Json
from token_exchange.core.reach import is_repository_name
from token_exchange.core.refusals import Reason, Refused, quoted
from token_exchange.core.strict_json import NotStrictJson, RepeatedMember, parse_object
from token_exchange.http.event import HttpRequest, parse_pairs

_MAX_SCOPES: Final = 20


_ACTIONS: Final = {("pull",): False, ("push",): True, ("pull", "push"): True}


def parse_scope(text: str | None) -> tuple[RepositoryScope, ...]:
    """Return what `text` asks for, one entry for each repository; nothing where there is no text.

    Raises:
        Refused: `malformed-scope`.
    """
    if text is None:
        return ()
    push_by_name: dict[str, bool] = {}
    parts = text.split(" ")
    if len(parts) > _MAX_SCOPES:
        raise Refused(Reason.MALFORMED_SCOPE, f"at most {_MAX_SCOPES} repositories, found {len(parts)}")
    for part in parts:
        name, push = _parse_one(part)
        push_by_name[name] = push or push_by_name.get(name, False)
    return tuple(RepositoryScope(name=name, push=push) for name, push in push_by_name.items())


def _parse_one(part: str) -> tuple[str, bool]:
    match part.split(":"):
        case ["repository", name, actions]:
            if not is_repository_name(name):
                raise Refused(Reason.MALFORMED_SCOPE, f"{quoted(name)} is not the full name of a repository")
            push = _ACTIONS.get(tuple(sorted(actions.split(","))))
            if push is None:
                raise Refused(Reason.MALFORMED_SCOPE, f"expected pull or pull,push, found {quoted(actions)}")
            return name, push
        case _:
            raise Refused(Reason.MALFORMED_SCOPE, f"expected repository:NAME:ACTIONS, found {quoted(part)}")


MAX_BODY_BYTES: Final = 64 * 1024


TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name, no secret


ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name, no secret


_SUBJECT_TOKEN_TYPES: Final = ("urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token")


type Format = Literal["json", "docker-config", "password", "credential-helper", "shell", "dotenv"]


FORMATS: Final[tuple[Format, ...]] = get_args(Format.__value__)


_REPEATABLE: Final = frozenset({"registry", "resource", "audience"})


_KNOWN: Final = _REPEATABLE | {
    "actor_token",
    "actor_token_type",
    "format",
    "grant",
    "grant_type",
    "requested_token_type",
    "scope",
    "subject_token",
    "subject_token_type",
}


_TOKEN_NAMES: Final = frozenset({"access_token", "assertion", "id_token", "jwt", "token"})


_LOOKS_LIKE_A_JWT: Final = re.compile(r"ey[JA][A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+\.")


_RESOURCE: Final = re.compile(r"https://([^/?#@]+)/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRequest:
    """What is asked about. `subject_token` is the token, where the body carries one."""

    ask: Ask
    subject_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What is asked for, and in which form. `subject_token` is the token, where the body carries one."""

    ask: Ask
    format: Format
    subject_token: str | None = field(repr=False)


def read_parameters(request: HttpRequest) -> TokenRequest:
    """Return what `request` asks for.

    Raises:
        Refused: `malformed-request`, `body-too-large`, `unsupported-media-type`, `repeated-parameter`,
            `unsupported-grant-type`, `unsupported-token-type`, `unknown-format` or `malformed-scope`.
    """
    values = _values(request, _KNOWN)
    return TokenRequest(ask=_ask(values), format=_format(values), subject_token=_one(values, "subject_token"))


def read_explain_parameters(request: HttpRequest) -> ExplainRequest:
    """Return what `request` asks about; `format` means nothing here, and is ignored as any unknown name.

    Raises:
        Refused: as `read_parameters`, but for `unknown-format`.
    """
    values = _values(request, _KNOWN - {"format"})
    return ExplainRequest(ask=_ask(values), subject_token=_one(values, "subject_token"))


def _values(request: HttpRequest, known: AbstractSet[str]) -> Mapping[str, list[str]]:
    """Return the values of each of the `known` names, which fit each other as RFC 8693 has them."""
    values = _merged(_query(request), _body(request, known), known)
    if "actor_token" in values:
        raise Refused(Reason.MALFORMED_REQUEST, "actor_token is not taken: a job speaks for itself alone")
    _check_types(values)
    return values


def _ask(values: Mapping[str, list[str]]) -> Ask:
    return Ask(registries=_registries(values), grant=_one(values, "grant"), scope=parse_scope(_one(values, "scope")))


def has_grant_type(request: HttpRequest) -> bool:
    """Say whether `request`, which may be refused for anything, came as RFC 8693 has it."""
    try:
        return any(
            name == "grant_type" and value for name, value in [*_query(request), *_body(request, {"grant_type"})]
        )
    except Refused:
        return False


def body_token(request: HttpRequest) -> str | None:
    """Return the token in the body of `request`, which may be refused for anything."""
    try:
        return next(
            (value for name, value in _body(request, {"subject_token"}) if name == "subject_token" and value), None
        )
    except Refused:
        return None


def query_token(request: HttpRequest) -> str | None:
    """Return the token that somebody put into the query, where it is refused, and where logs may have kept it."""
    named = (value for name, value in request.query or () if name == "subject_token" or name in _TOKEN_NAMES)
    return next((value for value in named if value), None)


def _query(request: HttpRequest) -> list[tuple[str, str]]:
    if request.query is None:
        raise Refused(Reason.MALFORMED_REQUEST, "the query is not URL-encoded UTF-8")
    for name, value in request.query:
        # Access logs, proxies and histories keep queries.
        if name.startswith("subject_") or name in _TOKEN_NAMES or _LOOKS_LIKE_A_JWT.search(f"{name}={value}"):
            raise Refused(Reason.MALFORMED_REQUEST, "a token never belongs in the query; use the header or the body")
    return [*request.query]


def _body(request: HttpRequest, known: AbstractSet[str]) -> list[tuple[str, str]]:
    if request.body is None:
        raise Refused(Reason.MALFORMED_REQUEST, "the body is not valid base64")
    if len(request.body) > MAX_BODY_BYTES:
        raise Refused(Reason.BODY_TOO_LARGE, f"the body has more than {MAX_BODY_BYTES} bytes")
    if not request.body:
        return []
    match _media_type(request.content_type):
        case "application/x-www-form-urlencoded":
            return _form(request.body)
        case "application/json":
            return _json(request.body, known)
        case _:
            raise Refused(Reason.UNSUPPORTED_MEDIA_TYPE, f"content type {quoted(request.content_type or 'none')}")


def _media_type(content_type: str | None) -> str | None:
    """Return the media type without parameters, or None where there is none or its charset is not UTF-8."""
    media_type, *parameters = [part.strip().lower() for part in (content_type or "").split(";")]
    charsets = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")]
    return media_type if all(charset in ("utf-8", "us-ascii") for charset in charsets) else None


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_pairs(body.decode("utf-8"))
    except UnicodeDecodeError:
        pairs = None
    if pairs is None:
        raise Refused(Reason.MALFORMED_REQUEST, "the body is not a form in URL-encoded UTF-8")
    return [*pairs]


def _json(body: bytes, known: AbstractSet[str]) -> list[tuple[str, str]]:
    try:
        document = parse_object(body)
    except RepeatedMember as error:
        if error.name in _KNOWN:
            raise Refused(Reason.REPEATED_PARAMETER, f"{error.name} is given more than once") from None
        raise Refused(Reason.MALFORMED_REQUEST, f"the body is refused as JSON: {error}") from None
    except NotStrictJson as error:
        raise Refused(Reason.MALFORMED_REQUEST, f"the body is refused as JSON: {error}") from None
    return [(name, text) for name, value in document.items() if name in known for text in _texts(name, value)]


def _texts(name: str, value: Json) -> Iterable[str]:
    match value:
        case str():
            yield value
        case [] if name in _REPEATABLE:
            # Leaving it out asks for everything that is granted; a list that came out empty meant nothing of the kind.
            raise Refused(Reason.MALFORMED_REQUEST, f"{name}: expected at least one, or none of it")
        case list() if name in _REPEATABLE:
            for element in value:
                if not isinstance(element, str):
                    raise Refused(Reason.MALFORMED_REQUEST, f"{name}: expected text or a list of texts")
                yield element
        case _:
            raise Refused(Reason.MALFORMED_REQUEST, f"{name}: expected text")


def _merged(
    in_query: list[tuple[str, str]], in_body: list[tuple[str, str]], known: AbstractSet[str]
) -> Mapping[str, list[str]]:
    values: dict[str, list[str]] = {}
    places: dict[str, set[str]] = {}
    for place, pairs in (("query", in_query), ("body", in_body)):
        for name, value in pairs:
            if name in known and value:
                values.setdefault(name, []).append(value)
                places.setdefault(name, set()).add(place)
    for name, given in values.items():
        if len(places[name]) > 1 or (len(given) > 1 and name not in _REPEATABLE):
            raise Refused(Reason.REPEATED_PARAMETER, f"{name} is given more than once")
    return values


def _one(values: Mapping[str, list[str]], name: str) -> str | None:
    return values[name][0] if name in values else None


def _check_types(values: Mapping[str, list[str]]) -> None:
    """Hold the parameters that RFC 8693 defines against what it allows."""
    grant_type = _one(values, "grant_type")
    sends_token = "subject_token" in values
    if (sends_token or grant_type is not None) and grant_type != TOKEN_EXCHANGE:
        found = "none" if grant_type is None else quoted(grant_type)
        raise Refused(Reason.UNSUPPORTED_GRANT_TYPE, f"grant_type: expected {TOKEN_EXCHANGE}, found {found}")
    subject_type = _one(values, "subject_token_type")
    if (sends_token or subject_type is not None) and subject_type not in _SUBJECT_TOKEN_TYPES:
        found = "none" if subject_type is None else quoted(subject_type)
        raise Refused(
            Reason.UNSUPPORTED_TOKEN_TYPE,
            f"subject_token_type: expected {' or '.join(_SUBJECT_TOKEN_TYPES)}, found {found}",
        )
    requested = _one(values, "requested_token_type")
    if requested not in (None, ACCESS_TOKEN):
        raise Refused(
            Reason.UNSUPPORTED_TOKEN_TYPE, f"requested_token_type: expected {ACCESS_TOKEN}, found {quoted(requested)}"
        )


def _format(values: Mapping[str, list[str]]) -> Format:
    wanted = _one(values, "format") or "json"
    for known in FORMATS:
        if known == wanted:
            return known
    raise Refused(Reason.UNKNOWN_FORMAT, f"format: expected {', '.join(FORMATS)}, found {quoted(wanted)}")


def _registries(values: Mapping[str, list[str]]) -> tuple[str, ...]:
    if "registry" in values and ("resource" in values or "audience" in values):
        raise Refused(Reason.MALFORMED_REQUEST, "registry is not taken together with resource or audience")
    wanted = [*values.get("registry", ()), *map(_host, values.get("resource", ())), *values.get("audience", ())]
    if len(wanted) > MAX_REGISTRIES:
        raise Refused(Reason.MALFORMED_REQUEST, f"at most {MAX_REGISTRIES} registries, found {len(wanted)}")
    return tuple(wanted)


def _host(resource: str) -> str:
    """Return the host that a resource's URI names; of what is no such URI a text that no registry can have.

    RFC 8693 section 2.1 wants an absolute URI there: a bare name means a registry only as `registry` or `audience`.
    """
    form = _RESOURCE.fullmatch(resource)
    return form[1] if form else f"{resource}, which is no https URL of a host"
