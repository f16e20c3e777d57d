"""What a bundle says of itself: its files with their hashes, what became of the tests, who built it and when."""

import json
from typing import Annotated

from pydantic import Field, ValidationError

from bng_bridge.bundles import files
from bng_bridge.bundles.refused import BundleRefused
from bridge_common.config import Section

FORMAT = 1
"""Rises when an older bridge would misread a bundle."""

Count = Annotated[int, Field(ge=0)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
HashOrNone = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
Text = Annotated[str, Field(max_length=200)]


class Results(Section):
    """Of one look at all files. `passed`: no mistake, no case that failed, and no file without a case."""

    passed: bool
    cases: Count
    failed: Count
    rules: Count
    rules_reached: Count
    entries: Count
    entries_reached: Count
    findings: tuple[str, ...]
    """The first ones, with file, line and column."""

    def sentence(self) -> str:
        if self.failed:
            return f"{self.failed} of {self.cases} cases failed"
        if not self.passed:
            return f"not passed: {self.findings[0]}" if self.findings else "not passed"
        return f"{self.cases} cases passed"


class Label(Section):
    """`content` is a hash of all files, `mapping_set` what they made of flows and mappings where it was built, "" if
    nothing."""

    format: int
    name: Text
    version: Text
    content: Hash
    files: dict[str, Hash]
    mapping_set: HashOrNone
    tests: Results
    built_by: Text
    built_on: Text
    built_at: Text
    program: Text
    parent: HashOrNone

    def to_bytes(self) -> bytes:
        return (json.dumps(self.model_dump(), indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def read_label(data: bytes) -> Label:
    """Raises BundleRefused."""
    try:
        found = Label.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if _format_of(data) > FORMAT:
            raise BundleRefused(
                "The bundle was built by a newer bridge.", hint="Upgrade this one, or build it there again."
            ) from error
        raise BundleRefused(f"The bundle's label cannot be read: {place}: {first['msg']}.") from error
    if found.format != FORMAT:
        raise BundleRefused(f"The bundle has format {found.format}, this bridge knows {FORMAT}.", hint="Upgrade it.")
    if found.content != files.content_of(found.files):
        raise BundleRefused("The bundle's label contradicts itself: the hash of all files is another one.")
    return found


def _format_of(data: bytes) -> int:
    try:
        return int(json.loads(data)["format"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0
