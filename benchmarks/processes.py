"""What processes use while something runs: CPU seconds and memory, by part.

>>> with Watch(parts) as watch:  # doctest: +SKIP
...     subprocess.run(["rapport", "run"])
>>> watch.samples[-1].cpu["ours"], watch.peak("ours")
(31.2, 412.0)
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

TICKS = os.sysconf("SC_CLK_TCK")
EVERY = 0.2
"""Seconds between two samples."""


def postgres_pid(var: Path) -> int:
    """The pid of the embedded server of a folder."""
    lines = (var / "postgres/cluster/data/postmaster.pid").read_text().splitlines()
    return int(lines[0])


def tree_cpu(root: int) -> float:
    """CPU seconds of a process and all its descendants, those that ended too."""
    stats = dict(_stats())
    parents = {pid: parent for pid, (parent, _, _) in stats.items()}
    ticks = 0
    for pid, (_, own, waited) in stats.items():
        if pid == root or _is_below(pid, root, parents):
            ticks += own + waited
    return ticks / TICKS


def _is_below(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == root:
            return True
    return False


def _stats() -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Each process: its parent, its own ticks, and those of the children that it waited for."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        user, system, waited_user, waited_system = (int(part) for part in fields[11:15])
        yield int(stat.parent.name), (int(fields[1]), user + system, waited_user + waited_system)


@dataclass
class Sample:
    """CPU seconds until a time (seconds since the epoch), and MB of the largest process, by part.

    The memory is what a process does not share with others.
    """

    at: float
    cpu: dict[str, float]
    memory: dict[str, float]


@dataclass
class Watch:
    """Samples the parts, each a function that gives the pid of the root of its processes."""

    parts: dict[str, Callable[[], int | None]]
    samples: list[Sample] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._thread.join()

    def cpu(self, part: str, since: float, until: float) -> float:
        """CPU seconds of a part between two times."""
        return self._at(part, until) - self._at(part, since)

    def peak(self, part: str, since: float = 0, until: float = float("inf")) -> float:
        """MB of the largest process of a part between two times."""
        found = (s.memory.get(part, 0.0) for s in self.samples if since <= s.at <= until)
        return max(found, default=0.0)

    def _at(self, part: str, moment: float) -> float:
        """The CPU seconds at a time, between the two samples next to it."""
        before = 0.0, self.samples[0].at if self.samples else moment
        for sample in self.samples:
            used = max(sample.cpu.get(part, 0.0), before[0])
            if sample.at >= moment:
                span = sample.at - before[1]
                share = (moment - before[1]) / span if span > 0 else 1.0
                return before[0] + (used - before[0]) * max(share, 0.0)
            before = used, sample.at
        return before[0]

    def _watch(self) -> None:
        first: dict[str, float] = {}
        while not self._ends.is_set():
            cpu, memory = {}, {}
            for part, root in self.parts.items():
                pid = root()
                if pid is None or not psutil.pid_exists(pid):
                    continue
                used = tree_cpu(pid)
                cpu[part] = used - first.setdefault(part, used)
                memory[part] = largest_memory(pid)
            self.samples.append(Sample(time.time(), cpu, memory))
            self._ends.wait(EVERY)


def largest_memory(root: int) -> float:
    """MB of the largest process of a tree, without what it shares with others."""
    largest = 0.0
    try:
        parent = psutil.Process(root)
        for process in (parent, *parent.children(recursive=True)):
            memory = process.memory_info()
            largest = max(largest, (memory.rss - memory.shared) / 2**20)
    except psutil.Error:  # it ended meanwhile
        pass
    return largest
