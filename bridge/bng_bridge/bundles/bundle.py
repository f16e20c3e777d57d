"""A bundle: a label and the files that it names.

Packed it is one file: the label's own hash as `sha256sum -c` reads it, the label, then the content, which is the same bytes
for the same files. The hash of the label is the bundle's identity: it covers the files, the tests' result, who and when.
Hashes show accidents and honest mistakes. They are no signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bng_bridge.bundles import archive, files
from bng_bridge.bundles.kinds import KINDS
from bng_bridge.bundles.label import Label, read_label
from bng_bridge.bundles.refused import BundleRefused

SUM, LABEL = "bundle.sha256", "bundle.json"


@dataclass(frozen=True)
class Bundle:
    identity: str
    label: Label
    contents: Mapping[str, bytes]
    """All of it, as it is packed and unpacked: hash, label and files."""

    def pack(self) -> bytes:
        return archive.pack(self.contents)


def made(label: Label, content: files.Files) -> Bundle:
    """Raises BundleRefused, as `checked`."""
    data = label.to_bytes()
    identity = files.digest(data)
    return checked({SUM: f"{identity}  {LABEL}\n".encode(), LABEL: data, **dict(sorted(content.items()))})


def read(data: bytes) -> Bundle:
    """Raises BundleRefused for what was changed, is damaged, or was never a bundle."""
    return checked(archive.read(data))


def checked(contents: Mapping[str, bytes]) -> Bundle:
    """Every hash is right, nothing is missing and nothing is beside it. Raises BundleRefused."""
    if LABEL not in contents or SUM not in contents:
        raise BundleRefused(f"It is no bundle: it has no {LABEL if SUM in contents else SUM}.")
    identity = files.digest(contents[LABEL])
    if contents[SUM] != f"{identity}  {LABEL}\n".encode():
        raise BundleRefused(f"{LABEL} was changed after it was built.")
    label = read_label(contents[LABEL])
    content = {name: data for name, data in contents.items() if name not in (SUM, LABEL)}
    files.check_names(content)
    _compare(label.files, files.digests(content))
    unknown = next((name for name in content if name.split("/")[0] not in KINDS or "/" not in name), None)
    if unknown is not None:
        raise BundleRefused(
            f"{unknown} is of no kind that this bridge knows ({', '.join(KINDS)}).", hint="Was it built by a newer one?"
        )
    return Bundle(identity, label, contents)


def _compare(wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            fault = "is no part of it" if name not in wanted else "is missing" if name not in found else "was changed"
            raise BundleRefused(f"{name} {fault}.")
