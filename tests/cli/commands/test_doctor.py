"""`doctor` against the real service behind TLS, and against everything else that can answer at an address."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import pytest

from sandbox.backends import Backends
from sandbox.loopback import Answer, Handle, Request, Server, Silence
from sandbox.service import Service
from tests.cli.program import Printed, run
from tests.docs.pages import page
from tests.front_door import forwarding
from tests.tls_server import Authority, Connection, authority, loopback_context, tls_server
from token_exchange_cli.values import EXAMPLE_HOST

GOOD_HEALTH = b'{"status": "ok", "policy": {"sha256": "abc", "loaded_at": "2026-11-21T04:55:05Z", "refused": false}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The sandbox's service behind TLS; it knows its address."""

    backends: Backends
    url: str
    plain_url: str


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed")
    handles: list[Handle] = []

    def later(request: Request) -> Answer | Silence:
        return handles[0](request)

    with ExitStack() as stack:
        log = stack.enter_context((folder / "service.log").open("wb"))
        front = stack.enter_context(Server(later, tls=loopback_context()))
        url = f"https://127.0.0.1:{front.port}"
        backends = stack.enter_context(Backends(folder))
        environment = {**backends.environment(), "TOKEN_EXCHANGE_URL": url}
        service = stack.enter_context(Service(environment, output=log, errors=log))
        handles.append(forwarding(service.url))
        yield Deployed(backends=backends, url=url, plain_url=service.url)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(authority().bundle)
    return path


def doctor(url: str, bundle: Path, *options: str, token: str | None = None) -> Printed:
    given = () if token is None else ("--token-env", "THE_TOKEN")
    environment = {} if token is None else {"THE_TOKEN": token}
    return run("doctor", url, "--ca-bundle", bundle, "--json", *given, *options, environment=environment)


def agree(connection: Connection) -> None:
    """Agree on TLS and say no more."""
    connection.request()


def outcomes(done: Printed) -> dict[str, str]:
    return {str(check["name"]): str(check["outcome"]) for check in done.texts("checks")}


def found(done: Printed, name: str) -> str:
    (check,) = [check for check in done.texts("checks") if check["name"] == name]
    return f"{check['outcome']} {check['found']} -> {check['advice']}"


# -------------------------------------------------------------------------------------------------- the real service


def test_the_real_service_is_fine(deployed: Deployed, bundle: Path) -> None:
    token = deployed.backends.issuer.mint("github-actions", audience=deployed.backends.audience)
    issuer = deployed.backends.issuer.issuer_url("gitlab")
    done = doctor(deployed.url, bundle, "--issuer", issuer, token=token)
    assert done.status == 0, done.out
    everything = ("address", "dns", "health", "clock", "metadata", "audience", "token")
    # The certificate of the tests is good for a day.
    assert outcomes(done) == {**dict.fromkeys(everything, "ok"), "tls": "warning"}
    assert deployed.backends.audience in found(done, "audience")
    assert "would get apps by the grant own-images, access push" in found(done, "token")
    assert token not in done.out + done.err


def test_a_line_for_each_check(deployed: Deployed, bundle: Path) -> None:
    done = run("doctor", deployed.url, "--ca-bundle", bundle)
    lines = done.out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", "address"],
        ["ok", "dns"],
        ["warning", "tls"],
        ["ok", "health"],
        ["ok", "clock"],
        ["ok", "metadata"],
    ]
    assert "renew it" in lines[2]


def test_a_denied_token_gets_the_reason(deployed: Deployed, bundle: Path) -> None:
    token = deployed.backends.issuer.mint(
        "github-actions", audience=deployed.backends.audience, scenario="push-feature"
    )
    done = doctor(deployed.url, bundle, "--registry", "apps", token=token)
    assert (done.status, outcomes(done)["token"]) == (1, "failed")
    assert "would be refused: no-matching-grant" in found(done, "token")
    assert "the grant own-images wants branch main, the token has feature/cart" in found(done, "token")
    assert "docs/errors.md" in found(done, "token")
    assert token not in done.out + done.err
    # Another registry may be granted, which is not what the step asks for.
    others = found(doctor(deployed.url, bundle, token=token), "token")
    assert others.startswith("ok would get base by the grant base-images, access pull")
    assert ", and no other registry; --registry NAME says why" in others


@pytest.mark.parametrize(
    ("host", "outcome"),
    [
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", "ok"),
        ("444455556666.dkr.ecr.eu-west-1.amazonaws.com", "failed"),
        ("111122223333.dkr.ecr.eu-west-2.amazonaws.com", "failed"),
    ],
)
def test_a_login_for_another_account_or_region_fails(deployed: Deployed, bundle: Path, host: str, outcome: str) -> None:
    token = deployed.backends.issuer.mint("github-actions", audience=deployed.backends.audience)
    done = doctor(deployed.url, bundle, "--registry", "apps", "--host", host, token=token)
    assert (outcomes(done)["token"], done.status) == (outcome, 0 if outcome == "ok" else 1)
    if outcome == "failed":
        assert f"a login for 111122223333.dkr.ecr.eu-west-1.amazonaws.com, not for {host}" in found(done, "token")


def test_a_wrong_organization_id_gets_the_reason(deployed: Deployed, bundle: Path) -> None:
    token = deployed.backends.issuer.mint(
        "github-actions", audience=deployed.backends.audience, claims={"repository_owner_id": "7002"}
    )
    assert "would be refused: organization-not-allowed" in found(doctor(deployed.url, bundle, token=token), "token")


def test_an_expired_token_gets_the_reason(deployed: Deployed, bundle: Path) -> None:
    token = deployed.backends.issuer.mint(
        "github-actions",
        audience=deployed.backends.audience,
        claims={"iat": int(time.time()) - 90_000, "nbf": int(time.time()) - 90_000, "exp": int(time.time()) - 86_400},
    )
    assert "would be refused: expired" in found(doctor(deployed.url, bundle, token=token), "token")


def test_a_token_for_another_service_gets_the_reason(deployed: Deployed, bundle: Path) -> None:
    token = deployed.backends.issuer.mint("github-actions", audience="https://elsewhere.example")
    assert "wrong-audience" in found(doctor(deployed.url, bundle, token=token), "token")


def test_an_issuer_that_is_not_trusted_fails(deployed: Deployed, bundle: Path) -> None:
    done = doctor(deployed.url, bundle, "--issuer", "https://stranger.example")
    assert (done.status, outcomes(done)["audience"]) == (1, "failed")


def test_on_this_machine_tls_may_be_missing(deployed: Deployed, bundle: Path) -> None:
    done = doctor(deployed.plain_url, bundle)
    assert outcomes(done)["address"] == "warning"
    assert outcomes(done)["health"] == "ok"
    # It knows itself by another address.
    assert (done.status, outcomes(done)["metadata"]) == (1, "failed")
    assert "set the stack's parameter PublicUrl" in found(done, "metadata")


def test_a_trailing_slash_is_accepted(deployed: Deployed, bundle: Path) -> None:
    assert doctor(f"{deployed.url}/", bundle).status == 0


def test_the_document_shows_the_lines_as_they_are(deployed: Deployed, bundle: Path) -> None:
    token = deployed.backends.issuer.mint(
        "github-actions", audience=deployed.backends.audience, scenario="push-feature"
    )
    (block,) = [block for block in page("docs/cli.md").blocks if block.use == "doctor"]
    done = run(
        *("doctor", deployed.url, "--ca-bundle", bundle, "--registry", "apps", "--token-env", "T"),
        environment={"T": token},
    )
    for shown, printed in zip(block.text.splitlines(), done.out.splitlines(), strict=True):
        if shown.split()[1] in ("clock", "token"):
            assert printed == shown
        assert printed[8:].split()[0] == shown[8:].split()[0]


def test_the_line_of_the_first_day_runs(deployed: Deployed, bundle: Path) -> None:
    (block,) = [block for block in page("docs/first-day/pipeline.md").blocks if block.use == "doctor"]
    done = subprocess.run(
        ["bash", "-c", block.text],
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SSL_CERT_FILE": str(bundle),
            "EXCHANGE": deployed.url,
            "TOKEN": deployed.backends.issuer.mint("github-actions", audience=deployed.backends.audience),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok      token      would get apps by the grant own-images" in done.stdout


# ------------------------------------------------------------------------------------------- what else may answer there


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was found, and the requests that were sent."""

    done: Printed
    requests: list[Request]


def told_of(answer: Answer | Silence, bundle: Path, *, token: str | None = None) -> Told:
    """Examine a server that answers every request with `answer`."""
    requests: list[Request] = []

    def handle(request: Request) -> Answer | Silence:
        requests.append(request)
        return answer

    with Server(handle, tls=loopback_context()) as server:
        done = doctor(f"https://127.0.0.1:{server.port}/base", bundle, token=token)
    return Told(done=done, requests=requests)


HTML = Answer(headers=(("Content-Type", "text/html"),), body=b"<html>sign in</html>")
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJub3QtcmVhbCJ9.c2lnbmF0dXJlLW9mLWEtdGVzdA"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (HTML, "status 200 with text/html, which is not an answer from the service -> check the address"),
        (Answer(status=503, body=b'{"message": "Service Unavailable"}'), "the function behind the gateway"),
        (Answer(status=502, body=b"bad gateway"), "the function behind the gateway"),
        (Answer(status=503, body=b'{"reason": "policy-unavailable"}'), "no policy is in force -> run policy lint"),
        (Answer(status=403, body=b'{"message": "Forbidden"}'), "something in front of the service requires a login"),
        (Answer(status=404, body=b'{"message": "Not Found"}'), "its stage or base path"),
        (
            Answer(status=301, headers=(("Location", "https://x.example/"),)),
            "redirects to https://x.example/ -> run doctor",
        ),
        (Answer(body=b"[" * 100_000), "not an answer from the service"),
        (Answer(body=b'{"status": "ok"}'), "not an answer from the service"),
        (Answer(body=b"A" * 2_000_000), "no answer: "),
        (Silence.DROP, "no answer: "),
    ],
)
def test_another_server_gets_no_token(answer: Answer | Silence, says: str, bundle: Path) -> None:
    told = told_of(answer, bundle, token=TOKEN)
    assert told.done.status == 1
    assert found(told.done, "health").startswith("failed ")
    assert says in found(told.done, "health")
    assert {request.target for request in told.requests} == {"/base/v1/health"}
    assert all(request.header("authorization") is None for request in told.requests)


def test_a_refused_policy_is_a_warning(bundle: Path) -> None:
    told = told_of(Answer(body=GOOD_HEALTH.replace(b"false", b"true")), bundle)
    assert "a newer policy does not load" in found(told.done, "health")
    assert outcomes(told.done)["health"] == "warning"


def test_a_response_cannot_print_the_token_or_control_codes(bundle: Path) -> None:
    def handle(request: Request) -> Answer:
        if request.target == "/v1/health":
            return Answer(body=GOOD_HEALTH)
        text = (request.header("authorization") or "").removeprefix("Bearer ") + "\\u001b[2J"
        return Answer(status=403, body=f'{{"reason": "{text}", "error_description": "{text}"}}'.encode())

    with Server(handle, tls=loopback_context()) as server:
        for options in ((), ("--json",)):
            done = run(
                "doctor",
                f"https://127.0.0.1:{server.port}",
                "--ca-bundle",
                bundle,
                "--token-env",
                "T",
                *options,
                environment={"T": TOKEN},
            )
            assert done.status == 1
            assert "(the token)" in done.out
            assert not any(part in done.out + done.err for part in TOKEN.split("."))
            assert "\x1b" not in done.out


def test_a_service_without_an_address_is_a_warning(bundle: Path) -> None:
    def handle(request: Request) -> Answer:
        is_health = request.target == "/v1/health"
        return Answer(body=GOOD_HEALTH) if is_health else Answer(status=404, body=b'{"reason": "not-found"}')

    with Server(handle, tls=loopback_context()) as server:
        done = doctor(f"https://127.0.0.1:{server.port}", bundle)
    assert (done.status, outcomes(done)["metadata"]) == (0, "warning")


@pytest.mark.parametrize(
    ("answer", "outcome", "says"),
    [
        (HTML, "failed", "not an answer from the service"),
        (Answer(status=429, body=b"{}"), "warning", "too many requests"),
        (Answer(status=500, body=b"{}"), "failed", "not an answer from the service"),
        (Silence.DROP, "failed", "no answer: "),
    ],
)
def test_each_later_answer_is_judged_separately(
    answer: Answer | Silence, outcome: str, says: str, bundle: Path
) -> None:
    def handle(request: Request) -> Answer | Silence:
        return Answer(body=GOOD_HEALTH) if request.target == "/v1/health" else answer

    with Server(handle, tls=loopback_context()) as server:
        url = f"https://127.0.0.1:{server.port}"
        done = doctor(url, bundle, "--issuer", "https://gitlab.com", token=TOKEN)
    for name in ("metadata", "audience", "token"):
        assert outcomes(done)[name] == outcome
        assert says in found(done, name)


def test_help_has_examples() -> None:
    assert "Examples:" in run("doctor", "--help").out


@pytest.mark.parametrize(
    ("date", "outcome", "says"),
    [
        (lambda now: formatdate(now, usegmt=True), "ok", "differ by less than 5 seconds"),
        (lambda now: formatdate(now + 20, usegmt=True), "warning", "ahead of this machine's"),
        (lambda now: formatdate(now - 3600, usegmt=True), "failed", "behind this machine's"),
        (lambda now: formatdate(now + 3600, usegmt=True), "failed", "find out which is wrong"),
        (lambda _: "yesterday", "warning", "no date to compare with"),
        (lambda _: "Sat, 99 Nov 99999 25:61:61 GMT", "warning", "no date to compare with"),
    ],
)
def test_a_wrong_clock_shows(date: object, outcome: str, says: str, bundle: Path) -> None:
    assert callable(date)

    def script(connection: Connection) -> None:
        connection.request()
        head = f"HTTP/1.1 200 OK\r\nDate: {date(time.time())}\r\nContent-Length: {len(GOOD_HEALTH)}\r\n\r\n"
        connection.tls.sendall(head.encode() + GOOD_HEALTH)
        connection.tls.unwrap()

    with tls_server(script) as server:
        done = doctor(f"https://localhost:{server.port}", bundle)
    assert outcomes(done)["clock"] == outcome
    assert says in found(done, "clock")


# --------------------------------------------------------------------------------------------------- before any answer


def test_an_expired_certificate_fails(bundle: Path) -> None:
    context = authority().server_context("localhost", days=-1)
    with tls_server(agree, context) as server:
        done = doctor(f"https://localhost:{server.port}", bundle, token=TOKEN)
    assert (done.status, list(outcomes(done))) == (1, ["address", "dns", "tls"])
    assert "certificate has expired -> renew the certificate" in found(done, "tls")


def test_a_certificate_for_another_name_fails(bundle: Path) -> None:
    context = authority().server_context("other.example")
    with tls_server(agree, context) as server:
        done = doctor(f"https://localhost:{server.port}", bundle)
    assert "a name that is in the certificate" in found(done, "tls")


def test_a_certificate_of_an_unknown_authority_fails(bundle: Path) -> None:
    context = Authority().server_context("localhost")
    with tls_server(agree, context) as server:
        done = doctor(f"https://localhost:{server.port}", bundle)
    assert "--ca-bundle" in found(done, "tls")


def test_a_certificate_of_a_year_is_fine(bundle: Path) -> None:
    context = authority().server_context("localhost", days=365)
    with tls_server(agree, context) as server:
        done = doctor(f"https://localhost:{server.port}", bundle)
    assert outcomes(done)["tls"] == "ok"


def test_a_port_without_tls_fails(deployed: Deployed, bundle: Path) -> None:
    done = doctor(deployed.plain_url.replace("http://", "https://"), bundle)
    assert (done.status, outcomes(done)["tls"]) == (1, "failed")
    assert "no TLS" in found(done, "tls")


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_closed_port_fails(scheme: str, bundle: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = doctor(f"{scheme}://127.0.0.1:{port}", bundle)
    assert (done.status, list(outcomes(done))) == (1, ["address", "dns", "connection"])
    assert "connection refused -> check that the service is deployed" in found(done, "connection")


def test_without_a_bundle_the_machines_authorities_count(bundle: Path) -> None:
    with tls_server(agree) as server:
        url = f"https://localhost:{server.port}"
        without = run("doctor", url, "--json")
        told = doctor(url, bundle)
    assert outcomes(without)["tls"] == "failed"
    assert outcomes(told)["tls"] != "failed"


def test_a_name_without_an_address_fails(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The name is reserved (RFC 6761); a resolver that answers it all the same is not the test's matter.
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    done = doctor("https://exchange.invalid", bundle)
    assert (done.status, list(outcomes(done))) == (1, ["address", "dns"])


# ----------------------------------------------------------------------------------------------------------- wrong use


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["http://exchange.acme.example"], "only a service on this machine may be used without TLS"),
        (["http://127.0.0.1.acme.example"], "only a service on this machine"),
        (["exchange.acme.example"], "found no https://; write https://exchange.acme.example"),
        (["localhost:8080"], "for a service on this machine write http://localhost:8080"),
        (["http://127.0.0.1:8080/v1/token"], "without /v1/token; write http://127.0.0.1:8080"),
        (["https://Exchange.acme.example"], "in lower case; write https://exchange.acme.example"),
        (["https://acme.example", "--host", EXAMPLE_HOST], "so --token-env is required"),
        (["https://acme.example", "--host", "1.dkr.ecr.eu-west-1.amazonaws.com", "--token-env", "T"], "the 12 digits"),
        (["https://acme.example", "--host", "R.acme.example", "--token-env", "T"], "in lower case"),
        (["https://ada@acme.example"], "without user"),
        (["https://acme.example/?x=1"], "without user, query or fragment"),
        (["https://acme.example/\r\nX: y"], "expected https://HOST"),
        (["https://acme.example:70000"], "expected a port up to 65535"),
        (["https://acme.example", "--token-env", "NOT_THERE"], "NOT_THERE is not set, or empty"),
        (["https://acme.example", "--registry", "apps"], "so --token-env is required"),
        (["https://acme.example", "--issuer", "gitlab.com"], "the issuer's URL"),
        (["https://acme.example", "--ca-bundle", "/nowhere/ca.pem"], "no such file"),
        (["https://acme.example", "--ca-bundle", "/dev/null"], "no certificates in PEM"),
    ],
)
def test_wrong_use_has_a_sentence(arguments: list[str], says: str) -> None:
    done = run("doctor", *arguments)
    assert (done.status, done.out) == (2, "")
    assert says in done.err


def test_an_unknown_region_gives_a_remark() -> None:
    host = EXAMPLE_HOST.replace("eu-west-1", "eu-west-77")
    done = run("doctor", "https://acme.example", "--host", host, "--token-env", "T", environment={"T": "no token"})
    assert done.status == 2
    assert "eu-west-77" in done.err


@pytest.mark.parametrize("value", ["secret-that-is-no-token", "a.b.c\r\nX-Header: y", "a b.c.d"])
def test_an_invalid_token_is_neither_sent_nor_shown(value: str) -> None:
    done = run("doctor", "https://acme.example", "--token-env", "T", environment={"T": value})
    assert done.status == 2
    assert "the variable T holds no token" in done.err
    assert value not in done.err
