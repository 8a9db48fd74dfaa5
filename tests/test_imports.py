"""Imports point one way: what a part of the package may import, wherever in a file the import stands."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from s2s.paths import CONF, PACKAGE

PURE = {
    "__future__", "abc", "base64", "binascii", "bisect", "collections", "dataclasses", "enum", "functools", "itertools",
    "json", "math", "msgspec", "re", "typing",
}  # fmt: skip
"""Modules that neither wait nor reach outside the process."""

GROUPS = ("vad", "turn", "stt", "llm", "tts", "text")
BACKENDS = {
    line.split()[1].rpartition(".")[0]
    for group in GROUPS
    for path in (CONF / group).glob("*.yaml")
    for line in path.read_text(encoding="utf-8").splitlines()
    if line.startswith("_target_: ")
}
"""The modules that a shipped YAML names."""

SHARED_BY_BACKENDS = {
    "s2s.stage", "s2s.messages", "s2s.settings", "s2s.weights", "s2s.audio", "s2s.wav", "s2s.cutting", "s2s.polyphase",
    "s2s.log_mel", "s2s.protobuf", "s2s.remote", "s2s.remote_errors", "s2s.torch_models", "s2s.mlx_models",
}  # fmt: skip
ENGINE = (
    "engine",
    "call",
    "flow",
    "gate",
    "hearing",
    "inbox",
    "metrics",
    "plan",
    "rush",
    "scope",
    "wiring",
    "work",
    "place",
)
CARRIERS = {"s2s.realtime.connection": {"asyncio", "logging"}, "s2s.realtime.outbox": {"asyncio"}}
"""The two modules between the protocol and a running call: they wait, but know no socket and no server."""


SHARED_BY_MODES = (
    "mode",
    "plain",
    "web",
    "http",
    "direct",
    "handshake",
    "keys",
    "client_secrets",
    "realtime_app",
    "websocket_app",
)
MEASURED = {
    "s2s.modes.bench": "s2s.modes.realtime",
    "s2s.modes.realtime_app": "s2s.modes.realtime",
    "s2s.modes.websocket_app": "s2s.modes.websocket",
}
"""The mode that measures another one serves it, and a mode's application knows its options."""


def name(path: Path) -> str:
    """Return a file's name as a module, such as `s2s.tts.piper`."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source: str, modules: set[str]) -> set[str]:
    """Return what a source imports: of ours the module, of others the package."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "imports name their whole path"
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                found.add(deeper if deeper in modules else node.module)
    return {path if within(path, {"s2s"}) else path.partition(".")[0] for path in found}


def within(module: str, parts: set[str]) -> bool:
    """Say whether a module is one of `parts` or lies in one."""
    return any(f"{module}.".startswith(f"{part}.") for part in parts)


FILES = {name(path): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
IMPORTS = {module: imported(source, set(FILES)) for module, source in FILES.items()}


def of(*parts: str) -> list[str]:
    """Return the modules of some parts of the package."""
    found = [module for module in FILES if within(module, {f"s2s.{part}" for part in parts})]
    assert len(found) >= len(parts)
    return found


def test_an_import_is_seen_wherever_it_stands() -> None:
    source = "import os.path\ndef load():\n    from s2s.tts import piper\n    from s2s.tts.piper import Piper\n"
    assert imported(source, set(FILES)) == {"os", "s2s.tts.piper"}
    assert within("s2s.tts.piper", {"s2s.tts"})
    assert not within("s2s.texts", {"s2s.text"})


@pytest.mark.parametrize("module", of("conversation"))
def test_the_conversation_imports_no_input_or_output(module: str) -> None:
    ours = {"s2s.messages", "s2s.settings", "s2s.conversation"}
    assert {path for path in IMPORTS[module] if path not in PURE and not within(path, ours)} == set()


@pytest.mark.parametrize("module", of("realtime"))
def test_the_protocol_imports_no_input_or_output(module: str) -> None:
    ours = {"s2s.messages", "s2s.settings", "s2s.audio", "s2s.conversation", "s2s.realtime"}
    others = PURE | CARRIERS.get(module, set())
    if module == "s2s.realtime.connection":
        ours |= {"s2s.call", "s2s.engine", "s2s.hearing", "s2s.kept", "s2s.wiring"}
    assert {path for path in IMPORTS[module] if path not in others and not within(path, ours)} == set()
    if module not in CARRIERS:
        assert not IMPORTS[module] & set(CARRIERS), "the protocol does not know who carries it"


@pytest.mark.parametrize("module", of(*ENGINE))
def test_the_engine_knows_no_mode_no_protocol_and_no_backend(module: str) -> None:
    known = {f"s2s.{part}" for part in ("modes", "realtime", "build", "cli", "compose", "run", *GROUPS)}
    assert {path for path in IMPORTS[module] if within(path, known)} == set()


@pytest.mark.parametrize("module", of("modes"))
def test_a_mode_knows_no_backend_and_no_other_mode(module: str) -> None:
    known = {f"s2s.modes.{part}" for part in SHARED_BY_MODES} | {MEASURED.get(module, "")}
    modes = {path for path in IMPORTS[module] if within(path, {"s2s.modes"})} - known
    assert {path for path in IMPORTS[module] if within(path, {f"s2s.{group}" for group in GROUPS})} | modes == set()


@pytest.mark.parametrize("module", of(*GROUPS))
def test_a_backend_imports_what_backends_share_and_the_helpers_of_its_group(module: str) -> None:
    group = ".".join(module.split(".")[:2])
    ours = {path for path in IMPORTS[module] if within(path, {"s2s"})}
    assert {path for path in ours if path not in SHARED_BY_BACKENDS and not within(path, {group})} == set()


@pytest.mark.parametrize("module", FILES)
def test_nobody_imports_a_backend(module: str) -> None:
    assert set(FILES) >= BACKENDS
    assert IMPORTS[module] & BACKENDS == set()


@pytest.mark.parametrize("module", [module for module in FILES if not within(module, {"s2s.testing"})])
def test_what_is_for_tests_is_imported_by_tests_only(module: str) -> None:
    assert {path for path in IMPORTS[module] if within(path, {"s2s.testing"})} == set()
