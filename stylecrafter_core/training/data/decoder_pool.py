"""Several decoding processes behind one ordered stream of results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import TypeVar

from .decoder_process import DecoderProcess, Measure
from .measure import measure

_AHEAD = 4  # files per process that are handed out before the first result is taken
Work = TypeVar("Work")
Result = TypeVar("Result")


class DecoderPool:
    """Use it in a `with` block: its end stops the processes.

    Args:
        workers: processes, from 1.
        time_limit_s: seconds for one file.
        measure: see DecoderProcess.
    """

    def __init__(self, workers: int, time_limit_s: float, measure: Measure = measure):
        self._decoders = [DecoderProcess(time_limit_s, measure) for _ in range(workers)]
        self._free: SimpleQueue[DecoderProcess] = SimpleQueue()
        for decoder in self._decoders:
            self._free.put(decoder)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="decoder")

    def __enter__(self) -> DecoderPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for decoder in self._decoders:
                decoder.cancel()  # a file under way may have a minute left
        self._threads.shutdown(cancel_futures=True)
        for decoder in self._decoders:
            decoder.stop()  # no thread uses it any more

    def map(self, function: Callable[[Work, Measure], Result], work: Iterable[Work]) -> Iterator[Result]:
        """function(item, decode) for every item, in order; as many at a time as there are processes."""
        under_way: deque[Future[Result]] = deque()
        for item in work:
            under_way.append(self._threads.submit(self._with_decoder, function, item))
            if len(under_way) > _AHEAD * len(self._decoders):
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def _with_decoder(self, function: Callable[[Work, Measure], Result], item: Work) -> Result:
        decoder = self._free.get()
        try:
            return function(item, decoder.run)
        finally:
            self._free.put(decoder)
