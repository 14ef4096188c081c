# SPDX-License-Identifier: Apache-2.0
"""What a backend has ended is in nobody's way, though no look was due."""

import threading

import fixtures as base_fixtures

from allocator.api import app
from allocator.api import looked_again
from allocator.api import written_through
from allocator.conductor import manager
from allocator.conductor import rpcapi
from allocator.db import allocations
from allocator.db import backends
from allocator.db import wanted_looks
from allocator.tests import fixtures
from allocator.tests.functional import waiting
from allocator.tests.unit.backends import mirroring

URL = '/v1/allocations'


class ConflictTestCase(mirroring.MirrorTestCase):
    """An allocation whose node is deployed, and a look that is not due."""

    def setUp(self):
        super().setUp()
        rpcapi.set_local(manager.ConductorManager(self.loop))
        self.api = fixtures.Api()
        # On the configuration and database of the mirror.
        self.api.application = app.setup_app()
        # Nobody writes while a request waits.
        self.useFixture(base_fixtures.MockPatchObject(
            written_through, 'PATIENCE', 0))
        self.node, = self.store().enrol()
        self.look()
        self.uuid = self.allocate(name='db1')
        self.assertEqual('active', self.settle(self.uuid).state)
        self.store().change_node(self.node, provision_state='active')
        self.look()
        for option in ('poll_interval', 'sweep_interval'):
            self.options['east'].set(option, 600)
        # It begins with the next look that is due.
        self.mirrors['east']._next_look += 600
        self.mirrors['east']._next_sweep += 600

    def mirror(self):
        """Have the mirror run, as it does in a conductor."""
        looking = self.mirrors['east']
        thread = threading.Thread(target=looking.run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(looking.stop)

    def post(self, **body):
        return self.api.post(URL, {'resource_class': 'metal'} | body).status


class UndeployedTests(ConflictTestCase):

    def setUp(self):
        super().setUp()
        # However slow this machine is.
        self.useFixture(base_fixtures.MockPatchObject(
            looked_again, 'PATIENCE', 60))
        self.store().undeploy(self.node)
        self.mirror()

    def test_its_name_can_be_used_at_once(self):
        self.assertEqual(201, self.post(name='db1'))

    def test_its_uuid_can_be_used_at_once(self):
        self.assertEqual(201, self.post(uuid=self.uuid))

    def test_another_can_be_given_its_name_at_once(self):
        other = self.allocate()
        answer = self.api.patch('%s/%s' % (URL, other), [
            {'op': 'add', 'path': '/name', 'value': 'db1'}])
        self.assertEqual((200, 'db1'), (answer.status, answer.body['name']))

    def test_deleting_it_says_what_the_backend_would(self):
        self.assertEqual(404, self.api.delete(
            '%s/%s' % (URL, self.uuid)).status)

    def test_an_instance_that_is_gone_is_in_nobodys_way(self):
        uuid = allocations.new_uuid()
        fixtures.change_node(self.node, instance_uuid=uuid,
                             allocation_id=None)
        self.assertEqual(201, self.post(uuid=uuid))


class StillThereTests(ConflictTestCase):

    def test_what_is_there_still_is_in_the_way(self):
        self.mirror()
        before = backends.get_row('east').looked_at
        self.assertEqual(409, self.post(name='db1'))
        self.assertEqual(409, self.api.delete(
            '%s/%s' % (URL, self.uuid)).status)
        self.assertGreater(backends.get_row('east').looked_at, before)
        self.assertEqual('active', allocations.get('db1').state)

    def test_what_may_be_released_by_now_is(self):
        self.store().change_node(self.node, maintenance=True)
        self.mirror()
        self.assertEqual(204, self.api.delete(
            '%s/%s' % (URL, self.uuid)).status)

    def test_a_node_that_was_just_deployed_can_be_backfilled(self):
        other, = self.store().enrol(provision_state='deploying')
        self.look()
        self.store().change_node(other, provision_state='active')
        self.mirror()
        # It is wanted. Nobody writes, so that it is not confirmed in time.
        self.assertEqual(503, self.api.post(URL, {'node': other}).status)

    def test_nobody_waits_for_long_without_a_mirror(self):
        self.useFixture(base_fixtures.MockPatchObject(
            looked_again, 'PATIENCE', 0.1))
        self.assertEqual(409, self.post(name='db1'))

    def test_only_some_wait_at_once(self):
        """Those that try until a name is free would have all threads."""
        self.useFixture(base_fixtures.MockPatchObject(
            looked_again, 'PATIENCE', 60))
        asking, real = set(), wanted_looks.has_come

        def has_come(*args):
            asking.add(threading.get_ident())
            return real(*args)

        self.useFixture(base_fixtures.MockPatchObject(
            wanted_looks, 'has_come', has_come))
        threads = [threading.Thread(target=self.post, kwargs={'name': 'db1'})
                   for _ in range(looked_again.AT_ONCE)]
        for thread in threads:
            thread.start()
        try:
            waiting.until(lambda: len(asking) == len(threads), 30,
                          'as many wait as may')
            self.assertEqual(409, self.post(name='db1'))
        finally:
            # That ends their waiting.
            backends.note_failure(self.mirrors['east'].hold, 'no route')
            for thread in threads:
                thread.join()
        self.assertEqual(len(threads), len(asking))

    def test_nobody_waits_for_a_backend_that_does_not_answer(self):
        self.useFixture(base_fixtures.MockPatchObject(
            looked_again, 'PATIENCE', 3600))
        backends.note_failure(self.mirrors['east'].hold, 'no route')
        self.assertEqual(409, self.post(name='db1'))
        self.assertIsNone(backends.get_row('east').look_wanted_at)

    def test_own_nodes_are_asked_of_nobody(self):
        fixtures.add_node(resource_class='own')
        found = self.settle(self.allocate(name='own', resource_class='own'))
        self.assertEqual('active', found.state)
        before = backends.get_row('east').look_wanted_at
        self.assertEqual(409, self.post(name='own'))
        self.assertEqual(before, backends.get_row('east').look_wanted_at)
