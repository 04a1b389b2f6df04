"""Grants for runs that outsiders can start, and for logins that nothing bounds."""

from collections.abc import Iterator
from typing import Final

from token_exchange_cli.lint.finding import Finding, Subject, warning


def outsiders_push(subject: Subject) -> Iterator[Finding]:
    """A stranger's pull request could push an image."""
    for path, grant in subject.grants():
        if grant.allow_untrusted_triggers and grant.terms is not None and grant.terms.access == "push":
            yield warning(
                "outsiders-push",
                (*path, "allow_untrusted_triggers"),
                "a run that any stranger can start gets a login that pushes",
                "let such runs pull alone, from a grant of their own",
            )


def outsiders_get_a_stored_login(subject: Subject) -> Iterator[Finding]:
    """A stored login that a stranger has got stays good until somebody changes it."""
    for path, grant in subject.grants():
        if grant.allow_untrusted_triggers and grant.terms is None:
            yield warning(
                "outsiders-get-a-stored-login",
                (*path, "allow_untrusted_triggers"),
                "a run that any stranger can start gets a long-lived login that nothing bounds",
                "take allow_untrusted_triggers out",
            )


def stored_login_for_all(subject: Subject) -> Iterator[Finding]:
    """Without a condition every repository of the organization gets the same long-lived login."""
    for path, grant in subject.grants():
        if grant.terms is None and not grant.conditions:
            yield warning(
                "stored-login-for-all",
                path,
                "every run of every listed organization gets the same long-lived login",
                "add a condition, on a branch at least",
            )


def by_web_identity(subject: Subject) -> Iterator[Finding]:
    """The role trusts the token without the service."""
    for path, grant in subject.grants():
        if grant.terms is not None and grant.terms.assume == "web-identity":
            yield warning(
                "web-identity",
                (*path, "assume"),
                "whoever holds such a token can go to STS himself and gets the whole role, past deny, single_use, "
                "repositories and duration",
                "let the role trust the service alone and use assume: broker, once its pipelines have moved",
            )


RULES: Final = (outsiders_push, outsiders_get_a_stored_login, stored_login_for_all, by_web_identity)
