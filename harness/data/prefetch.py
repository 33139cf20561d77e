"""Computes the next items while the current one is used, without worker processes."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar('T')


def prefetch(items: Iterable[T], ahead: int = 1) -> Iterator[T]:
    """Yields ``items``, while one thread computes the next ``ahead`` of them.

    Decoding and networks release the GIL, so that both run in parallel.
    """
    iterator: Iterator[Any] = iter(items)
    end: Any = object()
    pool = ThreadPoolExecutor(1)
    try:
        following = deque(pool.submit(next, iterator, end) for _ in range(ahead))
        while (item := following.popleft().result()) is not end:
            following.append(pool.submit(next, iterator, end))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)
