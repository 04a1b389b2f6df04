"""The parameters of a request and its scope, checked and typed.

Source: RFC 8693 section 2.1; RFC 6749 sections 3.1 and 3.3 (an empty parameter counts as omitted, an unknown one is
ignored); and this service's own interface, in `docs/api.md`.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field
from typing import Final, Literal, get_args

from token_exchange.core.decision import MAX_REGISTRIES, AccessRequest
from token_exchange.core.reach import RepositoryName, RepositoryScope, parse_repository_name
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused, quoted
from token_exchange.http.parameters import KNOWN, REPEATABLE, SentParameters

_MAX_SCOPES: Final = 20
_ACTIONS: Final = {("pull",): False, ("push",): True, ("pull", "push"): True}


def parse_scope(text: str | None) -> tuple[RepositoryScope, ...]:
    """Return the scope, one entry for each repository; `text` is None if there is no scope.

    Raises:
        Refused: `malformed-scope`.
    """
    if text is None:
        return ()
    push_by_name: dict[RepositoryName, bool] = {}
    found = text.count(" ") + 1
    if found > _MAX_SCOPES:
        raise Refused(Reason.MALFORMED_SCOPE, f"expected at most {_MAX_SCOPES} repositories, found {found}")
    for part in text.split(" "):
        name, push = _parse_one(part)
        push_by_name[name] = push or push_by_name.get(name, False)
    return tuple(RepositoryScope(name=name, push=push) for name, push in push_by_name.items())


def _parse_one(part: str) -> tuple[RepositoryName, bool]:
    # One piece more than there may be is enough to refuse the rest.
    match part.split(":", 3):
        case ["repository", text, actions]:
            try:
                name = parse_repository_name(text)
            except ValueError:
                raise Refused(Reason.MALFORMED_SCOPE, f"{quoted(text)} is not the full name of a repository") from None
            push = _ACTIONS.get(tuple(sorted(actions.split(",", 2))))
            if push is None:
                raise Refused(Reason.MALFORMED_SCOPE, f"expected pull or pull,push, found {quoted(actions)}")
            return name, push
        case _:
            raise Refused(Reason.MALFORMED_SCOPE, f"expected repository:NAME:ACTIONS, found {quoted(part)}")


TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name, not a secret
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name, not a secret
_SUBJECT_TOKEN_TYPES: Final = ("urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token")

type Format = Literal["json", "docker-config", "password", "credential-helper", "shell", "dotenv"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format.__value__)
_RESOURCE: Final = re.compile(r"https://([^/?#@]+)/?")


@record
class ExplainRequest:
    """A request to explain. `subject_token` is the token in the body, if there is one."""

    access_request: AccessRequest
    subject_token: str | None = field(repr=False)


@record
class TokenRequest:
    """A request for logins, and their format. `subject_token` is the token in the body, if there is one."""

    access_request: AccessRequest
    format: Format
    subject_token: str | None = field(repr=False)


def read_parameters(sent: SentParameters) -> TokenRequest:
    """Return the typed request for logins.

    Raises:
        Refused: `malformed-request`, `body-too-large`, `unsupported-media-type`, `repeated-parameter`,
            `unsupported-grant-type`, `unsupported-token-type`, `unknown-registry`, `unknown-format` or
            `malformed-scope`.
    """
    values = _values(sent, KNOWN)
    return TokenRequest(
        access_request=_access_request(values), format=_format(values), subject_token=_one(values, "subject_token")
    )


def read_explain_parameters(sent: SentParameters) -> ExplainRequest:
    """Return the typed request to explain; `format` is ignored here, like any unknown parameter.

    Raises:
        Refused: as `read_parameters`, except `unknown-format`.
    """
    values = _values(sent, KNOWN - {"format"})
    return ExplainRequest(access_request=_access_request(values), subject_token=_one(values, "subject_token"))


def _values(sent: SentParameters, known: AbstractSet[str]) -> Mapping[str, list[str]]:
    """Return the values of the `known` names, after checking that they go together as RFC 8693 requires."""
    values = _merged(*sent.pairs(known))
    if "actor_token" in values:
        raise Refused(Reason.MALFORMED_REQUEST, "actor_token is not supported: a job acts only for itself")
    _check_types(values)
    return values


def _access_request(values: Mapping[str, list[str]]) -> AccessRequest:
    return AccessRequest(
        registries=_registries(values), grant=_one(values, "grant"), scope=parse_scope(_one(values, "scope"))
    )


def _merged(in_query: list[tuple[str, str]], in_body: list[tuple[str, str]]) -> Mapping[str, list[str]]:
    values: dict[str, list[str]] = {}
    places: dict[str, set[str]] = {}
    for place, pairs in (("query", in_query), ("body", in_body)):
        for name, value in pairs:
            if value:
                values.setdefault(name, []).append(value)
                places.setdefault(name, set()).add(place)
    for name, given in values.items():
        if len(places[name]) > 1 or (len(given) > 1 and name not in REPEATABLE):
            raise Refused(Reason.REPEATED_PARAMETER, f"{name} is given more than once")
    return values


def _one(values: Mapping[str, list[str]], name: str) -> str | None:
    return values[name][0] if name in values else None


def _check_types(values: Mapping[str, list[str]]) -> None:
    """Check the parameters of RFC 8693 section 2.1."""
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
        raise Refused(Reason.MALFORMED_REQUEST, "registry cannot be combined with resource or audience")
    wanted = [*values.get("registry", ()), *map(_host, values.get("resource", ())), *values.get("audience", ())]
    if len(wanted) > MAX_REGISTRIES:
        raise Refused(Reason.MALFORMED_REQUEST, f"expected at most {MAX_REGISTRIES} registries, found {len(wanted)}")
    return tuple(wanted)


def _host(resource: str) -> str:
    """Return the host of a resource URI.

    RFC 8693 section 2.1 requires an absolute URI: a bare name selects a registry only as `registry` or `audience`.
    """
    form = _RESOURCE.fullmatch(resource)
    if form is None:
        raise Refused(Reason.UNKNOWN_REGISTRY, f"resource: expected the https URL of a host, found {quoted(resource)}")
    return form[1]
