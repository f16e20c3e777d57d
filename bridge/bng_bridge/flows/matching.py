"""Which customer of BNG's is a customer of the shop that is bound to none: by its name, else by its e-mail address alone.

Whoever is taken for somebody else gets that one's invoices. So only one that is the only one on both sides, and belongs to
nobody, is taken; of several a person decides.
"""

from typing import Any

from bng_bridge import bindings
from bng_bridge.flows.keys import customer_key
from bng_bridge.flows.names import customer_name
from bng_bridge.flows.running import Running
from bng_bridge.merging import kept

Document = dict[str, Any]
NONE: Document = {"id": None, "is_ambiguous": False, "others": None}


async def match(running: Running, customer: Document) -> Document:
    """One that is bound, or known by its name, is found without being matched."""
    source_id, mail = str(customer["id"]), str(customer.get("email") or "").strip()
    key = customer_key(running.site, source_id)
    name = customer_name(running.read, running.site, running.settings, source_id)
    if not mail or bindings.get(running.read, key) is not None or await _has_name(running, name):
        return NONE
    found = await _free(running, key, mail)
    if not found:
        return NONE
    namesakes = await running.magento.search("/V1/customers/search", email=mail)
    if len(found) == 1 and len(namesakes) <= 1:
        return {**NONE, "id": found[0]}
    return {**NONE, "is_ambiguous": True, "others": ", ".join(found)}


async def _has_name(running: Running, name: str) -> bool:
    return bool(await running.context.bng.search("customers", external_id=name))


async def _free(running: Running, key: str, mail: str) -> list[str]:
    """Those of BNG's with this address that are nobody's, and that no operator has told apart from this customer."""
    apart = kept.told_apart(running.read, key)
    return [
        customer_id
        for each in await running.context.bng.search("customers", email=mail)
        if str(each.get("Email") or "").strip().casefold() == mail.casefold()
        and not each.get("Deleted") and not each.get("ExternalID")
        and (customer_id := str(each["CustomerID"])) not in apart
        and bindings.by_target(running.read, "bng", "customer", customer_id) is None
    ]  # fmt: skip
