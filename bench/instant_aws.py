"""`python -m bench.instant_aws SECONDS`: an AWS that answers every AssumeRole and GetAuthorizationToken after so long.

It parses only lengths, so that what is timed against it is the client. It prints its port, and sends the body of
the last AssumeRole for any GET.
"""

import base64
import json
import socket
import sys
import threading
import time
from typing import Final

_STS: Final = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>\
<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/ci/run</Arn><AssumedRoleId>AROA1:run</AssumedRoleId>\
</AssumedRoleUser><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>not-a-secret</SecretAccessKey>\
<SessionToken>not-a-token</SessionToken><Expiration>2038-01-01T00:00:00Z</Expiration></Credentials>\
<PackedPolicySize>6</PackedPolicySize></AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
</AssumeRoleResponse>"""
_LOGIN: Final = base64.b64encode(b"AWS:" + b"x" * 2000).decode()
_ECR: Final = json.dumps({"authorizationData": [{"authorizationToken": _LOGIN, "expiresAt": 2145916800.0}]}).encode()
_MOST: Final = 1 << 20


def main() -> None:
    """Serve until the process is ended."""
    seconds = float(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        print(listener.getsockname()[1], flush=True)
        last: list[bytes] = [b""]
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_serve, args=(connection, seconds, last), daemon=True).start()


def _serve(connection: socket.socket, seconds: float, last: list[bytes]) -> None:
    kept = b""
    while True:
        while b"\r\n\r\n" not in kept:
            kept += (received := connection.recv(_MOST))
            if not received:
                return
        head, _, kept = kept.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(kept) < length:
            kept += connection.recv(_MOST)
        body, kept = kept[:length], kept[length:]
        if head.startswith(b"GET"):
            answer, kind = last[0], b"text/plain"
        elif b"Action=AssumeRole" in body:
            last[0] = body
            answer, kind = _STS, b"text/xml"
        else:
            answer, kind = _ECR, b"application/x-amz-json-1.1"
        if seconds and not head.startswith(b"GET"):
            time.sleep(seconds)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (kind, len(answer), answer)
        )


if __name__ == "__main__":
    main()
