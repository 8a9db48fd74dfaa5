"""The wheel with the extra `embedded` in an empty environment, run from another folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from s2s.paths import PACKAGE

pytestmark = pytest.mark.slow

TREE = PACKAGE.parent
ENV = {**{key: value for key, value in os.environ.items() if key != "PYTHONPATH"}, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(TREE)]
    subprocess.run(build, check=True, capture_output=True, env=ENV)
    return next(folder.glob("s2s-*.whl"))


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what it depends on, and nothing else."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(folder / "bin" / "python"), "install"]
    pinned = ["--constraint", str(TREE / "constraints" / "embedded.txt")]
    subprocess.run([*pip, *pinned, f"{wheel}[embedded]"], check=True, capture_output=True, env=ENV)
    return folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is no checkout."""
    return tmp_path_factory.mktemp("elsewhere")


def ran(home: Path, folder: Path, *words: str) -> str:
    """Return what `s2s-run` prints in `folder`."""
    command = [str(home / "bin" / "s2s-run"), *words]
    return subprocess.run(command, cwd=folder, env=ENV, check=True, capture_output=True, text=True).stdout


def test_the_wheel_holds_the_package_all_configurations_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        f"s2s/{inside}{path.relative_to(folder).as_posix()}"
        for folder, inside, kind in (
            (PACKAGE, "", "*.py"),
            (PACKAGE, "", "bench/corpus/*"),
            (TREE / "conf", "_conf/", "*.yaml"),
            (TREE / "recipes", "_recipes/", "*.yaml"),
        )
        for path in folder.rglob(kind)
    }
    assert held == expected


def test_its_commands_run_from_another_folder_and_leave_nothing_there(home: Path, elsewhere: Path) -> None:
    where = [str(home / "bin" / "python"), "-c", "import s2s; print(s2s.__file__)"]
    assert subprocess.check_output(where, cwd=elsewhere, env=ENV, text=True).startswith(str(home))
    assert re.fullmatch(r"s2s \d+\.\d+\.\d+\n", ran(home, elsewhere, "--version"))
    assert "mode=show" in ran(home, elsewhere, "--help")
    shown = json.loads(ran(home, elsewhere, "mode=show", "mode.show.format=json"))
    assert {"turn", "stt", "llm", "tts", "endpoint"} <= {stage["name"] for stage in shown["stages"]}
    assert shown["missing"] == []
    composed = ran(home, elsewhere, "recipe=[cpu,captions]", "stt=moonshine", "--cfg", "job")
    assert "captions: caller | vad | turn | stt | caller" in composed
    assert "s2s.stt.moonshine.Moonshine" in composed
    assert not list(elsewhere.iterdir())


@pytest.mark.embedded
def test_its_server_loads_the_models_and_serves(home: Path, elsewhere: Path) -> None:
    command = [str(home / "bin" / "s2s-run"), "mode.realtime.port=0"]
    process = subprocess.Popen(command, cwd=elsewhere, env=ENV, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"base_url (http://\S+)/v1", line):
                with urllib.request.urlopen(f"{found[1]}/ready", timeout=20) as answer:
                    assert answer.status == 200
                break
        else:
            raise AssertionError("the server ended:\n" + "".join(said))
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert not list(elsewhere.iterdir())
