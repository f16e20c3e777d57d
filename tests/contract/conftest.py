"""The recording is replayed once for all tests here, and pytest's own summary ends with how it came out."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.contract_shop import contract_shop
from tests.contract.recording import Exchange, read_exchanges
from tests.contract.replay import Result, replay

from bridge_sandbox.mariadb import MariaDB

VARIABLE = "MAGENTO_RECORDINGS"
RESULTS = pytest.StashKey[list[Result]]()
HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder with the reference data of a real Magento."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def exchanges(recordings: Path) -> list[Exchange]:
    return read_exchanges(recordings)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def results(exchanges: list[Exchange], mariadb: MariaDB, pytestconfig: pytest.Config) -> list[Result]:
    """How each exchange came out."""
    with contract_shop(mariadb) as shop:
        found = replay(shop, exchanges)
    pytestconfig.stash[RESULTS] = found
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The figures, and by name what is explained or not served; written nowhere else."""
    results = config.stash.get(RESULTS, [])
    if not results:
        return
    counts = Counter(result.verdict for result in results)
    replayed = len(results) - counts["not served"]
    terminalreporter.section("Magento's recorded exchanges against the sandbox shop")
    terminalreporter.line(
        f"{len(results)} recorded, {replayed} replayed: {counts['equal']} equal, {counts['explained']} explained, "
        f"{counts['different']} different; {counts['not served']} not served"
    )
    for reason, count in Counter(result.reason for result in results if result.reason).items():
        terminalreporter.line(f"explained {count}: {reason}")
    routes = Counter(result.exchange.route for result in results if result.verdict == "not served")
    for route, count in sorted(routes.items(), key=lambda each: each[0].split()[::-1]):
        terminalreporter.line(f"not served {count}: {route}")
