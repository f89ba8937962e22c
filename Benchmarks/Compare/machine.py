"""What the figures were from, and how much of the machine others had meanwhile."""

import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    processor: str
    core_count: int
    kernel: str
    date: str

    @property
    def text(self) -> str:
        return f"{self.processor}, {self.core_count} cores, Linux {self.kernel}, {self.date}"

    def fields(self) -> dict[str, object]:
        return asdict(self)


def this_machine() -> Machine:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return Machine(model, os.cpu_count() or 1, platform.release(), time.strftime("%Y-%m-%d"))


@dataclass(frozen=True)
class Ticks:
    """Of all cores since the start, in the kernel's units."""

    stolen: int
    total: int


def ticks() -> Ticks:
    values = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return Ticks(values[7], sum(values))


def stolen_percent(before: Ticks, after: Ticks) -> float:
    total = after.total - before.total
    return 100 * (after.stolen - before.stolen) / total if total > 0 else 0.0


def load() -> float:
    return os.getloadavg()[0]
