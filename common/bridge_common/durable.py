"""Files that are whole after a power cut: the old one or the new one, never a part."""

import os
from pathlib import Path


def write(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """A new file, on the disk when this returns; its name is, once `sync_folder` has returned for its folder."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, data: bytes) -> None:
    """In place of what was there, at once."""
    new = path.with_name(f"{path.name}.new")
    write(new, data)
    rename(new, path)


def rename(old: Path, new: Path) -> None:
    """At once, also in place of a file that was there. Both in one folder."""
    old.replace(new)
    sync_folder(new.parent)


def sync_folder(folder: Path) -> None:
    """A file that was replaced may be the old one again after a power cut, until its folder is on the disk as well."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
