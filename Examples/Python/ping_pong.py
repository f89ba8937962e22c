#!/usr/bin/env python3
"""Half a round trip of 8 bytes between two processes, from Python: ping_pong.py [ROUNDS]"""
import os
import sys
import time

import handfast

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
reading, writing = os.pipe()


def play(endpoint: handfast.Endpoint, connection: handfast.Connection, begins: bool) -> None:
    ball = bytearray(8)
    for _ in range(rounds):
        arrival = endpoint.receive(ball, tag=1, source=connection)
        if begins:
            connection.send(b"8 bytes.", tag=1)
        arrival.wait(10)
        if not begins:
            connection.send(ball, tag=1)


if os.fork() == 0:
    with handfast.Endpoint("rank1") as endpoint:
        connection = endpoint.connect(os.read(reading, 4096).decode())
        play(endpoint, connection.wait(10), begins=False)
    os._exit(0)

with handfast.Endpoint("rank0") as endpoint:
    os.write(writing, endpoint.listen("127.0.0.1").encode())
    connection = endpoint.accept(10).wait(10)
    began = time.perf_counter()
    play(endpoint, connection, begins=True)
    took = time.perf_counter() - began
    print(f"{rounds} rounds with {connection.peer_name} over {connection.transport}: {took / rounds / 2 * 1e6:.1f} us")
if os.wait()[1] != 0:
    sys.exit("the other process failed")
