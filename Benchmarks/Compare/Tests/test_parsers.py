"""The parsers read what the tools have really written."""

import unittest
from pathlib import Path

from Compare import parsers
from Compare.rows import KIB, MIB, Row, Test

LATENCY, BANDWIDTH, RATE = Row("shm", Test.LATENCY, KIB), Row("shm", Test.BANDWIDTH, MIB), Row("shm", Test.RATE, 8)


def recorded(name: str) -> str:
    return (Path(__file__).parent / "Recorded" / f"{name}.txt").read_text()


class Parsers(unittest.TestCase):
    def test_read_handfast_perf(self) -> None:
        self.assertEqual(parsers.handfast(LATENCY, recorded("handfast-shm-latency")), 0.2153)
        self.assertEqual(parsers.handfast(BANDWIDTH, recorded("handfast-shm-bandwidth")), 2880.223)
        self.assertEqual(parsers.handfast(RATE, recorded("handfast-shm-rate")), 4026266.5)
        self.assertEqual(parsers.handfast_mean(recorded("handfast-shm-latency")), 1.0265)

    def test_read_handfast_perf_of_idle_connections(self) -> None:
        found = parsers.handfast_scale(recorded("handfast-idle"), "ns_per_progress")
        self.assertEqual(found[("tcp", 1)], 174.5)
        self.assertEqual(len(found), 8)

    def test_read_ucx_perftest_whose_megabyte_is_binary(self) -> None:
        self.assertEqual(parsers.ucx_perftest(LATENCY, recorded("ucx-shm-latency")), 0.21)
        self.assertAlmostEqual(parsers.ucx_perftest(BANDWIDTH, recorded("ucx-shm-bandwidth")), 4758.69 * MIB / 1e6)
        self.assertEqual(parsers.ucx_perftest(RATE, recorded("ucx-shm-rate")), 6467452)

    def test_read_fi_pingpong(self) -> None:
        self.assertEqual(parsers.fi_pingpong(LATENCY, recorded("libfabric-shm-latency")), 1.57)
        self.assertEqual(parsers.fi_pingpong(LATENCY, recorded("libfabric-tcp-latency")), 52.41)

    def test_read_netpipe_whose_megabit_is_binary(self) -> None:
        # The file rounds the time to 10 ns.
        self.assertAlmostEqual(parsers.netpipe(LATENCY, recorded("netpipe-tcp-latency")), 93.15, places=2)
        self.assertAlmostEqual(parsers.netpipe(LATENCY, recorded("open-mpi-shm-latency")), 1.478, places=3)
        self.assertAlmostEqual(
            parsers.netpipe(BANDWIDTH, recorded("open-mpi-shm-bandwidth")), MIB / 0.00082009 / 1e6, places=1
        )
        self.assertAlmostEqual(parsers.netpipe(RATE, recorded("open-mpi-shm-rate")) / 1e6, 11.47, places=2)

    def test_read_sockperf(self) -> None:
        self.assertEqual(parsers.sockperf(LATENCY, recorded("sockperf-tcp-latency")), 6.554)

    def test_read_the_floors(self) -> None:
        self.assertEqual(parsers.floor(LATENCY, recorded("floor-shm-latency")), 0.4319)
        self.assertEqual(parsers.floor(BANDWIDTH, recorded("floor-shm-bandwidth")), 6835.541)
        self.assertEqual(parsers.floor(RATE, recorded("floor-shm-rate")), 2953718.4)

    def test_say_so_when_there_is_no_figure(self) -> None:
        for parse in (
            parsers.handfast,
            parsers.ucx_perftest,
            parsers.fi_pingpong,
            parsers.netpipe,
            parsers.sockperf,
            parsers.floor,
        ):
            for row in (LATENCY, BANDWIDTH):
                for output in ("", "it failed", recorded("ucx-no-transport")):
                    with self.subTest(parse=parse.__name__, output=output[:10]), self.assertRaises(parsers.NoFigure):
                        parse(row, output)


if __name__ == "__main__":
    unittest.main()
