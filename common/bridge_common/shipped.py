"""Where the files are that come with the programs: in the source tree, or where the installation put them."""

import sysconfig
from pathlib import Path


def folder(name: str) -> Path:
    """Such as `mappings`. It need not be there."""
    source = Path(__file__).parents[2] / "packaging" / name
    return source if source.is_dir() else Path(sysconfig.get_path("data")) / "share" / "bng-bridge" / name
