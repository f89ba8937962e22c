"""Runs everything in turn, round by round, and keeps what came of it."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from . import machine
from .parsers import NoFigure
from .rows import Row
from .tools import Tool

_FAILURE_LIMIT = 2


@dataclass
class Cell:
    """One tool in one row."""

    values: list[float] = field(default_factory=list)
    switches: list[int] = field(default_factory=list)
    stolen_percent: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def median(self) -> float | None:
        return statistics.median(self.values) if self.values else None


@dataclass
class Results:
    rows: list[Row]
    tools: list[Tool]
    cells: dict[tuple[Row, str], Cell]

    def cell(self, row: Row, tool: Tool) -> Cell:
        return self.cells.setdefault((row, tool.name), Cell())

    def tools_of(self, path: str) -> list[Tool]:
        return [tool for tool in self.tools if tool.path == path]

    def median(self, row: Row, tool: Tool) -> float | None:
        return self.cell(row, tool).median

    def ours(self, row: Row) -> float | None:
        return self._only(row, "Handfast")

    def floor(self, row: Row) -> float | None:
        return self._only(row, "floor")

    def best_peer(self, row: Row) -> tuple[Tool, float] | None:
        found = [
            (tool, value) for tool in self.tools_of(row.path) if tool.is_peer and (value := self.median(row, tool))
        ]
        if not found:
            return None
        return (max if row.test.more_is_better else min)(found, key=lambda pair: pair[1])

    def ratio_to_best(self, row: Row) -> float | None:
        ours, best = self.ours(row), self.best_peer(row)
        return ours / best[1] if ours is not None and best else None

    def ratio_to_floor(self, row: Row) -> float | None:
        ours, floor = self.ours(row), self.floor(row)
        return ours / floor if ours is not None and floor else None

    def _only(self, row: Row, family: str) -> float | None:
        return next((self.median(row, tool) for tool in self.tools_of(row.path) if tool.family == family), None)


def measure(rows: list[Row], tools: list[Tool], rounds: int, say: Callable[[str], None]) -> Results:
    """All tools of a row one after the other, all rows, and that so many times."""
    results = Results(rows, tools, {})
    for round_number in range(rounds):
        for row in rows:
            able = [tool for tool in results.tools_of(row.path) if tool.measures(row)]
            # Another begins each time: what came before it is never the same.
            first = round_number % max(len(able), 1)
            for tool in able[first:] + able[:first]:
                say(f"round {round_number + 1} of {rounds}: {row}: {tool.name}")
                _measure_once(row, tool, results.cell(row, tool))
    return results


def _measure_once(row: Row, tool: Tool, cell: Cell) -> None:
    if len(cell.failures) >= _FAILURE_LIMIT and not cell.values:
        return
    before = machine.ticks()
    try:
        ended = tool.run(row)
    except OSError as error:
        cell.failures.append(str(error))
        return
    client = ended[-1]
    if client.is_late:
        cell.failures.append(f"did not end within {tool.place.deadline:g} s; {_last_words(client.output)}")
        return
    for output in (client.output, ended[0].output):
        try:
            value = tool.parse(row, output)
        except (NoFigure, ValueError, KeyError):
            continue
        cell.values.append(value)
        cell.switches.append(sum(each.switches for each in ended))
        cell.stolen_percent.append(machine.stolen_percent(before, machine.ticks()))
        return
    words = _last_words(client.output) if client.output.strip() else _last_words(ended[0].output)
    cell.failures.append(f"ended with code {client.code}: {words}")


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
