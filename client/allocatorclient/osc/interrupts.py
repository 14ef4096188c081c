# SPDX-License-Identifier: Apache-2.0
"""Turns signals, and the end of a time, into exceptions, while a command
waits.
"""

from collections.abc import Iterator
import contextlib
import signal
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody does not want to wait any more.

    No Exception, so that nothing on the way takes it for an error of the
    network and tries again.

    :ivar number: number of the signal
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class TimeOver(BaseException):
    """The time is over, in the middle of whatever it was.

    No Exception, for the same reason.
    """


@contextlib.contextmanager
def raised(seconds: float | None = None) -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP raise Interrupted.

    Only the first one: after that, and at the end, they do what they did
    before. A signal that is ignored stays so.

    :param seconds: when to raise TimeOver; None for never
    """
    before: dict[int, Any] = {}
    # What was to come by the timer of the program around this.
    timer: tuple[float, float] = (0, 0)

    def restore() -> None:
        # A signal may come at any point, also while this runs: the timer
        # stops before its handler goes, for by default it ends the program.
        if signal.SIGALRM in before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        if signal.SIGALRM in before:
            signal.setitimer(signal.ITIMER_REAL, *timer)
        before.clear()

    def interrupt(number: int, _frame: Any) -> None:
        restore()
        raise Interrupted(number)

    def end(_number: int, _frame: Any) -> None:
        restore()
        raise TimeOver()

    try:
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if handler not in (signal.SIG_IGN, None):
                before[number] = handler
                signal.signal(number, interrupt)
        if seconds is not None:
            timer = signal.getitimer(signal.ITIMER_REAL)
            before[signal.SIGALRM] = (signal.getsignal(signal.SIGALRM)
                                      or signal.SIG_DFL)
            signal.signal(signal.SIGALRM, end)
            signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        restore()
