import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from token_exchange.core.record import positional_record, record


@record
class Point:
    """A place, with a secret."""

    x: int
    y: int = 0
    labels: list[str] = field(default_factory=list[str])
    password: str = field(default="", repr=False)


@record
class Place(Point):
    name: str


@positional_record
class Pair:
    left: int
    right: int = 7


# What the standard library makes of the same class: records behave alike.
@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    x: int
    y: int = 0
    labels: list[str] = field(default_factory=list[str])
    password: str = field(default="", repr=False)


def test_a_record_is_a_dataclass() -> None:
    assert [one.name for one in fields(Point)] == [one.name for one in fields(Standard)]
    assert replace(Point(x=1, y=2), x=3) == Point(x=3, y=2)
    assert copy.copy(Point(x=1)) == Point(x=1)
    assert pickle.loads(pickle.dumps(Point(x=1, y=2))) == Point(x=1, y=2)  # noqa: S301 - made a line above


def test_fields_have_their_defaults() -> None:
    one, other = Point(x=1), Point(x=1)
    assert (one.x, one.y, one.labels, one.password) == (1, 0, [], "")
    assert one.labels is not other.labels
    assert Place(x=1, name="here").name == "here"
    assert (Pair(1), Pair(1, 2), Pair(left=1, right=2)) == (Pair(1, 7), Pair(1, right=2), Pair(1, 2))


@pytest.mark.parametrize(
    "values", [{}, {"y": 1}, {"x": 1, "z": 2}, {"z": 2}, {"x": 1, "y": 2, "labels": [], "password": "", "z": 3}]
)
def test_missing_and_unknown_fields_are_refused(values: dict[str, int]) -> None:
    make: Callable[..., Point] = Point
    with pytest.raises(TypeError, match="Point has the fields x, y, labels, password"):
        make(**values)


def test_positions_are_for_positional_records() -> None:
    with pytest.raises(TypeError):
        Point(1)  # type: ignore[call-arg]  # that is what is tested
    with pytest.raises(ValueError, match="longer"):
        Pair(1, 2, 3)  # type: ignore[call-arg]  # that is what is tested
    with pytest.raises(TypeError, match="multiple values"):
        Pair(1, left=1)  # type: ignore[misc]  # that is what is tested
    match Pair(1, 2):
        case Pair(left, right):
            assert (left, right) == (1, 2)


def test_nothing_can_be_changed() -> None:
    point = Point(x=1)
    with pytest.raises(FrozenInstanceError, match="x"):
        point.x = 2  # type: ignore[misc]  # that is what is tested
    with pytest.raises(FrozenInstanceError, match="new"):
        point.new = 2  # type: ignore[attr-defined]  # that is what is tested
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert not hasattr(point, "__dict__")
    assert point == Point(x=1)


def test_equality_is_of_the_same_class_and_values() -> None:
    assert Point(x=1) == Point(x=1)
    assert Point(x=1) != Point(x=2)
    assert Point(x=1) != Place(x=1, name="here")
    assert not Pair(1, 2).__eq__((1, 2))
    assert hash(Pair(1, 2)) == hash(Pair(1, 2))
    assert len({Pair(1, 2), Pair(1, 2), Pair(2, 1)}) == 2


def test_the_repr_leaves_secrets_out() -> None:
    assert repr(Point(x=1, password="hunter2")) == "Point(x=1, y=0, labels=[])"
    assert repr(Standard(x=1, password="hunter2")).replace("Standard", "Point") == repr(Point(x=1))
