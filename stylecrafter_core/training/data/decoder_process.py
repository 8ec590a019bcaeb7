"""A process that decodes, so that a file that kills or hangs a decoder cannot end the run."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from ...errors import StyleCrafterError
from .measure import Facts, Request, measure
from .reasons import DIED, TOO_LONG, Problem

_START_LIMIT_S = 120
_READY = "ready"
Measure = Callable[[Request], Facts | Problem]


class DecoderProcess:
    """Runs `measure` in a process of its own, which is started again after it died or was stopped.

    `run` and `stop` are for one thread at a time, `cancel` for any.

    Args:
        time_limit_s: seconds for one file.
        measure: what the process does with a request; importable by name.
    """

    def __init__(self, time_limit_s: float, measure: Measure = measure):
        self._time_limit_s = time_limit_s
        self._measure = measure
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._starting = threading.Lock()  # so that no process starts behind the back of `cancel`
        self._cancelled = False

    def run(self, request: Request) -> Facts | Problem:
        """What `measure` says of the file, or that the process died of it or took longer than the limit.

        Raises:
            CancelledError: after `cancel`.
        """
        connection = self._running()
        try:
            connection.send(request)
            if connection.poll(self._time_limit_s):
                return connection.recv()
        except (EOFError, OSError):
            self._require_not_cancelled()
            return Problem(DIED, f"the decoder died of it (exit code {self._exit_code()})")
        self.stop()
        return Problem(TOO_LONG, f"the decoder took longer than {self._time_limit_s:g} s")

    def cancel(self) -> None:
        """Kills the process for good, so that a `run` under way in another thread raises at once."""
        with self._starting:
            self._cancelled = True
            process = self._process  # `stop` may forget it meanwhile
            if process is not None:
                process.kill()

    def stop(self) -> None:
        """Ends the process; the next `run` starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _running(self) -> Connection:
        if self._connection is not None and self._process is not None and self._process.is_alive():
            return self._connection
        self.stop()
        ours = self._connection = self._start()
        if not _is_ready(ours):
            self._require_not_cancelled()
            raise StyleCrafterError(
                "The process that decodes pictures and videos does not start.",
                found=f"exit code {self._exit_code()}",
                expected=f"an answer within {_START_LIMIT_S} s",
                fix="Look at the messages above. A script that prepares data needs the guard "
                'if __name__ == "__main__".',
            )
        return ours

    def _start(self) -> Connection:
        # Spawned, not forked: a fork would copy the locks of whatever threads the trainer runs.
        context = multiprocessing.get_context("spawn")
        with self._starting:
            self._require_not_cancelled()
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, self._measure), daemon=True)
            process.start()
            self._process = process
        theirs.close()  # else the end of the process would not be seen on our side
        return ours

    def _require_not_cancelled(self) -> None:
        if self._cancelled:
            raise CancelledError("The decoding of files was ended.")

    def _exit_code(self) -> int | None:
        if self._process is None:
            return None
        self._process.join(timeout=1)
        code = self._process.exitcode
        self.stop()
        return code


def _is_ready(connection: Connection) -> bool:
    try:
        return connection.poll(_START_LIMIT_S) and connection.recv() == _READY
    except (EOFError, OSError):
        return False


def _serve(connection: Connection, measure: Measure) -> None:
    """Answers requests until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then stops this process
    connection.send(_READY)
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        connection.send(measure(request))
