"""The mappings in force: one set at any moment, replaced as a whole."""

from dataclasses import dataclass, field
from datetime import datetime

from bng_bridge.mapping.mapping_file import Mapping
from bng_bridge.mapping.mapping_set import MappingSet
from bridge_common.clock import utc_now


@dataclass
class Mappings:
    """`refused` is the first finding of files that were not put in force; '' while what is in force is what is there.

    `bundle` is the identity of the deployed bundle that they are from; '' for files that are edited here and templates.
    """

    current: MappingSet
    loaded_at: datetime = field(default_factory=utc_now)
    refused: str = ""
    bundle: str = ""

    def __call__(self, site: str, name: str) -> Mapping:
        """The mapping in force. Whoever takes it keeps it, whatever is put in force later."""
        return self.current(site, name)

    def fixed(self) -> "Mappings":
        """As they are now, for a flow that is to end on the mappings that it began with."""
        return Mappings(self.current, self.loaded_at)

    def swap(self, newer: MappingSet) -> None:
        self.current, self.loaded_at = newer, utc_now()
