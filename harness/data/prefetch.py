"""Loading while the network computes, also without worker processes."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar('T')


def prefetch(items: Iterable[T]) -> Iterator[T]:
    """Yields ``items``; a thread makes the next one meanwhile. Decoding does not hold the GIL."""
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, iterator, end)
        while (item := following.result()) is not end:
            following = pool.submit(next, iterator, end)
            yield item
