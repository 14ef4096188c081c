# SPDX-License-Identifier: Apache-2.0
"""This service in front of two real Bare Metal services.

The Identity service knows the users of this service and of one of the two;
the other asks nobody who he is. In the catalogue this service is the Bare
Metal service.
"""

import fixtures

from allocator.tests.backends import ironic
from allocator.tests.functional import client
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import keystone
from allocator.tests.functional import waiting

# Seconds in which the mirror knows of a change, and a margin for a busy
# machine.
KNOWN = 30

TENANT = 'tenant'


class Two(fixtures.Fixture):
    """Two Bare Metal services, and this one in front of them.

    :ivar keystone: keystone.Keystone
    :ivar ironics: dict of ironic.Ironic by name of the backend
    :ivar service: functional.fixtures.Service
    :ivar client: client.Client of its administrator
    :ivar project: id of the project of the tenant
    :ivar clouds: path of a clouds.yaml of administrator and tenant
    """

    def _setUp(self):
        self.keystone = self.useFixture(keystone.Keystone())
        self.ironics = {
            'east': self.useFixture(ironic.Ironic(ironic.KEYSTONE,
                                                  self.keystone)),
            'west': self.useFixture(ironic.Ironic())}
        self._add_people()
        self.service = self.useFixture(service_fixtures.Service(
            databases.MYSQL, conductors=2, options=self._options()))
        self.keystone.register(self.service.endpoint)
        self.client = client.Client(
            self.service.endpoint,
            token=self.keystone.token(ironic.ADMINISTRATOR, system=True))
        self.addCleanup(self.client.close)
        self.clouds = self.keystone.write_clouds(**{
            ironic.ADMINISTRATOR: {'system': True},
            TENANT: {'project': TENANT}})

    def _add_people(self):
        self.project = self.keystone.add_project(TENANT)
        self.keystone.add_user(TENANT, 'member', project=TENANT)
        self.keystone.add_user('api', 'service', project='service')

    def _options(self):
        found = {
            'DEFAULT': {'auth_strategy': 'keystone',
                        'enabled_backends': ','.join(self.ironics)},
            # A crowd has its token checked by a Keystone on SQLite.
            'keystone_authtoken': self.keystone.middleware_options('api')
            | {'http_connect_timeout': 60}}
        for name, there in self.ironics.items():
            # The public endpoint in the catalogue is this service's own.
            found[name] = there.backend_options() | {
                'public_url': there.url, 'poll_interval': 1}
        return found

    def wait_known(self, uuids):
        """Wait until the mirror has some nodes."""
        waiting.until(lambda: set(uuids) <= set(self.service.nodes()), KNOWN,
                      'the mirror has the nodes')

    def wait_free(self, uuids):
        """Wait until the mirror has nodes that nobody has."""
        def free():
            rows = self.service.nodes()
            return all(uuid in rows and rows[uuid].instance_uuid is None
                       and rows[uuid].provision_state == 'available'
                       for uuid in uuids)

        waiting.until(free, KNOWN, 'the mirror has the nodes as free')
