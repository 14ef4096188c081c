# SPDX-License-Identifier: Apache-2.0
"""A small HTTP client of the service."""

from concurrent import futures
import json

import requests
import requests.adapters

from allocator.tests import microversions
from allocator.tests.functional import waiting

# Requests at the same time.
PARALLEL = 32

# Seconds that an answer may take.
TIMEOUT = 60


class Client:
    """Sends requests of one microversion, from any number of threads.

    :param endpoint: URL of the service
    :param version: microversion
    :param token: token of the Identity service, or None
    """

    def __init__(self, endpoint, version=microversions.NEWEST, token=None):
        self.endpoint = endpoint
        self._session = requests.Session()
        # A proxy is none of this machine's services.
        self._session.trust_env = False
        self._session.mount('http://', requests.adapters.HTTPAdapter(
            pool_maxsize=PARALLEL))
        self._session.headers['X-OpenStack-Ironic-API-Version'] = version
        if token is not None:
            self._session.headers['X-Auth-Token'] = token

    def close(self):
        self._session.close()

    def request(self, method, path, **options):
        """Send a request.

        :param path: path below the endpoint, e.g. "/v1/allocations"
        :param options: see requests.Session.request
        :returns: requests.Response
        """
        options.setdefault('timeout', TIMEOUT)
        return self._session.request(method, self.endpoint + path, **options)

    def get(self, path, **options):
        return self.request('GET', path, **options)

    def post(self, path, body, **options):
        return self.request('POST', path, json=body, **options)

    def patch(self, path, body, **options):
        return self.request('PATCH', path, json=body, **options)

    def delete(self, path, **options):
        return self.request('DELETE', path, **options)

    def allocate(self, **body):
        """Request an allocation.

        :returns: the answer's body
        :raises: AssertionError unless it is 201
        """
        answer = self.post('/v1/allocations', body)
        assert answer.status_code == 201, described(answer)
        return answer.json()

    def allocate_all(self, bodies):
        """Request several allocations at once.

        :param bodies: list of dicts
        :returns: list of the answers' bodies in the same order
        """
        return self.at_once(lambda body: self.allocate(**body), bodies)

    @staticmethod
    def at_once(function, arguments):
        """Call a function for each argument, in as many threads.

        :returns: list of the results in the same order
        """
        with futures.ThreadPoolExecutor(PARALLEL) as executor:
            return list(executor.map(function, arguments))

    def allocation(self, ident):
        """Read one allocation."""
        answer = self.get('/v1/allocations/%s' % ident)
        assert answer.status_code == 200, described(answer)
        return answer.json()

    def allocations(self, **query):
        """List allocations, all pages.

        :param query: query parameters
        """
        answer = self.get('/v1/allocations', params=query).json()
        found = answer['allocations']
        while 'next' in answer:
            path = answer['next'].removeprefix(self.endpoint)
            answer = self.get(path).json()
            found += answer['allocations']
        return found

    def is_any(self, state):
        """Tell whether any allocation is in a state."""
        answer = self.get('/v1/allocations', params={
            'state': state, 'fields': 'uuid', 'limit': 1})
        return bool(answer.json()['allocations'])

    def settled(self, ident, seconds=30):
        """Wait until an allocation has its answer.

        :returns: the allocation
        """
        def ask():
            found = self.allocation(ident)
            return found['state'] != 'allocating' and found

        return waiting.until(
            ask, seconds, 'allocation %s leaves "allocating"' % ident)

    def all_settled(self, seconds=30):
        """Wait until no allocation is pending.

        :returns: list of all allocations
        """
        waiting.until(lambda: not self.is_any('allocating'), seconds,
                      'no allocation is left in "allocating"')
        return self.allocations()


def described(answer):
    """Say what an answer is, for a failed test."""
    return '%s %s: %s %s' % (answer.request.method, answer.request.url,
                             answer.status_code, answer.text)


def fault(answer):
    """Get the sentence of an error."""
    return json.loads(answer.json()['error_message'])['faultstring']
