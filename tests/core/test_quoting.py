import pytest

from token_exchange.core.refusals import quoted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("acme", "'acme'"),
        ("", "''"),
        # what forges a line of a log, or rings a bell
        ("a\r\nERROR b", r"'a\r\nERROR b'"),
        ("\x1b[2J\x7f", r"'\x1b[2J\x7f'"),
        # what turns a text around, or looks like something else
        ("\u202emoc", r"'\u202emoc'"),
        ("\u0430cme", r"'\u0430cme'"),
        ("it's", '"it\'s"'),
        ("\ud800", r"'\ud800'"),
    ],
)
def test_quotes_a_value_in_ascii(value: str, text: str) -> None:
    assert quoted(value) == text


def test_leaves_a_long_rest_out() -> None:
    assert quoted("a" * 101) == f"'{'a' * 100}'..."
    assert quoted("a" * 100) == f"'{'a' * 100}'"
