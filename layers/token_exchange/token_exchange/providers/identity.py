"""Who a verified token speaks for, in the common vocabulary."""

from collections.abc import Mapping
from dataclasses import dataclass

from token_exchange.ports import Json
from token_exchange.providers.preset import Preset
from token_exchange.providers.vocabulary import NAMES, Vocabulary, claim_at, spelled
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the provider says of the run.

    `untrusted_trigger` says how outsiders can have started it, or is None.
    """

    vocabulary: Vocabulary
    untrusted_trigger: str | None


def identify(preset: Preset, claims: Mapping[str, Json]) -> Identity:
    """Read `claims`, which a signature has proven, as the provider means them.

    Raises:
        Refused: `missing-claim` for a token that is not a job's, `invalid-claim` for one whose claims are not of the
            types that the provider sends.
    """
    for path in sorted(preset.marks):
        if claim_at(claims, path) in (None, ""):
            raise Refused(Reason.MISSING_CLAIM, f"claim {spelled(path)}: missing, though every job's token has it")
    _check_types(preset, claims)
    _check_kind(preset, claims)
    vocabulary: dict[str, str | bool] = {
        name: value
        for name in NAMES
        if (source := preset.vocabulary.get(name)) is not None and (value := source.read(claims)) is not None
    }
    return Identity(vocabulary=vocabulary, untrusted_trigger=preset.untrusted_trigger(claims))


def _check_types(preset: Preset, claims: Mapping[str, Json]) -> None:
    for name, kind in preset.claims.items():
        if kind == "text" and not isinstance(claims.get(name), str | None):
            raise Refused(Reason.INVALID_CLAIM, f"claim {name}: expected text")
    for path, kind in preset.nested_claims.items():
        if kind == "text" and not isinstance(claim_at(claims, path), str | None):
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected text")


def _check_kind(preset: Preset, claims: Mapping[str, Json]) -> None:
    for path, values in preset.only.items():
        found = claim_at(claims, path)
        # The number 1 is not true, though to Python the two are equal.
        if not any(found == value and isinstance(found, type(value)) for value in values):
            wanted = " or ".join(str(value).lower() if isinstance(value, bool) else value for value in values)
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected {wanted}, as a job's token has it")
    for path, ending in preset.endings.items():
        text = claim_at(claims, path)
        if not isinstance(text, str) or not text.endswith(ending):
            raise Refused(Reason.INVALID_CLAIM, f"claim {spelled(path)}: expected a value that ends in {ending}")
