"""A process that decodes, so that a file that kills or hangs a decoder cannot end the run."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
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

    Args:
        time_limit_s: seconds for one file.
        measure: what the process does with a request; importable by name.
    """

    def __init__(self, time_limit_s: float, measure: Measure = measure):
        self._time_limit_s = time_limit_s
        self._measure = measure
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def run(self, request: Request) -> Facts | Problem:
        """What `measure` says of the file, or that the process died of it or took longer than the limit."""
        connection = self._running()
        try:
            connection.send(request)
            if connection.poll(self._time_limit_s):
                return connection.recv()
        except (EOFError, OSError):
            return Problem(DIED, f"the decoder died of it (exit code {self._exit_code()})")
        self.stop()
        return Problem(TOO_LONG, f"the decoder took longer than {self._time_limit_s:g} s")

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
        # Spawned, not forked: a fork would copy the locks of whatever threads the trainer runs.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._measure), daemon=True)
        self._process.start()
        theirs.close()  # else the end of the process would not be seen on our side
        self._connection = ours
        if not _is_ready(ours):
            raise StyleCrafterError(
                "The process that decodes pictures and videos does not start.",
                found=f"exit code {self._exit_code()}",
                expected=f"an answer within {_START_LIMIT_S} s",
                fix="Look at the messages above. A script that prepares data needs the guard "
                'if __name__ == "__main__".',
            )
        return ours

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
