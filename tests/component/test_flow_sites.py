"""An event that concerns several sites: each is told, and what one fails with does not end it for the others."""

from pathlib import Path

import pytest
from tests.support.bridge import site
from tests.support.flows import flow_rig

from bng_bridge.flow_files.file_set import load_set
from bng_bridge.flows.follow_ups import stock_hint
from bng_bridge.outcome import Outcome
from bridge_common.errors import (
    BridgeError,
    MappingError,
    RejectedByTarget,
    TargetPaused,
    TargetUnavailable,
)

FLOW = """on:
  event: bng/inventory_item
  ordered_by: stock
  sites: SITES
  no_site: nobody
steps:
  - {name: is_sold, call: has_product, with: {sku: inventory_item.SKU}}
  - hold: "{site.name} waits"
    when: not is_sold
"""


class Shop:
    """Fails with `error`, or has no product; `asked` counts."""

    def __init__(self, error: BridgeError | None = None, *, is_sold: bool = True) -> None:
        self.error, self.is_sold, self.asked = error, is_sold, 0

    async def has_product(self, sku: str) -> bool:
        del sku
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.is_sold


async def told(folder: Path, *shops: Shop, sites: str = "site") -> Outcome:
    """What becomes of a stock event that concerns a site for each shop."""
    (folder / "flows").mkdir()
    (folder / "flows" / "stock-to-source-items.yaml").write_text(FLOW.replace("SITES", sites))
    named = {f"shop{number}": shop for number, shop in enumerate(shops, 1)}
    async with flow_rig(folder, sites={name: site() for name in named}) as rig:
        rig.context.mappings.swap(load_set(None, named, folder / "flows"))
        rig.context.magento.update(named)  # type: ignore[arg-type]
        return await rig.hint(stock_hint("TEE-S", "MAIN", "test/1"))


PAUSED, DOWN = TargetPaused("shop2 is paused", delay_s=15), TargetUnavailable("shop2 is down")
REFUSED = RejectedByTarget("shop2 refuses", status=400)


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (Shop(is_sold=False), Shop(PAUSED), "TargetPaused: shop1 waits; shop2 is paused"),
        (Shop(DOWN), Shop(PAUSED), "TargetPaused: shop2 is down; shop2 is paused"),
        (Shop(REFUSED), Shop(DOWN), "TargetUnavailable: shop2 is down"),
        (Shop(REFUSED), Shop(is_sold=False), "DependencyMissing: shop2 refuses; shop2 waits"),
        (Shop(REFUSED), Shop(), "RejectedByTarget: shop2 refuses"),
    ],
)
async def test_an_event_lives_while_one_site_may_still_be_told(
    tmp_path: Path, first: Shop, second: Shop, wanted: str
) -> None:
    with pytest.raises(BridgeError) as raised:
        await told(tmp_path, first, second)
    assert f"{raised.value.kind}: {raised.value.message}" == wanted
    assert (first.asked, second.asked) == (1, 1)


async def test_a_condition_that_does_not_work_for_one_site_leaves_the_others_their_turn(tmp_path: Path) -> None:
    first, second = Shop(), Shop()
    # The first site's name is no number's; the second's condition holds before it is asked.
    with pytest.raises(MappingError, match=r"stock-to-source-items.yaml"):
        await told(tmp_path, first, second, sites="site.name == 'shop2' or number(site.name) > 0")
    assert (first.asked, second.asked) == (0, 1)
