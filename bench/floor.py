"""The bare minimum: outbox → MQTT → SQLite → BNG → receipt → delete, in two processes, and no promise beyond.

python bench/floor.py agent|bridge CONFIG.json
"""

import asyncio
import itertools
import json
import sqlite3
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import aiomqtt
import pymysql
import simplejson
import uvloop
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from yarl import URL

UP, DOWN = "bng-bridge/v1/{site}/up/events", "bng-bridge/v1/{site}/down/receipts"
IN_FLIGHT, BATCH, WORKERS, POLL_S = 8, 50, 8, 0.05
NEW_ROWS = "SELECT id, entity_id FROM bng_outbox WHERE id > %s ORDER BY id LIMIT 4000"
CRITERIA = "searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5B{}%5D={}&"
Json = dict[str, Any]


def loads(text: Any) -> Any:
    return simplejson.loads(text, use_decimal=True)


def dumps(value: Any) -> bytes:
    return simplejson.dumps(value, use_decimal=True, separators=(",", ":"), ensure_ascii=False).encode()


def client(config: Json, user: str) -> aiomqtt.Client:
    password, version = config["passwords"][user], aiomqtt.ProtocolVersion.V5
    made = aiomqtt.Client(
        "127.0.0.1", config["port"], username=user, password=password, identifier=user, protocol=version
    )
    made._client.manual_ack_set(on=True)
    return made


async def agent(config: Json) -> None:
    database, thread = pymysql.connect(autocommit=True, **config["database"]), ThreadPoolExecutor(1)
    orders, in_flight, work = dict[int, list[int]](), dict[str, list[int]](), asyncio.Event()
    up, down = UP.format(site=config["site"]), DOWN.format(site=config["site"])

    def query(sql: str, *arguments: Any) -> Any:
        with database.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall()

    async def ask(sql: str, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(thread, query, sql, *arguments)

    async def read() -> None:
        last = 0
        while True:
            if len(orders) < IN_FLIGHT * BATCH:
                for last, order in await ask(NEW_ROWS, last):  # noqa: B020
                    orders.setdefault(order, []).append(last)
                work.set()
            await asyncio.sleep(POLL_S)

    async def receive(mqtt: aiomqtt.Client) -> None:
        async for message in mqtt.messages:
            rows = in_flight.pop(loads(message.payload)["batch"])
            await ask("DELETE FROM bng_outbox WHERE id IN %s", rows)
            mqtt._client.ack(message.mid, message.qos)
            work.set()

    async def publish(mqtt: aiomqtt.Client, session: aiohttp.ClientSession, ids: list[int], batch: str) -> None:
        pairs = (("field", "entity_id"), ("condition_type", "in"), ("value", "%2C".join(map(str, ids))))
        criteria = "".join(CRITERIA.format(*pair) for pair in pairs) + f"searchCriteria%5BpageSize%5D={len(ids)}"
        async with session.get(URL(f"{config['shop']}/rest/all/V1/orders?{criteria}", encoded=True)) as answer:
            items = loads(await answer.read())["items"]
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [("batch", batch)]
        events = dumps([{"subject": f"order/{item['entity_id']}", "data": item} for item in items])
        await mqtt.publish(up, events, qos=1, properties=properties)

    async with client(config, config["site"]) as mqtt, aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        await mqtt.subscribe(down, qos=1)
        group.create_task(receive(mqtt))
        group.create_task(read())
        print("ready", flush=True)
        while await work.wait():
            work.clear()
            while orders and len(in_flight) < IN_FLIGHT:
                ids, batch = list(itertools.islice(orders, BATCH)), str(uuid.uuid4())
                in_flight[batch] = [row for order in ids for row in orders.pop(order)]
                group.create_task(publish(mqtt, session, ids, batch))


async def bridge(config: Json) -> None:
    database = sqlite3.connect(config["inbox"], isolation_level=None, check_same_thread=False)
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE inbox (seq INTEGER"
        " PRIMARY KEY, subject TEXT, data BLOB, done INTEGER); CREATE INDEX inbox_open ON inbox (seq) WHERE done = 0")  # fmt: skip
    thread, work, settled = ThreadPoolExecutor(1), asyncio.Event(), list[tuple[int]]()
    queue, site = asyncio.Queue[tuple[int, bytes]](), config["site"]

    def commit(sql: str, rows: list[Any]) -> None:
        database.execute("BEGIN")
        database.executemany(sql, rows)
        database.execute("COMMIT")

    async def receive(mqtt: aiomqtt.Client) -> None:
        async for message in mqtt.messages:
            events = [(event["subject"], dumps(event["data"])) for event in loads(message.payload)]
            insert = "INSERT INTO inbox (subject, data, done) VALUES (?, ?, 0)"
            await asyncio.get_running_loop().run_in_executor(thread, commit, insert, events)
            mqtt._client.ack(message.mid, message.qos)
            batch = dict(message.properties.UserProperty)["batch"]  # type: ignore[union-attr]
            await mqtt.publish(DOWN.format(site=site), dumps({"batch": batch}), qos=1)
            work.set()

    async def put(session: aiohttp.ClientSession, path: str, body: Json) -> Any:
        headers = {"Content-Type": "application/json", "If-None-Match": "*", "Idempotency-Key": str(uuid.uuid4())}
        url = f"{config['bng']}/api/v1/{path}/by-external-id/{body['ExternalID']}"
        async with session.put(url, data=dumps(body), headers=headers) as answer:
            return loads(await answer.read())

    async def apply(session: aiohttp.ClientSession) -> None:
        while True:
            seq, data = await queue.get()
            order = loads(data)
            guest, place = sha256(order["customer_email"].encode()).hexdigest()[:16], order["billing_address"]
            person = {"ExternalID": f"{site}-guest-{guest}", "Email": order["customer_email"], "BillingAddress": place}
            customer = await put(session, "customers", person)
            lines = [{"LineNo": number, "SKU": item["sku"], "Quantity": str(item["qty_ordered"]),
                      "LineTotal": str(item["row_total"])} for number, item in enumerate(order["items"], 1)]  # fmt: skip
            await put(session, "sales-orders", {"ExternalID": f"{site}-{order['entity_id']}", "Lines": lines,
                "CustomerID": customer["CustomerID"], "OrderDate": order["created_at"][:10], "BillingAddress": place,
                "ShippingAddress": place, "Total": str(order["grand_total"])})  # fmt: skip
            settled.append((seq,))
            work.set()

    async with client(config, "bridge") as mqtt, aiohttp.ClientSession(headers=config["login"]) as session:
        await mqtt.subscribe(UP.format(site=site), qos=1)
        tasks, last = (
            [asyncio.create_task(run) for run in (receive(mqtt), *(apply(session) for _ in range(WORKERS)))],
            0,
        )
        print("ready", flush=True)
        while await work.wait() and not any(task.done() for task in tasks):
            work.clear()
            done, settled[:] = settled[:], []
            if done:
                close = "UPDATE inbox SET done = 1 WHERE seq = ?"
                await asyncio.get_running_loop().run_in_executor(thread, commit, close, done)
            if queue.qsize() < WORKERS:
                found = database.execute(
                    "SELECT seq, data FROM inbox WHERE done = 0 AND seq > ? LIMIT 64", (last,)).fetchall()  # fmt: skip
                for last, order in found:  # noqa: B020
                    queue.put_nowait((last, order))


if __name__ == "__main__":
    uvloop.run({"agent": agent, "bridge": bridge}[sys.argv[1]](json.loads(Path(sys.argv[2]).read_text())))
