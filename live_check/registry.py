"""A minimal registry client: it pushes one blob and one manifest, and returns the answers.

docker sends the same requests with the same header, so what is answered here is what docker would be answered.
Source: OCI Distribution Specification 1.1, "Push".
"""

import base64
import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

from live_check.place import LiveCheckFailed, Login
from sandbox.images import MANIFEST_TYPE, digest, make_image

_TIMEOUT_SECONDS: Final = 30.0
_SHOWN_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The registry's last answer; 201 for a successful push."""

    status: int
    text: str

    @property
    def allowed(self) -> bool:
        """Whether the request succeeded."""
        return self.status < 400  # noqa: PLR2004 - HTTP

    def __str__(self) -> str:
        """Return it in one line, for a person."""
        return f"{self.status} {' '.join(self.text.split())[:_SHOWN_CHARACTERS]}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """One registry, as the holder of a login sees it."""

    url: str
    login: Login = field(repr=False)

    def push(self, repository: str, tag: str) -> Said:
        """Push an image that the repository does not have; stop at the first refusal.

        Raises:
            LiveCheckFailed: there is no answer.
        """
        image = make_image(f"{repository}:{tag}")
        for blob in (image.layer, image.config):
            said = self.upload(repository, blob)
            if not said.allowed:
                return said
        headers = {"content-type": MANIFEST_TYPE}
        return self._ask("PUT", f"{self.url}/v2/{repository}/manifests/{tag}", image.manifest, headers)[0]

    def upload(self, repository: str, blob: bytes) -> Said:
        """Upload one blob."""
        said, place = self._ask("POST", f"{self.url}/v2/{repository}/blobs/uploads/", b"", {})
        if said.allowed:
            said, place = self._ask("PATCH", place, blob, {"content-type": "application/octet-stream"})
        if said.allowed:
            mark = "&" if "?" in place else "?"
            said, _ = self._ask("PUT", f"{place}{mark}digest={digest(blob)}", b"", {})
        return said

    def mount(self, repository: str, blob: bytes, *, source: str) -> Said:
        """Ask for a blob of another repository."""
        query = f"mount={digest(blob)}&from={source}"
        return self._ask("POST", f"{self.url}/v2/{repository}/blobs/uploads/?{query}", b"", {})[0]

    def _ask(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> tuple[Said, str]:
        """Return the answer, and where it says to go on. The login goes to the registry's own host and nowhere else."""
        parts, own = urlsplit(url), urlsplit(self.url)
        if (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            raise LiveCheckFailed(f"expected the registry to stay on {own.netloc}, found {parts.netloc}")
        connection = (
            http.client.HTTPSConnection(parts.netloc, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_SECONDS)
        )
        pair = base64.b64encode(f"AWS:{self.login.password}".encode()).decode()
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            connection.request(method, target, body=body, headers={**headers, "authorization": f"Basic {pair}"})
            answer = connection.getresponse()
            text = _message(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise LiveCheckFailed(f"the registry does not answer: {error}") from error
        finally:
            connection.close()
        return Said(status=answer.status, text=text), urljoin(url, answer.getheader("location") or "")


def _message(body: bytes) -> str:
    try:
        found: object = json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
    errors = found.get("errors") if isinstance(found, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("message")) if isinstance(first, dict) else ""
