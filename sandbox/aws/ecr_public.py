"""`ecr-public:GetAuthorizationToken`: one login for all of ECR Public, from the one region that has the API.

Source: the ECR Public API reference; ECR Public User Guide, "Registry authentication".
"""

import base64
from typing import Final

from sandbox.aws.calls import Call
from sandbox.aws.ecr import Logins, authorize
from sandbox.aws.errors import AwsError, json_answer
from sandbox.loopback import Answer

TARGET: Final = "SpencerFrontendService"
REGION: Final = "us-east-1"
_NEEDED: Final = ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken")
"""The password is a bearer token that STS makes for the service, so the session needs both."""


class PublicRegistry(Logins):
    """Makes logins of ECR Public, which no private registry accepts."""

    def get_authorization_token(self, call: Call) -> Answer:
        """Answer `GetAuthorizationToken`.

        Raises:
            AwsError: as ECR Public would refuse it.
        """
        if call.caller.region != REGION:
            raise AwsError(
                code="InvalidSignatureException", message=f"Credential should be scoped to a valid region: {REGION}."
            )
        session = call.caller.session
        for action in _NEEDED:
            authorize(session, action=action, resource="*", now_seconds=call.now_seconds)
        login = self.make(session, REGION, now_seconds=call.now_seconds)
        # One structure and no endpoint; private ECR returns a list.
        data = {
            "authorizationToken": base64.b64encode(f"AWS:{login.password}".encode()).decode(),
            "expiresAt": login.expires_at,
        }
        return json_answer({"authorizationData": data}, request_id=call.request_id)
