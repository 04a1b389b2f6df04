"""The relations that the queries use, and the position of each column in a line or an event.

`audit` has a row for each audit line, `logins` one for each entry of `grants`, with the line's columns that say whose
it is, and `trail` one for each event of CloudTrail. A program that holds the same lines, such as Athena, can define the
same relations from these columns; the queries then run there as they are, in that program's dialect.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Self

from token_exchange.core.vocabulary import NAMES

type ColumnType = Literal["VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "VARCHAR[]", "JSON"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its name, its type, and the member names that lead to its value.

    A `TIMESTAMP` is in UTC, of a value in RFC 3339 with `Z` or `+00:00`; `JSON` is a value's text.
    """

    name: str
    type: ColumnType
    path: tuple[str, ...]


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, type="VARCHAR", path=(name,)) for name in names)


def _at(name: str, *path: str, type: ColumnType = "VARCHAR") -> Column:  # noqa: A002 - SQL's own word for it
    return Column(name=name, type=type, path=path)


LOGGED_AT: Final = _at("logged_at", "timestamp", type="TIMESTAMP")

_PARTS: Final = ("verify", "keys", "decide", "state", "sts", "ecr", "secret", "total")

AUDIT: Final[tuple[Column, ...]] = (
    LOGGED_AT,
    _at("line_schema", "schema", type="BIGINT"),
    *_texts("decision", "reason"),
    _at("status", "status", type="BIGINT"),
    *_texts("request_id", "api_request_id", "trace_id", "source_ip", "user_agent", "token_sha256"),
    _at("verified", "verified", type="BOOLEAN"),
    *_texts("policy_sha256", "issuer", "issuer_url", "provider", "token_id", "deny_rule"),
    *(_at(name, "identity", name) for name in NAMES),
    _at("claims", "claims", type="JSON"),
    _at("asked_one_login", "asked", "one_login", type="BOOLEAN"),
    _at("asked_format", "asked", "format"),
    _at("asked_registries", "asked", "registries", type="VARCHAR[]"),
    _at("asked_grant", "asked", "grant"),
    _at("asked_scope", "asked", "scope"),
    *(_at(f"{part}_ms", "timings_ms", part, type="DOUBLE") for part in _PARTS),
    _at("cold_start", "cold_start", type="BOOLEAN"),
    *_texts("version", "function_version", "region"),
    _at("error_class", "error", "class"),
    _at("error_message", "error", "message"),
)
"""A row of `audit`: the line's own fields."""

LINE_OF_LOGIN: Final = (
    "logged_at",
    "request_id",
    "decision",
    "policy_sha256",
    "issuer",
    "provider",
    "organization",
    "organization_id",
    "repository",
    "repository_id",
    "ref",
    "branch",
    "tag",
    "environment",
    "workflow",
    "event",
    "run_id",
    "job_id",
    "actor",
)
"""The columns of `audit` that a row of `logins` repeats, first."""

LOGIN: Final[tuple[Column, ...]] = (
    _at("grant_name", "grant"),
    *_texts("registry", "role_arn", "access"),
    _at("repositories", "repositories", type="VARCHAR[]"),
    *_texts("scope", "expires_at", "session_name", "source_identity", "assumed_role_id", "assumed_role_arn"),
    *_texts("access_key_id", "sts_request_id", "ecr_request_id", "session_policy_sha256"),
    _at("session_token_percent", "session_token_percent", type="BIGINT"),
    *_texts("secret_arn", "secret_request_id"),
    _at("failed_reason", "reason"),
)
"""What follows in a row of `logins`: the fields of the entry of `grants`; `failed_reason` says why it has no login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The columns of `audit`, and those of `logins` in two parts, into which lines are loaded.

    Fewer than all take half the time.
    """

    audit: tuple[Column, ...] = AUDIT
    of_line: tuple[Column, ...] = tuple(column for column in AUDIT if column.name in LINE_OF_LOGIN)
    of_login: tuple[Column, ...] = LOGIN

    @classmethod
    def for_queries(cls, texts: Iterable[str]) -> Self:
        """Return the columns that these queries name, and those that tell duplicates and unusual lines."""
        # A comment, and the name of a result, is no column.
        words = {*_ALWAYS, *(word for text in texts for word in re.findall(r"\w+", re.sub(r"--.*|\bAS \w+", "", text)))}
        every = cls()

        def kept(columns: tuple[Column, ...]) -> tuple[Column, ...]:
            return tuple(column for column in columns if column.name in words)

        return cls(audit=kept(every.audit), of_line=kept(every.of_line), of_login=kept(every.of_login))


_ALWAYS: Final = (
    *("logged_at", "line_schema", "decision", "reason", "status", "request_id"),
    *("grant_name", "registry", "access_key_id"),
)

TRAIL: Final[tuple[Column, ...]] = (
    _at("event_time", "eventTime", type="TIMESTAMP"),
    _at("event_id", "eventID"),
    _at("event_source", "eventSource"),
    _at("event_name", "eventName"),
    _at("aws_request_id", "requestID"),
    _at("error_code", "errorCode"),
    _at("caller_ip", "sourceIPAddress"),
    _at("aws_region", "awsRegion"),
    _at("account_id", "recipientAccountId"),
    _at("caller_type", "userIdentity", "type"),
    _at("caller_id", "userIdentity", "principalId"),
    _at("caller_arn", "userIdentity", "arn"),
    _at("caller_key_id", "userIdentity", "accessKeyId"),
    _at("caller_role_arn", "userIdentity", "sessionContext", "sessionIssuer", "arn"),
    _at("caller_source_identity", "userIdentity", "sessionContext", "sourceIdentity"),
    # AssumeRole: what was asked for, and the session that was made.
    _at("role_arn", "requestParameters", "roleArn"),
    _at("session_name", "requestParameters", "roleSessionName"),
    _at("source_identity", "requestParameters", "sourceIdentity"),
    _at("made_key_id", "responseElements", "credentials", "accessKeyId"),
    _at("made_role_id", "responseElements", "assumedRoleUser", "assumedRoleId"),
    # ECR: one image, by digest or tag; BatchGetImage names several.
    _at("ecr_repository", "requestParameters", "repositoryName"),
    _at("image_tag", "requestParameters", "imageTag"),
    _at("image_digest", "requestParameters", "imageDigest"),
    _at("put_digest", "responseElements", "image", "imageId", "imageDigest"),
)
"""A row of `trail`, of an event as CloudTrail writes it to S3; BatchGetImage's images are rows of `pulled`."""

PULLED: Final[tuple[Column, ...]] = (
    _at("event_id", "eventID"),
    _at("image_tag", "imageTag"),
    _at("image_digest", "imageDigest"),
)
"""A row of `pulled`: one entry of `imageIds` of a BatchGetImage, with its event's id."""
