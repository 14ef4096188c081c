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
    timer: tuple[float, float] | None = None

    def restore() -> None:
        nonlocal timer
        if timer:
            signal.setitimer(signal.ITIMER_REAL, *timer)
            timer = None
        for number, handler in before.items():
            signal.signal(number, handler)
        before.clear()

    def interrupt(number: int, _frame: Any) -> None:
        restore()
        raise Interrupted(number)

    def end(_number: int, _frame: Any) -> None:
        restore()
        raise TimeOver()

    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if handler not in (signal.SIG_IGN, None):
            before[number] = handler
            signal.signal(number, interrupt)
    if seconds is not None:
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, end)
        timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        restore()
