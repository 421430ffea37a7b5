"""Work on blocks of samples, shared among threads.

A matrix product of a block is too small to be shared itself, so every product stays in its own thread, and the blocks
are shared. A sum over a block is `np.dot`, not ``@``: that keeps the interpreter to itself while its result is small
(up to 500 numbers, in NumPy 2.4), and the threads would take turns. How many threads there are follows
``OMP_NUM_THREADS`` and `threadpoolctl`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import cache, reduce
from itertools import pairwise
from operator import add
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

ALONE = 1 << 18  # multiplications, below which not even asking for the threads pays
THREADED = 1 << 23  # and below which a second thread costs more than it brings
SHORT = 1 << 20  # and below which scikit-learn's loops are better left to one thread


def in_threads(work: Callable[[Sequence[int]], tuple[Any, ...]], n_samples: int, size: int, cost: int) -> list[Any]:
    """Do ``work`` on blocks of samples, in as many threads as the linear algebra may use, and add up what it returns.

    Parameters
    ----------
    work : callable
        Takes the first rows of its blocks; returns things that can be added.
    n_samples, size : int
        Number of samples, in all and in a block.
    cost : int
        Roughly the number of multiplications.
    """
    starts = range(0, n_samples, size)
    if cost < ALONE or _in_this_thread.get():
        return list(work(starts))
    with _one_at_a_time:  # or one sweep would give the matrix products their threads back while another is at work
        libraries = _linear_algebra()
        allowed = max((library.num_threads for library in libraries.lib_controllers), default=1)
        threads = min(allowed, len(starts)) if cost >= THREADED else 1
        with libraries.limit(limits=1):
            if threads == 1:
                return list(work(starts))
            edges = [len(starts) * part // threads for part in range(threads + 1)]
            parts = _pool(threads).map(work, [starts[a:b] for a, b in pairwise(edges)])
            return [reduce(add, sums) for sums in zip(*parts, strict=True)]


def in_one_thread(cost: int) -> AbstractContextManager[Any]:
    """Context in which scikit-learn's own loops stay in one thread, if they are as short as this.

    Several threads would wait for each other at the end of each loop; where the processor has other work, a k-means of
    300 samples then takes fifty times as long.

    Parameters
    ----------
    cost : int
        Multiplications of one loop.
    """
    return _loops().limit(limits=1) if cost < SHORT else nullcontext()


@cache
def _loops() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="openmp")


@cache
def _linear_algebra() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="gmmteach")


_one_at_a_time = Lock()
_in_this_thread: ContextVar[bool] = ContextVar("_in_this_thread", default=False)


class InThisThread:
    """Context in which sums are made by the thread that asks for them and no other.

    It is for callers that have many threads of their own, such as a worker of Dask: matrix products get one thread
    each from when the first of them enters until the last one has left. `threadpoolctl` lets only that thread lift a
    limit which has set it, so one thread that outlives them all does both.
    """

    _count, _counting = 0, Lock()
    _limit: Any = None

    def __enter__(self) -> None:
        self._token = _in_this_thread.set(True)
        with InThisThread._counting:
            if InThisThread._count == 0:
                _one_at_a_time.acquire()
                InThisThread._limit = _pool(1).submit(lambda: _linear_algebra().limit(limits=1).__enter__()).result()
            InThisThread._count += 1

    def __exit__(self, *_: object) -> None:
        _in_this_thread.reset(self._token)
        with InThisThread._counting:
            InThisThread._count -= 1
            if InThisThread._count == 0:
                _pool(1).submit(InThisThread._limit.__exit__, None, None, None).result()
                _one_at_a_time.release()


def _after_fork() -> None:
    """A forked process has none of the threads, and must not wait for a lock that one of them held."""
    global _one_at_a_time
    _one_at_a_time = Lock()
    InThisThread._count, InThisThread._counting = 0, Lock()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
