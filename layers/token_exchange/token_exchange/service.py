"""Assembles the service for one environment, and handles its events."""

import os
import random
from contextlib import suppress
from pathlib import Path
from typing import Final, assert_never

from snapshot_restore_py import register_after_restore

from token_exchange import __version__
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.budgets import BudgetCounter
from token_exchange.adapters.events import Events, Metrics
from token_exchange.adapters.fetch import HttpsFetcher
from token_exchange.adapters.log import TRACE_ROOT, AuditLog, quiet_libraries
from token_exchange.adapters.logins import EcrAuthorizer, SecretLogins, StsRoleAssumer
from token_exchange.adapters.policy_file import policy_source
from token_exchange.adapters.settings import Settings, SystemClock, invocation_seconds, read_settings
from token_exchange.adapters.table import BrakeTable, SharedKeysReader, StateTable
from token_exchange.core.attempt import Attempt
from token_exchange.core.exchange import Exchange, Policies
from token_exchange.core.mint import Minter
from token_exchange.core.policy import EcrPublicRegistry, EcrRegistry, Registry, SecretRegistry
from token_exchange.core.ports import Clock, Deadline, Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.single_use import SingleUse
from token_exchange.core.verifier import Verifier
from token_exchange.http.answers import for_readers
from token_exchange.http.event import HttpAnswer, HttpRequest, NotHttp, read_event
from token_exchange.http.routes import Routes, is_audited, plain_refusal
from token_exchange.issuer_keys.store import KeyStore
from token_exchange.loading.brake import Brake, BrakedPolicies
from token_exchange.loading.store import PolicyStore
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.disclosure import disclosure
from token_exchange.reporting.new_claims import NewClaims

MAX_REQUEST_SECONDS: Final = 20.0
CONNECT_SECONDS: Final = 0.5
"""How long a start waits for connections. One that takes longer is opened meanwhile, or by the first request."""

_RESPONSE_RESERVE_SECONDS: Final = 1.0
"""Reserved for the answer and the audit line before Lambda's timeout."""


class Service:
    """The exchange function of one environment."""

    def __init__(self, settings: Settings, *, folder: Path) -> None:
        quiet_libraries()
        self._settings = settings
        self._clock: Clock = SystemClock()
        self._metrics = Metrics(deployment=settings.deployment, by_issuer=settings.metrics_by_issuer)
        self._events = Events(metrics=self._metrics)
        self._new_claims = NewClaims(self._events)
        self._audit_log = AuditLog()
        self._cold = True
        self._clients = clients = AwsClients(region=settings.region)
        self._calls = calls = DeadlineCalls()
        self._policies = PolicyStore(
            source=policy_source(
                settings.policy, first=settings.first_policy, folder=folder, clients=clients, calls=calls
            ),
            clock=self._clock,
            max_age_seconds=settings.policy_max_age_seconds,
            events=self._events,
            own_region=settings.region,
            has_state=settings.state_table is not None,
        )
        self._decides_by: Policies = self._policies
        if settings.brake_table is not None:
            item = BrakeTable(clients=clients, calls=calls, table=settings.brake_table)
            brake = Brake(source=item, clock=self._clock, events=self._events)
            self._decides_by = BrakedPolicies(policies=self._policies, brake=brake)
        self._routes = Routes(exchange=self._exchange(), policies=self._policies, public_url=settings.public_url)
        self._warm()

    def _exchange(self) -> Exchange:
        clients, table = self._clients, self._settings.state_table
        keys = KeyStore(
            fetcher=HttpsFetcher(clock=self._clock),
            clock=self._clock,
            events=self._events,
            shared=None if table is None else SharedKeysReader(clients=clients, calls=self._calls, table=table),
        )
        state = None if table is None else StateTable(clients=clients, calls=self._calls, table=table)
        return Exchange(
            policies=self._decides_by,
            verifier=Verifier(keys),
            budgets=BudgetCounter(counts=state, events=self._events),
            single_use=SingleUse(marks=state, events=self._events),
            minter=Minter(
                roles=StsRoleAssumer(clients=clients),
                registries=EcrAuthorizer(clients=clients),
                stored=SecretLogins(clients=clients),
                threads=self._calls,
                clock=self._clock,
            ),
            clock=self._clock,
        )

    def _warm(self) -> None:
        """Load the policy, create clients and connect them at start, so that the first request does not wait for it.

        A failure here is reported by the first request that needs the policy or the client.
        """
        try:
            policy = self._policies.policy()
            self._clients.sts()
            if self._settings.state_table is not None:
                self._clients.dynamodb()
            for registry in policy.registries.values():
                _warm_for(registry, self._clients)
        except Refused:
            return
        with suppress(Refused):
            self._decides_by.policy()  # reads the brake, if there is one, which opens the connection to its table
        self._connect(with_tables=self._settings.brake_table is None)

    def _connect(self, *, with_tables: bool) -> None:
        # While an environment starts, Lambda gives it a whole processor: handshakes cost the first caller nothing.
        soon = Deadline(clock=self._clock, at_monotonic_seconds=self._clock.monotonic() + CONNECT_SECONDS)
        self._calls.run(self._clients.connection_openers(with_tables=with_tables), deadline=soon)

    def restored(self) -> None:
        """Renew what this environment shares with all others that Lambda restores from the same snapshot (SnapStart).

        The ages of keys and of the policy need nothing: the wall clock, which also counts them, continues meanwhile.
        """
        # botocore takes its pauses before retries from this generator: clones would retry in step.
        random.seed()
        # The other end closed these connections long ago.
        self.close_connections()
        self._calls.renew_threads()
        self._connect(with_tables=True)

    def close_connections(self) -> None:
        """Close the connections to AWS; the next request opens new ones."""
        self._clients.close_connections()

    def __call__(self, event: object, context: object) -> dict[str, object]:
        """Return the answer to the request in `event`, in the form that API Gateway and function URLs accept.

        Only the request id and the remaining time of Lambda's `context` are used.
        """
        cold, self._cold = self._cold, False
        seconds = invocation_seconds(context, at_most=MAX_REQUEST_SECONDS, reserve=_RESPONSE_RESERVE_SECONDS)
        deadline = Deadline(clock=self._clock, at_monotonic_seconds=self._clock.monotonic() + seconds)
        attempt = Attempt(request_id=_request_id(context), deadline=deadline)
        record = AuditRecord(attempt=attempt)
        try:
            request = read_event(event)
        except NotHttp as error:
            refused = Refused(Reason.MALFORMED_REQUEST, str(error))
            return self._for_readers(plain_refusal(refused, request_id=record.request_id), None).as_lambda_result()
        record.api_request_id = request.api_request_id
        record.source_ip = request.source_ip
        record.user_agent = request.user_agent
        with attempt.measure("total"):
            answer = self._answer(request, record)
        if is_audited(request.path):
            answer = self._recorded(answer, record, cold=cold)
        return self._for_readers(answer, request).as_lambda_result()

    def _for_readers(self, answer: HttpAnswer, request: HttpRequest | None) -> HttpAnswer:
        return for_readers(answer, request, documentation_url=self._settings.documentation_url)

    def _answer(self, request: HttpRequest, record: AuditRecord) -> HttpAnswer:
        try:
            return self._routes.answer(request, record)
        except Exception as error:  # noqa: BLE001 - the caller gets no login, the log a traceback
            return self._unexpected(error, record)

    def _recorded(self, answer: HttpAnswer, record: AuditRecord, *, cold: bool) -> HttpAnswer:
        """Write the audit line and the metrics, and return `answer`; without an audit line no login is returned."""
        milliseconds = record.attempt.milliseconds()
        more: dict[str, Json] = {
            "timings_ms": {str(part): spent for part, spent in milliseconds.items()},
            "cold_start": cold,
            "version": __version__,
            "function_version": self._settings.function_version,
            "region": self._settings.region,
            "trace_id": _trace_root(os.environ.get("_X_AMZN_TRACE_ID", "")),
        }
        try:
            self._audit_log.write(record, {name: value for name, value in more.items() if value is not None})
        except Exception as error:  # noqa: BLE001 - without an audit line there must be no login
            return self._unexpected(error, record)
        self._notice_new_claims(record)
        self._events.measure(
            lambda: self._metrics.exchange(
                record, milliseconds, cold_start=cold, policy_age_seconds=self._policy_age_seconds()
            )
        )
        return answer

    def _notice_new_claims(self, record: AuditRecord) -> None:
        caller = record.attempt.caller
        # Only of organizations on the allowlist: other tenants' tokens could use up what one environment reports.
        if caller is not None and disclosure(record.attempt) != "nothing":
            self._new_claims.notice(caller.issuer.name, caller.issuer.preset, caller.claims)

    def _policy_age_seconds(self) -> float | None:
        in_force = self._policies.in_force
        return None if in_force is None else max(0.0, round(self._clock.now() - in_force.read_at, 3))

    def _unexpected(self, error: Exception, record: AuditRecord) -> HttpAnswer:
        self._events.internal_error(error, request_id=record.request_id)
        refused = Refused(Reason.INTERNAL_ERROR, "unexpected internal error")
        refused.__cause__ = error
        answer = plain_refusal(refused, request_id=record.request_id)
        record.refuse(refused, status=answer.status)
        return answer


def _warm_for(registry: Registry, clients: AwsClients) -> None:
    match registry:
        case EcrRegistry():
            clients.ecr(registry.region)
        case EcrPublicRegistry():
            clients.ecr_public()
        case SecretRegistry():
            clients.secrets(registry.region)
        case _:
            assert_never(registry)


def _request_id(context: object) -> str:
    """Return Lambda's request id, or a random one if the invoker is not Lambda."""
    given = getattr(context, "aws_request_id", None)
    return given if isinstance(given, str) and given else os.urandom(16).hex()


def _trace_root(header: str) -> str | None:
    """Return the root of X-Ray's trace header, `Root=1-…;Parent=…;Sampled=1`, or None without a valid one."""
    fields = dict(part.split("=", 1) for part in header.split(";") if "=" in part)
    root = fields.get("Root", "")
    return root if TRACE_ROOT.fullmatch(root) else None


def start(function_file: str) -> Service:
    """Return the service as the environment configures it, for the function whose module is `function_file`.

    Raises:
        BadSetting: a variable has an invalid value.
    """
    service = Service(read_settings(os.environ), folder=Path(function_file).parent)
    register_after_restore(service.restored)
    return service
