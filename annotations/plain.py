"""Dataclasses to plain JSON data and back, exactly: what was kept comes back equal to what it was.

It knows no particular class. Data that does not fit the class any more is refused, never bent into shape.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar, Union, cast

Kind = TypeVar("Kind")


def to_plain(value: Any) -> Any:
    """Return dataclasses, mappings and sequences as dicts and lists, moments as text, anything else as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def from_plain(kind: type[Kind], data: Any) -> Kind:
    """Return the dataclass `kind` that `to_plain` made `data` of; fields that are left out take their defaults.

    Raises ValueError where a field is unknown or missing, or a value is not of its type.
    """
    return cast(Kind, _restored(kind, data))


def _restored(kind: Any, data: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return data
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, data)
    if origin is Literal:
        return _checked(data in arguments, kind, data)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, data)
    if origin is tuple:
        items = _checked(isinstance(data, list), kind, data)
        if arguments[1:] == (Ellipsis,):
            return tuple(_restored(arguments[0], item) for item in items)
        _checked(len(items) == len(arguments), kind, data)
        return tuple(_restored(part, item) for part, item in zip(arguments, items, strict=True))
    if origin in (list, Sequence):
        return [_restored(arguments[0], item) for item in _checked(isinstance(data, list), kind, data)]
    if origin in (dict, Mapping):
        items = _checked(isinstance(data, dict), kind, data)
        return {key: _restored(arguments[1], item) for key, item in items.items()}
    if kind is float:
        return float(_checked(isinstance(data, (int, float)) and not isinstance(data, bool), kind, data))
    if kind is int:
        return _checked(isinstance(data, int) and not isinstance(data, bool), kind, data)
    if kind is datetime:
        return datetime.fromisoformat(_checked(isinstance(data, str), kind, data))
    return _checked(isinstance(data, kind), kind, data)


def _one_of(kinds: Sequence[Any], data: Any) -> Any:
    if data is None and types.NoneType in kinds:
        return None
    for kind in kinds:
        if kind is types.NoneType:
            continue
        try:
            return _restored(kind, data)
        except ValueError:
            continue
    raise ValueError(f"{data!r} is none of {kinds}")


def _dataclass(kind: Any, data: Any) -> Any:
    _checked(isinstance(data, dict), kind, data)
    hints = typing.get_type_hints(kind)
    unknown = set(data) - {field.name for field in dataclasses.fields(kind)}
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    try:
        return kind(**{name: _restored(hints[name], value) for name, value in data.items()})
    except TypeError as error:
        raise ValueError(str(error)) from error


def _checked(fits: bool, kind: Any, data: Any) -> Any:
    if not fits:
        raise ValueError(f"{data!r} is no {kind}")
    return data
