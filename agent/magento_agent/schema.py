"""The shop's own description of its models and operations, which mapping files can be held to."""

from typing import Any

from bridge_common.errors import TargetUnavailable
from bridge_common.magento_config import MagentoSection
from bridge_common.magento_rest import MagentoRest

SERVICES = [("services", "all")]


async def read(section: MagentoSection) -> dict[str, Any]:
    """The answer of GET /rest/STORE/schema, about a megabyte: as much as the login may see.

    Raises what MagentoRest.read raises, and TargetUnavailable for an answer that describes no models.
    """
    async with MagentoRest(section) as rest:
        found = await rest.read("/schema", SERVICES)
    if not isinstance(found, dict) or not isinstance(found.get("definitions"), dict):
        raise TargetUnavailable(
            f"{section.base_url} answered with no schema.", hint="Check [magento] base_url and store_code."
        )
    return found
