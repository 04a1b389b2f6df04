"""The job of an audit line in its CI system, or what to look up where."""

import json

from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import NAMES
from token_exchange_cli.audit.log import Row
from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.systems.job import Job, JobLine, NotInLineError

_NOT_VERIFIED = Job(look_up="nothing in a CI system, because anyone can write a token that is not verified")


def job_of(row: Row) -> Job:
    """Return where the job of a row of `sessions` or `refused` is; what is looked up is for a person, as text."""
    provider, issuer_url = row["provider"], row["issuer_url"]
    # What an unproven token says of its issuer is anything that someone wrote.
    if row["verified"] is not True or not isinstance(provider, str) or not isinstance(issuer_url, str):
        return _NOT_VERIFIED
    system = SYSTEMS.get(provider)
    if system is None:
        return Job(look_up=f"the run at the issuer {issuer_url}, whose pages are not known")
    identity: dict[str, Json] = {name: row[name] for name in NAMES if row.get(name) is not None}
    try:
        return system.job(JobLine(issuer_url=issuer_url, identity=identity, claims=claims_of(row)))
    except NotInLineError as error:
        return Job(
            look_up=f"the run in {system.title}: {error.name}, which is part of its address, is not whole in this line"
        )


def claims_of(row: Row) -> dict[str, Json]:
    """Return the claims in a row; what only DuckDB can read, such as a number of many thousand digits, is no claim."""
    text = row["claims"]
    try:
        claims: Json = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
