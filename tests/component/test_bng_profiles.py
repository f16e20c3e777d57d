"""One contract for every ERP: the bridge's client and target against the sandbox BNG, in each shipped profile and a new one.

What a profile lacks it may lack, and these tests hold all the same: one record, the right amounts, nothing undone.
"""

import itertools
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from tests.support.bridge import (
    BngRig,
    Clock,
    customer_body,
    customer_write,
    giving,
    login_of,
    opened,
    running_bng,
    until,
)
from tests.support.fifth_profile import PROFILES, named

from bng_bridge import inbox, intents
from bng_bridge.bng import profile_file, subscriptions
from bng_bridge.bng.announcements import Announcements
from bng_bridge.bng.client import BngClient
from bng_bridge.config import Poll
from bng_bridge.inbox import Claimed
from bng_bridge.outcome import DONE, Outcome
from bng_bridge.sources import webhooks
from bng_bridge.sources.poller import Poller
from bng_bridge.store import Store
from bng_bridge.target import Record, Write
from bng_bridge.worker import Worker
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import AccessDenied, OutcomeUnknown, QuietPeriod, RateLimited, RejectedByTarget
from bridge_sandbox.bng import samples

ORDER = Write("bng", "sales_order", "shop1", "shop1/order/74/sales_order", "bng/shop1-74", "shop1-74")
CANCELLATION = Write(
    "bng", "cancellation", "shop1", "shop1/order/74/cancellation", "bng/shop1-74", "shop1-74", create_only=True
)
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
ADDRESS = {"Street": "Kai 1", "City": "Ulm", "State": "BW", "Zip": "89073", "Country": "DE"}


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The name of a shipped one, or the path of a file."""
    return named(request.param, tmp_path)


@pytest.fixture
async def rig(profile: str, tmp_path: Path) -> AsyncIterator[BngRig]:
    async with running_bng(tmp_path, profile=profile) as rig:
        yield rig


async def new_customer(rig: BngRig, number: int = 5, **changes: Any) -> Record:
    write = customer_write(number)
    return await rig.target.create(write, customer_body(number, **changes), f"make-{number}")


async def new_order(rig: BngRig, *lines: samples.Line, **changes: Any) -> tuple[Record, dict[str, Any]]:
    customer = await new_customer(rig)
    body = samples.order(customer.id, *lines, ExternalID=ORDER.reference, **changes)
    return await rig.target.create(ORDER, body, "make-order"), body


async def by_hand(rig: BngRig, resource: str, record: Record, **fields: Any) -> None:
    """Somebody else changes a record in BNG."""
    stored = await rig.client.read(resource, record.id)
    assert stored is not None
    all_fields = fields
    if rig.client.profile.update.sends == "whole":
        all_fields = {**{k: v for k, v in stored.body.items() if k not in ("CustomerID", "Deleted")}, **fields}
    await rig.client.change(resource, record.id, all_fields, stored.version, "", accept=())


def small_pages(profile: str, folder: Path) -> str:
    """The same profile with pages of three."""
    text = profile_file.path_of(profile).read_text()
    file = folder / "small-pages.yaml"
    three = re.sub(r"most: \d+", "most: 3", text)
    file.write_text(three if "most:" in text else text + "\nlist: { size: { most: 3 } }\n")
    return str(file)


async def test_the_bridge_logs_in(rig: BngRig) -> None:
    await rig.client.check()
    assert await rig.client.search("customers") == []


async def test_a_wrong_secret_stops_the_start(rig: BngRig, profile: str, tmp_path: Path) -> None:
    login = login_of(profile, tmp_path)
    for file in (login.get("api_key_file"), login.get("client_secret_file")):
        if file is not None:
            file.write_text("wrong")
    with pytest.raises(AccessDenied):
        await BngClient(rig.session, rig.config).check()


async def test_every_page_is_read_and_no_record_twice(profile: str, tmp_path: Path) -> None:
    async with running_bng(tmp_path, profile=small_pages(profile, tmp_path)) as rig:
        for number in range(7):
            await new_customer(rig, number)
        found = await rig.client.search("customers")
        assert sorted(each["ExternalID"] for each in found) == [f"shop1-{number}" for number in range(7)]


async def test_a_list_that_ends_with_a_full_page_ends(profile: str, tmp_path: Path) -> None:
    async with running_bng(tmp_path, profile=small_pages(profile, tmp_path)) as rig:
        for number in range(6):
            await new_customer(rig, number)
        assert len(await rig.client.search("customers")) == 6


async def test_a_list_since_a_time_has_what_changed_since(rig: BngRig) -> None:
    """The ERP's times may be coarse: nothing later is missing, and nothing of another day is there."""
    await new_customer(rig, 1)
    since = str((await rig.records("customers"))[0]["UpdatedAt"])
    await new_customer(rig, 2)
    found = await rig.client.search("customers", updated_since=since)
    assert [each["ExternalID"] for each in found] == ["shop1-1", "shop1-2"]
    later = to_text(utc_now() + timedelta(hours=1))
    assert await rig.client.search("customers", updated_since=later) == []


@pytest.mark.parametrize("reference", ["shop1-5", "shop1/5 a+b", "5'6\"7' and x eq '", "Zürich & Co. (1)"])
async def test_a_record_is_looked_up_by_its_external_id(rig: BngRig, reference: str) -> None:
    await new_customer(rig, 7)
    write = customer_write(reference=reference)
    assert await rig.target.find(write) is None
    made = await rig.target.create(write, {**customer_body(), "ExternalID": reference}, "make")
    found = await rig.target.find(write)
    assert found is not None
    assert (found.id, found.body["ExternalID"]) == (made.id, reference)


async def test_what_is_created_arrives_in_every_field(rig: BngRig) -> None:
    body = customer_body(
        Email="ida@example.com",
        CreditLimit="1234.50",
        BillingAddress=ADDRESS,
        ShippingAddress=ADDRESS | {"City": "Bonn"},
    )
    made = await rig.target.create(customer_write(), body, "make")
    (kept,) = await rig.records("customers")
    assert {name: kept[name] for name in body} == body
    assert {name: made.body[name] for name in body} == body


async def test_amounts_are_exact_to_the_last_digit(rig: BngRig) -> None:
    lines: tuple[samples.Line, ...] = (("MUG-WHITE", "3", "0.333"), ("TEE-S", "2.5", "1234567890.12"))
    total = Decimal("0.999") + Decimal("3086419725.300") + Decimal("5.95")
    made, body = await new_order(rig, *lines, Total=f"{total:.2f}")
    (kept,) = await rig.records("sales_orders")
    assert [line["UnitPrice"] for line in kept["Lines"]] == ["0.333", "1234567890.12"]
    assert [line["UnitPrice"] for line in made.body["Lines"]] == ["0.333", "1234567890.12"]
    assert made.body["Lines"][1]["Quantity"] == "2.5"
    assert kept["Total"] == made.body["Total"] == made.facts["Total"] == body["Total"]


async def test_times_and_dates_come_back_as_the_bridge_writes_them(rig: BngRig) -> None:
    made, body = await new_order(rig)
    (kept,) = await rig.records("sales_orders")
    assert made.body["OrderDate"] == kept["OrderDate"] == body["OrderDate"]
    told = from_text(made.facts["CreatedAt"])
    assert timedelta(0) <= from_text(kept["CreatedAt"]) - told < timedelta(seconds=1)
    assert to_text(told) == made.facts["CreatedAt"]


async def test_the_same_request_twice_makes_one_record(rig: BngRig) -> None:
    """By its key, or by the unique ExternalID. With neither, only looking first helps: the next test."""
    profile = rig.client.profile
    if not (profile.idempotency.methods or profile.external_id.unique):
        pytest.skip("the profile has neither keys nor unique ExternalIDs")
    first = await rig.target.create(customer_write(), customer_body(), "the same key")
    again = await rig.target.create(customer_write(), customer_body(), "the same key")
    assert again.id == first.id
    assert len(await rig.records("customers")) == 1


async def test_a_bridge_that_lost_its_bindings_takes_over_what_is_there(
    rig: BngRig, store: Store, tmp_path: Path
) -> None:
    first = await rig.deliver(store)(1, customer_write(), giving(customer_body(Phone="1")))
    async with opened(tmp_path / "restored.sqlite") as empty:
        again = await rig.deliver(empty)(1, customer_write(), giving(customer_body(Phone="2")))
    assert again.binding.target_id == first.binding.target_id
    assert [each["Phone"] for each in await rig.records("customers")] == ["2"]


async def test_a_change_made_in_bng_meanwhile_stays(rig: BngRig) -> None:
    made = await new_customer(rig, Phone="0")
    await by_hand(rig, "customers", made, CreditLimit="900.00")
    updated = await rig.target.update(customer_write(), made.id, made.version, {"Phone": "1"}, "change")
    (kept,) = await rig.records("customers")
    assert (kept["CreditLimit"], kept["Phone"], kept["FirstName"]) == ("900.00", "1", "Ida")
    again = await rig.target.update(customer_write(), made.id, updated.version, {"Phone": "2"}, "change again")
    assert again.body["Phone"] == "2"


@pytest.mark.parametrize(
    ("at_bng", "wanted", "then"), [(10, 20, 20), (20, 30, 30), (20, 10, 20), (40, 20, 40), (30, 20, 20)]
)
async def test_a_status_goes_forward_and_never_back(rig: BngRig, at_bng: int, wanted: int, then: int) -> None:
    record, body = await new_order(rig)
    await rig.admin("POST", "/status", ExternalID=ORDER.reference, OrderStatus=at_bng)
    updated = await rig.target.update(
        ORDER, record.id, record.version, {**body, "OrderStatus": wanted, "ShipVia": "by hand"}, "change"
    )
    (kept,) = await rig.records("sales_orders")
    assert (kept["OrderStatus"], kept["ShipVia"]) == (then, "by hand")
    assert updated.facts.get("OrderStatus") == (then if then == wanted else None), "BNG's own is news for the shop"


async def test_an_order_is_cancelled_once(rig: BngRig, store: Store) -> None:
    await new_order(rig)
    assert await rig.target.find(CANCELLATION) is None
    for _ in range(2):
        await rig.deliver(store)(1, CANCELLATION, giving({}))
    assert [each["OrderStatus"] for each in await rig.records("sales_orders")] == [90]
    assert await rig.target.find(CANCELLATION) is not None


async def test_an_order_that_is_shipped_is_not_cancelled_and_says_why(rig: BngRig) -> None:
    await new_order(rig)
    await rig.admin("POST", "/ship", ExternalID=ORDER.reference)
    with pytest.raises(RejectedByTarget, match="the order is complete") as refused:
        await rig.target.create(CANCELLATION, {}, "cancel")
    assert refused.value.problem == "validation"


async def test_what_is_refused_names_the_problem_and_the_field(rig: BngRig) -> None:
    customer = await new_customer(rig)
    unknown = "C-9" if not customer.id.isdecimal() else "9"
    with pytest.raises(RejectedByTarget) as refused:
        await rig.target.create(ORDER, samples.order(unknown, ExternalID=ORDER.reference), "1")
    name = rig.client.wire.name_of("sales-orders", "CustomerID")
    assert refused.value.problem == "unknown-customer"
    assert f"/{name} no Customer C-9" in refused.value.message
    with pytest.raises(RejectedByTarget) as invalid:
        await rig.target.create(ORDER, samples.order(customer.id, ExternalID=ORDER.reference, Total="1.00"), "2")
    assert invalid.value.problem == "validation"
    assert f"/{rig.client.wire.name_of('sales-orders', 'Total')} is 1.00, but the sum" in invalid.value.message


async def test_too_many_requests_are_told_apart_and_say_how_long_to_wait(profile: str, tmp_path: Path) -> None:
    async with running_bng(tmp_path, profile=profile, rate=0.01) as rig:
        limits, another = rig.client.profile.limits, BngClient(rig.session, rig.config)
        await another.get("customers/C-1")
        with pytest.raises(RateLimited) as limited:
            await rig.client.get("customers/C-1")
        assert limited.value.retry_after_s == (100.0 if limits.says_when else limits.wait_s)


@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
async def test_an_answer_that_is_lost_ends_as_one_record(rig: BngRig, store: Store, clock: Clock, kind: str) -> None:
    # Twice: an idempotent method is sent again by the HTTP client itself, once.
    for method, count in (("POST", 1), ("PUT", 2)):
        await rig.fault(kind, method=method, count=count, path=re.escape(rig.client.profile.path_of("customers")))
    write, body = customer_write(), customer_body(Phone="1")
    with pytest.raises(OutcomeUnknown):
        await rig.deliver(store)(1, write, giving(body))
    await rig.clear_faults()
    try:
        await rig.deliver(store)(1, write, giving(body))
    except QuietPeriod:
        clock.advance(rig.target.quiet_s() + 1)
        await rig.deliver(store)(1, write, giving(body))
    assert (await rig.deliver(store)(1, write, giving(body))).action == "unchanged"
    assert intents.all_open(store.read) == []
    assert [each["Phone"] for each in await rig.records("customers")] == ["1"]


async def test_a_shipment_and_stock_come_in_bng_s_names(rig: BngRig) -> None:
    order, _ = await new_order(rig, ("MUG-WHITE", "2", "9.99"))
    await rig.admin("POST", "/ship", ExternalID=ORDER.reference, TrackingNumbers=["JJD1"], Carrier="DHL")
    (shipment,) = await rig.client.search("shipments", sales_order_id=order.id)
    assert (shipment["SalesOrderID"], shipment["TrackingNumbers"]) == (order.id, ["JJD1"])
    assert [(line["LineNo"], line["SKU"], line["Quantity"]) for line in shipment["Lines"]] == [(1, "MUG-WHITE", "2")]
    assert await rig.client.get(f"shipments/{shipment['ShipmentID']}") == shipment
    (item,) = await rig.client.search("inventory-items", sku="MUG-WHITE", warehouse="MAIN")
    kept = next(each for each in await rig.records("inventory_items") if each["SKU"] == "MUG-WHITE")
    assert (item["SKU"], item["QuantityOnHand"]) == ("MUG-WHITE", kept["QuantityOnHand"])


async def test_each_change_of_a_record_has_a_version_of_its_own(rig: BngRig) -> None:
    """Hints are told apart by it, whether the ERP has versions or only times."""
    seen = set()
    for count in itertools.islice(itertools.count(1), 3):
        await rig.admin("POST", "/stock", SKU="MUG-WHITE", Warehouse="MAIN", QuantityOnHand=str(count))
        (item,) = await rig.client.search("inventory-items", sku="MUG-WHITE", warehouse="MAIN")
        seen.add(str(item.get("Sequence") or item["Version"]))
    assert len(seen) == 3


async def never(_claimed: Claimed) -> Outcome:
    return DONE


async def test_a_webhook_of_bng_leads_to_a_hint_and_a_forged_one_does_not(rig: BngRig, store: Store) -> None:
    """One that names only a key makes the poller look, which finds the record."""
    profile = rig.client.profile
    if profile.webhooks.verify == "none":
        pytest.skip("the profile has no webhooks")
    worker, looked = Worker(store, never, slots=1), list[str]()
    poller = Poller(store, worker, rig.client, Poll(overlap_s=0))
    await poller.run_once("inventory-items")
    app = webhooks.application(store, worker, Announcements(profile, SECRET), looked.append)
    async with TestServer(app) as server:
        await subscribe(rig, str(server.make_url(webhooks.PATH)))
        await rig.admin("POST", "/webhooks/faults", forged=1)
        await rig.admin("POST", "/stock", SKU="MUG-WHITE", Warehouse="MAIN", Delta="-1")
        await until("the webhook is there", lambda: looked or hints(store))
        done = (await rig.admin("GET", "/webhooks/faults"))["done"]
    assert (done["forged"], done["forged_accepted"]) == (1, 0)
    if profile.webhooks.content == "key":
        assert (looked, hints(store)) == (["inventory-items"], [])
        await poller.run_once("inventory-items")
    assert hints(store) == ["MAIN|MUG-WHITE"]


async def subscribe(rig: BngRig, url: str) -> None:
    how = rig.client.profile.webhooks.subscription
    if how is None:
        await rig.admin("POST", "/webhooks", url=url, secret=SECRET)
    else:
        assert await subscriptions.renew(rig.client, how, url, SECRET) == len(how.resources)


def hints(store: Store) -> list[str]:
    return [row["entity_id"] for row in inbox.select(store.read, "open_hints", entity="stock")]
