"""The class that a `_target_` names: imported, and only if it is of the kind that the place wants."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TypeVar

from s2s.mistakes import near

T = TypeVar("T")


def find(path: object, kind: type[T], key: str) -> type[T]:
    """Return the subclass of `kind` that `path`, such as `s2s.tts.piper.Piper`, names.

    Raises `ValueError` with the line that says what is wrong.
    """
    where = f"{key}._target_"
    if not isinstance(path, str) or "." not in path:
        raise ValueError(f"{where}: input should be a class such as 'package.module.Class', not {path!r}")
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        lost = error.name or ""
        if f"{module_name}.".startswith(f"{lost}."):
            raise ValueError(f"{where}: no module '{lost}'{_near_module(lost)}") from error
        raise ValueError(
            f"{key}: {module_name} needs the package '{lost}': pip install {lost.split('.')[0]}"
        ) from error
    except Exception as error:
        raise ValueError(f"{where}: importing {module_name} failed: {type(error).__name__}: {error}") from error
    kinds = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, kind) and v is not kind]
    found = vars(module).get(name)
    if found is None:
        raise ValueError(f"{where}: no class '{name}' in {module_name}{near(name, kinds)}")
    if name not in kinds:
        raise ValueError(f"{where}: {path} is not a {kind.__name__}{near(name, kinds)}")
    return found  # type: ignore[no-any-return]


def _near_module(name: str) -> str:
    parent = name.rpartition(".")[0]
    if not parent:
        return ""
    beside = pkgutil.iter_modules(importlib.import_module(parent).__path__)
    return near(name, [f"{parent}.{module.name}" for module in beside])
