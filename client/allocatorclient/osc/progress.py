# SPDX-License-Identifier: Apache-2.0
"""Shows how an allocation fares while a command waits for it."""

import datetime
import shutil
from typing import Any
from typing import TextIO

from allocatorclient import durations

# Begins the line anew, and removes what is left of the old one.
_REWRITE = '\r\x1b[K'


def describe(allocation: Any) -> str:
    """Say how an allocation fares.

    :param allocation: allocatorclient.v1.allocation.Allocation
    :returns: a line, which changes only when something has happened
    """
    if allocation.state == 'active':
        words = 'active, node %s' % allocation.node_id
        return words + (' of %s' % allocation.backend
                        if allocation.backend else '')
    if allocation.state == 'error':
        return 'error: %s' % allocation.last_error
    if not allocation.waiting:
        return str(allocation.state)
    place = allocation.queue_position
    return ('waiting' + (', number %d in line' % place if place else '')
            + (': %s' % allocation.reason if allocation.reason else ''))


def left(allocation: Any, now: datetime.datetime) -> str:
    """Say how much time an allocation that waits has.

    :param now: datetime with a time zone
    :returns: "1h30m left, ", or nothing
    """
    if not (allocation.waiting and allocation.deadline):
        return ''
    deadline = datetime.datetime.fromisoformat(allocation.deadline)
    seconds = max(0.0, (deadline - now).total_seconds())
    return '%s left, ' % durations.readable(seconds)


class Progress:
    """Writes one line that changes on a terminal, else a line a change.

    :param stream: where to write
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._shown = ''
        self._is_open = False

    def show(self, allocation: Any) -> None:
        """Show an allocation, if it is not as it was shown last.

        :param allocation: allocatorclient.v1.allocation.Allocation
        """
        name = allocation.name or allocation.id
        line = '%s: %s' % (name, describe(allocation))
        if self._is_terminal:
            line = '%s: %s%s' % (
                name, left(allocation, datetime.datetime.now(datetime.UTC)),
                describe(allocation))
        if line == self._shown:
            return
        self._shown = line
        self._write(line)

    def _write(self, line: str) -> None:
        if not self._is_terminal:
            self._stream.write(line + '\n')
        else:
            width = shutil.get_terminal_size().columns - 1
            if len(line) > width:
                line = line[:width - 3] + '...'
            self._stream.write(_REWRITE + line)
            self._is_open = True
        self._stream.flush()

    def close(self) -> None:
        """End the line."""
        if self._is_open:
            self._stream.write('\n')
            self._stream.flush()
            self._is_open = False
