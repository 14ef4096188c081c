# SPDX-License-Identifier: Apache-2.0
"""The service with all that it depends on behind proxies, and its metrics."""

import urllib.parse

import sqlalchemy as sa

from allocator.tests.backends import proxy as http_proxy
from allocator.tests.backends import simulator
from allocator.tests.chaos import proxy
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures

# The second one is away from the beginning.
BACKENDS = ('east', 'west')

_PORTS = {databases.MYSQL: 3306, databases.POSTGRESQL: 5432}


class WatchedService(fixtures.Service):
    """An API and a conductor in front of two simulated backends.

    :ivar database_proxy: proxy.Proxy between it and the database
    :ivar broker_proxy: proxy.Proxy between it and the message bus
    :ivar backend_proxies: dict of HttpProxy by name of the backend
    :ivar stores: dict of simulated.Store by name of the backend
    :ivar ports: TCP ports of the API's metrics and the conductor's
    """

    def __init__(self, kind, options=None):
        super().__init__(kind, conductors=1, options=options)
        self.ports = fixtures.free_port(), fixtures.free_port()

    def _setUp(self):
        server = simulator.Simulator(*BACKENDS)
        server.start()
        self.addCleanup(server.stop)
        self.stores = {name: server.services[name].store
                       for name in BACKENDS}
        self.backend_proxies = {
            name: self._closed_at_the_end(http_proxy.HttpProxy(
                '127.0.0.1', server.port)) for name in BACKENDS}
        self.backend_proxies['west'].refuse()
        super()._setUp()

    def _closed_at_the_end(self, made):
        self.addCleanup(made.close)
        return made

    def _configuration(self):
        url = sa.make_url(self.database.url)
        self.database_proxy = self._closed_at_the_end(proxy.Proxy(
            url.host, url.port or _PORTS[self.kind]))
        broker = urllib.parse.urlsplit(databases.broker_url())
        self.broker_proxy = self._closed_at_the_end(proxy.Proxy(
            broker.hostname, broker.port or 5672))
        found = super()._configuration()
        found['DEFAULT'] |= {
            'enabled_backends': ','.join(BACKENDS),
            'transport_url': 'rabbit://%s:%s@127.0.0.1:%d%s' % (
                broker.username, broker.password, self.broker_proxy.port,
                broker.path)}
        found['database']['connection'] = url.set(
            host='127.0.0.1', port=self.database_proxy.port
        ).render_as_string(hide_password=False)
        found['conductor'] |= {'sweep_interval': 1, 'backend_patience': 4}
        found['metrics'] = {'api_port': self.ports[0],
                            'conductor_port': self.ports[1]}
        for name in BACKENDS:
            # A backend that leaves requests without an answer for so long is
            # given no more of them, however many are to pile up.
            found[name] = {
                'auth_type': 'none', 'poll_interval': 1, 'request_timeout': 30,
                'endpoint_override': '%s/%s' % (
                    self.backend_proxies[name].url, name)}
        return found

    def heal(self):
        """Undo all faults but those of the backend that is away."""
        self.database_proxy.accept()
        self.broker_proxy.accept()
        self.backend_proxies['east'].heal()
