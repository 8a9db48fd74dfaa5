"""Where the shipped YAML lies: inside the package in a wheel, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CONF = PACKAGE / "_conf" if (PACKAGE / "_conf").is_dir() else PACKAGE.parent / "conf"
RECIPES = PACKAGE / "_recipes" if (PACKAGE / "_recipes").is_dir() else PACKAGE.parent / "recipes"
