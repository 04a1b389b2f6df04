"""Keeps the policy in force: looks for a newer one now and then, and never lets a bad one replace a good one."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final, Protocol

from token_exchange.core.policy import Policy
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.document import NamedFiles, ReadFile, identity_of
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable

LOOK_SECONDS: Final = 1.0
"""A look happens in a request, which has a login to fetch."""

FIRST_LOOK_SECONDS: Final = 5.0
"""The look at start keeps no request waiting that could do without it, and pays for the first connection."""

RETRY_SECONDS: Final = 5.0
"""Without any policy every caller is turned away: a source that failed for a moment must not cost a whole age."""


class PolicyUnreadable(Exception):
    """The source has no document to give; the text is for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDocument:
    """A document as its source has it; `read_file` reads the files it names, where it is a file itself.

    `grant_files` are the files with the grants, by their paths, where the policy is a folder.
    `version` is what the source calls this version of it, where it has a name for it.
    """

    name: str
    content: bytes
    read_file: ReadFile | None
    grant_files: Mapping[str, bytes] | None = None
    version: str | None = None


class PolicySource(Protocol):
    """Where the policy is kept."""

    def read(self, deadline: Deadline, /) -> PolicyDocument:
        """Return the document as it is now.

        Raises:
            PolicyUnreadable: there is none that can be read by `deadline`.
        """
        ...


class PolicyEvents(Protocol):
    """Is told what happens to the policy, for logs and metrics; never fails."""

    def loaded(self, policy: Policy, *, version: str | None) -> None:
        """A policy is in force from now on; `version` is its source's name for it."""
        ...

    def not_loaded(
        self, cause: PolicyUnreadable | PolicyUnusable, *, in_force: str | None, version: str | None
    ) -> None:
        """A look brought nothing usable.

        `in_force` is the identity of the policy that stays, where there is one; `version` is its source's name for
        the one that does not load.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInForce:
    """The policy by which to decide; `refused` says that a newer one did not load."""

    policy: Policy
    loaded_at: float
    refused: bool


class PolicyStore:
    """The policy of one environment.

    `max_age_seconds` is the time between two looks at the source. A look happens in a request, never beside one.
    `own_region` is where the service runs, if that is known; `has_state` whether it has a state table.
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
        self._looked_at: tuple[float, float] | None = None

    @property
    def in_force(self) -> PolicyInForce | None:
        """The policy by which the last request was decided, without a look for a newer one."""
        return self._in_force

    def current(self) -> PolicyInForce:
        """Return the policy in force, after a look for a newer one where the last look is too long ago.

        Raises:
            Refused: `policy-unavailable` while there has never been a policy that loads.
        """
        if self._is_due() and self._lock.acquire(blocking=self._in_force is None):
            try:
                if self._is_due():
                    self._look()
            finally:
                self._lock.release()
        if self._in_force is None:
            raise Refused(Reason.POLICY_UNAVAILABLE, "no policy is in force")
        return self._in_force

    def policy(self) -> Policy:
        """Return the policy in force, as `current` does.

        Raises:
            Refused: `policy-unavailable` while there has never been a policy that loads.
        """
        return self.current().policy

    def _is_due(self) -> bool:
        if self._looked_at is None:
            return True
        # A frozen environment's monotonic clock may stand still, and it would wake up with a policy of yesterday.
        wall, monotonic = self._looked_at
        age = self._clock.now() - wall
        pause = self._max_age_seconds if self._in_force is not None else min(RETRY_SECONDS, self._max_age_seconds)
        return age < 0 or max(age, self._clock.monotonic() - monotonic) >= pause

    def _look(self) -> None:
        seconds = FIRST_LOOK_SECONDS if self._looked_at is None else LOOK_SECONDS
        self._looked_at = self._clock.now(), self._clock.monotonic()
        before = self._in_force
        document: PolicyDocument | None = None
        try:
            document = self._source.read(
                Deadline(clock=self._clock, at_monotonic_seconds=self._clock.monotonic() + seconds)
            )
            if before is not None and _is_unchanged(before.policy, document):
                self._in_force = PolicyInForce(policy=before.policy, loaded_at=before.loaded_at, refused=False)
                return
            policy = self._loaded(document)
        except (PolicyUnreadable, PolicyUnusable) as cause:
            # Said at every look, until somebody mends it.
            self._events.not_loaded(
                cause,
                in_force=None if before is None else before.policy.sha256,
                version=None if document is None else document.version,
            )
            if before is not None:
                self._in_force = PolicyInForce(policy=before.policy, loaded_at=before.loaded_at, refused=True)
            return
        self._in_force = PolicyInForce(policy=policy, loaded_at=self._clock.now(), refused=False)
        self._events.loaded(policy, version=document.version)

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
            # A fault of the reader's own must no more cost the policy in force than a fault of the document.
            raise PolicyUnreadable(f"reading it failed unexpectedly: {type(error).__name__}") from error


def _is_unchanged(policy: Policy, document: PolicyDocument) -> bool:
    """Say whether `document` is what `policy` was made of: ten thousand grants are not read again for nothing."""
    files = NamedFiles(document.read_file)
    try:
        for path in policy.files:
            files.content(path)
    except ValueError:
        return False
    found = identity_of(document.name, document.content, files.read_so_far(), grant_files=document.grant_files)
    return found == policy.sha256
