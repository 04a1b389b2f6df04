"""A registry of one image that serves whoever has a login which the local ECR handed out, and nobody else."""

import base64
import hashlib
import json

from sandbox.aws.server import Aws
from sandbox.loopback import Answer, Request

REPOSITORY = "ci/acme/shop"

_CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
_MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": f"sha256:{hashlib.sha256(_CONFIG).hexdigest()}",
            "size": len(_CONFIG),
        },
        "layers": [],
    }
).encode()


class GuardedRegistry:
    """Answers the part of the OCI Distribution Specification that reading an image needs."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.refused = 0

    def __call__(self, request: Request) -> Answer:
        if not self._knows(request.header("authorization")):
            self.refused += 1
            return Answer(status=401, headers=(("www-authenticate", 'Basic realm="https://registry/",service="ecr"'),))
        match request.url.path:
            case "/v2/":
                return Answer(headers=(("docker-distribution-api-version", "registry/2.0"),), body=b"{}")
            case path if path.startswith(f"/v2/{REPOSITORY}/manifests/"):
                return _answer("application/vnd.oci.image.manifest.v1+json", _MANIFEST)
            case path if path.startswith(f"/v2/{REPOSITORY}/blobs/"):
                return _answer("application/octet-stream", _CONFIG)
            case _:
                return Answer(status=404, body=b'{"errors": [{"code": "NAME_UNKNOWN"}]}')

    def _knows(self, authorization: str | None) -> bool:
        scheme, _, encoded = (authorization or "").partition(" ")
        user, _, password = base64.b64decode(encoded).decode().partition(":")
        return scheme == "Basic" and user == "AWS" and self._aws.registry.login(password) is not None


def _answer(content_type: str, body: bytes) -> Answer:
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return Answer(headers=(("content-type", content_type), ("docker-content-digest", digest)), body=body)
