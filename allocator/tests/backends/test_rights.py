# SPDX-License-Identifier: Apache-2.0
"""The user of this service loses its rights at a real Ironic, and gets them
back.
"""

from allocator.tests.backends import fronting
from allocator.tests.backends import ironic
from allocator.tests.functional import keystone
from allocator.tests.functional import waiting


class RightsTests(fronting.FrontTestCase):

    options = {'stale_after': 20}

    @classmethod
    def setUpClass(cls):
        cls.keystone = identity = cls._use(keystone.Keystone())
        cls.arguments = {'auth': ironic.KEYSTONE, 'keystone': identity,
                         # It asks whether a token is good each time.
                         'options': {'keystone_authtoken': {
                             'token_cache_time': -1}}}
        super().setUpClass()

    def backend(self):
        return self.client.get('/allocator/v1/backends/east').json()

    def wait_status(self, status, is_failing=False):
        """Wait until the backend is said to be so.

        :param is_failing: whether the last look at it is to have failed, too
        :returns: the backend
        """
        def said():
            found = self.backend()
            return found if found['status'] == status and (
                not is_failing or found['last_error']) else None

        return waiting.until(said, 2 * fronting.SETTLED,
                             'the backend is ' + status)

    def test_without_its_role_nothing_is_lost(self):
        node, held, other = self.add_nodes(3)
        kept = self.settled(candidate_nodes=[held])['uuid']
        stop = self.proxy.keep(**fronting.POST)
        uuid = self.allocate(candidate_nodes=[node])
        stop.wait()
        self.keystone.change_role(ironic.USER, 'member', False)
        self.addCleanup(self.keystone.change_role, ironic.USER, 'member',
                        True)
        # Its token was revoked with the role; there is no other.
        stop.let_go()
        found = self.wait_status('silent', is_failing=True)
        self.assertRegex(found['last_error'], '40[13]')
        self.assertEqual('allocating', self.client.allocation(uuid)['state'])
        self.assertEqual(204, self.release(kept))
        self.assertEqual(kept, self.node(held).instance_uuid)
        late = self.settled(candidate_nodes=[other])
        self.assertEqual('error', late['state'])
        self.assertIn('1 of a backend that does not hand out nodes now',
                      late['last_error'])
        self.assertIsNotNone(self.operator.allocation(kept))
        self.assertTrue(self.service.nodes())
        self.keystone.change_role(ironic.USER, 'member', True)
        self.wait_status('up')
        self.active(uuid, node)
        self.assertIsNone(self.operator.allocation(kept))
        self.active(self.allocate(candidate_nodes=[held]), held)

    def test_what_the_catalogue_does_not_know_is_where_it_is_said_to_be(self):
        self.assertEqual(self.proxy.url, self.backend()['public_url'])

    def test_denied_by_the_backend_alone(self):
        """A policy, or a proxy in between, that says no for a while."""
        node, = self.add_nodes()
        # Twice, for the first time a new token is tried.
        self.proxy.answer(401, times=2, **fronting.POST)
        self.proxy.answer(403, times=None, **fronting.POST)
        uuid = self.allocate(candidate_nodes=[node])
        waiting.until(lambda: any(
            write.tries > 1 and '403' in write.last_error
            for write in self.writes(uuid)), fronting.KNOWN, 'it is denied')
        self.assertNotEqual('active', self.client.allocation(uuid)['state'])
        self.proxy.heal()
        self.active(uuid, node)
