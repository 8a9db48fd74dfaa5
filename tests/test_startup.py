"""The start-up budget: help comes at once, and neither composing nor building imports a model library."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

import pytest

from s2s.paths import PACKAGE, RECIPES

HEAVY = (
    "torch", "transformers", "nemo", "mlx", "onnxruntime", "ray", "llama_cpp", "xllamacpp", "openai", "fastapi",
    "uvicorn", "ctranslate2", "piper", "moonshine_voice", "huggingface_hub",
)  # fmt: skip
BUDGET_S = 0.8
NOISE = 1.25
"""CPU time on a shared machine varies by this much between runs of the same thing."""


def child(*argv: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *argv], env=env, capture_output=True, text=True, check=True)


def cpu_s(*argv: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child(*argv)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_takes_less_than_its_budget_of_cpu_time() -> None:
    child("-m", "s2s", "--help")  # compiles what is not compiled yet
    assert min(cpu_s("-m", "s2s", "--help") for _ in range(4)) < BUDGET_S * NOISE


@pytest.mark.parametrize("words", [[], *([f"recipe={path.stem}"] for path in sorted(RECIPES.glob("*.yaml")))])
def test_composing_and_building_import_no_model_library(words: list[str]) -> None:
    code = (
        "import json, sys\n"
        "from s2s.build import build\n"
        "from s2s.compose import compose\n"
        "build(compose(*sys.argv[1:]), packages=False)\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    loaded = set(json.loads(child("-c", code, *words).stdout))
    assert "pydantic" in loaded
    assert not loaded & set(HEAVY)


def test_help_imports_neither_stages_nor_checks() -> None:
    code = (
        "import json, sys\n"
        "from s2s.cli import main\n"
        "sys.argv = ['s2s-run', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    loaded = set(json.loads(child("-c", code).stdout.splitlines()[-1]))
    assert not loaded & {"pydantic", "rich", "numpy", "msgspec", "s2s.build", *HEAVY}
