"""The built wheel, with what it depends on, in an empty environment, run from another folder."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from s2s.paths import PACKAGE
from tests.embedded.conftest import Server

pytestmark = pytest.mark.slow

TREE = PACKAGE.parent
CLEAN = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}

if not (TREE / "pyproject.toml").is_file():
    pytest.skip("these tests build a checkout", allow_module_level=True)
