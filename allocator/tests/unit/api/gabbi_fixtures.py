# SPDX-License-Identifier: Apache-2.0
"""What the declarative HTTP tests stand on: an inventory, a conductor."""

import os

from gabbi import fixture

from allocator.tests import fixtures
from allocator.tests import microversions

# The only way by which something computed gets into the YAML files.
os.environ.update(NEWEST_VERSION=microversions.NEWEST,
                  TOO_NEW_VERSION=microversions.TOO_NEW,
                  NEWEST_OWN_VERSION=microversions.NEWEST_OWN)

_api = None


def application(environ, start_response):
    """Answer as the application does, then let the conductor do its work.

    So what one request asks for is done when the next one comes.
    """
    answer = list(_api.application(environ, start_response))
    _api.match()
    return answer


class InventoryFixture(fixture.GabbiFixture):
    """Three nodes of resource class "metal", "deployed" being active.

    "gpu" and "deployed" have the trait CUSTOM_GPU. "deployed" belongs to an
    instance and is leased by tenant-1.
    """

    def start_fixture(self):
        global _api
        _api = fixtures.Api()
        _api.setUp()
        self._api = _api
        fixtures.add_node(name='plain', uuid=self._uuid(1))
        fixtures.add_node(name='gpu', uuid=self._uuid(2),
                          traits=['CUSTOM_GPU'])
        fixtures.add_node(name='deployed', uuid=self._uuid(3),
                          traits=['CUSTOM_GPU'], lessee='tenant-1',
                          provision_state='active',
                          instance_uuid=self._uuid(9))

    def stop_fixture(self):
        self._api.cleanUp()

    @staticmethod
    def _uuid(number):
        return '00000000-0000-4000-8000-%012d' % number


class KeystoneFixture(InventoryFixture):
    """The same, asked by a member of project tenant-1."""

    def start_fixture(self):
        super().start_fixture()
        self._api.act_as('member', 'reader', project='tenant-1')
