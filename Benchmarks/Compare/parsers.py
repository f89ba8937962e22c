"""Reads the figure out of what a tool has written: latency in us, bandwidth in 10^6 bytes a second, rate in messages a
second."""

import json
import re

from .rows import Row, Test

MEBI = 1024 * 1024


class NoFigure(Exception):
    """The tool has not written what it writes when all goes well."""


def handfast(row: Row, output: str) -> float:
    """`handfast perf --format json`."""
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        fields = json.loads(line)
        if fields["test"] == ("latency" if row.test is Test.LATENCY else "bandwidth"):
            key = {Test.LATENCY: "p50_us", Test.BANDWIDTH: "mb_per_s", Test.RATE: "messages_per_s"}[row.test]
            return float(fields[key])
    raise NoFigure


def handfast_mean(output: str) -> float:
    """The mean of a latency, in us."""
    for line in output.splitlines():
        if line.startswith("{"):
            return float(json.loads(line)["mean_us"])
    raise NoFigure


def handfast_scale(output: str, figure: str) -> dict[tuple[str, int], float]:
    """`handfast perf --test idle --format json` and its like: a figure by transport and connections."""
    rows = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {(row["transport"], row["connections"]): float(row[figure]) for row in rows}


def ucx_perftest(row: Row, output: str) -> float:
    """`ucx_perftest -f -v`: its MB is 2^20 bytes."""
    lines = output.splitlines()
    for index, line in enumerate(lines):
        names = line.split(",")
        if names[0] != "iterations":
            continue
        for values in (line.split(",") for line in lines[index + 1 :]):
            if len(values) != len(names):
                continue
            fields = dict(zip(names, map(float, values)))
            if row.test is Test.LATENCY:
                return fields["50.0_percentile_lat"]
            return fields["overall_bw"] * MEBI / 1e6 if row.test is Test.BANDWIDTH else fields["overall_mr"]
    raise NoFigure


def fi_pingpong(row: Row, output: str) -> float:
    """`fi_pingpong`: the mean of half round trips in us is the last column but one."""
    lines = output.splitlines()
    for index, line in enumerate(lines):
        if line.split()[:2] == ["bytes", "#sent"] and index + 1 < len(lines):
            names, values = line.split(), lines[index + 1].split()
            if len(values) == len(names):
                return float(values[names.index("usec/xfer")])
    raise NoFigure


def netpipe(row: Row, output: str) -> float:
    """The file of `NPtcp` and `NPopenmpi`: bytes, 2^20 bits a second, seconds; the last has few digits."""
    words = output.split()
    if len(words) != 3 or words[0] != str(row.byte_count) or float(words[1]) <= 0:
        raise NoFigure
    bytes_a_second = float(words[1]) * MEBI / 8
    if row.test is Test.LATENCY:
        return row.byte_count / bytes_a_second * 1e6
    return bytes_a_second / 1e6 if row.test is Test.BANDWIDTH else bytes_a_second / row.byte_count


def sockperf(row: Row, output: str) -> float:
    """`sockperf ping-pong`: half round trips in us."""
    found = re.search(r"percentile 50\.000 = +([\d.]+)", output)
    if not found:
        raise NoFigure
    return float(found[1])


def floor(row: Row, output: str) -> float:
    """Our own two in C: names and values."""
    words = output.split()
    fields = dict(zip(words[::2], words[1::2]))
    key = {Test.LATENCY: "p50_us", Test.BANDWIDTH: "mb_per_s", Test.RATE: "messages_per_s"}[row.test]
    if key not in fields:
        raise NoFigure
    return float(fields[key])
