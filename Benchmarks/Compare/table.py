"""The figures as text: for a terminal, and for Markdown."""

from .further import Finding
from .machine import Machine
from .measuring import Results
from .rows import MIB, PATHS, Row, Test, size_text
from .tools import Tool

_HEADINGS = {
    Test.LATENCY: "latency, half a round trip in us",
    Test.BANDWIDTH: "bandwidth, MB/s (10^6 bytes a second) and in brackets MiB/s (2^20)",
    Test.RATE: "messages of 8 B with 64 in flight, million a second",
}


_SHORT_HEADINGS = {
    Test.LATENCY: "latency, us",
    Test.BANDWIDTH: "bandwidth, MB/s (MiB/s)",
    Test.RATE: "million messages a second",
}


def text(results: Results) -> str:
    parts = []
    for path, test, rows in _groups(results):
        parts.append(f"{PATHS[path]}: {_HEADINGS[test]}\n" + _aligned(_table(results, path, rows)))
    parts.append(
        "involuntary switches of a run and steal time, the least favourable row of each\n" + _aligned(_noise(results))
    )
    return "\n\n".join(parts + _notes(results, "")) + "\n"


def markdown(results: Results, machine: Machine, how: str, findings: list[Finding]) -> str:
    parts = [f"{machine.text}; {how}."]
    for path, test, rows in _groups(results):
        cells = _table(results, path, rows)
        heading = [f"{PATHS[path]}: {_SHORT_HEADINGS[test]}", *cells[0][1:]]
        lines = [_bar(heading), "|---|" + "---:|" * (len(heading) - 1)] + [_bar(line) for line in cells[1:]]
        parts.append("\n".join(lines))
    if findings:
        lines = ["| further | |", "|---|---:|"]
        lines += [_bar([finding.name, finding.text]) for finding in findings]
        parts.append("\n".join(lines))
    return "\n\n".join(parts + _notes(results, "* ")) + "\n"


def ratio_text(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


def value_text(test: Test, value: float | None, byte_count: int) -> str:
    if value is None:
        return "–"
    if test is Test.RATE:
        return f"{value / 1e6:.2f}"
    if test is Test.BANDWIDTH:
        return f"{value:.0f} ({value * 1e6 / MIB:.0f})"
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _groups(results: Results) -> list[tuple[str, Test, list[Row]]]:
    keys = dict.fromkeys((row.path, row.test) for row in results.rows)
    return [(path, test, [row for row in results.rows if (row.path, row.test) == (path, test)]) for path, test in keys]


def _table(results: Results, path: str, rows: list[Row]) -> list[list[str]]:
    tools = [tool for tool in results.tools_of(path) if any(tool.measures(row) for row in rows)]
    lines = [["", *(tool.name for tool in tools), "to best peer", "to floor"]]
    for row in rows:
        values = [value_text(row.test, results.median(row, tool), row.byte_count) for tool in tools]
        best = results.best_peer(row)
        to_best = ratio_text(results.ratio_to_best(row)) + (f" {best[0].name}" if best else "")
        lines.append([size_text(row.byte_count), *values, to_best, ratio_text(results.ratio_to_floor(row))])
    return lines


def _noise(results: Results) -> list[list[str]]:
    lines = [["", "path", "switches", "steal %", "rounds"]]
    for tool in results.tools:
        cells = [results.cell(row, tool) for row in results.rows if tool.measures(row)]
        cells = [cell for cell in cells if cell.values]
        if cells:
            switches = max(sorted(cell.switches)[len(cell.switches) // 2] for cell in cells)
            stolen = max(sorted(cell.stolen_percent)[len(cell.stolen_percent) // 2] for cell in cells)
            lines.append([tool.name, tool.path, f"{switches}", f"{stolen:.1f}", f"{min(len(c.values) for c in cells)}"])
    return lines


def _notes(results: Results, bullet: str) -> list[str]:
    by_statistic: dict[str, list[str]] = {}
    for tool in results.tools:
        by_statistic.setdefault(tool.statistic, []).append(tool.name)
    kinds = "; ".join(f"{kind} for {', '.join(dict.fromkeys(names))}" for kind, names in by_statistic.items())
    lines = [
        f"{bullet}All are medians over the rounds: of the latency's {kinds}; of the mean bandwidth and rate.",
        f"{bullet}Ratios are ours by theirs: below 1 is better for latency, above 1 for bandwidth and rate.",
    ]
    lines += [f"{bullet}{name}: {note}." for name, note in _tool_notes(results.tools).items()]
    return ["\n".join(lines)]


def _tool_notes(tools: list[Tool]) -> dict[str, str]:
    return {tool.family: tool.note for tool in tools if tool.note}


def _aligned(lines: list[list[str]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def _bar(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
