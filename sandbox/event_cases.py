"""The cases of the files in `events/`, one for each file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sandbox.loopback import Headers, Request

_CLIENT: Final = (("Host", "sandbox001.execute-api.eu-west-1.amazonaws.com"), ("User-Agent", "curl/8.14.1"))
_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_PEER: Final = "203.0.113.7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The token of a case; `audience` None is the expected one."""

    provider: str
    scenario: str = "push-main"
    audience: str | None = None
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An event. `name` is its file's and says the outcome; `request` takes the token."""

    name: str
    token: Token | None
    request: Callable[[str], Request]
    rest_api: bool = False

    @property
    def reason(self) -> str | None:
        """The reason of the refusal that the name promises, or None for a good answer."""
        outcome, _, reason = self.name.partition("-")
        return reason if outcome in {"denied", "rejected"} else None


_GITHUB: Final = Token(provider="github-actions")
_GITLAB_FEATURE: Final = Token(provider="gitlab", scenario="push-feature")


def _request(method: str, target: str, *, headers: Headers = (), body: bytes = b"") -> Request:
    return Request(method=method, target=target, headers=(*_CLIENT, *headers), body=body, peer=_PEER)


def _bearer(query: str = "", *, path: str = "/v1/token") -> Callable[[str], Request]:
    target = f"{path}?{query}" if query else path
    return lambda token: _request("POST", target, headers=(("Authorization", f"Bearer {token}"),))


def _exchange_form(token: str) -> bytes:
    return urlencode(
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "subject_token": token,
            "registry": "apps",
        }
    ).encode()


def _form(token: str) -> Request:
    return _request("POST", "/v1/token", headers=(_FORM,), body=_exchange_form(token))


def _header_and_form(token: str) -> Request:
    headers = (("Authorization", f"Bearer {token}"), _FORM)
    return _request("POST", "/v1/token", headers=headers, body=_exchange_form(token))


def _plain(method: str, target: str) -> Callable[[str], Request]:
    return lambda _: _request(method, target)


CASES: Final = (
    Case(name="granted-push-github", token=_GITHUB, request=_bearer("registry=apps")),
    Case(name="granted-pull-gitlab", token=_GITLAB_FEATURE, request=_bearer("registry=base")),
    Case(
        name="granted-narrow-scope",
        token=_GITHUB,
        request=_bearer(urlencode({"registry": "apps", "scope": "repository:ci/acme/shop:pull"})),
    ),
    Case(name="granted-docker-config", token=_GITHUB, request=_bearer("format=docker-config")),
    Case(name="granted-form-body", token=_GITHUB, request=_form),
    Case(name="granted-rest-api", token=_GITHUB, request=_bearer("registry=apps"), rest_api=True),
    Case(name="explained-push-github", token=_GITHUB, request=_bearer("registry=apps", path="/v1/explain")),
    Case(
        name="denied-untrusted-trigger",
        token=Token(provider="github-actions", scenario="pull-request-target"),
        request=_bearer(),
    ),
    Case(
        name="denied-no-matching-grant",
        token=Token(provider="github-actions", scenario="push-feature"),
        request=_bearer("registry=apps"),
    ),
    Case(
        name="denied-organization-not-allowed",
        token=Token(provider="github-actions", scenario="other-organization"),
        request=_bearer(),
    ),
    Case(name="denied-denied", token=Token(provider="github-actions", scenario="leaked-runner"), request=_bearer()),
    Case(name="rejected-expired", token=Token(provider="github-actions", expired=True), request=_bearer()),
    Case(
        name="rejected-wrong-audience",
        token=Token(provider="github-actions", audience="https://another-service.example"),
        request=_bearer(),
    ),
    Case(name="rejected-two-tokens", token=_GITHUB, request=_header_and_form),
    Case(name="rejected-missing-token", token=None, request=_plain("POST", "/v1/token")),
    Case(name="rejected-method-not-allowed", token=None, request=_plain("GET", "/v1/token")),
    Case(name="rejected-not-found", token=None, request=_plain("GET", "/v2/token")),
    Case(name="health", token=None, request=_plain("GET", "/v1/health")),
)
