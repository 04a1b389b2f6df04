"""The questions, and how each is tested against AWS."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from live_check.issuer import ThrowAwayIssuer
from live_check.place import Account, Clock, LiveCheckFailed, Login, OpenedSession, Place
from live_check.registry import Registry, Said
from sandbox import curl
from sandbox.images import make_image

type Answer = Literal["yes", "no"]

_MARGIN_SECONDS: Final = 15.0
"""AWS's clock and this machine's differ by less."""

_SECOND_LOOK_SECONDS: Final = 300.0
"""How late an expiry may be and still count as one."""

_ROLE_SPREADS_SECONDS: Final = 90.0
_PAUSE_SECONDS: Final = 10.0
_NEW_ROLE: Final = "a new role takes a moment to be known everywhere in AWS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An answer, the one `expected` if the project depends on it, and the observation."""

    question: str
    answer: Answer
    expected: Answer | None
    seen: str

    @property
    def is_as_expected(self) -> bool:
        """Whether the answer is the expected one."""
        return self.expected in {None, self.answer}


def ask(account: Account, place: Place, issuer: ThrowAwayIssuer, clock: Clock, *, patient: bool) -> Iterator[Finding]:
    """Ask the questions one after the other; with `patient` also the one that takes 15 minutes.

    Raises:
        LiveCheckFailed: a step between the questions failed.
    """
    session = _opened(account, clock)
    login = _exchanged(place, issuer, clock)
    held = Registry(url=place.registry_url, login=login)
    pushed = held.push(place.own, "fresh")
    if not pushed.allowed:
        raise LiveCheckFailed(f"a fresh login cannot push to its own repository: {pushed}")
    yield _reach(held, place)
    yield _mount(held, place, session)
    yield _date(held, place, clock)
    if patient:
        yield _outlives(place, session, clock)


def _opened(account: Account, clock: Clock) -> OpenedSession:
    until = clock.now() + _ROLE_SPREADS_SECONDS
    while True:
        try:
            return account.open_session()
        except LiveCheckFailed:
            if clock.now() > until:
                raise
        clock.wait_until(clock.now() + _PAUSE_SECONDS, why=_NEW_ROLE)


def _exchanged(place: Place, issuer: ThrowAwayIssuer, clock: Clock) -> Login:
    until = clock.now() + _ROLE_SPREADS_SECONDS
    while True:
        reply = curl.post(f"{place.exchange_url}/v1/token", token=issuer.token(now=clock.now()))
        if reply.status == 200:  # noqa: PLR2004 - HTTP
            break
        if reply.body.get("reason") != "role-refused" or clock.now() > until:
            raise LiveCheckFailed(f"no login: {reply.status} {reply.body.get('reason')}")
        clock.wait_until(clock.now() + _PAUSE_SECONDS, why=_NEW_ROLE)
    listed = reply.body.get("registries")
    entry: object = listed[0] if isinstance(listed, list) and listed else None
    if not isinstance(entry, dict):
        raise LiveCheckFailed("expected a registry in the answer, found none")
    return Login(password=str(entry["password"]), ends_at=datetime.fromisoformat(str(entry["expires_at"])).timestamp())


def _reach(held: Registry, place: Place) -> Finding:
    said = held.push(place.other, "reach")
    return Finding(
        question="Is a login limited to its own repositories?",
        answer="no" if said.allowed else "yes",
        expected="yes",
        seen=f"a push to another repository of the role: {said}",
    )


def _mount(held: Registry, place: Place, session: OpenedSession) -> Finding:
    layer = make_image("to be mounted").layer
    put = Registry(url=place.registry_url, login=session.login).upload(place.other, layer)
    if not put.allowed:
        raise LiveCheckFailed(f"a login of the measuring role cannot upload: {put}")
    said = held.mount(place.own, layer, source=place.other)
    return Finding(
        question="Can a login mount a layer from a repository that it may not read?",
        answer="yes" if said.status == 201 else "no",  # noqa: PLR2004 - 202 offers an upload instead
        expected="no",
        seen=f"the request to mount: {said}",
    )


def _date(held: Registry, place: Place, clock: Clock) -> Finding:
    looks: list[tuple[str, Said]] = []
    for after_seconds in (_MARGIN_SECONDS, _SECOND_LOOK_SECONDS):
        clock.wait_until(held.login.ends_at + after_seconds, why="the date in the session policy passes")
        said = held.push(place.own, f"after-{after_seconds:.0f}")
        looks.append((f"{after_seconds:.0f} s after it", said))
        if not said.allowed:
            break
    return Finding(
        question="Does the date in the session policy stop a login that a client holds?",
        answer="yes" if not looks[-1][1].allowed else "no",
        expected="yes",
        seen="; ".join(f"{when}: {said}" for when, said in looks),
    )


def _outlives(place: Place, session: OpenedSession, clock: Clock) -> Finding:
    clock.wait_until(session.login.ends_at + 4 * _MARGIN_SECONDS, why="a role session of 15 minutes ends")
    if not session.is_over():
        raise LiveCheckFailed("expected the session to be over, found credentials that work")
    said = Registry(url=place.registry_url, login=session.login).push(place.other, "session-over")
    return Finding(
        question="Does a login outlive the role session that it was made with?",
        answer="yes" if said.allowed else "no",
        expected=None,
        seen=f"a push a minute after the session's end: {said}",
    )
