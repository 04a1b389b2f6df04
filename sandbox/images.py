"""Makes a container image of one small file, so that nothing has to be pulled first."""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
_INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image as a registry keeps it. `layer` is a tar, not compressed."""

    layer: bytes
    config: bytes
    manifest: bytes

    def write_layout(self, folder: Path) -> Path:
        """Write it as an OCI image layout, and return the folder.

        Source: OCI Image Format Specification, "Image Layout".
        """
        blobs = folder / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for blob in (self.layer, self.config, self.manifest):
            (blobs / digest(blob).removeprefix("sha256:")).write_bytes(blob)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        described = _described(MANIFEST_TYPE, self.manifest)
        (folder / "index.json").write_bytes(
            _json({"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": [described]})
        )
        return folder


def make_image(text: str) -> Image:
    """Return an image with `text` in a file; the same text gives the same digests."""
    content = text.encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("message.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    layer = packed.getvalue()
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/message.txt"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _described(CONFIG_TYPE, config),
            "layers": [_described(LAYER_TYPE, layer)],
        }
    )
    return Image(layer=layer, config=config, manifest=manifest)


def digest(blob: bytes) -> str:
    """Return the digest of a blob, as registries write it."""
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _described(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest(blob), "size": len(blob)}


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
