"""Shows exchanges with real tokens, the real handler and the real curl, and checks everything that it shows."""

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
from sandbox.backends import Backends
from sandbox.demo_push import find_push_client, print_missing_programs, show_pushes
from sandbox.evidence import (
    Evidence,
    Unexpected,
    assumed_roles,
    expect,
    object_of,
    only_login,
    request_id_of,
    text_of,
    texts_of,
)
from sandbox.providers import all_providers
from sandbox.providers.shape import Provider
from sandbox.pushing import Program
from sandbox.registry.distribution import RegistryFailed
from sandbox.service import Service, ServiceFailed
from sandbox.state import DEFAULT_FOLDER, make_folder
from sandbox.terminal import Terminal
from sandbox.tokens import add_provider_argument

LONG_PASSWORD: Final = 1000
LOG_NAME: Final = "demo.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One exchange, and its expected result: a login for `pushes` and `pulls`, or the reason `refusal`.

    `not_this` is a repository that the login must not push to.
    """

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
        title="1. A GitHub job on main gets a login for its own images only",
        provider="github-actions",
        scenario="push-main",
        shown_claims=("repository", "ref", "event_name"),
        pushes=("ci/acme/shop", "ci/acme/shop/*"),
        pulls=("base/*",),
        not_this="ci/acme/other",
    ),
    Story(
        title="2. A GitLab job on a protected branch gets a login in the same way",
        provider="gitlab",
        scenario="push-main",
        shown_claims=("project_path", "ref_path", "ref_protected"),
        pushes=("gitlab/acme/payments/checkout", "gitlab/acme/payments/checkout/*"),
        not_this="ci/acme/shop",
    ),
    Story(
        title="3. A GitHub job on a feature branch is refused, with the reason",
        provider="github-actions",
        scenario="push-feature",
        shown_claims=("repository", "ref", "event_name"),
        refusal="no-matching-grant",
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Run the demonstration; return 0 if all checks passed."""
    parser = argparse.ArgumentParser(prog="python -m sandbox demo", description=__doc__)
    add_provider_argument(parser, help="the CI system to show (default: GitHub and GitLab)")
    asked = parser.parse_args(arguments)
    stories = STORIES if asked.provider is None else stories_of(asked.provider)
    started = time.monotonic()
    folder = make_folder(DEFAULT_FOLDER)
    terminal = Terminal()
    try:
        run(folder, terminal, stories)
    except (Unexpected, ServiceFailed, RegistryFailed, curl.CurlFailed) as error:
        print(f"\ndemo: a check failed: {error}", file=sys.stderr)
        print(f"demo: the service's log is {folder / LOG_NAME}", file=sys.stderr)
        return 1
    terminal.heading(f"All checks passed in {time.monotonic() - started:.1f} s")
    terminal.line("to try it", "make serve keeps all of this running and prints commands to paste")
    terminal.line("to deploy it", "docs/getting-started.md")
    return 0


def stories_of(provider: Provider) -> tuple[Story, ...]:
    """Return a login and a refusal of one CI system."""
    shown = provider.shown
    return (
        Story(
            title=f"1. A {provider.name} job ({shown.granted}) gets a login for its own images only",
            provider=provider.name,
            scenario=shown.granted,
            shown_claims=shown.claims,
            pushes=shown.pushes,
            pulls=shown.pulls,
            not_this="ci/acme/other",
        ),
        Story(
            title=f"2. Another {provider.name} job ({shown.refused}) is refused, with the reason",
            provider=provider.name,
            scenario=shown.refused,
            shown_claims=shown.claims,
            refusal=shown.reason,
        ),
    )


def run(folder: Path, terminal: Terminal, stories: Sequence[Story] = STORIES) -> None:
    """Show each of `stories`, then a push.

    Raises:
        Unexpected: a check failed.
    """
    log_path = folder / LOG_NAME
    program = find_push_client()
    with (
        log_path.open("wb") as log,
        Backends(folder, registry_ports={"apps": 0} if program else None) as backends,
        Service(backends.environment(), output=log, errors=log) as service,
    ):
        terminal.text(
            "Started on this machine: CI issuers, a fake AWS that enforces IAM policies, and the real Lambda handler."
        )
        terminal.line("CI issuers", backends.issuer.url)
        terminal.line("AWS", backends.aws.url)
        terminal.line("service", service.url)
        terminal.line("policy", backends.policy_path)
        evidence = Evidence(log_path)
        for story in stories:
            _show(story, backends, service, evidence, terminal, policy_in_full=story is stories[0])
        if program is None:
            print_missing_programs(terminal)
        else:
            _push(program, stories, backends, service, evidence, terminal)


def _show(
    story: Story, backends: Backends, service: Service, evidence: Evidence, terminal: Terminal, *, policy_in_full: bool
) -> None:
    terminal.heading(story.title)
    token = _mint(story, backends)
    claims = evidence.unverified_claims(token)
    terminal.line("token", ", ".join(f"{name}={claims[name]}" for name in story.shown_claims if name in claims))
    url = f"{service.url}/v1/token?registry=apps"
    terminal.line("request", curl.exchange_line(url))
    reply = curl.post(url, token=token)
    if story.refusal:
        _check_refusal(story, reply, backends, terminal)
    else:
        _check_login(story, reply, backends, evidence, terminal, policy_in_full=policy_in_full)
    decision = "denied" if story.refusal else "granted"
    record = evidence.audit_record(request_id_of(reply.body), decision=decision)
    evidence.check_not_logged(token)
    for session in backends.aws.principals.sessions():
        evidence.check_not_logged(session.secret_access_key)
        evidence.check_not_logged(session.session_token)
    terminal.line("audit line", "its main fields:")
    terminal.text(_short_record(record), indent=4)
    terminal.passed("the service's log contains no token, password or key")


def _push(
    program: Program,
    stories: Sequence[Story],
    backends: Backends,
    service: Service,
    evidence: Evidence,
    terminal: Terminal,
) -> None:
    story = next(story for story in stories if story.pushes)
    terminal.heading(
        f"{len(stories) + 1}. {program} pushes to a real registry with such a login, but only to its own repository"
    )
    show_pushes(
        program,
        backends.gates["apps"],
        url=f"{service.url}/v1/token?registry=apps&format=docker-config",
        token=_mint(story, backends),
        own=story.pushes[0],
        other=story.not_this,
        evidence=evidence,
        terminal=terminal,
    )


def _mint(story: Story, backends: Backends) -> str:
    audience = all_providers()[story.provider].fixed_audience or backends.audience
    query = urlencode({"audience": audience, "scenario": story.scenario, "format": "text"})
    url = f"{backends.issuer.url}/mint/{story.provider}?{query}"
    return curl.get_text(url, ca_bundle=backends.issuer.ca_bundle).strip()


def _check_login(
    story: Story, reply: curl.Reply, backends: Backends, evidence: Evidence, terminal: Terminal, *, policy_in_full: bool
) -> None:
    expect(reply.status == 200, f"expected status 200, found {reply.status}: {reply.body.get('error_description')}")  # noqa: PLR2004
    login = only_login(reply.body)
    password = text_of(login, "password")
    host = f"{account.APPS_ACCOUNT}.dkr.ecr.{account.REGION}.amazonaws.com"
    expect(login.get("registry") == host, f"expected a login for {host}, found {login.get('registry')}")
    expect(login.get("username") == "AWS", f"expected the user AWS, found {login.get('username')}")
    expect(len(password) > LONG_PASSWORD, f"expected a long password, found {len(password)} characters")
    expect(backends.aws.registry.login(password) is not None, "expected a password from ECR, found another")
    expect(texts_of(login, "repositories") == [*story.pushes], "expected the grant's repositories in the answer")
    evidence.check_not_logged(password)
    terminal.line("login for", host)
    terminal.line("user", f"AWS, with a password of {len(password):,} characters (not shown)")
    terminal.line("expires", login.get("expires_at"))
    calls = assumed_roles(backends.aws.requests(), request_id=request_id_of(reply.body))
    expect(len(calls) == 1, f"expected one AssumeRole call for this request, found {len(calls)}")
    policy_text = str(calls[0].parameters["Policy"])
    terminal.line("role", calls[0].parameters["RoleArn"])
    size = f"{len(policy_text)} of 2,048 characters"
    terminal.line("session policy", f"{size}:" if policy_in_full else f"{size}, built in the same way")
    if policy_in_full:
        terminal.text(json.dumps(json.loads(policy_text), indent=2), indent=4)
    evidence.check_session_policy(
        policy_text, pushes=story.pushes, pulls=story.pulls, not_this=story.not_this, until=text_of(login, "expires_at")
    )
    terminal.passed(
        f"the session policy allows pushes to {story.pushes[0]} until {login['expires_at']}, none to {story.not_this}"
    )


def _check_refusal(story: Story, reply: curl.Reply, backends: Backends, terminal: Terminal) -> None:
    expect(reply.status == 403, f"expected status 403, found {reply.status}")  # noqa: PLR2004 - forbidden
    reason = text_of(reply.body, "reason")
    expect(reason == story.refusal, f"expected the reason {story.refusal}, found {reason}")
    calls = assumed_roles(backends.aws.requests(), request_id=request_id_of(reply.body))
    expect(not calls, "expected no AssumeRole call for a refused request, found one")
    terminal.line("status", reply.status)
    terminal.line("reason", reason)
    terminal.line("message", text_of(reply.body, "error_description"))
    terminal.line("hint", text_of(reply.body, "hint"))
    terminal.passed("no role was assumed for this request")


def _short_record(record: dict[str, object]) -> str:
    identity = object_of(record.get("identity", {}), "identity")
    shown = {
        "decision": record.get("decision"),
        "reason": record.get("reason"),
        "issuer": record.get("issuer"),
        "repository": identity.get("repository"),
        "ref": identity.get("ref"),
        "run_id": identity.get("run_id"),
        "token_sha256": f"{str(record.get('token_sha256'))[:12]}...",
        "policy_sha256": f"{str(record.get('policy_sha256'))[:12]}...",
    }
    grants = record.get("grants")
    if isinstance(grants, list) and grants:
        first = object_of(grants[0], "grants[0]")
        shown |= {name: first[name] for name in ("grant", "session_name", "access_key_id") if name in first}
    return json.dumps({name: value for name, value in shown.items() if value is not None}, indent=2, ensure_ascii=False)
