"""A device for Pumpwatch that keeps each event on disk until its receipt: Python 3.11, paho-mqtt 2.

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
from datetime import datetime
from functools import partial

from paho.mqtt import client as mqtt
from paho.mqtt.properties import PacketTypes, Properties

device, host, port, file = sys.argv[1:5]
first_wait, heartbeat = map(float, sys.argv[5:])
topic, happened, due = f"pumpwatch/v1/{device}", queue.Queue(), {}  # due: by seq, when to publish, and the wait after
log = sqlite3.connect(file, isolation_level=None)  # each statement is on disk when it returns
log.execute("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, event TEXT)")


def observe(kind, **fields):
    """Put what happened now into the log, once for all: id, time and number stay with it."""
    event = {"event_id": str(uuid.uuid4()), "observed_at": datetime.now().astimezone().isoformat()}
    log.execute("BEGIN")
    seq = log.execute("INSERT INTO log (kind) VALUES (?)", [kind]).lastrowid
    log.execute("UPDATE log SET event = ? WHERE seq = ?", [json.dumps({**event, "seq": seq, **fields}), seq])
    log.execute("COMMIT")


def publish_what_is_due():
    """Alarms first; each with a name for its receipt, and again later and later until that comes."""
    for seq, kind, event in log.execute("SELECT * FROM log ORDER BY kind <> 'alarm', seq").fetchall():
        at, wait = due.get(seq, (0.0, first_wait))
        if client.is_connected() and time.monotonic() >= at:
            ask = Properties(PacketTypes.PUBLISH)
            ask.ResponseTopic, ask.CorrelationData = f"{topic}/receipts", str(seq).encode()
            client.publish(f"{topic}/events/{kind}", event, qos=1, properties=ask)
            due[seq] = (time.monotonic() + wait * random.uniform(1.0, 1.2), min(2 * wait, 300.0))


def take(message):
    """Forget an event whose receipt came, whether it is stored, was stored before, or is rejected."""
    name = getattr(message.properties, "CorrelationData", b"").decode(errors="replace")
    try:
        is_receipt = isinstance(json.loads(message.payload)["stored"], int)
    except (ValueError, KeyError, TypeError):
        return
    if is_receipt and name.isdigit():
        log.execute("DELETE FROM log WHERE seq = ?", [int(name)])


def connected():
    """Everything again that has no receipt, and a status of this moment."""
    due.clear()
    observe("status", firmware="reference 1")


def hear(client, *_):
    client.subscribe(f"{topic}/receipts")
    happened.put(connected)


def read_events():
    for line in sys.stdin:
        happened.put(partial(observe, **json.loads(line)))


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=device, protocol=mqtt.MQTTv5)
client.username_pw_set(device)
client.on_connect = hear
client.on_message = lambda _client, _userdata, message: happened.put(partial(take, message))
client.reconnect_delay_set(first_wait / 10, 120)  # doubled after each attempt that fails
client.connect_async(host, int(port), clean_start=True)
client.loop_start()
threading.Thread(target=read_events, daemon=True).start()
next_heartbeat = time.monotonic() + heartbeat
while True:
    try:
        happened.get(timeout=first_wait / 20)()
    except queue.Empty:
        pass
    if time.monotonic() >= next_heartbeat:
        observe("status", firmware="reference 1")
        next_heartbeat += heartbeat
    publish_what_is_due()
