"""Records: frozen dataclasses with slots, which are cheap to define.

The standard library compiles methods for each class, which for a hundred classes is a fifth of a cold start. Here all
classes share the same methods; see decision record 16.
"""

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import partial
from itertools import repeat
from typing import ClassVar, Final, NoReturn, Protocol, dataclass_transform


class _Record(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[object]]]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record[T](cls: type[T]) -> type[T]:
    """Do what `@dataclass(frozen=True, slots=True, kw_only=True)` does."""
    return _made(cls, kw_only=True, __init__=_init)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def positional_record[T](cls: type[T]) -> type[T]:
    """Do what `@dataclass(frozen=True, slots=True)` does."""
    return _made(cls, kw_only=False, __init__=_init_positional)


def _made[T](cls: type[T], *, kw_only: bool, **methods: object) -> type[T]:
    methods |= {"__eq__": _eq, "__hash__": _hash, "__repr__": _repr, "__reduce__": _reduce}
    methods |= {"__setattr__": _refuse, "__delattr__": _refuse}
    for name, method in methods.items():
        setattr(cls, name, method)
    # Without a docstring, the standard library would compute the signature to make one.
    cls.__doc__ = cls.__doc__ or cls.__name__
    return dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)


def _init(self: _Record, **values: object) -> None:
    own = self.__dataclass_fields__
    try:
        if len(values) < len(own):
            values |= {name: _default(own[name]) for name in own.keys() - values.keys()}
        for name, value in values.items():
            _set(self, name, value)
    except AttributeError:
        raise TypeError(f"{type(self).__name__} has the fields {', '.join(own)}") from None


_set: Final = object.__setattr__


def _default(missing: Field[object]) -> object:
    if missing.default_factory is not MISSING:
        return missing.default_factory()
    if missing.default is MISSING:
        raise AttributeError
    return missing.default


def _init_positional(self: _Record, *given: object, **values: object) -> None:
    names = tuple(self.__dataclass_fields__)[: len(given)]
    _init(self, **dict(zip(names, given, strict=True)), **values)


def _values(self: _Record) -> tuple[object, ...]:
    return tuple(map(getattr, repeat(self), self.__dataclass_fields__))


def _eq(self: _Record, other: _Record) -> bool:
    return type(self) is type(other) and _values(self) == _values(other)


def _hash(self: _Record) -> int:
    return hash(_values(self))


def _repr(self: _Record) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _reduce(self: _Record) -> tuple[object, ...]:
    return partial(type(self), **dict(zip(self.__dataclass_fields__, _values(self), strict=True))), ()


def _refuse(_self: object, name: str, _value: object = None) -> NoReturn:
    raise FrozenInstanceError(f"cannot change the field {name}")
