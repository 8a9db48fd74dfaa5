"""`s2s-run`: compose a config, build the graph, and do what the modes do."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, NoReturn

from s2s.compose import words
from s2s.mistakes import ConfigError
from s2s.objections import objection
from s2s.paths import CONF
from s2s.secrets import masked_yaml

rest: list[str] = []
"""What stands after `--` on the command line: Hydra does not see it, modes may."""

STATUSES = "S2S_SWEEP_STATUSES"
"""The environment's name for a file with a line for each point of a sweep: its exit status."""
_PRINTS_CONFIG = ("--cfg", "-c", "--info", "-i")


def main() -> None:
    """Run the command line; a mistake in the configuration prints without a traceback and ends with exit code 2."""
    # before numpy is imported: its products here are small, and threads of its own would take the models' cores
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    argv = [*sys.argv[1:], *_completing()]
    if "--" in argv:
        cut = argv.index("--")
        argv, rest[:] = argv[:cut], argv[cut + 1 :]
    if "--version" in argv:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"s2s {version('s2s')}")
        except PackageNotFoundError:
            print("s2s, from a checkout that is not installed")
        return
    try:
        sys.argv[1:] = words(argv)
    except ConfigError as error:
        _fail(str(error))
    if any(word.partition("=")[0] in _PRINTS_CONFIG for word in argv):
        stdout = sys.stdout
        with redirect_stdout(StringIO()) as printed:
            try:
                _hydra()
            finally:
                print(masked_yaml(printed.getvalue()), end="", file=stdout)
        return
    if not {"-m", "--multirun"} & set(argv):
        _hydra()
        return
    with tempfile.NamedTemporaryFile("r") as statuses:  # points may run in other processes
        os.environ[STATUSES] = statuses.name
        try:
            _hydra()
        finally:
            del os.environ[STATUSES]
        worst = max(map(int, statuses), default=0)
    if worst:
        raise SystemExit(worst)


def _completing() -> list[str]:
    """Return the flags of a line that a shell completes, and hide from Hydra the recipes that it names by path."""
    line = os.environ.get("COMP_LINE", "")
    if not {"-sc", "--shell-completion"} & set(sys.argv[1:]) or not line:
        return []
    os.environ["COMP_LINE"] = re.sub(r"\s(?:--config-dir|-cd)[ =]\S+(?=\s)|\s[^\s=]+\.ya?ml(?=\s)", "", line)
    return [word for pair in re.findall(r"\s(--config-dir|-cd)[ =](\S+)(?=\s)", line) for word in pair]


def _hydra() -> None:
    """Let Hydra compose and call `_job`; what it objects to ends the process."""
    import hydra

    running = False
    full_errors = os.environ.get("HYDRA_FULL_ERROR")

    def job(cfg: Any) -> None:
        nonlocal running
        running = True
        _restore(full_errors)
        _run(cfg)

    # Hydra would print tracebacks of its own and end with 1; so it is told to raise, while it composes only
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(job)()
    except Exception as error:
        if running or full_errors == "1":
            raise
        _fail(objection(error))
    finally:
        _restore(full_errors)


def _restore(full_errors: str | None) -> None:
    if full_errors is None:
        os.environ.pop("HYDRA_FULL_ERROR", None)
    else:
        os.environ["HYDRA_FULL_ERROR"] = full_errors


def _run(cfg: Any) -> None:
    try:
        status = _deploy(cfg)
    except ConfigError as error:
        print(error, file=sys.stderr)
        status = 2
    if STATUSES in os.environ:  # of one point of many: a failed one does not end the others
        with open(os.environ[STATUSES], "a") as statuses:
            print(status or 0, file=statuses)
    elif status is not None:
        raise SystemExit(status)


def _deploy(cfg: Any) -> int | None:
    """Do what the modes do; return the exit status of a process that has served."""
    from s2s.build import build
    from s2s.modes.mode import ModeError

    deployment = build(cfg)
    try:
        for mode in deployment.modes.values():
            mode.take(deployment.config)
            if mode.offline:
                mode.show(deployment.graph)
    except ModeError as error:
        print(error, file=sys.stderr)
        return 1
    online = {name: mode for name, mode in deployment.modes.items() if not mode.offline}
    if online:
        from s2s.run import run

        return run(dataclasses.replace(deployment, modes=online))
    return None


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise SystemExit(2)
