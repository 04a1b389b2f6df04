import pytest

from token_exchange.loading.registries import parse_template


def test_literals_and_names_take_turns() -> None:
    template = parse_template("{actor}-{run_id}")
    assert template.names == ("actor", "run_id")
    assert template.literals == ("", "-", "")
    assert template.filled(["ada", "7"]) == "ada-7"


def test_a_value_is_never_read_as_a_template() -> None:
    assert parse_template("x{actor}").filled(["{run_id}"]) == "x{run_id}"


@pytest.mark.parametrize(
    "text", ["{", "}", "{}", "{{actor}}", "{actor", "actor}", "{nobody}", "{actor }", "{ACTOR}", "{0}"]
)
def test_braces_are_for_names_of_the_vocabulary(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_template(text)


def test_a_template_has_to_be_filled_whole() -> None:
    with pytest.raises(ValueError, match="zip"):
        parse_template("{actor}").filled([])
