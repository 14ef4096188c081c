# SPDX-License-Identifier: Apache-2.0
"""Very many requests at once, and what reaches the Bare Metal service."""

import collections
import json
import threading
import time
import urllib.parse

from allocator.common import states
from allocator.tests.backends import proxy
from allocator.tests.functional import waiting
from benchmarks import client
from benchmarks import load

# Seconds until all have to be decided.
PATIENCE = 300

# What the service is told: its own default.
MAX_REQUESTS = 8

_BODY = b'\r\n\r\n'


class CountingProxy(proxy.HttpProxy):
    """A proxy that counts what its service has to do at the same time.

    :ivar most_requests: greatest number of requests that change something
        which had no answer yet
    :ivar most_open: greatest number of allocations that were asked for and
        not known to be decided
    """

    def __init__(self, host, port):
        self.most_requests = self.most_open = 0
        self._requests = 0
        self._undecided = set()
        super().__init__(host, port)

    async def _ask(self, head, body):
        method, path = head.split(b' ', 2)[:2]
        if method == b'POST' and path == b'/v1/allocations':
            self._undecided.add(json.loads(body)['uuid'])
            self.most_open = max(self.most_open, len(self._undecided))
        changes = method != b'GET'
        self._requests += changes
        self.most_requests = max(self.most_requests, self._requests)
        try:
            answer = await super()._ask(head, body)
        finally:
            self._requests -= changes
        if path.startswith(b'/v1/allocations/'):
            self._note(method, path.decode(), answer)
        return answer

    def _note(self, method, path, answer):
        body = answer.partition(_BODY)[2]
        if method != b'GET' or (
                b' 200 ' in answer[:20]
                and json.loads(body)['state'] != states.ALLOCATING):
            self._undecided.discard(path.rpartition('/')[2])


def flood(place, make_service, count):
    """Send requests, all at once.

    :param place: site.BareMetal
    :param make_service: function that makes the service's fixture, given the
        options of its backend
    :param count: number of requests
    :returns: dict
    """
    url = urllib.parse.urlsplit(place.ironic.url)
    between = CountingProxy(url.hostname, url.port)
    try:
        with make_service({place.name: place.backend_options(
                endpoint_override=between.url,
                max_requests=MAX_REQUESTS)}) as service:
            waiting.until(lambda: len(service.nodes()) == len(place.uuids),
                          PATIENCE, 'the nodes are known', interval=1)
            found = _flood(place, service, count)
    finally:
        between.close()
    return found | {'most_requests': between.most_requests,
                    'most_open': between.most_open,
                    'max_requests': MAX_REQUESTS}


def _flood(place, service, count):
    start = threading.Barrier(count)

    def post(connection, body):
        start.wait(60)
        return load.post(connection, body)

    samples, posted = load.run(lambda: client.Client(service.endpoint), count,
                               [place.body()] * count, post)
    began = time.monotonic()
    waiting.until(lambda: not service.client.is_any('allocating'), PATIENCE,
                  'all are decided', interval=0.5)
    seconds = posted + time.monotonic() - began
    asked = {sample.uuid for sample in samples}
    here = {allocation['uuid']: allocation['state']
            for allocation in service.client.allocations()}
    there = {allocation['uuid'] for allocation in _there(place)
             if allocation['state'] == states.ALLOCATED}
    return {'statuses': dict(collections.Counter(
                str(sample.status) for sample in samples)),
            'states': dict(collections.Counter(
                here.get(uuid, 'lost') for uuid in asked)),
            'there': len(asked & there), 'requests': count,
            'posted_s': round(posted, 1), 'seconds': round(seconds, 1),
            'per_second': round(count / seconds, 1)}


def _there(place):
    connection = place.connect()
    path = '/v1/allocations'
    while path:
        page = connection.get(path)
        yield from page['allocations']
        path = page.get('next', '').removeprefix(place.ironic.url)
    connection.close()
