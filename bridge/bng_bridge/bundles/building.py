"""Build a bundle from folders: check, run all cases, pack. No daemon takes part."""

import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bng_bridge import __version__
from bng_bridge.bundles import files
from bng_bridge.bundles.bundle import LABEL, Bundle, made
from bng_bridge.bundles.examination import Examined, examine
from bng_bridge.bundles.label import FORMAT, Label
from bng_bridge.bundles.refused import BundleRefused
from bridge_common.clock import to_text, utc_now

SHORT = 12
"""Digits of a hash that a person reads."""


@dataclass(frozen=True)
class Built:
    bundle: Bundle
    examined: Examined


def build(folders: Mapping[str, Path], *, name: str, version: str, by: str) -> Built:
    """`version` "" is the beginning of the content's hash. Raises BundleRefused for what cannot be packed.

    What is examined is a copy of what is packed: a file that the folder's own files find elsewhere is missing here as it
    will be there.
    """
    content = files.collect(folders)
    if not content:
        raise BundleRefused(f"There are no files in {', '.join(map(str, folders.values()))}.")
    with tempfile.TemporaryDirectory(prefix="bridge-bundle-") as folder:
        copy = Path(folder) / "copy"
        files.spread(content, copy)
        examined = examine(copy)
    hashes = files.digests(content)
    whole = files.content_of(hashes)
    label = _label(
        format=FORMAT, name=name, version=version or whole[:SHORT], content=whole, files=hashes,
        mapping_set=examined.mapping_set, tests=examined.tests, built_by=by, built_on=platform.node(),
        built_at=to_text(utc_now()), program=__version__, parent=_parent(folders),
    )  # fmt: skip
    return Built(made(label, content), examined)


def _label(**fields: Any) -> Label:
    try:
        return Label(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise BundleRefused(f"{first['loc'][0]}: {first['msg']}.") from error


def _parent(folders: Mapping[str, Path]) -> str:
    """The bundle that the folders were unpacked from, by the label beside them; "" when there is none."""
    labels = {folder.absolute().parent / LABEL for folder in folders.values()}
    return next((files.digest(each.read_bytes()) for each in sorted(labels) if each.is_file()), "")
