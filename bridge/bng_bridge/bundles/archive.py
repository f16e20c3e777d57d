"""Files as one run of bytes: an uncompressed tar, such as `tar tf` lists, in exactly one form.

The same files give the same bytes, under every zlib and on every day: nothing is compressed, and times, owners and modes
are fixed. What is read must be byte for byte what `pack` makes of it. So there is no link, no device, no second file of a
name, nothing behind the end and nothing that grows when it is unpacked: `pack` makes none of these.
"""

import io
import tarfile

from bng_bridge.bundles.files import MOST_BYTES, MOST_FILES, Files
from bng_bridge.bundles.refused import BundleRefused

MOST_ARCHIVE_BYTES = 2 * MOST_BYTES
"""With what tar puts around each file."""


def pack(files: Files) -> bytes:
    """In the order of `files`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o444
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    """Raises BundleRefused for whatever `pack` has not made."""
    if len(data) > MOST_ARCHIVE_BYTES:
        raise BundleRefused(f"It is larger than {MOST_ARCHIVE_BYTES >> 20} MB.")
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            found = _contents(archive, len(data))
        is_as_built = pack(found) == data
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise BundleRefused(f"It is no bundle, or a part of one is missing: {error}.") from error
    if not is_as_built:
        raise BundleRefused("It is not as it was built: something was changed, added or is missing.")
    return found


def _contents(archive: tarfile.TarFile, most_bytes: int) -> dict[str, bytes]:
    """Never more than the archive itself has bytes, whatever its headers say."""
    found: dict[str, bytes] = {}
    for member in archive:
        if member.type != tarfile.REGTYPE or member.issparse() or not 0 <= member.size <= most_bytes:
            raise BundleRefused(f"{member.name!r} in it is no plain file.")
        file = archive.extractfile(member)
        assert file is not None
        data = file.read()
        most_bytes -= len(data)
        if member.name in found or len(found) >= MOST_FILES + 2:
            raise BundleRefused(f"{member.name!r} is in it twice, or there are too many files.")
        found[member.name] = data
    return found
