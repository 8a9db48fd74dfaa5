"""A section of YAML in, a checked dataclass out; every wrong key and value is named by its full key."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from s2s.mistakes import near, sentence

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Missing:
    """A value that is not there; `why` is empty for a plain `???`, and None where the mistake has been told."""

    why: str | None = ""


def resolved(config: Any, key: str, mistakes: list[str]) -> Any:
    """Return an OmegaConf node as plain mappings, lists and values, with `Missing` where one can't be had."""
    from omegaconf import DictConfig, ListConfig, OmegaConf
    from omegaconf.errors import InterpolationKeyError, InterpolationResolutionError, OmegaConfBaseException

    if not isinstance(config, (DictConfig, ListConfig)):
        return config
    found: dict[Any, Any] = {}
    parts: list[Any] = list(config) if isinstance(config, DictConfig) else list(range(len(config)))
    for part in parts:
        full = f"{key}.{part}" if key else str(part)
        if OmegaConf.is_missing(config, part):
            found[part] = Missing()
            continue
        try:
            found[part] = resolved(config[part], full, mistakes)
        except InterpolationKeyError as error:
            mistakes.append(f"{full}: {sentence(str(error))}")
            found[part] = Missing(None)
        except InterpolationResolutionError as error:
            why = re.sub(r"^\w+ raised while resolving interpolation: ", "", str(error).splitlines()[0])
            found[part] = Missing(sentence(why.strip("\"'")))
        except OmegaConfBaseException as error:
            mistakes.append(f"{full}: {sentence(str(error))}")
            found[part] = Missing(None)
    return found if isinstance(config, DictConfig) else list(found.values())


def plain(value: Any) -> Any:
    """Return the value with `???` for whatever is missing."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return "???" if isinstance(value, Missing) else value


def _absent(value: Any) -> Missing | None:
    """Return what is missing anywhere in the value."""
    if isinstance(value, Missing):
        return value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((absent for part in parts if (absent := _absent(part))), None)


def checked(hint: Any, value: Any, key: str) -> Any:
    """Return the value as the type `hint` wants it; a string is a number only where it reads as one.

    Raises `ValueError` with one line for each thing that is wrong.
    """
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(hint)
    try:
        return adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?|true|false", value):
            try:
                return adapter.validate_json(value, strict=True)
            except ValidationError:
                pass
        wrong: dict[tuple[str, str], list[str]] = {}
        for part in error.errors(include_url=False):
            where, found = key, value
            for step in part["loc"]:
                inside = found if isinstance(found, dict) else dict(enumerate(found if isinstance(found, list) else ()))
                if step in inside:
                    where, found = f"{where}.{step}", inside[step]
            wrong.setdefault((where, repr(found)), []).append(sentence(part["msg"]))
        lines = []
        for (where, shown), texts in wrong.items():
            first, *others = dict.fromkeys(texts)
            more = "".join(f" or {text.removeprefix('input should be ')}" for text in others)
            lines.append(f"{where}: {first}{more}, not {shown}")
        raise ValueError("\n".join(lines)) from None


def options(cls: type) -> dict[str, dataclasses.Field[Any]]:
    """Return the fields of a dataclass that its YAML may set."""
    return {field.name: field for field in dataclasses.fields(cls) if field.init}


def make(
    cls: type[T],
    values: Mapping[str, Any],
    key: str,
    mistakes: list[str],
    *,
    whole: bool = True,
    besides: Collection[str] = (),
) -> T | None:
    """Return `cls` made of `values`, or None, with what is wrong added to `mistakes`.

    `besides` are keys that are fine here and not of `cls`; unless `whole`, a missing value is no mistake.
    """
    known, found = options(cls), len(mistakes)
    hints = typing.get_type_hints(cls, include_extras=True)
    good: dict[str, Any] = {}
    absent: dict[str, Missing] = {
        name: Missing()
        for name, field in known.items()
        if name not in values and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    for name, value in values.items():
        if name in besides:
            continue
        if name not in known:
            mistakes.append(f"{key}.{name}: {cls.__name__} has no such option{near(name, [*known, *besides])}")
        elif gap := _absent(value):
            absent[name] = gap
        elif dataclasses.is_dataclass(hints[name]) and isinstance(value, dict):
            inner: Any = make(hints[name], value, f"{key}.{name}" if key else name, mistakes)
            if inner is not None:
                good[name] = inner
        else:
            try:
                good[name] = checked(hints[name], value, f"{key}.{name}")
            except ValueError as error:
                mistakes.extend(str(error).splitlines())
    for name, gap in absent.items():
        if whole and gap.why is not None:
            mistakes.append(f"{key}.{name}: {cls.__name__} needs a value{'; ' if gap.why else ''}{gap.why}")
    if absent or len(mistakes) > found:
        return None
    try:
        return cls(**good)
    except ValueError as error:
        mistakes.append(f"{key}: {sentence(str(error))}")
        return None
