# SPDX-License-Identifier: Apache-2.0
"""The service on Galera: an API and a conductor at each of the servers."""

import dataclasses
import time

import requests

from allocator.tests.chaos import cluster
from allocator.tests.functional import client
from allocator.tests.functional import databases

# Seconds; the default. No heartbeat is written while the cluster stands still
# to count a member out, which must not make all conductors look dead.
HEARTBEAT_TIMEOUT = 60


@dataclasses.dataclass(frozen=True)
class Failure:
    """A request that was answered 5xx, or not at all.

    :ivar began: when, in seconds of the monotonic clock
    :ivar ended: when the answer came
    :ivar status: status code, None without an answer
    :ivar what: request and answer
    """

    began: float
    ended: float
    status: int | None
    what: str


class Client(client.Client):
    """A client that remembers what failed.

    :ivar failures: list of Failure
    """

    def __init__(self, endpoint):
        super().__init__(endpoint)
        self.failures = []

    def request(self, method, path, **options):
        began = time.monotonic()
        try:
            answer = super().request(method, path, **options)
        except requests.RequestException as exc:
            self._note(began, None, '%s %s: %r' % (method, path, exc))
            raise
        if answer.status_code >= 500:
            self._note(began, answer.status_code, '%s %s: %s' % (
                method, path, answer.text))
        return answer

    def _note(self, began, status, what):
        self.failures.append(Failure(began, time.monotonic(), status, what))


class Cluster(cluster.Cluster):
    """An API and a conductor for each server, which they write to.

    The engine of the test is at the first server, and sees what was
    committed at any of them.

    :param servers_: servers.Servers
    """

    client_class = Client

    def __init__(self, servers_):
        self.servers = servers_.servers
        super().__init__(
            databases.MYSQL, apis=len(self.servers),
            conductors=len(self.servers),
            options={'conductor': {'heartbeat_timeout': HEARTBEAT_TIMEOUT}})
        self._url = servers_.url

    def _make_database(self):
        self.database = self.useFixture(databases.Database(
            self.kind, self._url(
                0, init_command='SET SESSION wsrep_sync_wait = 1')))

    def _connection(self, number):
        """Get the URL of a server: the first for the first API, and so on."""
        return self._url(
            number % len(self.servers), self.database.name
        ).render_as_string(hide_password=False)
