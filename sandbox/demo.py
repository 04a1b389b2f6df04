"""The demonstration: real tokens, the real handler, real curl; and every claim it makes is checked."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from sandbox import account, curl
from sandbox.demo_push import program_for_pushing, say_what_is_missing, show_pushes
from sandbox.evidence import Evidence, Unexpected, expect, object_of, text_of, texts_of
from sandbox.paper import Paper
from sandbox.providers import all_providers
from sandbox.providers.shape import Provider
from sandbox.pushing import Program
from sandbox.registry.distribution import RegistryFailed
from sandbox.service import Service, ServiceFailed
from sandbox.state import DEFAULT_FOLDER, make_folder
from sandbox.tokens import add_provider_argument
from sandbox.world import World

LONG_PASSWORD: Final = 1000
LOG_NAME: Final = "demo.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One exchange. `pushes` and `pulls` are the repositories expected of the login; none at all: a refusal."""

    title: str
    provider: str
    scenario: str
    shown_claims: tuple[str, ...]
    pushes: tuple[str, ...] = ()
    pulls: tuple[str, ...] = ()
    not_this: str = ""
    refusal: str = ""


STORIES: Final = (
    Story(
        title="1. A GitHub job on main asks for a login, and gets one for its own images alone",
        provider="github-actions",
        scenario="push-main",
        shown_claims=("repository", "ref", "event_name"),
        pushes=("ci/acme/shop", "ci/acme/shop/*"),
        pulls=("base/*",),
        not_this="ci/acme/other",
    ),
    Story(
        title="2. The same for a GitLab job on a protected branch",
        provider="gitlab",
        scenario="push-main",
        shown_claims=("project_path", "ref_path", "ref_protected"),
        pushes=("gitlab/acme/payments/checkout", "gitlab/acme/payments/checkout/*"),
        not_this="ci/acme/shop",
    ),
    Story(
        title="3. A GitHub job on a feature branch is refused, and told why",
        provider="github-actions",
        scenario="push-feature",
        shown_claims=("repository", "ref", "event_name"),
        refusal="no-matching-grant",
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Run the demonstration; return 0 when everything was as it should be."""
    parser = argparse.ArgumentParser(prog="python -m sandbox demo", description=__doc__)
    add_provider_argument(parser, help="whose jobs to show (GitHub's and GitLab's)")
    asked = parser.parse_args(arguments)
    stories = STORIES if asked.provider is None else stories_of(asked.provider)
    started = time.monotonic()
    folder = make_folder(DEFAULT_FOLDER)
    paper = Paper()
    try:
        run(folder, paper, stories)
    except (Unexpected, ServiceFailed, RegistryFailed, curl.CurlFailed) as error:
        print(f"\nthe demo found something wrong: {error}", file=sys.stderr)
        print(f"what the service wrote is in {folder / LOG_NAME}", file=sys.stderr)
        return 1
    paper.heading(f"Everything was as it should be, in {time.monotonic() - started:.1f} s")
    print("  make serve keeps this running, for you to try; docs/ says how to use it for real")
    return 0


def stories_of(provider: Provider) -> tuple[Story, ...]:
    """Return a login and a refusal of one CI system."""
    shown = provider.shown
    return (
        Story(
            title=f"1. A job of {provider.name} ({shown.granted}) gets a login for its own images alone",
            provider=provider.name,
            scenario=shown.granted,
            shown_claims=shown.claims,
            pushes=shown.pushes,
            pulls=shown.pulls,
            not_this="ci/acme/other",
        ),
        Story(
            title=f"2. Another one ({shown.refused}) is refused, and told why",
            provider=provider.name,
            scenario=shown.refused,
            shown_claims=shown.claims,
            refusal=shown.reason,
        ),
    )


def run(folder: Path, paper: Paper, stories: Sequence[Story] = STORIES) -> None:
    """Tell every one of `stories` once.

    Raises:
        Unexpected: something was not as it should be.
    """
    log_path = folder / LOG_NAME
    program = program_for_pushing()
    with (
        log_path.open("wb") as log,
        World(folder, registry_ports={"apps": 0} if program else None) as world,
        Service(world.environment(), output=log, errors=log) as service,
    ):
        print("A CI issuer, an AWS that enforces its rules, and the real handler run on this machine.")
        paper.line("issuer", world.issuer.url)
        paper.line("aws", world.aws.url)
        paper.line("service", service.url)
        paper.line("policy", world.policy_path)
        evidence = Evidence(log_path)
        for story in stories:
            _tell(story, world, service, evidence, paper)
        if program is None:
            say_what_is_missing(paper)
        else:
            _push(program, stories, world, service, evidence, paper)


def _tell(story: Story, world: World, service: Service, evidence: Evidence, paper: Paper) -> None:
    paper.heading(story.title)
    token = _mint(story, world)
    claims = evidence.unverified_claims(token)
    paper.line("token", ", ".join(f"{name}={claims[name]}" for name in story.shown_claims if name in claims))
    world.aws.forget_requests()
    url = f"{service.url}/v1/token?registry=apps"
    paper.command(curl.exchange_line(url))
    reply = curl.post(url, token=token)
    if story.refusal:
        _check_refusal(story, reply, world, paper)
    else:
        _check_login(story, reply, world, evidence, paper)
    decision = "denied" if story.refusal else "granted"
    record = evidence.audit_record(text_of(reply.body, "request_id"), decision=decision)
    evidence.check_silent_about(token)
    for session in world.aws.principals.sessions():
        evidence.check_silent_about(session.secret_access_key)
        evidence.check_silent_about(session.session_token)
    paper.line("audit", "one line, of which these are the essentials")
    paper.block(_short_record(record))
    paper.good("no token, password or key in anything the service wrote")


def _push(
    program: Program, stories: Sequence[Story], world: World, service: Service, evidence: Evidence, paper: Paper
) -> None:
    story = next(story for story in stories if story.pushes)
    paper.heading(f"{len(stories) + 1}. {program} pushes with such a login to a real registry, and not to everywhere")
    show_pushes(
        program,
        world.gates["apps"],
        url=f"{service.url}/v1/token?registry=apps&format=docker-config",
        token=_mint(story, world),
        own=story.pushes[0],
        other=story.not_this,
        evidence=evidence,
        paper=paper,
    )


def _mint(story: Story, world: World) -> str:
    audience = all_providers()[story.provider].fixed_audience or world.audience
    query = urlencode({"audience": audience, "scenario": story.scenario, "format": "text"})
    url = f"{world.issuer.url}/mint/{story.provider}?{query}"
    return curl.get_text(url, ca_bundle=world.issuer.ca_bundle).strip()


def _check_login(story: Story, reply: curl.Reply, world: World, evidence: Evidence, paper: Paper) -> None:
    expect(reply.status == 200, f"expected status 200, found {reply.status}: {reply.body.get('error_description')}")  # noqa: PLR2004
    listed = reply.body.get("registries")
    if not isinstance(listed, list) or len(listed) != 1:
        raise Unexpected("expected exactly one registry in the answer")
    login = object_of(listed[0], "registries[0]")
    password = text_of(login, "password")
    host = f"{account.APPS_ACCOUNT}.dkr.ecr.{account.REGION}.amazonaws.com"
    expect(login.get("registry") == host, f"expected a login for {host}, found {login.get('registry')}")
    expect(login.get("username") == "AWS", f"expected the user AWS, found {login.get('username')}")
    expect(len(password) > LONG_PASSWORD, f"expected a long password, found {len(password)} characters")
    expect(world.aws.registry.login(password) is not None, "expected a password that ECR gave out, found another")
    expect(texts_of(login, "repositories") == [*story.pushes], "expected the grant's repositories in the answer")
    evidence.check_silent_about(password)
    paper.line("login", f"{host}, user AWS, password of {len(password)} characters (not shown)")
    paper.line("expires", login.get("expires_at"))
    call = world.aws.requests("sts:AssumeRole")[-1]
    policy_text = str(call.parameters["Policy"])
    paper.line("role", call.parameters["RoleArn"])
    paper.line("bounded by", f"this session policy, {len(policy_text)} of 2,048 characters")
    paper.block(json.dumps(json.loads(policy_text), indent=2))
    evidence.check_session_policy(
        policy_text, pushes=story.pushes, pulls=story.pulls, not_this=story.not_this, until=text_of(login, "expires_at")
    )
    paper.good(
        f"it allows a push to {story.pushes[0]}, not to {story.not_this}, and nothing after {login['expires_at']}"
    )


def _check_refusal(story: Story, reply: curl.Reply, world: World, paper: Paper) -> None:
    expect(reply.status == 403, f"expected status 403, found {reply.status}")  # noqa: PLR2004 - forbidden
    reason = text_of(reply.body, "reason")
    expect(reason == story.refusal, f"expected the reason {story.refusal}, found {reason}")
    expect(not world.aws.requests(), "expected no call to AWS for a refused request, found one")
    paper.line("status", reply.status)
    paper.line("reason", reason)
    paper.line("says", text_of(reply.body, "error_description"))
    paper.line("hint", text_of(reply.body, "hint"))
    paper.good("nothing was asked of AWS")


def _short_record(record: dict[str, object]) -> str:
    identity = object_of(record.get("identity", {}), "identity")
    shown = {
        "decision": record.get("decision"),
        "reason": record.get("reason"),
        "issuer": record.get("issuer"),
        "repository": identity.get("repository"),
        "ref": identity.get("ref"),
        "run_id": identity.get("run_id"),
        "token_sha256": f"{str(record.get('token_sha256'))[:12]}…",
        "policy_sha256": f"{str(record.get('policy_sha256'))[:12]}…",
    }
    grants = record.get("grants")
    if isinstance(grants, list) and grants:
        first = object_of(grants[0], "grants[0]")
        shown |= {name: first[name] for name in ("grant", "session_name", "access_key_id") if name in first}
    return json.dumps({name: value for name, value in shown.items() if value is not None}, indent=2, ensure_ascii=False)
