"""The command line."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

from . import chart, children, further, machine, table
from .measuring import Results, measure
from .rows import PATHS, parse_sizes, rows
from .tools import Place, Tool, all_tools

_FLOORS = Path(__file__).parent / "Floors"
_FLOOR_SOURCES = {
    "shared_memory": ["shared_memory.c"], "reads": ["shared_memory.c", "-DREADS"], "tcp": ["tcp.c"], "wake": ["wake.c"],
}
_REPOSITORY = Path(__file__).parents[2]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="Benchmarks/compare",
        description="Measures Handfast beside what is installed of its peers, and beside floors, in turn and in the"
        " same minutes. Nothing is installed; a tool that is missing is left out.",
    )
    parser.add_argument("--handfast", type=Path, default=_REPOSITORY / ".build/release/handfast", metavar="PATH")
    parser.add_argument(
        "--rounds", type=_positive, help="5 by default, with --quick 2; the figures are medians over them"
    )
    parser.add_argument("--only", choices=sorted(PATHS), help="one of the paths")
    parser.add_argument("--sizes", type=_sizes, help="as in 8,1k,1m; bandwidth for those from 64k on")
    parser.add_argument("--cores", type=_cores, default=(0, 1), help="of the two processes: 0,1 by default")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run the children before all other work of the machine, which stands still meanwhile; needs root",
    )
    parser.add_argument(
        "--seconds", type=_seconds, help="of measuring a tool in a row of a round: 0.1, with --quick 0.03"
    )
    parser.add_argument("--quick", action="store_true", help="two rounds and short runs: to see that all works")
    parser.add_argument("--no-further", action="store_true", help="messages only: no idle, crowded or waiting process")
    parser.add_argument("--deadline", type=_positive, default=20, metavar="SECONDS", help="of every run, 20 by default")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--svg", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if not os.access(options.handfast, os.X_OK):
        return _refuse(f"{options.handfast} cannot be started; build it with: swift build -c release")
    usable = os.sched_getaffinity(0)
    if not usable.issuperset(options.cores):
        return _refuse(f"--cores {options.cores}: usable are {sorted(usable)}")
    signal.signal(signal.SIGTERM, _leave)
    children.adopt_orphans()
    if options.realtime and not children.may_be_realtime():
        return _refuse("--realtime: the system does not allow it; it needs root, or a limit of rtprio")
    with tempfile.TemporaryDirectory(prefix="handfast-compare-") as folder:
        return _compare(options, Path(folder))


def _compare(options: argparse.Namespace, folder: Path) -> int:
    rounds = options.rounds or (2 if options.quick else 5)
    paths = [options.only] if options.only else list(PATHS)
    place = Place(
        options.handfast.resolve(),
        folder,
        folder,
        options.cores,
        options.realtime,
        options.seconds or (0.03 if options.quick else 0.1),
        options.deadline,
    )
    for line in build_floors(folder):
        print(line)
    tools = [tool for tool in all_tools(place) if tool.path in paths]
    for line in missing(tools):
        print(line)
    tools = [tool for tool in tools if not tool.is_missing]
    here = machine.this_machine()
    load = machine.load()
    progress = _Progress()
    results = measure(rows(paths, options.sizes), tools, rounds, progress)
    found = [] if options.no_further else further.findings(place, rounds, options.quick, paths, progress)
    progress("")
    how = f"{rounds} round{'' if rounds == 1 else 's'}, cores {place.cores[0]} and {place.cores[1]}"
    how += f", load {load:.1f} before"
    how += ", at real-time priority" if place.is_realtime else ""
    print(f"{here.text}; {how}\n\n{table.text(results)}")
    for finding in found:
        print(f"{finding.name}: {finding.text}" + (f" ({finding.note})" if finding.note else ""))
    for line in failures(results):
        print(line)
    if options.json:
        fields = {"machine": here.fields(), "how": how, **as_fields(results)}
        fields["further"] = [vars(finding) for finding in found]
        options.json.write_text(json.dumps(fields, indent=1) + "\n")
    if options.svg:
        options.svg.write_text(chart.svg(results, here.text))
    if options.markdown:
        options.markdown.write_text(table.markdown(results, here, how, found))
    return 0


def build_floors(folder: Path) -> list[str]:
    """Compiles them; without a compiler the others are still measured."""
    lines = []
    for name, (source, *options) in _FLOOR_SOURCES.items():
        words = ["cc", "-O2", "-std=gnu11", *options, "-o", str(folder / name), str(_FLOORS / source)]
        if shutil.which("cc") is None:
            return ["left out: the floors, there is no C compiler: Debian has it in gcc"]
        built = subprocess.run(words, capture_output=True, text=True, timeout=60)
        if built.returncode != 0:
            lines.append(f"left out: the floor {name}, it does not compile: {(built.stderr.splitlines() or [''])[0]}")
    return lines


def missing(tools: list[Tool]) -> list[str]:
    gone = [tool for tool in tools if tool.is_missing and tool.package]
    programs = dict.fromkeys((tool.program, tool.package) for tool in gone)
    return [f"left out: {program} is not installed; Debian has it in {package}" for program, package in programs]


def failures(results: Results) -> list[str]:
    lines = []
    for (row, name), cell in results.cells.items():
        if cell.failures:
            lines.append(f"failed {len(cell.failures)} times: {name}, {row}: {cell.failures[-1]}")
    return lines


def as_fields(results: Results) -> dict[str, object]:
    def cell_fields(row: object, tool: Tool) -> dict[str, object]:
        cell = results.cells[(row, tool.name)]  # type: ignore[index]
        return {"statistic": tool.statistic, "median": cell.median, **vars(cell)}

    listed = []
    for row in results.rows:
        best = results.best_peer(row)
        tools = [tool for tool in results.tools_of(row.path) if (row, tool.name) in results.cells]
        listed.append(
            {
                "path": row.path,
                "test": row.test.value,
                "bytes": row.byte_count,
                "unit": row.test.unit,
                "best_peer": best[0].name if best else None,
                "ratio_to_best_peer": results.ratio_to_best(row),
                "ratio_to_floor": results.ratio_to_floor(row),
                "tools": {tool.name: cell_fields(row, tool) for tool in tools},
            }
        )
    return {"rows": listed}


class _Progress:
    """What is being done, on the standard error: one line that is written over, or, in a file, a line a round."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, text: str) -> None:
        begin = text.split(":")[0]
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        elif begin and begin != self._last:
            print(begin, file=sys.stderr, flush=True)
        self._last = begin


def _refuse(text: str) -> int:
    print(f"compare: {text}", file=sys.stderr)
    return 64


def _leave(number: int, frame: FrameType | None) -> None:
    # Through every `finally`, which end the children.
    sys.exit(128 + number)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is no number from 1 on')
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0.001 <= value <= 60:
        raise argparse.ArgumentTypeError(f'"{text}" is no number of seconds from 0.001 to 60')
    return value


def _sizes(text: str) -> list[int]:
    try:
        return parse_sizes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _cores(text: str) -> tuple[int, int]:
    words = text.split(",")
    if len(words) != 2 or not all(word.isdigit() for word in words):
        raise argparse.ArgumentTypeError(f'"{text}" is not two cores, as in 0,1')
    return int(words[0]), int(words[1])
