"""Work that is done while its results are used, also without worker processes."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar('T')


def prefetch(items: Iterable[T], ahead: int = 1) -> Iterator[T]:
    """Yields ``items``; one thread makes the next ``ahead`` of them meanwhile.

    Decoding and networks do not hold the GIL.
    """
    iterator, end = iter(items), object()
    pool = ThreadPoolExecutor(1)
    try:
        following = deque(pool.submit(next, iterator, end) for _ in range(ahead))
        while (item := following.popleft().result()) is not end:
            following.append(pool.submit(next, iterator, end))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)
