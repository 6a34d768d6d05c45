"""locust with the websocket-client library: one user per connection, each on a greenlet. The protocol is in ../README.md."""

import os
import sys

import gevent
import websocket
from gevent.os import tp_read
from locust import User, task

CONNECTIONS = int(os.environ["PEER_CONNECTIONS"])


class Count:
    subscribed = 0
    messages = 0


class Subscriber(User):
    @task
    def receive(self):
        socket = websocket.create_connection(self.host)
        Count.subscribed += 1
        if Count.subscribed == CONNECTIONS:
            print("PHASE connected", flush=True)
            gevent.spawn(answer)
        while socket.recv():
            Count.messages += 1


def answer():
    tp_read(sys.stdin.fileno(), 1)
    print(f"RESULT {Count.messages}", flush=True)
    os._exit(0)
