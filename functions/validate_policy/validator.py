"""Refuses a policy before it is deployed, with the loader that the service itself uses.

Source: AppConfig User Guide, "Understanding validators": the event, and that the deployment shows the message of an
exception.
"""

import base64
import binascii
import os
from typing import Final

from token_exchange.adapters.settings import NAME_WITHOUT_FILE, Settings, read_settings
from token_exchange.core.policy import Policy
from token_exchange.loading.compiled import read_all
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable

_MAX_PROBLEMS: Final = 50


class PolicyRefused(Exception):
    """The policy does not load; the message, which AWS shows, lists every problem with its place."""


class PolicyValidator:
    """The validator of one environment, with the region and the state table of the service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, event: object, _context: object) -> dict[str, str | int]:
        """Return the identity and the size of the policy in the event's `content`, which is base64.

        Raises:
            PolicyRefused: the policy does not load.
        """
        try:
            policy = self._loaded(_content(event))
        except PolicyUnusable as error:
            shown = [str(problem) for problem in error.problems[:_MAX_PROBLEMS]]
            if len(error.problems) > _MAX_PROBLEMS:
                shown.append(f"and {len(error.problems) - _MAX_PROBLEMS} more")
            raise PolicyRefused("\n".join(["the policy does not load", *shown])) from error
        return {"policy_sha256": policy.sha256, "issuers": len(policy.issuers), "grants": len(policy.grants)}

    def _loaded(self, content: bytes) -> Policy:
        policy = load_policy(
            content,
            name=NAME_WITHOUT_FILE,
            read_file=None,
            own_region=self._settings.region,
            has_state=self._settings.state_table is not None,
        )
        # Of a compiled policy, loading has read no grant.
        read_all(policy)
        return policy


def _content(event: object) -> bytes:
    match event:
        case {"content": str() as content}:
            try:
                return base64.b64decode(content, validate=True)
            except (binascii.Error, ValueError) as error:
                raise PolicyRefused("content: expected base64") from error
        case _:
            raise PolicyRefused("content: expected an event with the policy in base64, as AppConfig sends it")


def start() -> PolicyValidator:
    """Return the validator as the environment configures it.

    Raises:
        BadSetting: a variable has an invalid value.
    """
    return PolicyValidator(read_settings(os.environ))
