#!/usr/bin/env python3
"""Sends every message back to where it came from, until a client says "stop": echo_server.py [HOST [PORT]]

A client is: with handfast.Endpoint() as e: c = e.connect(ADDRESS); c.send(b"hello").wait(5); print(e.receive_bytes(timeout=5))
"""
import sys

import handfast

host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
port = int(sys.argv[2]) if len(sys.argv) > 2 else 0

with handfast.Endpoint("echo") as endpoint:
    print(endpoint.listen(host, port), flush=True)
    gone = set()
    while True:
        message = endpoint.receive_bytes()
        if message.payload == b"stop":
            break
        try:
            message.connection.send(message.payload, header=message.header)
        except handfast.ConnectionLost as error:
            print(f"a client left before its answer: {error}", file=sys.stderr)
        while (event := endpoint.take_event()) is not None:
            gone.add(event.connection)
        # A client that has left may have messages here, which its close would drop.
        for connection in [each for each in gone if endpoint.probe(source=each) is None]:
            connection.close()
            gone.remove(connection)
