"""What a deployment needs of this machine, looked at without loading a model: each finding with its remedy."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from s2s.fallbacks import loaded
from s2s.graph import Graph, Node
from s2s.packages import interpreter_remedy, missing, requirement
from s2s.place.child import REQUIRED
from s2s.stage import Stage
from s2s.weights import WeightsError, cached

State = Literal["ok", "missing", "note"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: `what` it is, and what to do where it is missing."""

    key: str
    kind: str
    state: State
    what: str
    remedy: str = ""


def findings(graph: Graph, port: int, timeout_s: float) -> Iterator[Finding]:
    """Look at every stage, and at the port."""
    for node in loaded(graph):
        assert node.stage is not None
        yield from _packages(node.name, node, node.stage)
        yield from _weights(node.name, node.stage)
        yield from _device(node.name, node.stage)
        yield from _endpoint(node.name, node.stage, timeout_s)
        yield from _licence(node.name, node.stage)
    yield _port(port)


def _packages(name: str, node: Node, stage: Stage) -> Iterator[Finding]:
    if node.place.kind == "process" and node.place.python:
        yield _interpreter(name, node.place.python, stage)
    elif stage.needs:
        line = missing(name, type(stage), node.place)
        if line is None:
            yield Finding(key=name, kind="packages", state="ok", what=", ".join(stage.needs))
        else:
            what, _, remedy = line.partition(": ")[2].rpartition(": ")
            yield Finding(key=name, kind="packages", state="missing", what=what, remedy=remedy)


def _interpreter(name: str, python: str, stage: Stage) -> Finding:
    """Ask another interpreter for the packages that the stage needs there."""
    wanted = [*REQUIRED, *stage.needs]
    code = "import importlib.util as u, sys; print(*(n for n in sys.argv[1:] if u.find_spec(n) is None))"
    try:
        done = subprocess.run([python, "-c", code, *wanted], capture_output=True, text=True, timeout=30, check=True)
    except OSError as error:
        why = f"{python}: {error.strerror}"
        return Finding(
            key=name, kind="packages", state="missing", what=why, remedy=interpreter_remedy(name, type(stage))
        )
    except subprocess.SubprocessError as error:
        remedy = f"see what is wrong: {python} -c 'import sys'"
        return Finding(key=name, kind="packages", state="missing", what=f"{python}: {error}", remedy=remedy)
    absent = done.stdout.split()
    if absent:
        what = f"{python} lacks {', '.join(absent)}"
        remedy = f"{python} -m pip install {requirement(type(stage)) or ' '.join(absent)}"
        return Finding(key=name, kind="packages", state="missing", what=what, remedy=remedy)
    return Finding(key=name, kind="packages", state="ok", what=f"{', '.join(wanted)} in {python}")


def _weights(name: str, stage: Stage) -> Iterator[Finding]:
    for source in stage.weights():
        short = source.partition("#")[0]
        try:
            path = cached(source)
        except WeightsError as error:
            what, _, remedy = str(error).rpartition("; ")
            yield Finding(key=name, kind="weights", state="missing", what=what or remedy, remedy=what and remedy)
            continue
        if path is None:
            yield Finding(key=name, kind="weights", state="missing", what=short, remedy="fetch them: add mode=pull")
        else:
            yield Finding(key=name, kind="weights", state="ok", what=short)


def _device(name: str, stage: Stage) -> Iterator[Finding]:
    device = str(getattr(stage, "device", ""))
    layers = getattr(stage, "gpu_layers", 0)
    if device.startswith("cuda"):
        found = shutil.which("nvidia-smi") is not None or Path("/dev/nvidia0").exists()
        remedy = "install the NVIDIA driver, or choose device=cpu"
    elif device.startswith("mps"):
        found = sys.platform == "darwin" and platform.machine() == "arm64"
        remedy = "a Mac with Apple silicon has it; here choose device=cpu"
    elif layers:
        yield Finding(key=name, kind="device", state="note", what=f"{layers} layers go to a GPU, if llama.cpp has one")
        return
    else:
        return
    yield Finding(
        key=name, kind="device", state="ok" if found else "missing", what=device, remedy="" if found else remedy
    )


def _endpoint(name: str, stage: Stage, timeout_s: float) -> Iterator[Finding]:
    url: Any = getattr(stage, "base_url", None)
    if not url:
        return
    variable = getattr(stage, "api_key_env", None)
    key = os.environ.get(variable or "", "")
    from s2s.remote import is_local

    if variable and not key and not is_local(url):
        yield Finding(key=name, kind="key", state="missing", what=variable, remedy=f"export {variable}=...")
        return
    request = urllib.request.Request(f"{url.rstrip('/')}/models", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except (OSError, ValueError) as error:
        why = f"{url}: {getattr(error, 'reason', error)}"
        remedy = f"start it, or say where it is: {name}.base_url=http://host:port/v1"
        yield Finding(key=name, kind="endpoint", state="missing", what=why, remedy=remedy)
        return
    if status in (401, 403):
        remedy = f"give a key that is valid there: export {variable or 'KEY'}=..."
        yield Finding(key=name, kind="key", state="missing", what=f"{url}: {status}", remedy=remedy)
    else:
        yield Finding(key=name, kind="endpoint", state="ok", what=f"{url}: {status}")


def _licence(name: str, stage: Stage) -> Iterator[Finding]:
    if stage.licence:
        remedy = "read docs/licences.md before you hand it on"
        yield Finding(key=name, kind="licence", state="note", what=stage.licence, remedy=remedy)
    if stage.non_commercial:
        remedy = "read docs/licences.md before you earn money with it"
        yield Finding(key=name, kind="licence", state="note", what=stage.non_commercial, remedy=remedy)


def _port(port: int) -> Finding:
    from s2s.mistakes import ConfigError
    from s2s.modes.http import Listener

    try:
        Listener("mode.realtime", "127.0.0.1", port).close()
    except ConfigError as error:
        what, _, remedy = str(error).partition(": ")[2].rpartition("; ")
        return Finding(key="mode.realtime", kind="port", state="missing", what=what, remedy=remedy)
    return Finding(key="mode.realtime", kind="port", state="ok", what=f"{port} is free")
