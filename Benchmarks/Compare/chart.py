"""The picture: latency over size above, bandwidth over size below, shared memory left, TCP right; log axes."""

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

from .measuring import Results
from .rows import KIB, MIB, PATHS, Test

_WIDTH, _HEIGHT = 960, 760
_PANEL_WIDTH, _PANEL_HEIGHT = 380, 270
_LEFTS, _TOPS = [70, 550], [60, 410]
_FAMILIES = [
    "Handfast", "UCX", "UCX posix+cma", "libfabric", "Open MPI", "NetPIPE TCP", "sockperf", "Handfast allocated", "floor", "floor read",
]
_LIGHT = ["#0b63ce", "#d9730d", "#b3261e", "#2e8540", "#7b4fb5", "#0f8b8d", "#9a7400", "#4aa3ff", "#777777", "#b0a070"]
_DARK = ["#6cb2ff", "#ffab5c", "#ff8a80", "#7bd389", "#c3a3f5", "#5fd4d6", "#e3c04d", "#a8d4ff", "#a0a0a0", "#d0c090"]


@dataclass(frozen=True)
class _Axis:
    """A logarithmic one, from the least value to the largest, onto pixels."""

    least: float
    largest: float
    start: float
    length: float

    def place(self, value: float) -> float:
        return self.start + self.length * math.log(value / self.least) / math.log(self.largest / self.least)


Series = dict[str, list[tuple[int, float]]]


def svg(results: Results, caption: str) -> str:
    parts = [_head()]
    parts.append(f'<text x="20" y="28" class="title">Beside others: {escape(caption)}</text>')
    paths = list(dict.fromkeys(row.path for row in results.rows))
    for top, test in zip(_TOPS, (Test.LATENCY, Test.BANDWIDTH)):
        columns = [_series(results, path, test) for path in paths]
        for left, path, series in zip(_LEFTS, paths, columns):
            # Both columns have one scale, so that they can be compared across.
            parts += _panel(left, top, f"{PATHS[path]}: {_title(test)}", series, columns)
    used = [name for name in _FAMILIES if any(tool.family == name for tool in results.tools)]
    parts += _legend(used)
    return "\n".join(parts + ["</svg>"]) + "\n"


def _title(test: Test) -> str:
    return "latency, us (less is better)" if test is Test.LATENCY else "bandwidth, MB/s (more is better)"


def _series(results: Results, path: str, test: Test) -> Series:
    series: Series = {}
    for tool in results.tools_of(path):
        rows = [row for row in results.rows if (row.path, row.test) == (path, test) and tool.measures(row)]
        points = [(row.byte_count, value) for row in rows if (value := results.median(row, tool))]
        if points:
            series[tool.family] = sorted(points)
    return series


def _panel(left: int, top: int, title: str, series: Series, together: list[Series]) -> list[str]:
    points = [point for column in together for line in column.values() for point in line]
    if not points:
        return []
    sizes = sorted({size for size, _ in points})
    values = [value for _, value in points]
    least, largest = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
    across = _Axis(sizes[0], max(sizes[-1], 2 * sizes[0]), left + 8, _PANEL_WIDTH - 16)
    up = _Axis(least, max(largest, 10 * least), top + _PANEL_HEIGHT, -_PANEL_HEIGHT)
    parts = [f'<text x="{left}" y="{top - 10}" class="heading">{escape(title)}</text>']
    parts += _grid(left, top, across, up, sizes)
    # Ours last, on top of the others.
    for name in sorted(series, key=lambda name: name == "Handfast"):
        parts.append(_line(name, [(across.place(size), up.place(value)) for size, value in series[name]]))
    return parts


def _grid(left: int, top: int, across: _Axis, up: _Axis, sizes: list[int]) -> list[str]:
    parts = []
    for power in range(round(math.log10(up.least)), round(math.log10(up.largest)) + 1):
        y = up.place(10**power)
        parts.append(f'<path class="grid" d="M{left} {y:.1f}h{_PANEL_WIDTH}"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" class="tick end">{_decade(power)}</text>')
    for size in sizes:
        x = across.place(size)
        parts.append(f'<path class="grid" d="M{x:.1f} {top}v{_PANEL_HEIGHT}"/>')
        parts.append(f'<text x="{x:.1f}" y="{top + _PANEL_HEIGHT + 18}" class="tick middle">{_short(size)}</text>')
    return parts


def _line(name: str, points: list[tuple[float, float]]) -> str:
    number = _FAMILIES.index(name)
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 if number == 0 else 3}"/>' for x, y in points)
    return f'<g class="s{number}"><title>{escape(name)}</title><path d="{path}"/>{marks}</g>'


def _legend(names: list[str]) -> list[str]:
    parts, x = [], 70.0
    for name in names:
        number = _FAMILIES.index(name)
        parts.append(f'<g class="s{number}"><path d="M{x:.0f} 736h24"/><circle cx="{x + 12:.0f}" cy="736" r="3"/></g>')
        parts.append(f'<text x="{x + 30:.0f}" y="740" class="tick">{escape(name)}</text>')
        x += 48 + 7.2 * len(name)
    return parts


def _decade(power: int) -> str:
    return f"{10**power:,}".replace(",", " ") if power >= 0 else f"{10.0**power:g}"


def _short(size: int) -> str:
    return f"{size // MIB}M" if size >= MIB else f"{size // KIB}K" if size >= KIB else f"{size}"


def _head() -> str:
    def colours(paper: str, ink: str, grid: str, lines: list[str]) -> str:
        # Written out: not every viewer knows variables.
        rules = [f".paper{{fill:{paper}}} text{{fill:{ink}}} .grid{{stroke:{grid}}}"]
        rules += [
            f".s{index} path{{stroke:{line}}} .s{index} circle{{fill:{line}}}" for index, line in enumerate(lines)
        ]
        return "\n".join(rules)

    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Latency and bandwidth over size, beside others">
<style>
text{{font-family:system-ui,sans-serif}}
.title{{font-size:15px}} .heading{{font-size:14px;font-weight:600}} .tick{{font-size:12px}}
.end{{text-anchor:end}} .middle{{text-anchor:middle}}
path{{fill:none;stroke-width:1.6}} .grid{{stroke-width:1}} .s0 path{{stroke-width:3}}
.s{len(_FAMILIES) - 1} path{{stroke-dasharray:5 4}}
{colours("#ffffff", "#1f2328", "#d8dee4", _LIGHT)}
@media (prefers-color-scheme:dark){{
{colours("#0d1117", "#e6edf3", "#30363d", _DARK)}
}}
</style>
<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/>"""
