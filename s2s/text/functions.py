"""Python functions as a language model calls them: name, description and JSON schema, and text as the result."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import importlib.util
import inspect
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from s2s.settings import Tool

SECTION = re.compile(r"(args|arguments|parameters|returns?|raises|yields|examples?|notes?):", re.I)
ENTRY = re.compile(r"(?::param\s+(?:\S+\s+)?)?(\w+)(?:\s*\([^)]*\))?:\s*(.*)")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What the APIs of language models take for the name of a function."""


class Function:
    """One Python function; `call` awaits an asynchronous one and runs any other in a thread of its own."""

    def __init__(self, source: str) -> None:
        from pydantic import TypeAdapter

        self._function = found(source)
        try:
            self._adapter: Any = TypeAdapter(cast(Any, self._function))
            schema = self._adapter.json_schema()
        except Exception as error:
            raise ValueError(
                f"'{source}': {said(error)}; annotate its arguments with types that JSON can give"
            ) from error
        if schema.get("type") != "object":
            raise ValueError(f"'{source}': its arguments have no names; a language model gives them by name")
        self.tool = _described(source.rpartition(":" if ":" in source else ".")[2], self._function, schema)

    async def call(self, arguments: dict[str, Any]) -> str:
        """Return what the function gives for these arguments, as text; raise ValueError where they do not fit."""
        from pydantic import ValidationError
        from pydantic_core import ArgsKwargs, to_json

        def do() -> Any:
            return self._adapter.validate_python(ArgsKwargs((), arguments))

        try:
            asynchronous = inspect.iscoroutinefunction(self._function)
            value = await do() if asynchronous else await _in_thread(do, self.tool.name)
        except ValidationError as error:
            raise ValueError(_misfit(error)) from error
        if value is None:
            return "done"
        return value if isinstance(value, str) else to_json(value, fallback=str).decode()


def well_formed(source: str) -> bool:
    """Whether this can name a function: `package.module.function` or `path/to/file.py:function`."""
    left, _, right = source.rpartition(":") if ":" in source else source.rpartition(".")
    is_file = left.endswith(".py") and ":" in source
    return right.isidentifier() and (is_file or all(part.isidentifier() for part in left.split(".")))


def found(source: str) -> Callable[..., Any]:
    """Import a function; raise ValueError with what is wrong and what to do."""
    if not well_formed(source):
        remedy = "write package.module.function, or path/to/file.py:function"
        raise ValueError(f"'{source}' names no function; {remedy}")
    left, _, name = source.rpartition(":") if ":" in source else source.rpartition(".")
    try:
        module = _file(Path(left).expanduser()) if left.endswith(".py") else importlib.import_module(left)
    except Exception as error:
        remedy = "give a path from where s2s-run is started, or a module that is installed"
        raise ValueError(f"'{source}': {said(error)}; {remedy}") from error
    function = getattr(module, name, None)
    if not callable(function):
        names = [key for key, value in vars(module).items() if inspect.isfunction(value) and not key.startswith("_")]
        raise ValueError(f"'{source}': there is no function '{name}'; it has {', '.join(names) or 'none'}")
    return function  # type: ignore[no-any-return]


def said(error: BaseException) -> str:
    """Return an error on one line."""
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"no file '{path}'")
    name = f"s2s_functions_{path.stem}_{abs(hash(str(path.resolve()))):x}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _described(name: str, function: Callable[..., Any], schema: dict[str, Any]) -> Tool:
    if not NAME.fullmatch(name):
        raise ValueError(f"'{name}': a function's name may have 64 letters of a-z, A-Z, 0-9, _ and -")
    properties = schema.get("properties", {})
    text, arguments = explained(inspect.getdoc(function) or "", set(properties))
    for key, value in properties.items():
        value.pop("title", None)
        if key in arguments:
            value.setdefault("description", arguments[key])
    return Tool(name=name, description=text, parameters=schema, here=True)


def explained(doc: str, names: set[str]) -> tuple[str, dict[str, str]]:
    """Return what a docstring says of a function, and of each of its arguments: under `Args:`, or after `:param`."""
    text: list[str] = []
    arguments: dict[str, str] = {}
    section, last = "", ""
    for line in doc.splitlines():
        line = line.strip()
        if SECTION.fullmatch(line) or line.startswith((":return", ":raises", ":rtype")):
            section, last = line.lower(), ""
            continue
        entry = ENTRY.match(line) if section.startswith(("arg", "param")) or line.startswith(":param") else None
        if entry is not None and entry[1] in names:
            section, last = section or "param", entry[1]
            arguments[last] = entry[2]
        elif last:
            arguments[last] = f"{arguments[last]} {line}".strip()
        elif not section:
            text.append(line)
    return " ".join(filter(None, text)), arguments


def _misfit(error: Any) -> str:
    """Return what is wrong with the arguments, for the language model to give others."""
    wrong = [(".".join(map(str, part["loc"])), part["msg"]) for part in error.errors(include_url=False)]
    return "; ".join(f"{where}: {message}" if where else message for where, message in wrong)


async def _in_thread(do: Callable[[], Any], name: str) -> Any:
    """Run a function in a thread that nobody waits for in the end: it may hang."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(error)

    def work() -> None:
        value, failure = None, None
        try:
            value = context.run(do)
        except Exception as error:
            failure = error
        except BaseException as error:  # such as `sys.exit()`: the function's affair, not the process's
            failure = RuntimeError(said(error))
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=work, name=f"function {name}", daemon=True).start()
    return await done
