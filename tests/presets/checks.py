"""What the tests of all presets check in the same way."""

from collections.abc import Mapping

import pytest

from token_exchange.core.identity import Preset, identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.provider import BadSetting, Provider


def check_refused(preset: Preset, claims: Mapping[str, Json], reason: Reason, claim: str) -> None:
    """Check that a token with `claims` is refused for `reason`, and that the description names `claim`."""
    with pytest.raises(Refused) as refused:
        identify(preset, claims)
    assert refused.value.reason is reason
    assert f"claim {claim}:" in refused.value.description


def check_bad_setting(provider: Provider, settings: dict[str, Json], issuer: str | None, key: str) -> None:
    """Check that no preset is made of these settings, and that `key` is blamed."""
    with pytest.raises(BadSetting) as bad:
        provider.preset(settings, issuer)
    assert bad.value.key == key
