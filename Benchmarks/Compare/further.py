"""What is not a message's time: an idle call of progress, more processes than cores, a process that waits."""

import os
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import children, parsers
from .children import Child, Command
from .tools import Place

_SPINS = [0, 50, 1_000_000]
"""Microseconds of HANDFAST_SPIN_US: none, the default, for ever."""


@dataclass(frozen=True)
class Finding:
    name: str
    value: float | None
    unit: str
    note: str = ""

    @property
    def text(self) -> str:
        return "–" if self.value is None else f"{self.value:.3g} {self.unit}"


def findings(place: Place, rounds: int, is_quick: bool, paths: list[str], say: Callable[[str], None]) -> list[Finding]:
    found: list[Finding] = []
    say("progress with nothing to do")
    found += _scale(place, rounds, "idle", "1,100" if is_quick else "1,10000", "ns_per_progress", "ns")
    say("one peer of many")
    found += _scale(place, rounds, "crowd", "1,64", "p50_us", "us")
    say("the first message after a silence")
    found += _scale(place, rounds, "sleep", "1", "p50_us", "us")
    found.append(_wake_floor(place, rounds))
    for path in paths:
        values: dict[int, list[float]] = {spin: [] for spin in _SPINS}
        for number in range(rounds):
            for spin in _SPINS:
                say(f"round {number + 1} of {rounds}: 4 processes on 2 cores, {path}, HANDFAST_SPIN_US={spin}")
                values[spin] += _crowded(place, path, spin)
        for spin in _SPINS:
            median = statistics.median(values[spin]) if values[spin] else None
            name = f"4 processes on 2 cores, {path}, 8 B, HANDFAST_SPIN_US={spin}"
            found.append(Finding(name, median, "us", "mean half round trip"))
        seconds = 2.0 if is_quick else 10.0
        say(f"a waiting process, {path}")
        found.append(_waiting(place, path, seconds))
    return found


_SCALE_NAMES = {
    "idle": "progress, {count} idle: {transport}",
    "crowd": "8 B to one of {count} peers, half there and back: {transport}",
    "sleep": "first message after 20 ms, there and back: {transport}",
}


def _scale(place: Place, rounds: int, test: str, connections: str, figure: str, unit: str) -> list[Finding]:
    words = [str(place.handfast), "perf", "--test", test, "--connections", connections, "--format", "json"]
    words += ["--pin", ",".join(map(str, place.cores))]
    values: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        ended = children.run(Command(words), place.is_realtime, 6 * place.deadline)
        for key, value in parsers.handfast_scale(ended.output, figure).items():
            values.setdefault(key, []).append(value)
    return [
        Finding(_SCALE_NAMES[test].format(count=count, transport=transport), statistics.median(each), unit)
        for (transport, count), each in values.items()
    ]


def _wake_floor(place: Place, rounds: int) -> Finding:
    """What the system needs for it alone."""
    words = [str(place.floors / "wake"), "latency", "0", "0", *map(str, place.cores)]
    times: list[float] = []
    for _ in range(rounds):
        if (place.floors / "wake").exists():
            ended = children.run(Command(words), place.is_realtime, place.deadline)
            times += [float(word) for word in ended.output.split()[1:2]]
    value = statistics.median(times) if times else None
    return Finding("first message after 20 ms, there and back: floor", value, "us", "an eventfd and a word of memory")


def _crowded(place: Place, path: str, spin: int) -> list[float]:
    """Two pairs at once, each with one process on each core."""
    words = [str(place.handfast), "perf", "--format", "json", "--transport", path, "--test", "latency", "--sizes", "8"]
    words += ["--pin", ",".join(map(str, place.cores))]
    environment = {"HANDFAST_SPIN_US": str(spin)}
    deadline = time.monotonic() + place.deadline
    pairs: list[Child] = []
    try:
        for _ in range(2):
            # As usual programs run: among those of real time, one that spins keeps its core.
            pairs.append(Child(Command(words, None, environment), is_realtime=False))
        late = [not pair.wait(deadline - time.monotonic()) for pair in pairs]
    finally:
        for pair in pairs:
            pair.end()
        children.end_orphans()
    outputs = [pair.result(is_late).output for pair, is_late in zip(pairs, late)]
    try:
        return [parsers.handfast_mean(output) for output in outputs]
    except parsers.NoFigure:
        return []


def _waiting(place: Place, path: str, seconds: float) -> Finding:
    """An echoing process whose connected peer is held still."""
    name = f"processor of a waiting process, {path}, {seconds:g} s"
    listen = [str(place.handfast), "perf", "--listen", "127.0.0.1:0@waiting", "--pin", str(place.cores[1])]
    server = Child(Command(listen), is_realtime=False)
    client: Child | None = None
    deadline = time.monotonic() + place.deadline
    try:
        children.until(lambda: "\n" in server.text() or server.wait(0), deadline)
        address = next((line for line in server.text().splitlines() if line.endswith("@waiting")), "")
        words = [str(place.handfast), "perf", "--connect", address, "--transport", path, "--test", "latency"]
        words += ["--sizes", "8", "--iterations", "1000000000", "--pin", str(place.cores[0])]
        client = Child(Command(words), is_realtime=False)
        peer = client
        if not address or not children.until(lambda: f"\n{path}: chosen" in peer.text() or peer.wait(0), deadline):
            return Finding(name, None, "%", "the two did not come together")
        os.kill(client.number, signal.SIGSTOP)
        time.sleep(0.5)
        before, start = _processor_seconds(server.number), time.monotonic()
        time.sleep(seconds)
        used = _processor_seconds(server.number) - before
        return Finding(name, 100 * used / (time.monotonic() - start), "%", "its peer is connected and still")
    finally:
        if client:
            client.end(signal.SIGKILL)
        server.end()
        children.end_orphans()


def _processor_seconds(process: int) -> float:
    """Of all its threads, in the scheduler's nanoseconds: the ticks of `stat` miss short turns."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
