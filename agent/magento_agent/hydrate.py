"""Reading entities by REST, many in one call, without one bad entity spoiling the others.

A call may fail because of one entity in it (a broken order makes the whole search answer 500), or because the shop
fails as a whole. The two must not be confused: the first is held against the entity, the second never. So after such
a failure an entity that was read well before is asked for again; only if that works, the search is cut in halves.
"""

from dataclasses import dataclass, field
from functools import partial

from bridge_common import decimal_json
from bridge_common.errors import RejectedByTarget, TargetUnavailable
from bridge_common.magento_rest import BadAnswer, MagentoRest, search


@dataclass(frozen=True)
class Source:
    """Where REST lists an entity, and what it calls the id in a filter and in the document."""

    path: str
    filter_field: str
    document_field: str


_parse = partial(decimal_json.loads_parted, name="items")

SOURCES = {
    "order": Source("/V1/orders", "entity_id", "entity_id"),
    "customer": Source("/V1/customers/search", "entity_id", "id"),
    "product": Source("/V1/products", "entity_id", "id"),
}


@dataclass
class Found:
    """Documents by id, as the shop wrote them. Of the others those whose reading failed, with the reason; the rest REST does
    not show."""

    documents: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


class Hydrator:
    """Keeps, per entity type, the id that was read well last: the witness of the shop's health."""

    def __init__(self, rest: MagentoRest) -> None:
        self._rest = rest
        self._witness: dict[str, int] = {}

    async def read(self, entity: str, ids: list[int]) -> Found:
        """Raises AccessDenied, RateLimited or TargetUnavailable when the shop fails as a whole."""
        if entity not in SOURCES:
            return Found(failed=dict.fromkeys(ids, f"this version of the agent cannot read a {entity}"))
        try:
            return await self._search(entity, ids)
        except (RejectedByTarget, BadAnswer) as error:
            await self._prove_health(entity, ids, error)
            if len(ids) == 1:
                return Found(failed={ids[0]: error.message})
        middle = len(ids) // 2
        first, second = await self.read(entity, ids[:middle]), await self.read(entity, ids[middle:])
        return Found(first.documents | second.documents, first.failed | second.failed)

    async def _search(self, entity: str, ids: list[int]) -> Found:
        source = SOURCES[entity]
        body = await self._rest.read(source.path, search(source.filter_field, ids), parse=_parse)
        try:
            documents = {int(item[source.document_field]): text for item, text in body["items"] or []}
        except (KeyError, TypeError, ValueError) as error:
            raise BadAnswer(f"GET {source.path} answered in another form than Magento's") from error
        if documents:
            self._witness[entity] = next(iter(documents))
        return Found(documents)

    async def _prove_health(self, entity: str, ids: list[int], error: Exception) -> None:
        """Raises TargetUnavailable unless the same search works for the witness; id 0 finds nothing, but has an answer."""
        witness = self._witness.get(entity, 0)
        try:
            await self._search(entity, [0 if witness in ids else witness])
        except (RejectedByTarget, BadAnswer):
            raise TargetUnavailable(f"the shop fails as a whole: {error}") from error
