"""The drills. Each follows `docs/operations.md` and returns when jobs work again."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from sandbox.aws.server import AwsFault
from sandbox.drills.runbook import command, document
from sandbox.drills.site import DEPLOYMENT_MINUTES, Site
from sandbox.issuer import IssuerFault

STOP: Final = "Stop a pipeline now"
ROLL_OUT: Final = "Roll out a policy"
APPCONFIG: Final = {"APPLICATION": "ecr-token-exchange", "PROFILE": "policy", "ENVIRONMENT": "live"}
ALL_DENIED_MINUTES: Final = 15.0
FAST_BURN_MINUTES: Final = 5.0


def kill_switch(site: Site) -> None:
    """Stop a leaked pipeline, and only that, with the brake."""
    site.start()
    site.expect("granted", site.job(), "the leaked pipeline")
    _set_brake(site, document(STOP, "brake"))
    site.wait_until("denied", site.job, "the leaked pipeline")
    site.expect("granted", site.job(repository="acme/shed", repository_id="70010002"), "another pipeline")
    _release(site)
    site.wait_until("granted", site.job, "the pipeline, after the brake is released")


def key_compromise(site: Site) -> None:
    """Shut out tokens that someone signs with a CI system's stolen key."""
    site.start()
    stolen = site.token()
    site.expect("granted", site.job(stolen), "a token signed with the stolen key")
    _set_brake(site, document("A signing key is stolen", "brake-issuer"))
    site.wait_until("denied", lambda: site.job(stolen), "a token signed with the stolen key")
    site.takes(30, "the CI system withdraws the key and publishes another")
    site.world.issuer.keys("github-actions").rotate(keep_previous=False)
    site.say(f"$ {command('Rotate', 'aws lambda invoke')}")
    site.refresh_keys()
    site.say(f"$ {command('Rotate', 'aws lambda update-function-configuration')}")
    site.takes(2, "two commands, and new environments")
    site.new_environments()
    _release(site)
    site.wait_until("granted", site.job, "a job with a new token")
    site.expect("unknown-key", site.job(stolen), "a token signed with the stolen key")


def all_denied(site: Site) -> None:
    """Revert a policy that loads but denies every exchange."""
    site.world.aws.configurations.poll_seconds = 1
    good = site.world.policy_path.read_text()
    certificate = "\n".join(f"      {line}" for line in site.world.issuer.ca_bundle.read_text().splitlines())
    good = good.replace("ca_bundle: ca.pem", f"ca_bundle: |\n{certificate}")
    _deploy(site, good, version="1")
    site.minutes = 0
    site.new_environments(TOKEN_EXCHANGE_POLICY="appconfig:ecr-token-exchange/live/policy")
    site.start()
    site.expect("granted", site.job(), "a job under the good policy")
    site.world.aws.deployments.passed_seconds += 3600  # the first deployment is complete
    _deploy(
        site,
        good.replace('organizations: [{name: acme, id: "7001"}]', 'organizations: [{name: acme, id: "7"}]'),
        version="2",
    )
    site.minutes = 0
    site.wait_until("organization-not-allowed", site.job, "a job under the bad policy")
    site.takes(ALL_DENIED_MINUTES, "AllExchangesDeniedAlarm")
    revert = command(ROLL_OUT, "aws appconfig stop-deployment")
    site.runs(revert, **{**APPCONFIG, "7": "2"})
    site.wait_until("granted", site.job, "a job under the good policy")


def table_lost(site: Site) -> None:
    """Continue without the state table, and create another."""
    path = site.world.policy_path
    path.write_text(path.read_text().replace("  - name: own-images\n", "  - name: own-images\n    single_use: true\n"))
    site.start()
    site.expect("granted", site.job(), "a job of a grant with single_use")
    site.world.aws.state.is_gone = True
    site.expect("state-unavailable", site.job(), "a job of a grant with single_use")
    site.takes(FAST_BURN_MINUTES, "StateFailedAlarm and FastBurnAlarm")
    site.takes(3, "a change set that compares the template with the existing resources")
    site.takes(DEPLOYMENT_MINUTES, "it creates another table, with its resource policy")
    site.world.aws.state.replace()
    site.new_environments(TOKEN_EXCHANGE_STATE_TABLE=site.world.aws.state.name)
    site.refresh_keys()
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
    site.start()
    site.expect("granted", site.job(), "a job")
    site.refresh_keys()
    for name in ("discovery", "keys"):
        site.world.issuer.faults.plan(("github-actions", name), IssuerFault(kind="server-error"))
    site.expect("granted", site.job(), "a job, while the issuer is down")
    site.new_environments()
    site.expect("granted", site.job(), "a job in a new environment, with the keys of the table")
    site.say("… a day later, every stored key set is too old")
    site.world.aws.state.replace()
    site.new_environments(TOKEN_EXCHANGE_STATE_TABLE=site.world.aws.state.name)
    site.expect("issuer-unavailable", site.job(), "a job")
    keys = json.dumps({"keys": site.world.issuer.tokens.published("github-actions")})
    path = site.world.policy_path
    path.write_text(
        path.read_text().replace("provider: github-actions\n", f"provider: github-actions\n    jwks: {keys}\n", 1)
    )
    site.takes(FAST_BURN_MINUTES + DEPLOYMENT_MINUTES, "the alarm, and a policy with the issuer's keys pinned")
    site.new_environments()
    site.wait_until("granted", site.job, "a job with pinned keys")


def sts_throttled(site: Site) -> None:
    """Succeed while STS throttles, because jobs retry."""
    site.start()
    site.expect("granted", site.job(), "a job")
    site.world.aws.faults.plan("sts:AssumeRole", AwsFault(kind="throttle"), times=6)
    site.expect("aws-throttled", site.job(), "a job")
    site.wait_until("granted", site.job, "the same job, retried")


def _set_brake(site: Site, item: str) -> None:
    site.shell.write("brake.json", item)
    site.runs(command(STOP, "aws dynamodb put-item"), TABLE=site.world.aws.state.brake_name)


def _release(site: Site) -> None:
    site.runs(command(STOP, "aws dynamodb delete-item"), TABLE=site.world.aws.state.brake_name)


def _deploy(site: Site, policy: str, *, version: str) -> None:
    site.shell.write("policy.yaml", policy)
    site.runs(command(ROLL_OUT, "aws appconfig create-hosted-configuration-version"), **APPCONFIG)
    start = command(ROLL_OUT, "aws appconfig start-deployment")
    site.runs(start, **{**APPCONFIG, "7": version, "STRATEGY": "AppConfig.AllAtOnce"})


DRILLS: Final[Mapping[str, Callable[[Site], None]]] = {
    "all-denied": all_denied,
    "issuer-down": issuer_down,
    "key-compromise": key_compromise,
    "kill-switch": kill_switch,
    "region-lost": region_lost,
    "sts-throttled": sts_throttled,
    "table-lost": table_lost,
}
