"""The running agent notices by itself that its triggers are gone, and says so in its status."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge_common.config import load
from magento_agent import installer, trigger_watch
from magento_agent.config import AgentConfig, Outbox
from magento_agent.database import agent_account
from magento_agent.health import OK, Health
from magento_agent.owner import owner_account, owner_session

from .doubles import until
from .rig import Rig

TABLES = ("sales_order_grid", "customer_entity")


@pytest.fixture
async def installed(rig: Rig) -> AsyncIterator[Rig]:
    """The shop has two of the tables, with triggers; the agent runs."""
    for table in TABLES:
        rig.database.execute(f"CREATE TABLE {table} (entity_id INT UNSIGNED PRIMARY KEY)")
    install(rig)
    async with rig.agent():
        yield rig


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigger_watch, "LOOK_S", 0.05)


def section_of(rig: Rig) -> Outbox:
    section = load(rig.write_config(), AgentConfig).outbox
    assert section is not None
    return section


def install(rig: Rig) -> None:
    section = section_of(rig)
    with owner_session(section, owner_account(section)) as session:
        installer.install(session, agent_account(section))


def said(rig: Rig) -> Any:
    return rig.bridge.statuses[-1].get("triggers") if rig.bridge.statuses else None


async def test_dropped_triggers_are_told_in_the_status_until_they_are_installed_again(installed: Rig) -> None:
    await until("all stand", lambda: said(installed) == OK)
    installed.database.execute("DROP TRIGGER bng_sales_order_grid_au")
    await until("one is missing", lambda: said(installed) != OK)
    assert said(installed) == "triggers on sales_order_grid: missing: bng_sales_order_grid_au"
    installed.database.execute("DROP TRIGGER bng_customer_entity_ai")
    await until("another is missing", lambda: "(and 1 more)" in said(installed))
    install(installed)
    await until("all stand again", lambda: said(installed) == OK)


async def test_a_trigger_that_somebody_changed_is_told(installed: Rig) -> None:
    await until("all stand", lambda: said(installed) == OK)
    installed.database.execute("DROP TRIGGER bng_customer_entity_ad")
    installed.database.execute(
        "CREATE TRIGGER bng_customer_entity_ad AFTER DELETE ON customer_entity FOR EACH ROW BEGIN END"
    )
    await until("it is told", lambda: said(installed) != OK)
    assert "customer_entity: changed, or made by another account: bng_customer_entity_ad" in said(installed)


async def test_the_agent_runs_on_without_an_account_that_sees_them(rig: Rig) -> None:
    section, health = section_of(rig), Health()
    section = section.model_copy(
        update={
            "owner": section.owner and section.owner.model_copy(update={"password_file": rig.secret("bad", "wrong")})
        }
    )
    await trigger_watch.look(section, health)
    assert health.triggers is None
    assert health.is_unseen_told
    await trigger_watch.look(section_of(rig), health)
    assert health.triggers == OK


async def test_a_database_that_is_away_says_nothing_of_its_triggers(rig: Rig) -> None:
    section, health = section_of(rig), Health(triggers="triggers on sales_order_grid: missing")
    await trigger_watch.look(section.model_copy(update={"socket": rig.folder / "nobody.sock"}), health)
    assert health.triggers == "triggers on sales_order_grid: missing"
