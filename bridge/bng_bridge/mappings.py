"""The flow and mapping files in force: one set at any moment, replaced as a whole."""

from dataclasses import dataclass, field
from datetime import datetime

from bng_bridge.flow_files.file_set import FileSet
from bng_bridge.mapping.mapping_file import Mapping
from bridge_common.clock import utc_now


@dataclass
class Mappings:
    """`refused` is the first finding of files that were not put in force; '' while what is in force is what is there.

    `bundle` is the identity of the deployed bundle that they are from; '' for files that are edited here and templates.
    """

    current: FileSet
    loaded_at: datetime = field(default_factory=utc_now)
    refused: str = ""
    bundle: str = ""

    def __call__(self, site: str, name: str) -> Mapping:
        """The mapping in force. Whoever takes it keeps it, whatever is put in force later."""
        return self.current(site, name)

    def swap(self, newer: FileSet) -> None:
        self.current, self.loaded_at = newer, utc_now()
