"""Where the recordings lie beside the checkout, the contract has to be checked against them."""

import os
from pathlib import Path

BESIDE = Path(__file__).parents[3] / "shared" / "magento"


def test_the_recordings_beside_the_checkout_are_used() -> None:
    assert not BESIDE.exists() or os.environ.get("MAGENTO_RECORDINGS"), (
        "the contract tests were skipped: ./run test sets MAGENTO_RECORDINGS"
    )
