"""The sandbox BNG's general ledger: balanced, in open periods, and never changed but by reversal."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.bng_office import Office, running_office

from bridge_sandbox.bng import samples

UNBALANCED, CLOSED = "urn:bng:problem:unbalanced-entry", "urn:bng:problem:closed-period"


@pytest.fixture
async def bng(tmp_path: Path) -> AsyncIterator[Office]:
    async with running_office(tmp_path) as office:
        yield office


def lines(*amounts: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"Account": "1200", "Debit": debit, "Credit": credit} for debit, credit in amounts]


async def test_an_entry_is_stored_as_it_was_sent(bng: Office) -> None:
    entry = await bng.post("gl-entries", samples.gl_entry("10.00", SourceType="invoice", SourceID="74"))
    assert (entry["GlEntryID"], entry["SourceID"], entry["ReversesID"]) == ("GL-100001", "74", None)
    assert [(line["Debit"], line["Credit"]) for line in entry["Lines"]] == [("10.00", "0.00"), ("0.00", "10.00")]
    assert await bng.get("gl-entries", entry["GlEntryID"]) == entry


@pytest.mark.parametrize(
    ("amounts", "status"),
    [
        ((("0.10", "0"), ("0.20", "0"), ("0", "0.30")), 201),
        ((("0.104", "0"), ("0", "0.10")), 201),
        ((("0.105", "0"), ("0", "0.10")), 422),
        ((("100.00", "0"), ("0", "99.99")), 422),
    ],
)
async def test_debits_equal_credits_to_the_cent(bng: Office, amounts: Any, status: int) -> None:
    body = samples.gl_entry(Lines=lines(*amounts))
    if status == 201:
        await bng.post("gl-entries", body)
    else:
        assert await bng.refused("gl-entries", body) == (422, UNBALANCED, "/Lines")


async def test_a_closed_month_takes_no_entry_until_it_is_opened_again(bng: Office) -> None:
    assert await bng.tell("/periods", Period="2025-03") == {"closed": ["2025-03"]}
    assert await bng.refused("gl-entries", samples.gl_entry()) == (422, CLOSED, "/EntryDate")
    await bng.post("gl-entries", samples.gl_entry(EntryDate="2025-04-01"))
    assert await bng.tell("/periods", Period="2025-03", Closed=False) == {"closed": []}
    await bng.post("gl-entries", samples.gl_entry())
    async with bng.admin.post("/periods", json={"Period": "2025-13"}) as answer:
        assert answer.status == 422


async def test_a_closed_month_stays_closed_over_a_restart(tmp_path: Path) -> None:
    async with running_office(tmp_path) as bng:
        await bng.tell("/periods", Period="2025-03")
    async with running_office(tmp_path) as bng:
        assert await bng.refused("gl-entries", samples.gl_entry()) == (422, CLOSED, "/EntryDate")


async def test_a_reversal_mirrors_its_entry_and_each_names_the_other(bng: Office) -> None:
    entry = await bng.post("gl-entries", samples.gl_entry("10.00", ExternalID="e1", SourceID="74"))
    asked = {"ExternalID": "e1-reversed", "EntryDate": "2025-05-01"}
    path = f"gl-entries/{entry['GlEntryID']}/reverse"
    reversal = await bng.post(path, asked, key="k1")
    assert [(line["Account"], line["Debit"], line["Credit"]) for line in reversal["Lines"]] == [
        ("1200", "0.00", "10.00"),
        ("4000", "10.00", "0.00"),
    ]
    assert (reversal["ExternalID"], reversal["EntryDate"]) == ("e1-reversed", "2025-05-01")
    assert (reversal["Journal"], reversal["SourceID"]) == (entry["Journal"], "74")
    changed = await bng.get("gl-entries", entry["GlEntryID"])
    assert (reversal["ReversesID"], changed["ReversedByID"]) == (entry["GlEntryID"], reversal["GlEntryID"])
    assert changed["Lines"] == entry["Lines"]
    assert await bng.post(path, asked, key="k1") == reversal


async def test_an_entry_is_reversed_once_and_a_reversal_never(bng: Office) -> None:
    entry = await bng.post("gl-entries", samples.gl_entry())
    path = f"gl-entries/{entry['GlEntryID']}/reverse"
    reversal = await bng.post(path, None)
    assert reversal["EntryDate"] == reversal["CreatedAt"][:10]
    assert (await bng.refused(path, {}))[::2] == (422, "/ReversedByID")
    assert (await bng.refused(f"gl-entries/{reversal['GlEntryID']}/reverse", {}))[::2] == (422, "/ReversesID")
    assert len(await bng.listed("gl-entries")) == 2


async def test_an_entry_of_a_closed_month_is_reversed_in_an_open_one(bng: Office) -> None:
    entry = await bng.post("gl-entries", samples.gl_entry())
    await bng.tell("/periods", Period="2025-03")
    path = f"gl-entries/{entry['GlEntryID']}/reverse"
    assert await bng.refused(path, {"EntryDate": "2025-03-31"}) == (422, CLOSED, "/EntryDate")
    assert (await bng.get("gl-entries", entry["GlEntryID"]))["ReversedByID"] is None
    await bng.post(path, {"EntryDate": "2025-04-01"})
