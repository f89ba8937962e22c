"""The programs that are measured: ours, the peers, and the floors."""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from . import children, parsers
from .children import Command, Ended
from .rows import KIB, Row, Test


@dataclass(frozen=True)
class Place:
    """Where and how long everything runs."""

    handfast: Path
    floors: Path
    scratch: Path
    cores: tuple[int, int]
    is_realtime: bool
    seconds: float
    """Of measuring, about, a row of a tool in a round."""
    deadline: float


class Tool(ABC):
    """One program over one path."""

    path: str
    name: str
    family: str
    """Its name in the chart."""
    program: str
    package: str
    statistic = "mean"
    """What its latency is; bandwidths and rates are means for all."""
    note = ""

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def is_peer(self) -> bool:
        return True

    @property
    def is_missing(self) -> bool:
        return shutil.which(self.program) is None

    def measures(self, row: Row) -> bool:
        return row.path == self.path

    @abstractmethod
    def run(self, row: Row) -> list[Ended]:
        """Starts it, waits for its end."""

    @abstractmethod
    def parse(self, row: Row, output: str) -> float: ...


class Handfast(Tool):
    family, program, package, statistic = "Handfast", "", "", "p50"

    def __init__(self, place: Place, path: str) -> None:
        super().__init__(place)
        self.path, self.name = path, "Handfast"

    @property
    def is_peer(self) -> bool:
        return False

    @property
    def is_missing(self) -> bool:
        return False

    def words(self, row: Row) -> list[str]:
        test = "latency" if row.test is Test.LATENCY else "bandwidth"
        words = [str(self.place.handfast), "perf", "--format", "json", "--transport", self.path, "--test", test]
        return words + ["--sizes", str(row.byte_count), "--pin", ",".join(map(str, self.place.cores))]

    def run(self, row: Row) -> list[Ended]:
        # Not pinned from outside: it knows of no other core then.
        return [children.run(Command(self.words(row)), self.place.is_realtime, self.place.deadline)]

    def parse(self, row: Row, output: str) -> float:
        return parsers.handfast(row, output)


class HandfastAllocated(Handfast):
    """The same, with buffers from the library."""

    family = "Handfast allocated"
    note = "memory from Endpoint.allocate, whose bytes stay the same"

    def __init__(self, place: Place) -> None:
        super().__init__(place, "shm")
        self.name = self.family

    def measures(self, row: Row) -> bool:
        return super().measures(row) and row.byte_count >= 64 * KIB

    def words(self, row: Row) -> list[str]:
        return [*super().words(row), "--allocate"]


class Pair(Tool):
    """A server and a client that finds it by a port of this host."""

    server_ends = True

    def run(self, row: Row) -> list[Ended]:
        port = children.free_port()
        server, client = self.words(row, port)
        environment = self.environment()
        return list(
            children.run_pair(
                Command(server, self.place.cores[1], environment),
                Command(client, self.place.cores[0], environment),
                port,
                self.place.is_realtime,
                self.place.deadline,
                self.server_ends,
            )
        )

    @abstractmethod
    def words(self, row: Row, port: int) -> tuple[list[str], list[str]]: ...

    def environment(self) -> dict[str, str]:
        return {}


class UCX(Pair):
    program, package, statistic = "ucx_perftest", "ucx-utils", "p50"

    def __init__(self, place: Place, path: str, transports: str) -> None:
        super().__init__(place)
        self.path, self.transports = path, transports
        self.name = "UCX " + transports.replace(",", "+")
        self.family = "UCX posix+cma" if "cma" in transports else "UCX"

    def environment(self) -> dict[str, str]:
        return {"UCX_TLS": self.transports}

    def words(self, row: Row, port: int) -> tuple[list[str], list[str]]:
        count = row.iterations(self.place.seconds)
        client = [self.program, "127.0.0.1", "-p", str(port), "-s", str(row.byte_count), "-n", str(count)]
        client += ["-w", str(count // 10 + 1), "-f", "-v"]
        if row.test is Test.LATENCY:
            client += ["-t", "tag_lat"]
        else:
            client += ["-t", "tag_bw", "-O", str(row.window)]
        return [self.program, "-p", str(port)], client

    def parse(self, row: Row, output: str) -> float:
        return parsers.ucx_perftest(row, output)


class Libfabric(Pair):
    program, package, family = "fi_pingpong", "libfabric-bin", "libfabric"
    note = "has no warm-up"

    def __init__(self, place: Place, path: str) -> None:
        super().__init__(place)
        self.path, self.name = path, f"libfabric {path}"

    def measures(self, row: Row) -> bool:
        return super().measures(row) and row.test is Test.LATENCY

    def words(self, row: Row, port: int) -> tuple[list[str], list[str]]:
        common = [self.program, "-p", self.path, "-e", "rdm" if self.path == "shm" else "msg"]
        common += ["-S", str(row.byte_count), "-I", str(row.iterations(self.place.seconds))]
        return common + ["-B", str(port)], common + ["-P", str(port), "127.0.0.1"]

    def parse(self, row: Row, output: str) -> float:
        return parsers.fi_pingpong(row, output)


class NetPIPE(Pair):
    program, package, path, name, family = "NPtcp", "netpipe-tcp", "tcp", "NetPIPE", "NetPIPE TCP"
    statistic, note = "best mean", "the best of its trials; blocks in recv"

    def measures(self, row: Row) -> bool:
        # Without a border between messages there is no rate of them.
        return super().measures(row) and row.test is not Test.RATE

    def words(self, row: Row, port: int) -> tuple[list[str], list[str]]:
        common = [self.program, "-P", str(port)] + netpipe_words(row, self.place)
        figures = str(self._figures())
        return common + ["-o", "/dev/null"], common + ["-o", figures, "-h", "127.0.0.1"]

    def run(self, row: Row) -> list[Ended]:
        return with_figures(self._figures(), lambda: super(NetPIPE, self).run(row))

    def _figures(self) -> Path:
        return self.place.scratch / "netpipe"

    def parse(self, row: Row, output: str) -> float:
        return parsers.netpipe(row, output)


class Sockperf(Pair):
    program, package, path, name, family = "sockperf", "sockperf", "tcp", "sockperf", "sockperf"
    statistic, note = "p50", "14 B, its least, in the row of 8 B"
    server_ends = False

    def measures(self, row: Row) -> bool:
        return super().measures(row) and row.test is Test.LATENCY and row.byte_count < 64 * KIB

    def words(self, row: Row, port: int) -> tuple[list[str], list[str]]:
        common = ["--tcp", "-i", "127.0.0.1", "-p", str(port), "--nonblocked"]
        # It counts whole seconds; half of the first is left out by itself.
        client = [self.program, "ping-pong", *common, "-m", str(max(14, row.byte_count)), "-t", "1"]
        return [self.program, "server", *common], client

    def parse(self, row: Row, output: str) -> float:
        return parsers.sockperf(row, output)


class OpenMPI(Tool):
    program, package, family = "NPopenmpi", "netpipe-openmpi", "Open MPI"
    statistic, note = "best mean", "NetPIPE, the best of its trials; its rate is that of a stream without window"

    def __init__(self, place: Place, path: str) -> None:
        super().__init__(place)
        self.path, self.name = path, f"Open MPI {self._layer(path)}"

    @staticmethod
    def _layer(path: str) -> str:
        return "vader" if path == "shm" else "tcp"

    @property
    def is_missing(self) -> bool:
        return super().is_missing or shutil.which("mpirun") is None

    def run(self, row: Row) -> list[Ended]:
        figures = self.place.scratch / "netpipe"
        one = [self.program] + netpipe_words(row, self.place)
        words = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "pml", "ob1"]
        words += ["--mca", "btl", f"self,{self._layer(self.path)}"]
        words += ["-np", "1", "taskset", "-c", str(self.place.cores[0]), *one, "-o", str(figures), ":"]
        words += ["-np", "1", "taskset", "-c", str(self.place.cores[1]), *one, "-o", "/dev/null"]
        permission = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        command = Command(words, None, permission if os.geteuid() == 0 else {})
        return with_figures(figures, lambda: [children.run(command, self.place.is_realtime, self.place.deadline)])

    def parse(self, row: Row, output: str) -> float:
        return parsers.netpipe(row, output)


class Floor(Tool):
    family, package, statistic = "floor", "", "p50"

    def __init__(self, place: Place, path: str) -> None:
        super().__init__(place)
        self.path, self.name = path, "floor"
        self.program = str(place.floors / ("shared_memory" if path == "shm" else "tcp"))

    @property
    def is_peer(self) -> bool:
        return False

    def run(self, row: Row) -> list[Ended]:
        words = [self.program, row.test.value, str(row.byte_count), str(self.place.seconds)]
        words += map(str, self.place.cores)
        return [children.run(Command(words), self.place.is_realtime, self.place.deadline)]

    def parse(self, row: Row, output: str) -> float:
        return parsers.floor(row, output)


class ReadFloor(Floor):
    """What memory that a program has from anywhere can be copied with, one copy a message."""

    family = "floor read"
    note = "process_vm_readv out of the sender's memory, whose bytes stay the same, and nothing else"

    def __init__(self, place: Place) -> None:
        super().__init__(place, "shm")
        self.name, self.program = self.family, str(place.floors / "reads")

    def measures(self, row: Row) -> bool:
        return super().measures(row) and row.byte_count >= 64 * KIB


def netpipe_words(row: Row, place: Place) -> list[str]:
    size = str(row.byte_count)
    # It does each size three times.
    count = max(20, row.iterations(place.seconds) // 3)
    words = ["-l", size, "-u", size, "-p", "0", "-n", str(count)]
    return words if row.test is Test.LATENCY else words + ["-s"]


def with_figures(file: Path, run: Callable[[], list[Ended]]) -> list[Ended]:
    """Runs what writes its figures to a file, which then stand for its output: on the terminal two processes write
    into each other's lines."""
    file.unlink(missing_ok=True)
    *others, last = run()
    figures = file.read_text() if file.exists() else ""
    return [*others, replace(last, output=figures if figures.strip() else last.output)]


def all_tools(place: Place) -> list[Tool]:
    return [
        Handfast(place, "shm"),
        HandfastAllocated(place),
        UCX(place, "shm", "posix"),
        UCX(place, "shm", "posix,cma"),
        Libfabric(place, "shm"),
        OpenMPI(place, "shm"),
        Floor(place, "shm"),
        ReadFloor(place),
        Handfast(place, "tcp"),
        UCX(place, "tcp", "tcp"),
        Libfabric(place, "tcp"),
        OpenMPI(place, "tcp"),
        NetPIPE(place),
        Sockperf(place),
        Floor(place, "tcp"),
    ]
