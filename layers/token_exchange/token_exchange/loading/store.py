"""Keeps the policy in force: checks for a newer one, and never replaces a good policy with one that does not load."""

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Final, Protocol

from token_exchange.core.policy import Policy
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.document import Content, NamedFiles, ReadFile, identity_of, is_compiled
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable

POLICY_CHECK_TIMEOUT_SECONDS: Final = 1.0
"""A check happens during a request, and must leave time for its login."""

FIRST_POLICY_CHECK_TIMEOUT_SECONDS: Final = 5.0
"""The first check, at start: every request needs its result, and it includes setting up the first connection."""

RETRY_SECONDS: Final = 5.0
"""While there is no policy, every request is refused, so a short failure of the source must not last an interval."""


class PolicyUnreadable(Exception):
    """The source returned no document; the message is for the log only."""


class PolicyNotDeployed(PolicyUnreadable):
    """The source answered that it has no document yet."""


@record
class PolicyDocument:
    """A policy document as its source returned it.

    `read_file` reads the files that it names, if it is a file. `grant_files` are the grant files of a policy that is a
    folder, by path. `version` is the source's name for this version, if it has one.
    """

    name: str
    content: Content
    read_file: ReadFile | None
    grant_files: Mapping[str, bytes] | None = None
    version: str | None = None


class PolicySource(Protocol):
    """Where the policy is kept."""

    def read(self, deadline: Deadline, /) -> PolicyDocument:
        """Return the current document.

        Raises:
            PolicyUnreadable: no document could be read by `deadline`.
            PolicyNotDeployed: there is none yet.
        """
        ...


class PolicyEvents(Protocol):
    """Receives changes of the policy, for logs and metrics; its methods never raise."""

    def loaded(self, policy: Policy, *, version: str | None) -> None:
        """A policy is in force from now on; `version` is the source's name for it."""
        ...

    def not_loaded(
        self, cause: PolicyUnreadable | PolicyUnusable, *, in_force: str | None, version: str | None
    ) -> None:
        """A check returned a policy that does not load.

        `in_force` is the identity of the policy that stays in force, if there is one. `version` is the source's name
        for the policy that does not load.
        """
        ...

    def not_read(self, cause: PolicyUnreadable, *, in_force: str | None) -> None:
        """A check returned no policy."""
        ...


@record
class PolicyInForce:
    """The policy in force; `refused` is whether a newer one could not be read or did not load.

    `read_at` is when the source was last read: since then, a newer policy may be waiting there.
    """

    policy: Policy
    loaded_at: float
    read_at: float
    refused: bool


class PolicyStore:
    """The policy of one environment.

    `max_age_seconds` is the time between two checks of the source. A check happens during a request, since nothing runs
    between two requests in a Lambda. `own_region` is the service's region, if it is known; `has_state` is whether it
    has a state table.
    """

    def __init__(
        self,
        *,
        source: PolicySource,
        clock: Clock,
        max_age_seconds: float,
        events: PolicyEvents,
        own_region: str | None = None,
        has_state: bool = True,
    ) -> None:
        self._source = source
        self._own_region = own_region
        self._has_state = has_state
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._events = events
        self._lock = Lock()
        self._in_force: PolicyInForce | None = None
        self._checked_at: tuple[float, float] | None = None

    @property
    def in_force(self) -> PolicyInForce | None:
        """The policy in force, without a check for a newer one."""
        return self._in_force

    def current(self) -> PolicyInForce:
        """Return the policy in force, after checking for a newer one if the last check is too long ago.

        Raises:
            Refused: `policy-unavailable` until a policy has loaded.
        """
        if self._is_due() and self._lock.acquire(blocking=self._in_force is None):
            try:
                if self._is_due():
                    self._check()
            finally:
                self._lock.release()
        if self._in_force is None:
            raise Refused(Reason.POLICY_UNAVAILABLE, "no policy is in force")
        return self._in_force

    def policy(self) -> Policy:
        """Return the policy in force, as `current` does.

        Raises:
            Refused: `policy-unavailable` until a policy has loaded.
        """
        return self.current().policy

    def _is_due(self) -> bool:
        if self._checked_at is None:
            return True
        # The monotonic clock may stop while an environment is frozen, which would then use yesterday's policy.
        wall, monotonic = self._checked_at
        age = self._clock.now() - wall
        pause = self._max_age_seconds if self._in_force is not None else min(RETRY_SECONDS, self._max_age_seconds)
        return age < 0 or max(age, self._clock.monotonic() - monotonic) >= pause

    def _check(self) -> None:
        seconds = FIRST_POLICY_CHECK_TIMEOUT_SECONDS if self._checked_at is None else POLICY_CHECK_TIMEOUT_SECONDS
        self._checked_at = self._clock.now(), self._clock.monotonic()
        before = self._in_force
        document: PolicyDocument | None = None
        try:
            document = self._source.read(
                Deadline(clock=self._clock, at_monotonic_seconds=self._clock.monotonic() + seconds)
            )
            now = self._clock.now()
            if before is not None and _is_unchanged(before.policy, document):
                self._in_force = replace(before, read_at=now, refused=False)
                return
            policy = self._loaded(document)
        except (PolicyUnreadable, PolicyUnusable) as cause:
            self._keep(before, document, cause)
            return
        self._in_force = PolicyInForce(policy=policy, loaded_at=now, read_at=now, refused=False)
        self._events.loaded(policy, version=document.version)

    def _keep(
        self, before: PolicyInForce | None, document: PolicyDocument | None, cause: PolicyUnreadable | PolicyUnusable
    ) -> None:
        """Keep the policy in force, and report why; at every check until it is fixed."""
        in_force = None if before is None else before.policy.sha256
        if document is not None:
            self._events.not_loaded(cause, in_force=in_force, version=document.version)
        elif isinstance(cause, PolicyUnreadable):
            self._events.not_read(cause, in_force=in_force)
        if before is not None:
            read_at = before.read_at if document is None else self._clock.now()
            self._in_force = replace(before, read_at=read_at, refused=True)

    def _loaded(self, document: PolicyDocument) -> Policy:
        try:
            return load_policy(
                document.content,
                name=document.name,
                read_file=document.read_file,
                own_region=self._own_region,
                has_state=self._has_state,
                grant_files=document.grant_files,
            )
        except PolicyUnusable:
            raise
        except Exception as error:
            # A bug in the loader must not cost the policy in force either.
            raise PolicyUnreadable(f"unexpected error while loading: {type(error).__name__}") from error


def _is_unchanged(policy: Policy, document: PolicyDocument) -> bool:
    """Return whether `policy` was loaded from the same bytes, so that an unchanged policy is not parsed again.

    Raises:
        PolicyUnusable: the document is a compiled policy that is truncated or altered.
    """
    if is_compiled(document.content):
        # Imported here to keep the cold start short: most policies are not compiled.
        from token_exchange.loading.compiled import CompiledFile, CompiledGrants  # noqa: PLC0415 - as said above

        found = CompiledFile(document.content).sha256
        return isinstance(policy.grants, CompiledGrants) and found == policy.grants.file.sha256
    files = NamedFiles(document.read_file)
    try:
        for path in policy.files:
            files.content(path)
    except ValueError:
        return False
    found = identity_of(document.name, bytes(document.content), files.read_so_far(), grant_files=document.grant_files)
    return found == policy.sha256
