"""What the systems have in common whose jobs request tokens as those of GitHub Actions do."""

from collections.abc import Mapping

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange_cli.systems import answers
from token_exchange_cli.systems.system import ONLY_MAIN, Question, Refusal, Starter


def token_lines(*, scheme: str, missing: str) -> tuple[str, ...]:
    """Return the lines that set `token`.

    `scheme` is the authorization scheme as the system's documentation spells it, and `missing` what the step reports
    if the job cannot request a token.
    """
    return (
        f': "${{ACTIONS_ID_TOKEN_REQUEST_URL:?{missing}}}"',
        f"token=$(printf 'Authorization: {scheme} %s' \"$ACTIONS_ID_TOKEN_REQUEST_TOKEN\" |",
        '  https -f -G "$ACTIONS_ID_TOKEN_REQUEST_URL" --data-urlencode "audience=$AUDIENCE" |',
        """  sed -n 's/.*"value" *: *"\\([^"]*\\)".*/\\1/p')""",
    )


def mask_lines(server: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines that hide the token and the login."""
    return (f'echo "::add-mask::${{token:?{server} gave no token}}"',), ('echo "::add-mask::$(cat "$login")"',)


def first_policy(
    server: str,
    *,
    host: Question,
    id_from: str,
    claims: Mapping[str, Json],
    untrusted_event: str,
    proves_protection: bool,
) -> Starter:
    """Return a first policy for the forge `server`.

    `id_from` says where an owner's id is, `claims` are the forge's own, `untrusted_event` is one that outsiders can
    cause, and `proves_protection` says whether a token tells that its branch is protected.
    """
    protected: dict[str, str | bool] = {"ref_protected": True} if proves_protection else {}
    refused = [
        Refusal("another branch", {"ref": "refs/heads/feature"}),
        Refusal("an event that outsiders can cause", {"event_name": untrusted_event}, Reason.UNTRUSTED_TRIGGER),
    ]
    if proves_protection:
        refused.append(Refusal("an unprotected branch main", {"ref_protected": "false"}))
    return Starter(
        questions={
            "host": host,
            "organization": Question(answers.NAME, f"the owner's name on {server}"),
            "organization-id": Question(answers.NUMBER, f"the owner's id: {id_from}"),
        },
        settings={"host": "{host}"},
        organization={"name": "{organization}", "id": "{organization-id}"},
        match={"branch": "main", **protected},
        pins=(ONLY_MAIN, "The allowlist has the owner's id, since anyone can take a name that was given up."),
        by_repository=True,
        claims={
            "repository": "{organization}/app",
            "repository_id": "1",
            "repository_owner": "{organization}",
            "repository_owner_id": "{organization-id}",
            "event_name": "push",
            "ref": "refs/heads/main",
            "ref_type": "branch",
            **claims,
        },
        refused=tuple(refused),
    )
