# SPDX-License-Identifier: Apache-2.0
"""Many clients in one thread, for measures in which their own cost counts.

Threads would wait for each other, and the service for them: beside it on two
processors, 32 threads take several times what one selector does.
"""

import heapq
import itertools
import json
import selectors
import socket
import time
from urllib import parse

from benchmarks import load

# Bytes read at once.
CHUNK = 65536


class Crowd:
    """Clients that each have one connection and wait for each answer.

    :param client: client.Client, which writes the requests
    :param endpoint: URL of the service, HTTP
    :param size: number of clients
    """

    def __init__(self, client, endpoint, size):
        self._client = client
        self._size = size
        url = parse.urlsplit(endpoint)
        self._address = url.hostname, url.port or 80

    def post(self, body, count):
        """Request allocations, and do not look what becomes of them.

        :returns: list of load.Sample, seconds that all took
        """
        return self._run(body, count, follow=False)

    def allocate(self, body, count):
        """Request allocations, each until it is seen to be settled.

        A client looks after load.FIRST_LOOK seconds, then later and later.

        :returns: list of load.Sample, seconds that all took
        :raises: TimeoutError
        """
        return self._run(body, count, follow=True)

    def _run(self, body, count, follow):
        request = self._client.encode('POST', '/v1/allocations', body)
        selector, timers, order = selectors.DefaultSelector(), [], (
            itertools.count())
        samples, left = [], count
        for _ in range(min(self._size, count)):
            guest = _Guest(socket.create_connection(self._address), request)
            selector.register(guest.socket, selectors.EVENT_READ, guest)
            guest.begin()
            left -= 1
        start = time.perf_counter()
        while selector.get_map():
            wait = (timers[0][0] - time.perf_counter() if timers
                    else load.PATIENCE)
            ready = selector.select(max(wait, 0))
            if not ready and not timers:
                raise TimeoutError('the service answers nothing')
            for key, _ in ready:
                guest = key.data
                look_at = guest.read(follow)
                if look_at is not None:
                    heapq.heappush(timers, (look_at, next(order), guest))
                elif guest.is_done:
                    samples.append(guest.sample)
                    if left:
                        left -= 1
                        guest.begin()
                    else:
                        selector.unregister(guest.socket)
                        guest.socket.close()
            now = time.perf_counter()
            while timers and timers[0][0] <= now:
                self._look(heapq.heappop(timers)[2])
        selector.close()
        return samples, time.perf_counter() - start

    def _look(self, guest):
        guest.send(self._client.encode(
            'GET', '/v1/allocations/' + guest.sample.uuid))


class _Guest:
    """One of them.

    :ivar sample: what happened to its request so far
    :ivar is_done: whether that is all
    """

    def __init__(self, connection, request):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self._request = request
        self._buffer = b''

    def begin(self):
        self.sample, self.is_done = None, False
        self._pause = load.FIRST_LOOK
        self._start = time.perf_counter()
        self.send(self._request)

    def send(self, request):
        self.socket.sendall(request)

    def read(self, follow):
        """Take what has come.

        :param follow: whether to look what becomes of the allocation
        :returns: when to look, by perf_counter(); None if the answer is not
            complete, or if nothing is left to be done
        :raises: ConnectionError, TimeoutError
        """
        chunk = self.socket.recv(CHUNK)
        if not chunk:
            raise ConnectionError('the server closed the connection')
        self._buffer += chunk
        answer = split(self._buffer)
        if answer is None:
            return None
        self._buffer = b''
        return self._take(*answer, follow)

    def _take(self, status, body, follow):
        now = time.perf_counter()
        if self.sample is None:
            self.sample = load.Sample(status, now - self._start)
            if status == 201:
                self.sample.uuid = json.loads(body)['uuid']
            self.is_done = status != 201 or not follow
            return None if self.is_done else now + self._pause
        if status != 200:
            raise ConnectionError('GET was answered %d' % status)
        self.sample.state = json.loads(body)['state']
        if self.sample.state != 'allocating':
            self.sample.settled = now - self._start
            self.is_done = True
            return None
        if now - self._start > load.PATIENCE:
            raise TimeoutError('allocation %s is stuck' % self.sample.uuid)
        self._pause = min(self._pause * 2, load.LAST_LOOK)
        return now + self._pause


def split(received):
    """Find the answer in what a connection has received.

    The server must say how long the body is, which this one does.

    :param received: bytes from the beginning of an answer
    :returns: status code and body; None if it is not complete
    :raises: ValueError
    """
    end = received.find(b'\r\n\r\n')
    if end < 0:
        return None
    head = received[:end].lower()
    at = head.find(b'\r\ncontent-length:')
    if at < 0:
        raise ValueError('an answer without Content-Length')
    length = int(head[at + 17:].split(b'\r\n', 1)[0])
    body = received[end + 4:]
    if len(body) < length:
        return None
    return int(head.split(None, 2)[1]), body
