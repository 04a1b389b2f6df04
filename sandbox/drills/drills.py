"""The drills. Each follows `docs/operations.md` and returns when jobs work again."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from sandbox.aws.appconfigdata import Place
from sandbox.aws.server import AwsFault
from sandbox.drills.control import REFRESHER
from sandbox.drills.runbook import command, commands, document
from sandbox.drills.site import Site
from sandbox.issuer import IssuerFault

STOP: Final = "Stop a pipeline now"
ROLL_OUT: Final = "Roll out a policy"
STOLEN_KEY: Final = "A signing key is stolen"
TABLE_GONE: Final = "The state table is gone"
APPCONFIG: Final = {"APPLICATION": "ecr-token-exchange", "PROFILE": "policy", "ENVIRONMENT": "live"}
NOW_ON_THE_PAGE: Final = "2026-11-21T05:00:00Z"

ALARM_MINUTES: Final = {"AllExchangesDeniedAlarm": 15.0, "FastBurnAlarm": 1.0}
"""From the beginning of a fault until an alarm fires: the template's, evaluated on the metrics of simulated jobs."""

CHECK_MINUTES: Final = 1.0
"""PolicyMaxAgeSeconds of the template: how long an environment may not look for a policy. Here, it always looks."""

FRESH_MINUTES: Final = 10.0
"""How long an environment uses a key set without reading the table again; docs/architecture.md, "Caches"."""

CHANGE_SET_MINUTES: Final = 3.0
"""What a change set that makes one table may take; AWS documents no time."""

WITHDRAWAL_MINUTES: Final = 30.0


def kill_switch(site: Site) -> None:
    """Stop a leaked pipeline, and only that, with the brake; then end the login that it has."""
    site.start()
    site.expect("granted", site.job(), "the leaked pipeline")
    leaked = site.last_session()
    _set_brake(site, document(STOP, "brake"))
    site.wait_until("denied", site.job, "the leaked pipeline")
    site.expect("granted", site.job(repository="acme/shed", repository_id="70010002"), "another pipeline")
    site.expect("allowed", site.push(leaked, "ci/acme/shop"), "a push with the login that it has")
    site.shell.write("revoke.json", document(STOP, "revoke").replace(NOW_ON_THE_PAGE, datetime.now(UTC).isoformat()))
    site.runs(command(STOP, "aws iam put-role-policy"))
    site.expect("refused", site.push(leaked, "ci/acme/shop"), "a push with the login that it has")
    site.expect("granted", site.job(repository="acme/shed", repository_id="70010002"), "another pipeline")
    site.expect(
        "allowed", site.push(site.last_session(), "ci/acme/shed"), "a push with the login of the other pipeline"
    )
    _release(site)
    site.wait_until("granted", site.job, "the pipeline, after the brake is released")


def key_compromise(site: Site) -> None:
    """Shut out tokens that someone signs with a CI system's stolen key."""
    site.start()
    stolen = site.token()
    site.expect("granted", site.job(stolen), "a token signed with the stolen key")
    _set_brake(site, document(STOLEN_KEY, "brake-issuer"))
    site.wait_until("denied", lambda: site.job(stolen), "a token signed with the stolen key")
    site.takes(WITHDRAWAL_MINUTES, "assumed", "the CI system withdraws the key and publishes another")
    site.backends.issuer.keys("github-actions").rotate(keep_previous=False)
    site.runs(command("Rotate", "aws lambda invoke"), REFRESH_FUNCTION=REFRESHER)
    site.takes(FRESH_MINUTES, "documented", "key sets are used for ten minutes without reading the table")
    site.new_environments()  # like those that are ten minutes older, they read the table
    _release(site)
    site.wait_until("granted", site.job, "a job with a new token")
    site.expect("unknown-key", site.job(stolen), "a token signed with the stolen key")


def all_denied(site: Site) -> None:
    """Revert a policy that loads but denies every exchange."""
    good = _from_appconfig(site)
    site.expect("granted", site.job(), "a job under the good policy")
    misspelt = good.replace('organizations: [{name: acme, id: "7001"}]', 'organizations: [{name: acme, id: "7"}]')
    _deploy(site, misspelt)
    site.wait_until("organization-not-allowed", site.job, "a job under the bad policy")
    site.spent.clear()
    site.takes(
        ALARM_MINUTES["AllExchangesDeniedAlarm"], "documented", "AllExchangesDeniedAlarm fires, as the template has it"
    )
    site.runs(command(ROLL_OUT, "aws appconfig stop-deployment"), **{**APPCONFIG, "7": "1"})
    site.takes(CHECK_MINUTES, "documented", "each environment's next check, PolicyMaxAgeSeconds")
    site.wait_until("granted", site.job, "a job under the good policy")


def table_lost(site: Site) -> None:
    """Continue without the state table, and create it again."""
    path = site.backends.policy_path
    path.write_text(path.read_text().replace("  - name: own-images\n", "  - name: own-images\n    single_use: true\n"))
    site.start()
    site.expect("granted", site.job(), "a job of a grant with single_use")
    site.backends.aws.state.is_gone = True
    site.expect("state-unavailable", site.job(), "a job of a grant with single_use")
    site.takes(ALARM_MINUTES["FastBurnAlarm"], "documented", "FastBurnAlarm fires, as the template has it")
    for line in commands(TABLE_GONE, "aws cloudformation"):
        site.runs(line)
    site.takes(CHANGE_SET_MINUTES, "assumed", "CloudFormation makes the table")
    # The environments that were there go on: the table has its name again.
    site.wait_until("granted", site.job, "a job of a grant with single_use")
    token = site.token()
    site.expect("granted", site.job(token), "a token, once")
    site.expect("replayed", site.job(token), "the same token again")


def region_lost(site: Site) -> None:
    """Lose one of two regions, whose addresses every job has."""
    site.start(regions=2)
    site.expect("granted", site.job(), "a job")
    site.services[0].close()
    site.wait_until("granted", site.job, "a job, at the other region")


def issuer_down(site: Site) -> None:
    """Continue while a CI system's keys cannot be fetched, even in new environments; then pin its keys."""
    good = _from_appconfig(site)
    site.expect("granted", site.job(), "a job")
    site.runs(command("Rotate", "aws lambda invoke"), REFRESH_FUNCTION=REFRESHER)
    for name in ("discovery", "keys"):
        site.backends.issuer.faults.plan(("github-actions", name), IssuerFault(kind="server-error"))
    site.expect("granted", site.job(), "a job, while the issuer is down")
    site.new_environments()
    site.expect("granted", site.job(), "a job in a new environment, with the keys of the table")
    site.say("… a day later, every stored key set is too old")
    site.backends.aws.state.create_again()
    site.new_environments()
    site.expect("issuer-unavailable", site.job(), "a job")
    site.spent.clear()
    keys = json.dumps({"keys": site.backends.issuer.tokens.published("github-actions")})
    pinned = good.replace("provider: github-actions\n", f"provider: github-actions\n    jwks: {keys}\n", 1)
    _deploy(site, pinned)
    site.takes(CHECK_MINUTES, "documented", "each environment's next check, PolicyMaxAgeSeconds")
    site.wait_until("granted", site.job, "a job with pinned keys")


def sts_throttled(site: Site) -> None:
    """Succeed while STS throttles, because jobs retry."""
    site.start()
    site.expect("granted", site.job(), "a job")
    site.backends.aws.faults.plan("sts:AssumeRole", AwsFault(kind="throttle"), times=6)
    site.expect("aws-throttled", site.job(), "a job")
    site.wait_until("granted", site.job, "the same job, retried")


def _set_brake(site: Site, item: str) -> None:
    site.shell.write("brake.json", item)
    site.runs(command(STOP, "aws dynamodb put-item"), TABLE=site.backends.aws.state.brake_name)


def _release(site: Site) -> None:
    site.runs(command(STOP, "aws dynamodb delete-item"), TABLE=site.backends.aws.state.brake_name)


def _from_appconfig(site: Site) -> str:
    """Start with a policy of AppConfig, and return it."""
    certificate = "\n".join(f"      {line}" for line in site.backends.issuer.ca_bundle.read_text().splitlines())
    policy = site.backends.policy_path.read_text().replace("ca_bundle: ca.pem", f"ca_bundle: |\n{certificate}")
    place = Place(
        application=APPCONFIG["APPLICATION"], environment=APPCONFIG["ENVIRONMENT"], profile=APPCONFIG["PROFILE"]
    )
    site.backends.aws.configurations.poll_seconds = 1
    site.backends.aws.configurations.deploy(place, policy.encode())
    site.start(TOKEN_EXCHANGE_POLICY="appconfig:ecr-token-exchange/live/policy")
    return policy


def _deploy(site: Site, policy: str) -> None:
    site.shell.write("policy.yaml", policy)
    site.runs(command(ROLL_OUT, "aws appconfig create-hosted-configuration-version"), **APPCONFIG)
    start = command(ROLL_OUT, "aws appconfig start-deployment")
    site.runs(start, **{**APPCONFIG, "7": "1", "STRATEGY": "AppConfig.AllAtOnce"})


DRILLS: Final[Mapping[str, Callable[[Site], None]]] = {
    "all-denied": all_denied,
    "issuer-down": issuer_down,
    "key-compromise": key_compromise,
    "kill-switch": kill_switch,
    "region-lost": region_lost,
    "sts-throttled": sts_throttled,
    "table-lost": table_lost,
}
