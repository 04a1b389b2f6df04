"""Reads the `scope` of a request: which repositories, each in which direction."""

from typing import Final

from token_exchange.policy.ask import RepositoryScope
from token_exchange.policy.repositories import is_repository_name
from token_exchange.quoting import quoted
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

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
