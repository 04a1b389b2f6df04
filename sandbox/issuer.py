"""The CI systems' issuers on loopback: discovery documents, key sets, and an endpoint that mints tokens."""

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self, assert_never, get_args
from urllib.parse import urlencode

from sandbox.certificates import load_certificates
from sandbox.clocks import WALL_CLOCK, Now
from sandbox.faults import NONE_PLANNED, Faults, planned
from sandbox.loopback import Answer, Request, Server, Silence
from sandbox.providers import all_providers
from sandbox.providers.shape import Provider
from sandbox.state import make_folder
from sandbox.tokens import Mint, claim_value

type Document = Literal["discovery", "keys"]
type LateKind = Literal["hang", "drop", "slow", "drip"]
type WrongKind = Literal["server-error", "redirect", "wrong-issuer", "error-page", "empty-keys", "oversized"]
type FaultKind = LateKind | WrongKind
DOCUMENTS: Final[Mapping[str, Document]] = {name: name for name in get_args(Document.__value__)}
FAULT_KINDS: Final[Mapping[str, FaultKind]] = {
    name: name for kinds in (LateKind, WrongKind) for name in get_args(kinds.__value__)
}
DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
CONTROL_PATH: Final = "/_control"
MINT_PATH: Final = "/mint/"
_OVERSIZED_BYTES: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerFault:
    """A planned failure of a document. `seconds` is the delay of `slow`, and of each byte of `drip`."""

    kind: FaultKind
    seconds: float = 0.2


class Issuer:
    """Every provider's issuer on one HTTPS server. Keys and certificates are in `folder`.

    `tokens` mints tokens; `faults` and counts are by provider and document.
    """

    def __init__(self, folder: Path, *, port: int = 0, now: Now = WALL_CLOCK) -> None:
        make_folder(folder)
        certificates = load_certificates(folder)
        self.ca_bundle = certificates.authority
        self.faults: Faults[tuple[str, Document], IssuerFault] = Faults()
        self._counts: Counter[tuple[str, Document]] = Counter()
        self._lock = threading.Lock()
        self._server = Server(self._handle, port=port, tls=certificates.server_context())
        self.url = f"https://localhost:{self._server.port}"
        self.tokens = Mint(folder / "keys", base_url=self.url, now=now)
        self.mint = self.tokens.mint
        self.keys = self.tokens.keys
        self.issuer_url = self.tokens.issuer

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.port

    def count(self, provider: str, document: Document) -> int:
        """Return how often a document was requested."""
        with self._lock:
            return self._counts[provider, document]

    def reset_counts(self) -> None:
        """Reset the counts to zero."""
        with self._lock:
            self._counts.clear()

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _handle(self, request: Request) -> Answer | Silence:
        path = request.url.path
        if path.startswith(MINT_PATH):
            return self._minted(request, path.removeprefix(MINT_PATH))
        if path.startswith(CONTROL_PATH):
            return self._control(request)
        for provider in all_providers().values():
            if path == provider.issuer_path + DISCOVERY_PATH:
                return self._document(provider, "discovery", self._discovery(provider))
            if path == provider.issuer_path + provider.keys_path:
                return self._document(provider, "keys", {"keys": self.tokens.published(provider.name)})
        return _json({"error": f"nothing at {path}"}, status=404)

    def _discovery(self, provider: Provider) -> dict[str, object]:
        issuer = self.issuer_url(provider.name)
        return {
            "issuer": issuer,
            "jwks_uri": self.tokens.keys_url(provider.name),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [*provider.algorithms],
            "scopes_supported": ["openid"],
        }

    def _document(self, provider: Provider, document: Document, content: dict[str, object]) -> Answer | Silence:
        with self._lock:
            self._counts[provider.name, document] += 1
        fault = self.faults.take((provider.name, document))
        return _json(content) if fault is None else self._failing(fault, content)

    def _failing(self, fault: IssuerFault, content: dict[str, object]) -> Answer | Silence:
        match fault.kind:
            case "hang":
                return Silence.HANG
            case "drop":
                return Silence.DROP
            case "slow":
                self._server.stopping.wait(fault.seconds)
                return _json(content)
            case "drip":
                whole = _json(content)
                return Answer(headers=whole.headers, body=whole.body, seconds_per_byte=fault.seconds)
            case _:
                return self._wrong(fault.kind, content)

    def _wrong(self, kind: WrongKind, content: dict[str, object]) -> Answer:
        match kind:
            case "server-error":
                return Answer(status=500, body=b"an internal error, on request")
            case "redirect":
                return Answer(status=302, headers=(("location", f"{self.url}/elsewhere"),))
            case "wrong-issuer":
                return _json({**content, "issuer": "https://issuer.attacker.example"})
            case "error-page":
                return Answer(headers=(("content-type", "text/html"),), body=b"<html>back in five minutes</html>")
            case "empty-keys":
                return _json({**content, "keys": []})
            case "oversized":
                return _json({**content, "padding": "x" * _OVERSIZED_BYTES})
            case _:
                assert_never(kind)

    def _minted(self, request: Request, provider: str) -> Answer:
        asked = request.parameters()
        audiences = [value for name, value in asked if name == "audience"]
        if request.method not in {"GET", "POST"} or not audiences:
            return _json(
                {"error": f"expected GET {MINT_PATH}PROVIDER?audience=…&scenario=…&claim.NAME=VALUE"}, status=400
            )
        single = dict(asked)
        lifetime = single.get("lifetime_seconds")
        try:
            token = self.mint(
                provider,
                audience=audiences[0] if len(audiences) == 1 else audiences,
                scenario=single.get("scenario"),
                claims={
                    name.removeprefix("claim."): claim_value(value)
                    for name, value in asked
                    if name.startswith("claim.")
                },
                without=[value for name, value in asked if name == "without"],
                lifetime_seconds=None if lifetime is None else int(lifetime),
            )
        except (KeyError, ValueError) as error:
            return _json({"error": f"cannot mint: {error.args[0]}"}, status=400)
        if single.get("format") == "text":
            return Answer(headers=(("content-type", "text/plain"),), body=token.encode())
        return _json({"count": len(token), "value": token})

    def _control(self, request: Request) -> Answer:
        """Plan faults, rotate keys and show counts, for use with curl."""
        asked = dict(request.parameters())
        provider, document, kind = asked.get("provider", ""), asked.get("document", ""), asked.get("fault", "")
        known = provider in all_providers()
        match request.method, request.url.path.removeprefix(CONTROL_PATH):
            case "POST", "/faults" if known and document in DOCUMENTS and kind in FAULT_KINDS:
                fault = IssuerFault(kind=FAULT_KINDS[kind], seconds=float(asked.get("seconds", "0.2")))
                times = asked.get("times", "")
                self.faults.plan(
                    (provider, DOCUMENTS[document]), fault, times=int(times) if times.isdecimal() else None
                )
                return planned(f"{provider} {document}: {kind}", times)
            case "DELETE", "/faults":
                self.faults.clear()
                return NONE_PLANNED
            case "POST", "/rotate" if known:
                fresh = self.keys(provider).rotate(keep_previous=asked.get("keep_previous", "true") != "false")
                return _json({"kid": fresh.key_id})
            case "GET", "/counts":
                with self._lock:
                    return _json({f"{name} {document}": count for (name, document), count in self._counts.items()})
            case _:
                return _json({"error": _usage()}, status=400)


def _usage() -> str:
    faults = {"provider": "PROVIDER", "document": "DOCUMENT", "fault": "FAULT", "times": "N", "seconds": "S"}
    return (
        f"expected POST {CONTROL_PATH}/faults?{urlencode(faults)}, DELETE {CONTROL_PATH}/faults, "
        f"POST {CONTROL_PATH}/rotate?provider=PROVIDER&keep_previous=true or GET {CONTROL_PATH}/counts; "
        f"DOCUMENT is one of {', '.join(DOCUMENTS)}; FAULT of {', '.join(FAULT_KINDS)}"
    )


def _json(content: object, *, status: int = 200) -> Answer:
    return Answer(status=status, headers=(("content-type", "application/json"),), body=json.dumps(content).encode())
