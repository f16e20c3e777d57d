"""The bare minimum: outbox → MQTT → SQLite → BNG → receipt → delete. Usage: floor.py agent|bridge CONFIG.json"""

import asyncio
import functools
import itertools
import json
import socket
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

loads = functools.partial(simplejson.loads, use_decimal=True)
UP, DOWN = "bng-bridge/v1/{site}/up/events", "bng-bridge/v1/{site}/down/receipts"
V5, IN_FLIGHT, BATCH, WORKERS, POLL_S = aiomqtt.ProtocolVersion.V5, 8, 50, 8, 0.05
NEW_ROWS = "SELECT id, entity_id FROM bng_outbox WHERE id > %s ORDER BY id LIMIT 4000"
FILTER = "searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5B"
SEARCH = f"{FILTER}field%5D=entity_id&{FILTER}condition_type%5D=in&{FILTER}value%5D="
INBOX = """PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE inbox
(seq INTEGER PRIMARY KEY, subject TEXT, data BLOB, done INTEGER); CREATE INDEX inbox_open ON inbox (seq) WHERE done = 0"""


def dumps(value: Any) -> bytes:
    return simplejson.dumps(value, use_decimal=True, separators=(",", ":"), ensure_ascii=False).encode()


def client(config: dict[str, Any], user: str) -> aiomqtt.Client:
    login = {"username": user, "password": config["passwords"][user], "identifier": user}
    no_delay = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    made = aiomqtt.Client("127.0.0.1", config["port"], protocol=V5, socket_options=no_delay, **login)
    made._client.manual_ack_set(on=True)
    return made


async def agent(config: dict[str, Any]) -> None:
    database, thread = pymysql.connect(autocommit=True, **config["database"]), ThreadPoolExecutor(1)
    orders, in_flight, work = dict[int, list[int]](), dict[str, list[int]](), asyncio.Event()

    def query(sql: str, *arguments: Any) -> Any:
        with database.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall()

    async def ask(*arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(thread, query, *arguments)

    async def read() -> None:
        last = 0
        while await asyncio.sleep(POLL_S, result=True):
            if len(orders) < IN_FLIGHT * BATCH:
                for row, order in await ask(NEW_ROWS, last):
                    orders.setdefault(order, []).append(last := row)
                work.set()

    async def receive(mqtt: aiomqtt.Client) -> None:
        async for message in mqtt.messages:
            await ask("DELETE FROM bng_outbox WHERE id IN %s", in_flight.pop(loads(message.payload)["batch"]))
            mqtt._client.ack(message.mid, message.qos)
            work.set()

    async def publish(mqtt: aiomqtt.Client, session: aiohttp.ClientSession, ids: list[int], batch: str) -> None:
        criteria = SEARCH + "%2C".join(map(str, ids)) + f"&searchCriteria%5BpageSize%5D={len(ids)}"
        async with session.get(URL(f"{config['shop']}/rest/all/V1/orders?{criteria}", encoded=True)) as answer:
            items = loads(await answer.read())["items"]
        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.UserProperty = [("batch", batch)]
        events = dumps([{"subject": f"order/{item['entity_id']}", "data": item} for item in items])
        await mqtt.publish(UP.format(site=config["site"]), events, qos=1, properties=properties)

    async with client(config, config["site"]) as mqtt, aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        await mqtt.subscribe(DOWN.format(site=config["site"]), qos=1)
        print("ready", *map(group.create_task, (receive(mqtt), read())), flush=True)
        while await work.wait():
            work.clear()
            while orders and len(in_flight) < IN_FLIGHT:
                ids, batch = list(itertools.islice(orders, BATCH)), str(uuid.uuid4())
                in_flight[batch] = [row for order in ids for row in orders.pop(order)]
                group.create_task(publish(mqtt, session, ids, batch))


async def bridge(config: dict[str, Any]) -> None:
    database, reads = (sqlite3.connect(config["inbox"], check_same_thread=False) for _ in range(2))
    database.executescript(INBOX)
    thread, work, settled = ThreadPoolExecutor(1), asyncio.Event(), list[tuple[int]]()
    queue, site = asyncio.Queue[tuple[int, bytes]](), config["site"]

    def commit(sql: str, rows: list[Any]) -> None:
        with database:
            database.executemany(sql, rows)

    async def store(sql: str, rows: list[Any]) -> None:
        await asyncio.get_running_loop().run_in_executor(thread, commit, sql, rows)

    async def receive(mqtt: aiomqtt.Client) -> None:
        async for message in mqtt.messages:
            events = [(event["subject"], dumps(event["data"])) for event in loads(message.payload)]
            await store("INSERT INTO inbox (subject, data, done) VALUES (?, ?, 0)", events)
            mqtt._client.ack(message.mid, message.qos)
            work.set()
            await mqtt.publish(DOWN.format(site=site), dumps(dict(message.properties.UserProperty)), qos=1)  # type: ignore[union-attr]

    async def put(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> Any:
        url = f"{config['bng']}/api/v1/{path}/by-external-id/{body['ExternalID']}"
        async with session.put(url, data=dumps(body), headers={"Idempotency-Key": str(uuid.uuid4())}) as answer:
            return loads(await answer.read())

    async def apply(session: aiohttp.ClientSession) -> None:
        while True:
            seq, order = (item := await queue.get())[0], loads(item[1])
            guest, place = sha256(order["customer_email"].encode()).hexdigest()[:16], order["billing_address"]
            person = {"ExternalID": f"{site}-guest-{guest}", "Email": order["customer_email"], "BillingAddress": place}
            sale = {"ExternalID": f"{site}-{order['entity_id']}", "BillingAddress": place, "ShippingAddress": place}
            sale |= {"OrderDate": order["created_at"][:10], "Total": str(order["grand_total"]), "Lines": [
                {"LineNo": number, "SKU": line["sku"], "Quantity": str(line["qty_ordered"]), "Price": str(line["price"])}
                for number, line in enumerate(order["items"], 1)]}  # fmt: skip
            customer = await put(session, "customers", person)
            await put(session, "sales-orders", sale | {"CustomerID": customer["CustomerID"]})
            settled.append((seq,))
            work.set()

    async with client(config, "bridge") as mqtt, aiohttp.ClientSession(headers=config["headers"]) as session:
        await mqtt.subscribe(UP.format(site=site), qos=1)
        tasks, last = [asyncio.create_task(apply(session)) for _ in range(WORKERS)], 0
        tasks.append(asyncio.create_task(receive(mqtt)))
        print("ready", flush=True)
        while await work.wait() and not any(task.done() for task in tasks):
            work.clear()
            done, settled[:] = settled[:], []
            if done:
                await store("UPDATE inbox SET done = 1 WHERE seq = ?", done)
            if queue.qsize() < WORKERS:
                more = f"SELECT seq, data FROM inbox WHERE done = 0 AND seq > {last} LIMIT 64"
                for last, data in reads.execute(more).fetchall():
                    queue.put_nowait((last, data))


if __name__ == "__main__":
    uvloop.run({"agent": agent, "bridge": bridge}[sys.argv[1]](json.loads(Path(sys.argv[2]).read_text())))
