"""The configuration of a run: one commented YAML file, read into a model whose every field says what it is.

A field that no configuration knows, or a value that does not fit, is one sentence with the field's name. Paths in the
file are relative to the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo

from ecgr1_core.errors import InputError


def _beside(value: Any, info: ValidationInfo) -> Any:
    folder = (info.context or {}).get("folder")
    return Path(folder, value) if isinstance(value, str) and folder is not None else value


FilePath = Annotated[Path, BeforeValidator(_beside)]
"""A path of a configuration: relative ones start at the folder of its file."""


class RunConfig(BaseModel):
    """What all configurations share: no unknown fields, nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Config = TypeVar("Config", bound=RunConfig)


def load_config(kind: type[Config], path: Path, changes: Sequence[str] = ()) -> Config:
    """Read a YAML file; `changes` are "field=value" or "group.field=value" with values in YAML that take precedence.

    Raises InputError for a file that cannot be read, and for the first field that is unknown or does not fit.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "cannot be read", "give the YAML file of a run") from error
    except yaml.YAMLError as error:
        raise InputError(path, f"is not YAML ({str(error).splitlines()[0]})", "mend it") from error
    if not isinstance(data, dict):
        raise InputError(path, "holds no fields", "give lines of the form field: value")
    for change in changes:
        _change(data, change)
    return checked(kind, data, path.parent, path)


def checked(kind: type[Config], data: dict[str, Any], folder: Path, subject: str | Path) -> Config:
    """Return the configuration that these fields make; relative paths start at `folder`.

    Raises InputError naming `subject` and the first field that is unknown or does not fit.
    """
    try:
        return kind.model_validate(data, context={"folder": folder})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise InputError(subject, f"has a field {field} that no run of this kind knows", "take it out") from error
        raise InputError(subject, f"{field}: {first['msg'][0].lower()}{first['msg'][1:]}", "mend the field") from error


def _change(data: dict[str, Any], change: str) -> None:
    name, equals, value = change.partition("=")
    if not equals:
        raise InputError("--set", f"{change!r} is not field=value", "give for example --set seed=1")
    *groups, last = name.split(".")
    for group in groups:
        data = data.setdefault(group, {})
        if not isinstance(data, dict):
            raise InputError("--set", f"{group} is no group of fields", "name the field itself")
    data[last] = yaml.safe_load(value)
