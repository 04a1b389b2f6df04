import json

from hypothesis import given
from hypothesis import strategies as st

from token_exchange.reporting.audit import cut_as_written

WIDE = st.text(st.characters(), min_size=30, max_size=600)


@given(WIDE | st.text(st.sampled_from("a\n\U0001f600é"), max_size=600))
def test_as_much_is_kept_as_fits_with_its_escapes(value: str) -> None:
    kept, mark, rest = (cut_as_written(value) or "").rpartition("…[")
    if not mark:
        assert rest == value
        assert len(json.dumps(value)) <= 256
        return
    assert rest == f"{len(value) - len(kept)} more]"
    assert value.startswith(kept)
    assert len(json.dumps(kept)) <= 256
    assert len(kept) == 256 or len(json.dumps(value[: len(kept) + 1])) > 256
