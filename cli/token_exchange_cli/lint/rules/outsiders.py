"""Grants for runs that outsiders can start, and for logins without limits."""

from collections.abc import Iterator
from typing import Final

from token_exchange_cli.lint.finding import Finding, Subject, warning


def outsiders_push(subject: Subject) -> Iterator[Finding]:
    """Warn of pushes by runs that outsiders can start: their pull request could push an image."""
    for path, grant in subject.grants():
        if grant.allow_untrusted_triggers and grant.terms is not None and grant.terms.access == "push":
            yield warning(
                "outsiders-push",
                (*path, "allow_untrusted_triggers"),
                "a run that any outsider can start gets a login that pushes",
                "give such runs a separate grant that only pulls",
            )


def outsiders_get_a_stored_login(subject: Subject) -> Iterator[Finding]:
    """Warn of stored logins for outsiders, who keep them until they are rotated."""
    for path, grant in subject.grants():
        if grant.allow_untrusted_triggers and grant.terms is None:
            yield warning(
                "outsiders-get-a-stored-login",
                (*path, "allow_untrusted_triggers"),
                "a run that any outsider can start gets a long-lived login without limits",
                "remove allow_untrusted_triggers",
            )


def stored_login_for_all(subject: Subject) -> Iterator[Finding]:
    """Warn of a stored login without conditions: every repository of the organization gets it."""
    for path, grant in subject.grants():
        if grant.terms is None and not grant.conditions:
            yield warning(
                "stored-login-for-all",
                path,
                "every run of every listed organization gets the same long-lived login",
                "add a condition, at least on a branch",
            )


def by_web_identity(subject: Subject) -> Iterator[Finding]:
    """Warn of roles that trust tokens directly."""
    for path, grant in subject.grants():
        if grant.terms is not None and grant.terms.assume == "web-identity":
            yield warning(
                "web-identity",
                (*path, "assume"),
                "anyone who has such a token can call STS directly and get the whole role, bypassing deny, single_use, "
                "repositories and duration",
                "once its pipelines have moved, let the role trust only the service, and use assume: broker",
            )


RULES: Final = (outsiders_push, outsiders_get_a_stored_login, stored_login_for_all, by_web_identity)
