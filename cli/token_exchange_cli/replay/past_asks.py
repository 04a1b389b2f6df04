"""What a request of the past may have asked for: its record has what was given, and whom it looked at."""

from collections.abc import Iterator, Mapping

from token_exchange.core.policy import Ask
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Refused
from token_exchange.http.request import parse_scope
from token_exchange_cli.replay.outcomes import Login


def ways_to_ask(
    record: Mapping[str, Json], logins: Mapping[Login, str], *, registry_of_grant: Mapping[str, str]
) -> Iterator[Ask]:
    """Yield what may have been asked for where `logins` were given, each with its grant; the plainest first."""
    registries = tuple(sorted({login.registry for login in logins}))
    would = {str(one.get("registry")) for one in _objects(record, "would")}
    # The grants of registries that were asked for are looked at, and no others.
    looked_at = {
        registry_of_grant[name]
        for one in _objects(record, "considered")
        if (name := str(one.get("grant"))) in registry_of_grant
    }
    # So only who asked for all that he may have is told of a registry beside those that he got.
    yield Ask(registries=registries if would | looked_at <= {*registries} else ())
    if not logins:
        yield Ask(registries=tuple(sorted(looked_at)))
    if len(logins) != 1:
        return
    ((login, grant),) = logins.items()
    yield Ask(registries=registries, grant=grant)
    try:
        scope = parse_scope(login.scope)
    except Refused:
        return  # patterns, which nobody can ask for: it was the whole of the grant
    yield Ask(registries=registries, scope=scope)
    yield Ask(registries=registries, grant=grant, scope=scope)


def _objects(record: Mapping[str, Json], name: str) -> list[dict[str, Json]]:
    found = record.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
