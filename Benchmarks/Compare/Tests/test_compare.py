"""Medians, ratios, sizes, the chart, and children that do not end."""

import time
import unittest
import xml.etree.ElementTree
from pathlib import Path

from Compare import chart, children, machine, table
from Compare.children import Command, Ended
from Compare.measuring import Results, measure
from Compare.rows import KIB, MIB, Row, Test, parse_sizes, rows
from Compare.tools import Place, Tool, all_tools

PLACE = Place(Path("handfast"), Path("/nowhere"), Path("/nowhere"), (0, 1), False, 0.1, 5)


class Scripted(Tool):
    """Writes what it was told to, one word a run."""

    program, package, path = "true", "", "shm"

    def __init__(self, family: str, words: list[str], is_late: bool = False) -> None:
        super().__init__(PLACE)
        self.name = self.family = family
        self.words, self.is_late = words, is_late
        self.run_count = 0

    @property
    def is_peer(self) -> bool:
        return self.family not in ("Handfast", "floor")

    def run(self, row: Row) -> list[Ended]:
        self.run_count += 1
        return [Ended(self.words[(self.run_count - 1) % len(self.words)], 0, self.run_count, self.is_late)]

    def parse(self, row: Row, output: str) -> float:
        return float(output)


def quiet(text: str) -> None:
    pass


class Comparison(unittest.TestCase):
    def test_takes_medians_and_the_best_peer_of_the_row(self) -> None:
        row = Row("shm", Test.LATENCY, 8)
        tools: list[Tool] = [
            Scripted("Handfast", ["3", "1", "2"]),
            Scripted("UCX", ["5", "4", "40"]),
            Scripted("libfabric", ["6"]),
            Scripted("floor", ["1"]),
        ]
        results = measure([row], tools, 3, quiet)
        best = results.best_peer(row)
        assert best
        self.assertEqual((results.ours(row), best[0].name, best[1]), (2, "UCX", 5))
        self.assertEqual((results.ratio_to_best(row), results.ratio_to_floor(row)), (0.4, 2))

    def test_takes_the_most_for_the_best_bandwidth(self) -> None:
        row = Row("shm", Test.BANDWIDTH, MIB)
        results = measure(
            [row], [Scripted("Handfast", ["12"]), Scripted("UCX", ["5"]), Scripted("libfabric", ["6"])], 1, quiet
        )
        self.assertEqual(results.ratio_to_best(row), 2)
        self.assertIsNone(results.ratio_to_floor(row))

    def test_goes_on_when_a_tool_fails_and_tries_it_twice(self) -> None:
        row = Row("shm", Test.LATENCY, 8)
        wrong, late = Scripted("UCX", ["first\nno device"]), Scripted("libfabric", ["1"], is_late=True)
        results = measure([row], [Scripted("Handfast", ["3"]), wrong, late], 5, quiet)
        self.assertEqual((results.ours(row), results.best_peer(row), wrong.run_count), (3, None, 2))
        self.assertIn("no device", results.cell(row, wrong).failures[0])
        self.assertIn("did not end within 5 s", results.cell(row, late).failures[0])
        self.assertIn("–", table.text(results))

    def test_begins_with_another_tool_each_round(self) -> None:
        order: list[str] = []
        tools: list[Tool] = [Scripted(name, ["1"]) for name in ("Handfast", "UCX", "floor")]
        measure([Row("shm", Test.LATENCY, 8)], tools, 3, lambda text: order.append(text.split(": ")[-1]))
        self.assertEqual(order[::3], ["Handfast", "UCX", "floor"])

    def test_reads_sizes(self) -> None:
        self.assertEqual(parse_sizes("8,1k,2M"), [8, KIB, 2 * MIB])
        for wrong in ("", "8,", "x", "-1", "0", "2048m", "1.5k"):
            with self.assertRaises(ValueError):
                parse_sizes(wrong)

    def test_has_bandwidth_for_large_sizes_only(self) -> None:
        found = [(row.test, row.byte_count) for row in rows(["tcp"], [8, 128 * KIB])]
        self.assertEqual(
            found, [(Test.LATENCY, 8), (Test.LATENCY, 128 * KIB), (Test.BANDWIDTH, 128 * KIB), (Test.RATE, 8)]
        )

    def test_has_as_many_in_flight_as_ours(self) -> None:
        windows = [Row("shm", Test.BANDWIDTH, size).window for size in (8, 64 * KIB, MIB, 4 * MIB, 64 * MIB)]
        self.assertEqual(windows, [64, 64, 16, 4, 2])

    def test_draws_every_tool_and_closes_every_element(self) -> None:
        tools = all_tools(PLACE)
        results = Results(rows(["shm", "tcp"], None), tools, {})
        for index, row in enumerate(results.rows):
            for tool in results.tools_of(row.path):
                if tool.measures(row):
                    results.cell(row, tool).values.append(1.5 + index)
        text = chart.svg(results, "a machine <with> & marks")
        root = xml.etree.ElementTree.fromstring(text)
        titles = {element.text for element in root.iter("{http://www.w3.org/2000/svg}title")}
        self.assertEqual(titles, {tool.family for tool in tools})
        self.assertIn("prefers-color-scheme:dark", text)
        self.assertIn("| 8 B |", table.markdown(results, machine.this_machine(), "5 rounds", []))


class Children(unittest.TestCase):
    def test_are_ended_with_their_own_children_at_the_deadline(self) -> None:
        children.adopt_orphans()
        start = time.monotonic()
        # The inner one leaves the session and pays no heed.
        inner = "trap '' TERM INT; echo inner $$; sleep 60 & wait; sleep 60"
        ended = children.run(
            Command(["sh", "-c", f'setsid sh -c "{inner.replace("$", chr(92) + "$")}" & sleep 60']), False, 0.5
        )
        self.assertTrue(ended.is_late)
        self.assertLess(time.monotonic() - start, 10)
        number = int(ended.output.split()[1])
        self.assertFalse(Path(f"/proc/{number}").exists())

    def test_do_not_wait_for_a_server_that_has_gone(self) -> None:
        start = time.monotonic()
        server, client = Command(["sh", "-c", "echo no device; exit 3"]), Command(["sh", "-c", "echo alone; exit 4"])
        first, second = children.run_pair(server, client, children.free_port(), False, 5)
        self.assertEqual((first.code, first.output, second.code), (3, "no device\n", 4))
        self.assertLess(time.monotonic() - start, 4)

    def test_of_a_program_that_is_not_there_are_an_error(self) -> None:
        with self.assertRaises(OSError):
            children.run(Command(["/nowhere/tool"]), False, 1)
