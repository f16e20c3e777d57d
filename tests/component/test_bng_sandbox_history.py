"""The sandbox BNG's memory of every version, for whoever must tell whether an older state came after a newer one."""

from pathlib import Path

import aiohttp

from bridge_sandbox.bng import samples
from bridge_sandbox.bng.server import serving
from bridge_sandbox.bng.settings import Settings

BY_EXTERNAL_ID = "/api/v1/customers/by-external-id/7"


async def test_every_version_of_a_record_stays_in_its_history(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "bng.sqlite")
    headers = {"X-API-Key": settings.api_key}
    async with serving(settings) as running, aiohttp.ClientSession(headers=headers) as client:
        for body in (samples.customer(), {"Phone": "0301"}, {"Phone": "0302"}):
            async with client.put(f"{running.url}{BY_EXTERNAL_ID}", json=body) as answer:
                latest = await answer.json()
        async with client.get(f"{running.admin_url}/history/customers") as answer:
            history = await answer.json()
        async with client.get(f"{running.admin_url}/history/cats") as answer:
            assert answer.status == 404
    assert [each["Version"] for each in history] == [1, 2, 3]
    assert [each["Phone"] for each in history[1:]] == ["0301", "0302"]
    assert history[-1] == latest
