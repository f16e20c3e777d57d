"""What a flow may touch: clients to read from, `deliver` to write through, bindings to look at, mappings.

`mappings` are all files in force; a flow ends on those of its beginning: see registry.run_flow.
"""

import sqlite3
from dataclasses import dataclass

from bng_bridge.bng.client import BngClient
from bng_bridge.config import Site
from bng_bridge.deliver import Deliver
from bng_bridge.magento.client import MagentoClient
from bng_bridge.mappings import Mappings


@dataclass(frozen=True, slots=True)
class Context:
    sites: dict[str, Site]
    bng: BngClient
    magento: dict[str, MagentoClient]
    deliver: Deliver
    read: sqlite3.Connection
    mappings: Mappings
