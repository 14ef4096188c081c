# SPDX-License-Identifier: Apache-2.0
"""The service under chaos in front of two real Bare Metal services.

One of them, "east", has API and conductor as processes of their own, so that
its API can give up what its conductor carries out later.
"""

from allocator.tests.backends import ironic
from allocator.tests.backends import proxy
from allocator.tests.chaos import cluster

# Seconds, as configured for this service and for theirs.
REQUEST_TIMEOUT = 6
PATIENCE = 4
SWEEP_INTERVAL = 5

# Seconds after which nothing is in doubt any more, once all parts are back: a
# lease, and the longest pause between two tries.
SETTLE = 60

# What these services answer slower than that is carried out nevertheless.
_EAST = {'DEFAULT': {'rpc_response_timeout': 5}}


class BackendCluster(cluster.Cluster):
    """Processes, two Bare Metal services, and the proxies between them.

    :ivar ironics: dict of ironic.Ironic by name of the backend
    :ivar ironic_proxies: dict of proxy.HttpProxy by name of the backend
    """

    settle = SETTLE

    def _setUp(self):
        self.ironics = {
            'east': self.useFixture(ironic.Ironic(separate=True,
                                                  options=_EAST)),
            'west': self.useFixture(ironic.Ironic())}
        self.ironic_proxies = {}
        options = {'DEFAULT': {'enabled_backends': ','.join(self.ironics)},
                   'conductor': {'backend_patience': PATIENCE}}
        for name, there in self.ironics.items():
            made = proxy.HttpProxy('127.0.0.1', there.port)
            self.addCleanup(made.close)
            self.ironic_proxies[name] = made
            options[name] = {
                'auth_type': 'none', 'endpoint_override': made.url,
                # Clients go there themselves.
                'public_url': there.url, 'poll_interval': 1,
                'sweep_interval': SWEEP_INTERVAL,
                'request_timeout': REQUEST_TIMEOUT}
        for section, values in options.items():
            self._options.setdefault(section, {}).update(values)
        super()._setUp()

    def logs(self):
        """Get what the processes have written, the services' too."""
        return '\n'.join([super().logs(), *(
            '%s:\n%s' % (name, there.logs())
            for name, there in self.ironics.items())])
