"""Makes the source of the policy that the environment names, for every function that reads the policy."""

from pathlib import Path
from typing import assert_never

from token_exchange.adapters.aws_clients import AwsClients
from token_exchange.adapters.deadline_calls import DeadlineCalls
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.adapters.policy_place import AppConfigPlace, FilePlace, PolicyPlace, S3Place
from token_exchange.policy_store import PolicySource


def policy_source(place: PolicyPlace, *, folder: Path, clients: AwsClients, calls: DeadlineCalls) -> PolicySource:
    """Return the source at `place`; a relative path starts in `folder`.

    What speaks to AWS is imported where it is used: most policies are files, and every start would pay for it.
    """
    match place:
        case FilePlace():
            return PolicyFile(folder / place.path)
        case S3Place():
            from token_exchange.adapters.policy_in_s3 import PolicyInS3  # noqa: PLC0415 - as said above

            return PolicyInS3(place, clients=clients, calls=calls)
        case AppConfigPlace():
            from token_exchange.adapters.policy_in_appconfig import PolicyInAppConfig  # noqa: PLC0415 - as said above

            return PolicyInAppConfig(place, clients=clients, calls=calls)
        case unknown:
            assert_never(unknown)
