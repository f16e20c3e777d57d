"""What tests do with a bridge whose files are edited while it runs."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

from bridge_sandbox.admin import JsonObject
from bridge_sandbox.process import wait_until
from bridge_sandbox.stage import Stage

ALERT = "mappings-refused"


def edit(path: Path, text: str) -> None:
    """As a deployment does: a whole file is moved over the old one."""
    newer = path.with_name(f".{path.name}")
    newer.write_text(text)
    newer.replace(path)


def status(stage: Stage) -> JsonObject:
    found: JsonObject = json.loads(stage.bridgectl("status", "--json"))
    return found


def wait_for(stage: Stage, what: str, condition: Callable[[JsonObject], bool]) -> JsonObject:
    found = wait_until(what, lambda: shown if condition(shown := status(stage)) else None, timeout_s=15)
    assert found is not None
    return found


def placed_during(stage: Stage, change: Callable[[], None]) -> tuple[list[JsonObject], int]:
    """Orders placed one after another, around the moment when the change is in force; how many there were by then."""
    identity = status(stage)["mappings"]["identity"]
    placed: list[JsonObject] = []
    stop = threading.Event()

    def buy() -> None:
        while not stop.is_set():
            placed.append(stage.shop.checkout("simple"))

    buyer = threading.Thread(target=buy)
    buyer.start()
    try:
        wait_until("a few orders", lambda: len(placed) > 5, timeout_s=30)
        change()
        wait_for(stage, "the edit is in force", lambda shown: shown["mappings"]["identity"] != identity)
        here = len(placed)
        wait_until("a few more orders", lambda: len(placed) > here + 5, timeout_s=30)
    finally:
        stop.set()
        buyer.join()
    return placed, here
