# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy in front of a Bare Metal service that fails on demand.

Besides what ``allocator.tests.chaos.proxy`` does to connections, it does
things to single requests: lose the answer after the deed, carry them out long
after whoever sent them has gone, keep them until they are let go, answer in
place of the service.
"""

import asyncio
import dataclasses
import re
import threading

from allocator.tests.chaos import proxy
from allocator.tests.functional import waiting

_LENGTH = re.compile(rb'\r\ncontent-length: *(\d+)', re.IGNORECASE)
_CONNECTION = re.compile(rb'\r\nconnection:[^\r]*', re.IGNORECASE)
_SPLIT = b'\r\n\r\n'

# Seconds in which a request that is waited for must come.
REACHED = 60


class Stop:
    """A place at which requests are kept until they are let go.

    :ivar kept: number of requests that have come to it
    """

    def __init__(self, loop):
        self._loop = loop
        self._gone = asyncio.Event()
        self.kept = 0

    def wait(self, count=1):
        """Wait until some requests have come to it."""
        waiting.until(lambda: self.kept >= count, REACHED,
                      '%d requests are kept' % count)

    def let_go(self):
        """Let those go that are kept, and all that come."""
        self._loop.call_soon_threadsafe(self._gone.set)

    async def pass_by(self):
        self.kept += 1
        await self._gone.wait()


@dataclasses.dataclass
class _Fault:
    """What is done to requests.

    :ivar method: HTTP method, None for all
    :ivar path: regular expression for a part of path and query
    :ivar times: how often, None for always
    :ivar before: seconds to wait before the request is passed on
    :ivar after: seconds to wait before the answer is
    :ivar is_passed: whether the request is passed on
    :ivar status: HTTP status to answer with
    :ivar part: how much of the answer to give before the connection is
        closed, from 0 (it is reset then) to 1; None: all of it
    :ivar entry: Stop before the request is passed on, or None
    :ivar exit: Stop before the answer is, or None
    """

    method: str | None = None
    path: str = ''
    times: int | None = 1
    before: float = 0
    after: float = 0
    is_passed: bool = True
    status: int | None = None
    part: float | None = None
    entry: Stop | None = None
    exit: Stop | None = None

    def is_for(self, method, path):
        return (self.times != 0 and self.method in (None, method)
                and re.search(self.path, path) is not None)


class HttpProxy(proxy.Proxy):
    """A proxy in a thread of its own; each connection has one request.

    ``method``, ``path`` and ``times`` of its methods choose requests: the
    HTTP method, a regular expression for a part of the path, and how many of
    them (None: all from here on).

    :ivar requests: list of (method, path, status); the status is None until
        the service has answered, or for ever if it was not asked
    :ivar url: where it is
    """

    def __init__(self, host, port):
        self._faults = []
        self._guard = threading.Lock()
        self.requests = []
        super().__init__(host, port)
        self.url = 'http://127.0.0.1:%d' % self.port

    def heal(self):
        """Forget all faults, those of connections too, and keep nothing."""
        with self._guard:
            for fault in self._faults:
                for stop in (fault.entry, fault.exit):
                    if stop is not None:
                        stop.let_go()
            self._faults.clear()
        self.accept()

    def keep(self, **chosen):
        """Keep requests that have not reached the service yet.

        What is let go reaches it even when nobody waits any longer.

        :returns: Stop
        """
        stop = Stop(self._loop)
        self._add(entry=stop, **chosen)
        return stop

    def keep_answer(self, **chosen):
        """Pass requests on, and keep the answers.

        :returns: Stop
        """
        stop = Stop(self._loop)
        self._add(exit=stop, **chosen)
        return stop

    def cut_answer(self, part=0.0, **chosen):
        """Pass requests on, and lose the answer.

        :param part: how much of the answer is given before, from 0 (the
            connection is reset then) to 1
        """
        self._add(part=part, **chosen)

    def cut_request(self, **chosen):
        """Reset the connection; the service never hears of it."""
        self._add(is_passed=False, part=0.0, **chosen)

    def delay(self, seconds, **chosen):
        """Pass requests on late, even when nobody waits any longer."""
        self._add(before=seconds, **chosen)

    def delay_answer(self, seconds, **chosen):
        """Pass requests on at once, and the answers late."""
        self._add(after=seconds, **chosen)

    def answer(self, status, is_passed=False, **chosen):
        """Answer with an error.

        :param is_passed: whether the service is asked nevertheless
        """
        self._add(status=status, is_passed=is_passed, **chosen)

    def _add(self, **values):
        with self._guard:
            self._faults.append(_Fault(**values))

    def _take(self, method, path):
        """Find what is to be done to a request, the eldest fault first."""
        with self._guard:
            for fault in self._faults:
                if fault.is_for(method, path):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return _Fault()

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        try:
            head = await reader.readuntil(_SPLIT)
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            await self._open.wait()
            await self._answer_one(head, body, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer_one(self, head, body, writer):
        method, path = head.split(b' ', 2)[:2]
        method, path = method.decode(), path.decode()
        fault = self._take(method, path)
        number = len(self.requests)
        self.requests.append((method, path, None))
        if fault.entry is not None:
            await fault.entry.pass_by()
        await asyncio.sleep(fault.before + self._delay)
        answer = b''
        if fault.is_passed:
            answer = await self._ask(head, body)
            self.requests[number] = method, path, int(answer.split()[1])
        if fault.exit is not None:
            await fault.exit.pass_by()
        await asyncio.sleep(fault.after)
        if fault.status:
            answer = _error(fault.status)
        if fault.part == 0:
            self._reset_one(writer)
            return
        if fault.part is not None:
            answer = answer[:int(len(answer) * fault.part)]
        writer.write(answer)
        await writer.drain()

    async def _ask(self, head, body):
        """Ask the service.

        :returns: its answer
        """
        reader, writer = await asyncio.open_connection(*self._target)
        try:
            writer.write(_without_keepalive(head) + body)
            answer = await reader.read()
        finally:
            writer.close()
        head, split, body = answer.partition(_SPLIT)
        if not split:
            raise ConnectionResetError('the service has ended')
        return _without_keepalive(head + split) + body


def _without_keepalive(head):
    return _CONNECTION.sub(b'', head)[:-2] + b'Connection: close' + _SPLIT


def _error(status):
    text = b'{"error_message": "made by a proxy"}'
    return (b'HTTP/1.1 %d Error\r\nContent-Type: application/json\r\n'
            b'Content-Length: %d\r\nConnection: close\r\n\r\n%s'
            % (status, len(text), text))
