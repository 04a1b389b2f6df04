"""An S3 on loopback with a bucket for policies in it, versioned as the operations guide says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "acme-policies"
REGION: Final = "eu-west-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalS3:
    url: str
    client: "S3Client"

    def put(self, key: str, content: bytes) -> str:
        """Return the version that `content` became."""
        return self.client.put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"]


@contextmanager
def local_s3() -> Iterator[LocalS3]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="ASIATEST",
            aws_secret_access_key="secret",
        )
        # Buckets of one process share moto's memory.
        if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
            client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield LocalS3(url=url, client=client)
    finally:
        server.stop()
