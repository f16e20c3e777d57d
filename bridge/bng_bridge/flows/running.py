"""One event in the hands of a flow: what its steps touch, with the clients and the store behind it."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from bng_bridge.bindings import Binding
from bng_bridge.config import Site
from bng_bridge.flows.context import Context
from bng_bridge.flows.keys import source_id
from bng_bridge.inbox import Claimed
from bng_bridge.magento.client import MagentoClient
from bng_bridge.mapping.mapping_set import MappingSet


@dataclass(frozen=True, slots=True)
class Running:
    """`site` is '' for a sales order that came from none; `bound` its binding, where the flow is about one."""

    event: Claimed
    context: Context
    mappings: MappingSet
    site: str
    document: Any
    bound: Binding | None = None

    @property
    def read(self) -> sqlite3.Connection:
        return self.context.read

    @property
    def settings(self) -> Site:
        return self.context.sites[self.site]

    @property
    def magento(self) -> MagentoClient:
        return self.context.magento[self.site]

    @property
    def source_id(self) -> str:
        """Of the shop's order, or customer, that is bound."""
        assert self.bound is not None
        return source_id(self.bound.target_key)

    @property
    def order_id(self) -> str:
        """Of the shop's order behind the sales order."""
        assert self.bound is not None
        return source_id(self.bound.target_key)
