"""A copy of the project's code that programs can be run from, without installing it anew."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import bridge_sandbox

ROOT = Path(bridge_sandbox.__file__).resolve().parents[2]
PARTS = ("agent", "bridge", "common", "sandbox")
PACKAGES = ("magento_agent", "bng_bridge", "bridge_common", "bridge_sandbox")


class DoesNotApply(Exception):
    """The text to be replaced is not there, or not once: the product has moved on, and the mutant must follow."""


@dataclass(frozen=True)
class Edit:
    """One piece of text in one file, which occurs once, and what stands there instead."""

    path: str
    old: str
    new: str


class Checkout:
    """The copy in `folder`, which must not exist yet. Raises DoesNotApply when an edit does not fit."""

    def __init__(self, folder: Path, edits: tuple[Edit, ...] = ()) -> None:
        self.folder = folder
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for edit in edits:
            apply(edit, folder)

    @property
    def environment(self) -> dict[str, str]:
        """Everything that Python starts with it, and what that starts in turn, imports the copy."""
        paths = [str(self.folder / part) for part in PARTS]
        return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}

    def is_imported(self) -> bool:
        """Whether that is so: an installation that comes before PYTHONPATH would test the product unchanged."""
        code = f"import {', '.join(PACKAGES)}\nprint(*({', '.join(f'{name}.__file__' for name in PACKAGES)},))"
        done = subprocess.run(
            [sys.executable, "-c", code], env=self.environment, capture_output=True, text=True, check=True
        )
        return all(Path(path).is_relative_to(self.folder) for path in done.stdout.split())


def apply(edit: Edit, folder: Path) -> None:
    path = folder / edit.path
    text = path.read_text(encoding="utf-8")
    if text.count(edit.old) != 1:
        raise DoesNotApply(f"{edit.path} has {text.count(edit.old)} times what should be there once:\n{edit.old}")
    path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
