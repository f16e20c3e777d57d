"""The files of a bundle: `{"mappings/order-to-customer.yaml": bytes, …}`, from folders, onto a disk, and as they must be."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from bng_bridge.bundles.refused import BundleRefused
from bridge_common import durable

MOST_BYTES = 16 << 20
"""Of all files together. A packed bundle is sent to the daemon in one request."""
MOST_FILES = 10_000
MOST_NAME_BYTES = 200

Files = Mapping[str, bytes]


def collect(folders: Mapping[str, Path]) -> dict[str, bytes]:
    """What stands in the folder of each kind. Hidden files, editors' copies (`~`) and empty folders are left out.

    Raises BundleRefused for a link, for what is no file, and for too much.
    """
    found: dict[str, bytes] = {}
    size = 0
    for kind, folder in folders.items():
        for path in walk(folder):
            name = f"{kind}/{path.relative_to(folder).as_posix()}"
            size += path.stat().st_size
            if size > MOST_BYTES:
                raise BundleRefused(f"The files are larger than {MOST_BYTES >> 20} MB together.")
            found[name] = path.read_bytes()
    check_names(found)
    return dict(sorted(found.items()))


def walk(folder: Path) -> Iterator[Path]:
    """Every file below. Raises BundleRefused for a link and for what is no file."""
    for path in sorted(folder.iterdir()):
        if is_left_out(path.name):
            continue
        if path.is_symlink():
            raise BundleRefused(
                f"{path} is a link, which leads elsewhere on another machine.", hint="Put the file there."
            )
        if path.is_dir():
            yield from walk(path)
        elif path.is_file():
            yield path
        else:
            raise BundleRefused(f"{path} is neither a file nor a folder.")


def is_left_out(name: str) -> bool:
    return name.startswith(".") or name.endswith("~")


def check_names(names: Mapping[str, bytes]) -> None:
    """Raises BundleRefused for a name that could lead out of the folder, or is one for which there is no place."""
    if len(names) > MOST_FILES:
        raise BundleRefused(f"There are more than {MOST_FILES} files.")
    for name in names:
        parts = name.split("/")
        if (
            not all(part and not is_left_out(part) for part in parts)
            or "\\" in name
            or not name.isprintable()
            or len(name.encode("utf-8", "replace")) > MOST_NAME_BYTES
            or any(str(parent) in names for parent in PurePosixPath(name).parents)
        ):
            raise BundleRefused(f"{name!r} is no name of a file in a bundle.")


def spread(files: Files, folder: Path) -> None:
    """Into a new folder, all of it on the disk when this returns, read-only: they are not for editing."""
    folder.mkdir(parents=True)
    folders = {folder}
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, data, mode=0o444)
        folders |= {parent for parent in path.parents if parent.is_relative_to(folder)}
    for each in folders:
        durable.sync_folder(each)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digests(files: Files) -> dict[str, str]:
    return {name: digest(data) for name, data in sorted(files.items())}


def content_of(hashes: Mapping[str, str]) -> str:
    """One hash for all files and their names: equal content, equal hash, whoever built it when."""
    return digest("".join(f"{value}  {name}\n" for name, value in sorted(hashes.items())).encode())
