"""The Python module against the library: python3 -m unittest discover -s Python/Tests -t Python."""
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import unittest
import unittest.mock
from pathlib import Path
from typing import Tuple

import handfast

ROOT = Path(__file__).resolve().parents[2]
SOON = 30


class Loop(unittest.TestCase):
    """An endpoint with a connection to itself."""

    def setUp(self) -> None:
        self.endpoint = handfast.Endpoint("self", ignores_environment=True)
        self.addCleanup(self.endpoint.destroy)
        self.connection = self.endpoint.connect(self.endpoint.listen("127.0.0.1"), on_demand=True)

    def test_a_wait_looks_less_and_less_often_and_not_past_its_end(self) -> None:
        now, parts = [0.0], []

        def wait(nanoseconds: int) -> bool:
            parts.append(nanoseconds)
            now[0] += nanoseconds / 1e9
            return False

        with unittest.mock.patch.object(handfast.time, "monotonic", lambda: now[0]), self.assertRaises(handfast.Timeout):
            handfast._slices(10, wait)
        self.assertAlmostEqual(sum(parts), 10e9, delta=100)
        self.assertLessEqual(max(parts), 500_000_000)
        self.assertLessEqual(len(parts), 25)

    def test_a_signal_ends_a_wait(self) -> None:
        with self.assertRaises(KeyboardInterrupt):
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            self.endpoint.receive_bytes(tag=1, timeout=SOON)

    def test_a_message_arrives_with_its_bytes_header_and_connection(self) -> None:
        self.connection.send(b"hello", header=b"abcdefgh-more").wait(SOON)
        room = bytearray(8)
        done = self.endpoint.receive(room, header_room=32).wait(SOON)
        self.assertEqual((done.byte_count, room[:5], done.header), (5, b"hello", b"abcdefgh-more"))
        self.assertEqual(done.connection.peer_name, "self")

    def test_tags_match_under_a_mask(self) -> None:
        for tag in (0x11, 0x22, 0x12):
            self.connection.send_copy(bytes([tag]), tag=tag)
        self.assertEqual(self.endpoint.receive_bytes(tag=0x02, mask=0x0F, timeout=SOON).payload, b"\x22")
        self.assertEqual(self.endpoint.receive_bytes(tag=0x12, timeout=SOON).payload, b"\x12")
        self.assertEqual(self.endpoint.receive_bytes(timeout=SOON).payload, b"\x11")

    def test_any_buffer_in_one_piece_is_sent_and_filled(self) -> None:
        for data in (b"ab", bytearray(b"ab"), memoryview(b"abc")[:2], memoryview(bytearray(b"xabx"))[1:3]):
            self.connection.send(data, tag=3).wait(SOON)
            room = bytearray(4)
            self.assertEqual(self.endpoint.receive(memoryview(room)[1:3], tag=3).wait(SOON).byte_count, 2)
            self.assertEqual(room, b"\0ab\0")
        with self.assertRaises(TypeError):
            self.endpoint.receive(b"read-only")
        with self.assertRaises(TypeError):
            self.connection.send(memoryview(b"abcd")[::2])

    def test_nothing_is_a_message_too(self) -> None:
        self.connection.send(b"", tag=9).wait(SOON)
        self.assertEqual(self.endpoint.receive(bytearray(), tag=9).wait(SOON).byte_count, 0)

    def test_a_long_message_is_whole(self) -> None:
        data = os.urandom(5 << 20)
        sent = self.connection.send(data, tag=4)
        self.assertEqual(self.endpoint.receive_bytes(tag=4, timeout=SOON).payload, data)
        sent.wait(SOON)

    def test_a_message_whose_data_stay_away_is_lost_with_these_words(self) -> None:
        sender = handfast.Endpoint("sender", ignores_environment=True, settings={"HANDFAST_TRANSPORTS": "tcp"})
        self.addCleanup(sender.destroy)
        connection = sender.connect(self.endpoint.address)
        data = bytes(5 << 20)
        sent = connection.send(data, tag=4)
        while self.endpoint.probe(tag=4) is None:
            sender.progress()
            self.endpoint.progress()
        # From here on the sender stands still.
        with self.assertRaisesRegex(handfast.Timeout, "the message of 5242880 bytes had been found, and is lost"):
            self.endpoint.receive_bytes(tag=4, timeout=0.05)
        self.assertFalse(sent.is_complete)

    def test_a_probe_looks_and_leaves_it_there(self) -> None:
        self.assertIsNone(self.endpoint.probe(tag=5))
        self.connection.send(b"xyz", tag=5).wait(SOON)
        info = self.endpoint.probe(tag=5, timeout=SOON)
        self.assertEqual((info.byte_count, info.tag, info.header), (3, 5, b"\5" + bytes(7)))
        self.assertEqual(self.endpoint.receive_bytes(tag=5, timeout=SOON).payload, b"xyz")

    def test_a_message_that_is_too_long_is_an_error_with_its_length(self) -> None:
        self.connection.send(b"12345", tag=6).wait(SOON)
        with self.assertRaises(handfast.Error) as caught:
            self.endpoint.receive(bytearray(2), tag=6).wait(SOON)
        self.assertEqual(caught.exception.code, handfast.Status.TRUNCATED)
        self.assertIn("5", caught.exception.text)

    def test_a_timeout_changes_nothing(self) -> None:
        room = bytearray(4)
        request = self.endpoint.receive(room, tag=7)
        with self.assertRaises(handfast.Timeout):
            request.wait(0)
        self.assertIsNone(request.test())
        self.assertFalse(request.is_complete)
        self.connection.send(b"late", tag=7).wait(SOON)
        self.assertEqual(request.wait(SOON).byte_count, 4)
        self.assertEqual(request.wait(SOON), request.test())

    def test_a_cancelled_receive_takes_no_message(self) -> None:
        request = self.endpoint.receive(bytearray(4), tag=8)
        self.assertTrue(request.cancel())
        with self.assertRaises(handfast.Error) as caught:
            request.wait(SOON)
        self.assertEqual(caught.exception.code, handfast.Status.CANCELLED)

    def test_a_receive_that_nobody_keeps_takes_no_message(self) -> None:
        self.endpoint.receive(bytearray(4), tag=8)
        self.endpoint.progress()
        self.connection.send(b"here", tag=8).wait(SOON)
        self.assertEqual(self.endpoint.receive_bytes(tag=8, timeout=SOON).payload, b"here")
        self.assertEqual(self.endpoint._given_up, [])

    def test_a_peers_memory_is_written_read_and_counted_in(self) -> None:
        memory = bytearray(64)
        with self.endpoint.register(memory, atomic=True) as registered:
            self.connection.put(b"put here", registered.key, 8, notify=77).wait(SOON)
            value, connection = self.endpoint.take_notification(SOON)
            self.assertEqual((value, connection.peer_name, memory[8:16]), (77, "self", b"put here"))
            room = bytearray(3)
            self.connection.get(room, registered.key, 12).wait(SOON)
            self.assertEqual(room, b"her")
            self.assertEqual(self.connection.fetch_add(5, registered.key).wait(SOON).fetched, 0)
            self.assertEqual(self.connection.compare_swap(5, 9, registered.key).wait(SOON).fetched, 5)
            self.assertEqual(self.connection.swap(1, registered.key).wait(SOON).fetched, 9)
            handfast.wait_all([self.connection.flush(), self.endpoint.flush()], SOON)
            self.assertEqual(memory[:8], b"\1" + bytes(7))
            with self.assertRaises(handfast.ArgumentError):
                self.connection.put(b"too far", registered.key, 60).wait(SOON)
            key = registered.key
        with self.assertRaises(handfast.Error):
            self.connection.get(bytearray(1), key).wait(SOON)
        with self.assertRaises(handfast.ArgumentError):
            self.connection.get(bytearray(1), b"short")

    def test_read_only_memory_refuses_a_put(self) -> None:
        with self.endpoint.register(bytearray(8), put=False) as registered:
            with self.assertRaises(handfast.Error) as caught:
                self.connection.put(b"no", registered.key).wait(SOON)
            self.assertEqual(caught.exception.code, handfast.Status.REJECTED)


    def test_a_header_is_kept_until_the_message_is_out(self) -> None:
        # Not connected yet, so that everything waits.
        sent = [self.connection.send(b"", header=bytes([number]) * 40) for number in range(50)]
        sent += [self.connection.send_pieces([b""], header=bytes([number]) * 40) for number in range(50, 100)]
        for number in range(100):
            self.assertEqual(self.endpoint.receive_bytes(timeout=SOON).header, bytes([number]) * 40)
        handfast.wait_all(sent, SOON)

    def test_a_header_is_bytes_of_any_kind_and_no_text(self) -> None:
        for header in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
            self.connection.send(b"1", header=header).wait(SOON)
            self.connection.send_pieces([b"1"], header=header).wait(SOON)
            self.connection.send_copy(b"1", header=header)
            for _ in range(3):
                self.assertEqual(self.endpoint.receive_bytes(timeout=SOON).header, b"abc")
        for send in (self.connection.send, self.connection.send_copy):
            with self.assertRaises(TypeError):
                send(b"1", header="abc")
        with self.assertRaises(TypeError):
            self.connection.send_pieces([b"1"], header="abc")

    def test_numbers_that_do_not_fit_are_refused_and_not_cut(self) -> None:
        connection, key = self.connection, self.endpoint.register(bytearray(16), atomic=True).key
        for call in (
            lambda: connection.send(b"", tag=2**64 + 7), lambda: connection.send_copy(b"", tag=-1),
            lambda: connection.send_pieces([], tag=2**64), lambda: self.endpoint.receive(bytearray(1), tag=2**64),
            lambda: self.endpoint.probe(tag=7, mask=2**64), lambda: self.endpoint.receive_bytes(tag=-1, timeout=0),
            lambda: connection.get(bytearray(8), key, 2**64), lambda: connection.put(b"x", key, -8),
            lambda: connection.put(b"x", key, 2**64, notify=1), lambda: connection.put(b"x", key, notify=-1),
            lambda: connection.fetch_add(1, key, 2**64), lambda: connection.fetch_add(1, key, byte_count=2**32 + 8),
            lambda: connection.swap(2**64, key), lambda: connection.compare_swap(0, -(2**63) - 1, key),
        ):
            with self.assertRaisesRegex(handfast.ArgumentError, "is not from"):
                call()
        # Counting down is meant.
        self.assertEqual(connection.fetch_add(-1, key).wait(SOON).fetched, 0)
        self.assertEqual(connection.fetch_add(0, key).wait(SOON).fetched, 2**64 - 1)

    def test_a_text_with_a_zero_in_it_is_refused_and_not_cut(self) -> None:
        for call in (
            lambda: handfast.Endpoint("a\0b"), lambda: handfast.Endpoint("a", settings={"HANDFAST_NAME": "a\0b"}),
            lambda: self.endpoint.connect(self.endpoint.address + "\0b"),
            lambda: self.endpoint.connect(self.endpoint.address, transports="shm\0b"), lambda: self.endpoint.listen("127.0.0.1\0"),
        ):
            with self.assertRaisesRegex(handfast.ArgumentError, "a zero"):
                call()

    def test_a_message_in_pieces_arrives_as_one(self) -> None:
        self.connection.send_pieces([b"one ", bytearray(b"two "), b"", memoryview(bytearray(b"-three-"))[1:-1]], tag=10).wait(SOON)
        self.assertEqual(self.endpoint.receive_bytes(tag=10, timeout=SOON).payload, b"one two three")
        self.connection.send_pieces([], header=b"alone").wait(SOON)
        message = self.endpoint.receive_bytes(timeout=SOON)
        self.assertEqual((message.payload, message.header), (b"", b"alone"))
        with self.assertRaises(handfast.ArgumentError) as caught:
            self.connection.send_pieces([b"x"] * 17)
        self.assertIn("16", caught.exception.text)

    def test_a_function_says_which_message_a_receive_is_for(self) -> None:
        seen = []

        def is_second(header: bytes, connection: handfast.Connection) -> bool:
            seen.append((header, connection))
            return header.endswith(b"2")

        room = bytearray(8)
        request = self.endpoint.receive_where(room, is_second, header_room=8)
        for number in (b"1", b"2"):
            self.connection.send_copy(b"number " + number, header=b"no " + number)
        done = request.wait(SOON)
        self.assertEqual((done.byte_count, bytes(room), done.header), (8, b"number 2", b"no 2"))
        self.assertEqual(seen, [(b"no 1", self.connection), (b"no 2", self.connection)])
        self.assertEqual(self.endpoint.receive_bytes(timeout=SOON).header, b"no 1")

    def test_what_a_function_raises_is_told_and_matches_nothing(self) -> None:
        told, hook = [], sys.excepthook
        self.addCleanup(setattr, sys, "excepthook", hook)
        sys.excepthook = lambda kind, value, trace: told.append(value)  # type: ignore[assignment]

        def calls_back(header: bytes, connection: handfast.Connection) -> bool:
            self.endpoint.progress()
            return True

        request = self.endpoint.receive_where(bytearray(4), calls_back)
        self.connection.send(b"left", tag=1).wait(SOON)
        self.assertIsNotNone(self.endpoint.probe(tag=1, timeout=SOON))
        self.assertFalse(request.is_complete)
        self.assertEqual({error.code for error in told}, {handfast.Status.REENTRANT})

    def test_a_queue_gives_results_in_the_order_of_completion(self) -> None:
        rooms = [bytearray(4) for _ in range(4)]
        with self.endpoint.completion_queue() as queue:
            requests = [self.endpoint.receive(room, tag=tag) for tag, room in enumerate(rooms)]
            for tag, request in enumerate(requests):
                queue.add(request, context=f"tag {tag}")
            self.assertEqual((list(queue.poll()), len(queue)), ([], 4))
            with self.assertRaises(handfast.Timeout):
                queue.wait(0)
            with self.assertRaises(handfast.ArgumentError):
                requests[0].wait(0)
            with self.assertRaises(handfast.ArgumentError):
                queue.add(requests[0])
            for tag, data in ((2, b"two"), (0, b"long one"), (3, b"tri")):
                self.connection.send(data, tag=tag).wait(SOON)
            del requests, request
            done = []
            while len(done) < 3:
                done += queue.wait(SOON)
            self.assertEqual([each.context for each in done], ["tag 2", "tag 0", "tag 3"])
            self.assertEqual((done[0].request.wait(0).byte_count, rooms[2]), (3, b"two\0"))
            with self.assertRaises(handfast.Error) as caught:
                done[1].request.wait(0)
            self.assertEqual(caught.exception.code, handfast.Status.TRUNCATED)
            self.assertIn("8 bytes", caught.exception.text)
            sent = self.connection.send(b"sent", tag=50)
            queue.add(sent)
            self.assertEqual((queue.wait(SOON)[0].request, sent.wait(0).byte_count, len(queue)), (sent, 4, 1))
            with self.assertRaises(handfast.ArgumentError):
                queue.add(sent)
        # The receive that was left has gone with the queue.
        self.connection.send(b"one", tag=1).wait(SOON)
        self.assertEqual(self.endpoint.receive_bytes(tag=1, timeout=SOON).payload, b"one")
        queue.close()
        with self.assertRaises(handfast.Error):
            list(queue.poll())

    def test_a_queue_ends_with_its_endpoint(self) -> None:
        queue = self.endpoint.completion_queue()
        request = self.endpoint.receive(bytearray(4), tag=1)
        queue.add(request)
        self.endpoint.destroy()
        self.assertEqual(len(queue), 0)
        queue.close()

    def test_what_waits_and_who_is_near_is_told(self) -> None:
        self.assertEqual(self.endpoint.pending, [])
        with self.assertRaises(handfast.Timeout):
            self.connection.is_local  # noqa: B018
        self.connection.send(b"up", tag=1).wait(SOON)
        self.endpoint.receive_bytes(tag=1, timeout=SOON)
        self.assertTrue(self.connection.is_local)
        self.endpoint.connect("127.0.0.1:1")
        self.assertRegex(self.endpoint.pending[0], "^to 127.0.0.1:1: waiting for ")

    def test_a_function_gets_the_lines_of_the_log(self) -> None:
        lines = []

        def keep(level: int, text: str) -> None:
            lines.append((level, text))

        with handfast.Endpoint("logged", ignores_environment=True, log=keep, log_level=handfast.LogLevel.DEBUG) as endpoint:
            connection = endpoint.connect(endpoint.listen("127.0.0.1")).wait(SOON)
            self.assertIn(handfast.LogLevel.DEBUG, [level for level, _ in lines])
            self.assertTrue(any(text.startswith("connected ") for _, text in lines), lines)
            connection.close()


class Wrong(unittest.TestCase):
    def test_a_setting_that_is_not_allowed_is_named(self) -> None:
        with self.assertRaises(handfast.ArgumentError) as caught:
            handfast.Endpoint(settings={"HANDFAST_SPIN_US": "fast"})
        for word in ("HANDFAST_SPIN_US", "fast", "1000000"):
            self.assertIn(word, str(caught.exception))
        self.assertIsInstance(caught.exception, ValueError)

    def test_what_is_closed_is_stale(self) -> None:
        endpoint = handfast.Endpoint()
        endpoint.close()
        endpoint.close()
        with self.assertRaises(handfast.Error):
            endpoint.progress()

    def test_nobody_there_is_a_lost_connection(self) -> None:
        with handfast.Endpoint(settings={"HANDFAST_CONNECT_ATTEMPTS": "1"}) as endpoint:
            with self.assertRaises(handfast.ConnectionLost) as caught:
                endpoint.connect("127.0.0.1:1").wait(SOON)
            self.assertEqual(caught.exception.code, handfast.Status.UNREACHABLE)
            with self.assertRaises(handfast.ArgumentError):
                endpoint.connect("nonsense")
            with self.assertRaises(handfast.ArgumentError):
                endpoint.listen(port=65536)

    def test_structs_are_laid_out_as_recorded(self) -> None:
        recorded = [line.split() for line in (ROOT / "Tests/CBinary/layout").read_text().splitlines()]
        structs = {each.__name__: each for each in vars(handfast).values() if isinstance(each, type) and issubclass(each, ctypes.Structure)}
        self.assertEqual(len(structs), 10)
        found = 0
        for words in recorded:
            name = words[1] if words[0] == "sizeof" else words[0].split(".")[0]
            if name not in structs:
                continue
            found += 1
            if words[0] == "sizeof":
                self.assertEqual(ctypes.sizeof(structs[name]), int(words[2]), name)
            else:
                field = getattr(structs[name], words[0].split(".")[1])
                self.assertEqual((field.offset, field.size), (int(words[1]), int(words[2])), words[0])
        self.assertGreater(found, 50)

    def test_codes_are_those_of_the_header(self) -> None:
        values = dict(line.rsplit(" ", 1) for line in (ROOT / "Tests/CBinary/layout").read_text().splitlines() if line.startswith("HF_"))
        for kind, prefix in ((handfast.Status, "HF_ERROR_"), (handfast.State, "HF_STATE_"), (handfast.EventKind, "HF_EVENT_"), (handfast.LogLevel, "HF_LOG_")):
            for each in kind:
                name = f"HF_{each.name}" if kind is handfast.Status and each >= 0 else prefix + each.name
                self.assertEqual(int(values[name]), each.value, name)


class TwoProcesses(unittest.TestCase):
    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": str(Path(handfast.__file__).parent)}
        process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_the_example_plays_ping_pong(self) -> None:
        out, error = self.start(str(ROOT / "Examples/Python/ping_pong.py"), "200").communicate(timeout=60)
        self.assertRegex(out, r"^200 rounds with rank1 over (shm|tcp): [0-9.]+ us\n$", error)

    def served(self, transport: str) -> "Tuple[subprocess.Popen[str], str]":
        process = self.start(str(ROOT / "Examples/Python/echo_server.py"))
        self.assertTrue(select.select([process.stdout], [], [], SOON)[0], "the server says nothing")
        return process, process.stdout.readline().strip()

    def test_the_example_echoes_over_each_transport_and_stops(self) -> None:
        for transport in ("tcp", "shm"):
            process, address = self.served(transport)
            with handfast.Endpoint("client") as endpoint:
                try:
                    connection = endpoint.connect(address, transports=transport).wait(SOON)
                except handfast.Error as error:
                    process.kill()
                    self.assertEqual(transport, "shm", error)
                    self.skipTest(str(error))
                self.assertEqual((connection.transport, connection.state), (transport, handfast.State.CONNECTED))
                self.assertIn((transport, 1), [decision[:2] for decision in connection.decisions])
                connection.send(b"there and back", header=b"marked").wait(SOON)
                message = endpoint.receive_bytes(timeout=SOON)
                self.assertEqual((message.payload, message.header), (b"there and back", b"marked"))
                connection.send(b"stop").wait(SOON)
            self.assertEqual(process.wait(SOON), 0)

    def test_a_killed_peer_is_an_event_and_an_error(self) -> None:
        process, address = self.served("tcp")
        with handfast.Endpoint("client") as endpoint:
            connection = endpoint.connect(address).wait(SOON)
            receive = endpoint.receive(bytearray(8), source=connection)
            process.send_signal(signal.SIGKILL)
            with self.assertRaises(handfast.ConnectionLost) as caught:
                receive.wait(SOON)
            self.assertEqual(caught.exception.code, handfast.Status.PEER_LOST)
            self.assertIn("echo", caught.exception.text)
            event = endpoint.take_event(SOON)
            self.assertEqual((event.kind, event.connection), (handfast.EventKind.PEER_LOST, connection))
            self.assertIsNone(endpoint.take_event())

    def test_several_threads_share_an_endpoint_that_allows_it(self) -> None:
        process, address = self.served("shm")
        with handfast.Endpoint("client", threads=True) as endpoint:
            connection = endpoint.connect(address).wait(SOON)
            failures = []

            def ask(number: int) -> None:
                try:
                    for turn in range(50):
                        data = f"{number}/{turn}".encode()
                        connection.send(data, tag=number).wait(SOON)
                        self.assertEqual(endpoint.receive_bytes(tag=number, timeout=SOON).payload, data)
                except BaseException as error:  # noqa: B902: told to the test's own thread.
                    failures.append(error)

            threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            connection.send(b"stop").wait(SOON)
        self.assertEqual(process.wait(SOON), 0)


if __name__ == "__main__":
    unittest.main()
