"""Reads the policy that AppConfig has deployed, and receives it only when it is another.

A session hands out a token with each answer, good for one more question. Each configuration that is received is
billed, so an environment keeps its session; a call that fails ends it, since nobody knows whether its token was used.
Source: AppConfig Data API Reference, StartConfigurationSession and GetLatestConfiguration.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from token_exchange.adapters.aws_clients import AwsClients
from token_exchange.adapters.aws_faults import answered
from token_exchange.adapters.deadline_calls import DeadlineCalls
from token_exchange.adapters.kept_connections import reconnecting
from token_exchange.adapters.policy_body import whole_body
from token_exchange.adapters.policy_place import NAME_WITHOUT_FILE, AppConfigPlace
from token_exchange.policy_store import PolicyDocument, PolicyUnreadable
from token_exchange.ports import Clock, Deadline
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

if TYPE_CHECKING:
    from mypy_boto3_appconfigdata import AppConfigDataClient

POLL_SECONDS: Final = 15
"""The shortest pause that AppConfig grants a session; how often it is asked in fact is the policy's age to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """What the next question takes: its token, and how long to wait since the last one."""

    token: str = field(repr=False)
    pause_seconds: int
    asked_at: tuple[float, float]
    document: PolicyDocument

    def is_to_wait(self, clock: Clock) -> bool:
        """Say whether AppConfig would refuse to be asked. A frozen environment's monotonic clock may stand still."""
        wall, monotonic = self.asked_at
        age = clock.now() - wall
        return age >= 0 and max(age, clock.monotonic() - monotonic) < self.pause_seconds


class PolicyInAppConfig:
    """A policy that is deployed to an environment of an application."""

    def __init__(self, place: AppConfigPlace, *, clients: AwsClients, calls: DeadlineCalls) -> None:
        self._place = place
        self._clients = clients
        self._calls = calls
        self._session: _Session | None = None

    def read(self, deadline: Deadline, /) -> PolicyDocument:
        """Return the document that is deployed.

        Raises:
            PolicyUnreadable: AppConfig did not give it by `deadline`.
        """
        before = self._session
        if before is not None and before.is_to_wait(deadline.clock):
            return before.document
        self._session = None
        try:
            client = self._clients.appconfigdata()
            self._session = self._calls.call(
                lambda: answered(
                    lambda: self._next(client, before, deadline),
                    refusal=Reason.POLICY_UNAVAILABLE,
                    subject=str(self._place),
                ),
                deadline=deadline,
            )
        except Refused as refused:
            raise PolicyUnreadable(f"{self._place}: {refused.description}") from refused
        return self._session.document

    def _next(self, client: "AppConfigDataClient", before: _Session | None, deadline: Deadline) -> _Session:
        if before is not None:
            try:
                return _asked(client, before.token, before.document, deadline)
            except ClientError as error:
                # A token is good for a day, and an environment may have slept for longer.
                if error.response.get("Error", {}).get("Code") != "BadRequestException":
                    raise
        started = reconnecting(
            lambda: client.start_configuration_session(
                ApplicationIdentifier=self._place.application,
                EnvironmentIdentifier=self._place.environment,
                ConfigurationProfileIdentifier=self._place.profile,
                RequiredMinimumPollIntervalInSeconds=POLL_SECONDS,
            )
        )
        return _asked(client, started["InitialConfigurationToken"], None, deadline)


def _asked(client: "AppConfigDataClient", token: str, last: PolicyDocument | None, deadline: Deadline) -> _Session:
    """Return the session as it is after one question; an empty answer says that `last` is still what is deployed."""
    asked_at = deadline.clock.now(), deadline.clock.monotonic()
    # Had the first of two questions arrived, the second would be refused, and a new session begun.
    answer = reconnecting(lambda: client.get_latest_configuration(ConfigurationToken=token))
    content = whole_body(answer["Configuration"], deadline=deadline)
    if not content and last is None:
        raise Refused(Reason.POLICY_UNAVAILABLE, "AppConfig has no configuration, or an empty one, deployed there")
    document = last
    if content or document is None:
        document = PolicyDocument(
            name=NAME_WITHOUT_FILE, content=content, read_file=None, version=answer.get("VersionLabel") or None
        )
    return _Session(
        token=answer["NextPollConfigurationToken"],
        # What was asked for holds where the answer does not say.
        pause_seconds=answer.get("NextPollIntervalInSeconds", POLL_SECONDS),
        asked_at=asked_at,
        document=document,
    )
