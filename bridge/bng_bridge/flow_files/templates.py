"""Where the flow files are that come with the bridge."""

from pathlib import Path

from bridge_common import shipped


def folder() -> Path:
    return shipped.folder("flows")
