"""A sandbox shop that runs in a thread of this process, so that tests may call it with a blocking client."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bridge_sandbox.shop.server import RunningShop, ShopSettings, running_shop

START_TIMEOUT_S = 20


@contextmanager
def shop_in_thread(settings: ShopSettings) -> Iterator[RunningShop]:
    """The shop has an event loop of its own."""
    loop = asyncio.new_event_loop()
    context = running_shop(settings)
    thread = threading.Thread(target=loop.run_forever, name="shop under test")
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(START_TIMEOUT_S)
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(START_TIMEOUT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
