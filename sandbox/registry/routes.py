"""The ECR actions that a registry request needs, and on which repository.

Source: the OCI Distribution Specification 1.1 for the paths; for the actions "Actions, resources, and condition keys
for Amazon Elastic Container Registry" in the Service Authorization Reference. ECR does not document which action
covers asking for or giving up an upload; here it is the one that the upload itself needs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode

_NAME: Final = r"(?P<name>[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*)"
_DIGEST: Final = r"(?P<digest>[a-z0-9]+:[0-9a-f]{32,128})"
_REFERENCE: Final = rf"(?P<reference>\w[\w.-]{{0,127}}|{_DIGEST})"

MANIFEST: Final = re.compile(rf"/v2/{_NAME}/manifests/{_REFERENCE}", re.ASCII)
BLOB: Final = re.compile(rf"/v2/{_NAME}/blobs/{_DIGEST}", re.ASCII)
UPLOADS: Final = re.compile(rf"/v2/{_NAME}/blobs/uploads/", re.ASCII)
UPLOAD: Final = re.compile(rf"/v2/{_NAME}/blobs/uploads/(?P<id>[\w=.-]+)", re.ASCII)
TAGS: Final = re.compile(rf"/v2/{_NAME}/tags/list", re.ASCII)
REFERRERS: Final = re.compile(rf"/v2/{_NAME}/referrers/{_DIGEST}", re.ASCII)

_ACTIONS: Final[Mapping[tuple[re.Pattern[str], str], tuple[str, ...]]] = {
    (MANIFEST, "HEAD"): ("ecr:BatchGetImage",),
    (MANIFEST, "GET"): ("ecr:BatchGetImage",),
    (MANIFEST, "PUT"): ("ecr:PutImage",),
    (MANIFEST, "DELETE"): ("ecr:BatchDeleteImage",),
    (BLOB, "HEAD"): ("ecr:BatchCheckLayerAvailability",),
    (BLOB, "GET"): ("ecr:GetDownloadUrlForLayer",),
    (UPLOADS, "POST"): ("ecr:InitiateLayerUpload",),
    (UPLOAD, "GET"): ("ecr:UploadLayerPart",),
    (UPLOAD, "PATCH"): ("ecr:UploadLayerPart",),
    (UPLOAD, "PUT"): ("ecr:CompleteLayerUpload",),
    (UPLOAD, "DELETE"): ("ecr:UploadLayerPart",),
    (TAGS, "GET"): ("ecr:ListImages",),
    (REFERRERS, "GET"): ("ecr:BatchGetImage",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The access that a request needs: all `actions` on `repository`.

    `mounts_from` is the repository to mount a blob from; `target` is the target of the forwarded request.
    """

    repository: str
    actions: tuple[str, ...]
    target: str
    mounts_from: str | None = None


def need_of(method: str, url: SplitResult, *, has_body: bool) -> Need | None:
    """Return what a request needs, or None for one that no registry client makes.

    Nothing is decoded or normalized: a path that gate and registry could read differently is None.
    """
    for (pattern, known_method), actions in _ACTIONS.items():
        found = pattern.fullmatch(url.path) if method == known_method else None
        if found is not None:
            return _need(pattern, actions, found["name"], url, has_body=has_body)
    return None


def without_mount(need: Need) -> Need:
    """Return the plain upload that a registry offers in place of a mount."""
    path, _, query = need.target.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name not in {"mount", "from"}]
    return Need(repository=need.repository, actions=need.actions, target=f"{path}?{urlencode(kept)}" if kept else path)


def _need(
    pattern: re.Pattern[str], actions: tuple[str, ...], name: str, url: SplitResult, *, has_body: bool
) -> Need | None:
    query = parse_qsl(url.query, keep_blank_values=True)
    asked = dict(query)
    if len(asked) != len(query):
        return None  # programs differ in which of the two counts
    source = asked.get("from") if pattern is UPLOADS else None
    if source is not None and not re.fullmatch(_NAME, source, re.ASCII):
        return None
    if pattern is UPLOADS and "digest" in asked:
        actions = (*actions, "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")  # all in one request
    elif pattern is UPLOAD and "ecr:CompleteLayerUpload" in actions and has_body:
        actions = ("ecr:UploadLayerPart", *actions)
    target = f"{url.path}?{url.query}" if url.query else url.path
    return Need(repository=name, actions=actions, target=target, mounts_from=source)
