"""A device for Pumpwatch that keeps each event on disk until its receipt: Python 3.11, SQLite 3.35, paho-mqtt 2.

python device.py DEVICE HOST PORT FILE RESEND_SECONDS HEARTBEAT_SECONDS
Each line of standard input is an event, such as {"kind": "bolus", "outcome": "delivered", "dose_mcg": 25.0}
"""

import json
import queue
import random
import sqlite3
import sys
import threading
import time
import uuid
from contextlib import suppress
from datetime import datetime
from functools import partial

from paho.mqtt import client as mqtt
from paho.mqtt.properties import PacketTypes, Properties

device, host, port, file = sys.argv[1:5]
first_wait, heartbeat = map(float, sys.argv[5:])
topic, happened = f"pumpwatch/v1/{device}", queue.Queue()  # happened: what other threads leave to this one
log = sqlite3.connect(file, isolation_level=None)  # each statement is on disk when it returns
log.execute("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind, event, wait, due DEFAULT 0)")
AGAIN = "UPDATE log SET due = ?1 + ?2 * wait, wait = min(2 * wait, 300) WHERE due <= ?1 RETURNING kind <> 'alarm', *"


def observe(kind, **fields):
    """Put what happened now into the log, once for all: id, time and number stay with it."""
    event = {"event_id": str(uuid.uuid4()), "observed_at": datetime.now().astimezone().isoformat(), **fields}
    log.execute("INSERT INTO log (kind, event, wait) VALUES (?, ?, ?)", [kind, json.dumps(event), first_wait])


def publish_what_is_due():
    """Alarms first; each with a name for its receipt, and again later and later until that comes."""
    for _, seq, kind, event, *_ in sorted(log.execute(AGAIN, [time.monotonic(), random.uniform(1.0, 1.2)])):
        ask = Properties(PacketTypes.PUBLISH)
        ask.ResponseTopic, ask.CorrelationData = f"{topic}/receipts", str(seq).encode()
        client.publish(f"{topic}/events/{kind}", json.dumps({**json.loads(event), "seq": seq}), qos=1, properties=ask)


def take(receipt):
    """Forget an event whose receipt came, whether it is stored, was stored before, or is rejected."""
    with suppress(ValueError, KeyError, TypeError, RecursionError):  # of what is no receipt
        if isinstance(json.loads(receipt.payload)["stored"], int):
            name = getattr(receipt.properties, "CorrelationData", None)
            log.execute("DELETE FROM log WHERE CAST(seq AS BLOB) = ?", [name])


def connected():
    """Everything again that has no receipt, and a status of this moment."""
    client.subscribe(f"{topic}/receipts")
    log.execute("UPDATE log SET due = 0, wait = ?", [first_wait])
    observe("status", firmware="reference 1")


def read_events():
    for line in sys.stdin:
        happened.put(partial(observe, **json.loads(line)))


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=device, protocol=mqtt.MQTTv5)
client.username_pw_set(device)
client.on_connect = lambda *_: happened.put(connected)
client.on_message = lambda _client, _userdata, message: happened.put(partial(take, message))
client.reconnect_delay_set(first_wait / 10, 120)  # doubled after each attempt that fails
client.connect_async(host, int(port), clean_start=True)
client.loop_start()
threading.Thread(target=read_events, daemon=True).start()
next_heartbeat = time.monotonic() + heartbeat
while True:
    with suppress(queue.Empty):
        happened.get(timeout=first_wait / 20)()
    if time.monotonic() >= next_heartbeat:
        observe("status", firmware="reference 1")
        next_heartbeat += heartbeat
    if client.is_connected():  # else the library would keep it
        publish_what_is_due()
