"""Tasks that are shared: whoever has nothing to do takes the next one, until there are none.

Two processes where this one may fork (`forking`), since most files are so small that nearly all of the work is
Python's, and two threads hold each other up; else two threads.
"""

from __future__ import annotations

import marshal
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

#: Whose numbers fit into the smallest of pipes, a page.
MOST_TASKS = 1000
_NUMBER = 4  # bytes of a task's number
#: Does the task of a number, and returns a list of values that `marshal` knows.
Work = Callable[[int], Sequence[Any]]
#: Told the number of each task that this process begins.
Told = Callable[[int], None]


class Helper:
    """A copy of this process that begins with the tasks at once, while this one still has something else to do.

    Args:
        tasks: How many there are, at most `MOST_TASKS`.
        work: Does one.

    Raises:
        OSError: When there can be none.
    """

    def __init__(self, tasks: int, work: Work) -> None:
        self._work = work
        self._tasks, write = os.pipe()
        os.write(write, b"".join(number.to_bytes(_NUMBER, "big") for number in range(tasks)))
        os.close(write)
        self._answer, write = os.pipe()
        try:
            self._child = os.fork()
        except OSError:
            for descriptor in (self._tasks, self._answer, write):
                os.close(descriptor)
            raise
        if self._child == 0:  # pragma: no cover - not seen from here
            self._help(write)
        os.close(write)

    def finish(self, told: Told) -> list[Any] | None:
        """Do what is left, and wait.

        Returns:
            What every task brought, in no order; None when the helper did not come to its end.
        """
        done = self._do(told)
        with open(self._answer, "rb", closefd=False) as file:
            said = file.read()
        return [*done, *marshal.loads(said)] if self._end() else None  # noqa: S302 - our own

    def close(self) -> None:
        """End the helper, also where nobody waits for what it does; harmless when it has ended."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            self._end()

    def _end(self) -> bool:
        child, self._child = self._child, 0
        os.close(self._tasks)
        os.close(self._answer)
        return os.waitpid(child, 0)[1] == 0

    def _do(self, told: Told) -> list[Any]:
        done: list[Any] = []
        while task := os.read(self._tasks, _NUMBER):
            number = int.from_bytes(task, "big")
            told(number)
            done += self._work(number)
        return done

    def _help(self, write: int) -> NoReturn:  # pragma: no cover - as above
        """What the helper does; it ends here, whatever happens, and nothing of its parent's ends with it."""
        code, parent = 1, os.getppid()

        def told(_: int) -> None:
            if os.getppid() != parent:  # nobody reads the answer any more
                os._exit(code)

        try:
            answer = marshal.dumps(self._do(told))
            with open(write, "wb") as file:
                file.write(answer)
            code = 0
        finally:
            os._exit(code)


def by_two_threads(tasks: int, work: Work, told: Told) -> list[Any]:
    """Do every task here and now; what all of them brought, in no order."""
    lock = threading.Lock()
    numbers = iter(range(tasks))
    done: list[Any] = []

    def run() -> None:
        while True:
            with lock:
                number = next(numbers, None)
                if number is None:
                    return
                told(number)
            done.extend(work(number))

    other = threading.Thread(target=run, daemon=True)
    other.start()
    run()
    other.join()
    return done
