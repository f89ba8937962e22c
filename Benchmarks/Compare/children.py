"""Child processes: pinned, with a deadline, and none left behind."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Command:
    words: list[str]
    core: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    output: str
    code: int
    """Of the shell's kind: negative for a signal."""
    switches: int
    """Involuntary context switches, its own and its children's."""
    is_late: bool


class Child:
    """One process, in a session of its own; it is killed when this program is."""

    def __init__(self, command: Command, is_realtime: bool) -> None:
        self._output: IO[bytes] = tempfile.TemporaryFile()

        def prepare() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if command.core is not None:
                os.sched_setaffinity(0, {command.core})
            if is_realtime:
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))

        try:
            self._process = subprocess.Popen(
                command.words,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env=os.environ | command.environment,
                start_new_session=True,
                preexec_fn=prepare,
            )
        except OSError:
            self._output.close()
            raise
        self.number = self._process.pid
        self._switches = 0

    def wait(self, seconds: float) -> bool:
        """Whether it ends by itself within so long. Sleeps: the cores are others'."""
        if self._process.returncode is not None:
            return True
        descriptor = os.pidfd_open(self.number)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(max(0.0, seconds) * 1000):
                return False
        finally:
            os.close(descriptor)
        self._reap()
        return True

    def end(self, first: signal.Signals = signal.SIGTERM) -> None:
        """Asks it to end, then makes it."""
        for number, seconds in ((first, 1.0), (signal.SIGKILL, 5.0)):
            if self._process.returncode is not None:
                break
            os.killpg(self.number, number)
            self.wait(seconds)

    def result(self, is_late: bool) -> Ended:
        """What came of it; once, after its end."""
        output = self.text()
        self._output.close()
        return Ended(output, self._process.returncode or 0, self._switches, is_late)

    def text(self) -> str:
        """What it has written so far."""
        # Not through the descriptor's own place, which the child writes at.
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def _reap(self) -> None:
        _, status, usage = os.wait4(self.number, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._switches = usage.ru_nivcsw


def may_be_realtime() -> bool:
    """Whether the system lets us."""
    try:
        return run(Command(["true"]), True, 10).code == 0
    except subprocess.SubprocessError:
        return False


def adopt_orphans() -> None:
    """Grandchildren whose parent has gone become ours, so that they can be ended."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_orphans() -> None:
    """Ends every child that is left. Nothing else of ours may run meanwhile."""
    while children := Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        for child in map(int, children):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Asked of the kernel: a connection would be taken for the client's."""
    ending, listens = f":{port:04X}", "0A"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        if any((words := line.split())[1].endswith(ending) and words[3] == listens for line in lines):
            return True
    return False


def run(command: Command, is_realtime: bool, seconds: float) -> Ended:
    """Runs it to its end, at most so long."""
    child = Child(command, is_realtime)
    try:
        is_late = not child.wait(seconds)
    finally:
        child.end()
        end_orphans()
    return child.result(is_late)


def run_pair(
    server: Command, client: Command, port: int, is_realtime: bool, seconds: float, server_ends: bool = True
) -> tuple[Ended, Ended]:
    """Starts the server, then, when it listens, the client; the server ends by itself or is told to."""
    deadline = time.monotonic() + seconds
    first = Child(server, is_realtime)
    second: Child | None = None
    is_late, server_is_late = False, False
    try:
        until(lambda: is_listening(port) or first.wait(0), deadline)
        second = Child(client, is_realtime)
        is_late = not second.wait(deadline - time.monotonic())
        if server_ends:
            server_is_late = not first.wait(min(2.0, deadline - time.monotonic()))
    finally:
        if second:
            second.end()
        first.end(signal.SIGTERM if server_ends else signal.SIGINT)
        end_orphans()
    return first.result(server_is_late), second.result(is_late)


def until(condition: Callable[[], bool], deadline: float) -> bool:
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
