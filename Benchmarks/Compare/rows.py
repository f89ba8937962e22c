"""What is measured: one row for each path, test and size."""

from dataclasses import dataclass
from enum import Enum

KIB = 1024
MIB = 1024 * 1024


class Test(Enum):
    LATENCY = "latency"
    BANDWIDTH = "bandwidth"
    RATE = "rate"

    @property
    def unit(self) -> str:
        return {"latency": "us", "bandwidth": "MB/s", "rate": "messages/s"}[self.value]

    @property
    def more_is_better(self) -> bool:
        return self is not Test.LATENCY


PATHS = {"shm": "shared memory", "tcp": "TCP"}
SIZES = {Test.LATENCY: [8, 64, KIB, 4 * KIB, 64 * KIB, MIB], Test.BANDWIDTH: [64 * KIB, MIB, 4 * MIB], Test.RATE: [8]}


@dataclass(frozen=True)
class Row:
    path: str
    test: Test
    byte_count: int

    @property
    def window(self) -> int:
        """Messages in flight, as many as `handfast perf` has."""
        fitting = 16 * MIB // max(self.byte_count, 1) // 2 * 2
        return max(2, min(fitting, 64))

    def iterations(self, seconds: float) -> int:
        """About as many as fit into so long."""
        base, bytes_a_second = (0.3e-6, 8e9) if self.path == "shm" else (6e-6, 3e9)
        each = base + self.byte_count / bytes_a_second
        return max(20, min(200_000, int(seconds / each / (2 if self.test is Test.LATENCY else 1))))

    def __str__(self) -> str:
        return f"{PATHS[self.path]}, {self.test.value} of {size_text(self.byte_count)}"


def rows(paths: list[str], sizes: list[int] | None) -> list[Row]:
    """All rows, or those of the given sizes: any size for latency, those from 64 KiB on for bandwidth."""
    found = []
    for path in paths:
        for test in Test:
            chosen = SIZES[test]
            if sizes is not None and test is Test.LATENCY:
                chosen = sizes
            elif sizes is not None:
                chosen = [size for size in sizes if size in chosen or (test is Test.BANDWIDTH and size >= 64 * KIB)]
            found += [Row(path, test, size) for size in chosen]
    return found


def size_text(byte_count: int) -> str:
    if byte_count >= MIB and byte_count % MIB == 0:
        return f"{byte_count // MIB} MiB"
    if byte_count >= KIB and byte_count % KIB == 0:
        return f"{byte_count // KIB} KiB"
    return f"{byte_count} B"


def parse_sizes(text: str) -> list[int]:
    """Reads `8,1k,1m`."""
    units = {"k": KIB, "m": MIB}
    sizes = []
    for part in text.lower().split(","):
        digits, unit = (part[:-1], units[part[-1]]) if part[-1:] in units else (part, 1)
        if not digits.isascii() or not digits.isdigit() or not 1 <= int(digits) * unit <= 1 << 30:
            raise ValueError(
                f'"{part}" is no size; allowed are numbers from 1 to 1024m, with k or m, and commas between'
            )
        sizes.append(int(digits) * unit)
    return sizes
