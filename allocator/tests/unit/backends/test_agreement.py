# SPDX-License-Identifier: Apache-2.0
"""Constraints on nodes of a backend, which knows nothing of them."""

import sqlalchemy as sa

from allocator.conf import CONF
from allocator.db import allocations
from allocator.db import backend_writes
from allocator.db import models
from allocator.db import session
from allocator.tests.backends import proxy
from allocator.tests.unit.backends import mirroring

ASKED = {'forbidden_traits': ['CUSTOM_X'],
         'any_traits': [['CUSTOM_A', 'CUSTOM_B']],
         'properties': {'memory_mb': {'>=': 4}}}
RIGHT = {'traits': ['CUSTOM_A'], 'properties': {'memory_mb': '4'}}


class AgreementTests(mirroring.MirrorTestCase):

    def setUp(self):
        super().setUp()
        url, _slash, name = self.services['east'].url.rpartition('/')
        self.proxy = proxy.HttpProxy('127.0.0.1', int(url.split(':')[-1]))
        self.addCleanup(self.proxy.close)
        self.options['east'].set('endpoint_override',
                                 self.proxy.url + '/' + name)

    def claim(self, **values):
        """Have a node claimed that is what was asked for.

        :returns: UUIDs of the allocation and of the node
        """
        node, = self.store().enrol(**RIGHT)
        self.look()
        uuid = self.allocate(constraints=ASKED, **values)
        self.loop.walk()
        self.assertEqual('confirming', allocations.get(uuid).state)
        return uuid, node

    def reads(self):
        """Count how often a node was read by itself."""
        return len([path for method, path, _status in self.proxy.requests
                    if method == 'GET' and '/v1/nodes/' in path
                    and '/detail' not in path])

    def test_a_node_that_is_right_is_confirmed_after_one_look(self):
        uuid, node = self.claim()
        self.write()
        found = allocations.get(uuid)
        self.assertEqual(('active', node), (found.state, found.node_uuid))
        self.assertEqual(1, self.reads())
        # What was asked for stays to be read.
        self.assertEqual(ASKED, found.constraints)

    def test_nobody_looks_without_constraints(self):
        self.store().enrol(2, traits=['CUSTOM_A'])
        self.look()
        for constraints in (None, {'preferred_traits': [
                {'trait': 'CUSTOM_A', 'weight': 1}]}):
            uuid = self.allocate(constraints=constraints)
            self.assertEqual('active', self.settle(uuid).state)
        self.assertEqual(0, self.reads())

    def test_one_that_has_changed_is_given_back_and_the_next_taken(self):
        for change, words in (
                ({'traits': ['CUSTOM_A', 'CUSTOM_X']},
                 'with forbidden trait CUSTOM_X'),
                ({'traits': []},
                 'without any of the traits CUSTOM_A, CUSTOM_B'),
                ({'properties': {'memory_mb': 3}},
                 'with memory_mb below 4'),
                ({'properties': {}}, 'without a number as memory_mb')):
            uuid, node = self.claim()
            self.store().change_node(node, **change)
            self.write()
            self.assertEqual('allocating', allocations.get(uuid).state)
            self.assertNotIn(uuid, self.store().allocations)
            self.assertIsNone(self.store().nodes[node]['instance_uuid'])
            write = backend_writes.get(self.node(node).backend_id, uuid)
            self.assertEqual(('refused', 'the node there is ' + words),
                             (write.outcome, write.last_error))
            other, = self.store().enrol(**RIGHT)
            self.look()
            found = self.settle(uuid)
            self.assertEqual(('active', other),
                             (found.state, found.node_uuid))

    def test_class_traits_and_owner_are_compared_once_more(self):
        """The backend compared them a moment before it was told."""
        store = self.store()
        decide = store._decide

        def change(**values):
            def decide_and_change():
                decide()
                if store.nodes[node]['instance_uuid']:
                    store.change_node(node, **values)
            store._decide = decide_and_change

        for values, words in (
                ({'resource_class': 'other'}, 'of another resource class'),
                ({'traits': ['CUSTOM_A']}, 'without trait CUSTOM_B'),
                ({'owner': 'q'}, 'of another owner or lessee')):
            store._decide = decide
            node, = store.enrol(traits=['CUSTOM_A', 'CUSTOM_B'], owner='p',
                                properties=RIGHT['properties'])
            self.look()
            uuid = self.allocate(constraints=ASKED, traits=['CUSTOM_B'],
                                 owner='p')
            self.loop.walk()
            change(**values)
            self.write()
            write = backend_writes.get(self.node(node).backend_id, uuid)
            self.assertEqual(('refused', 'the node there is ' + words),
                             (write.outcome, write.last_error))
            self.release(uuid)

    def want_unowned(self):
        """Let allocations without owner have only nodes without."""
        CONF.set_override('ownerless_allocations', 'unowned', 'conductor')
        self.addCleanup(CONF.clear_override, 'ownerless_allocations',
                        'conductor')

    def test_without_constraints_too_one_may_have_got_an_owner(self):
        """The backend gives any node to an allocation without owner."""
        self.want_unowned()
        node, = self.store().enrol()
        self.look()
        uuid = self.allocate()
        self.loop.walk()
        self.store().change_node(node, owner='p')
        self.write()
        self.assertEqual('allocating', allocations.get(uuid).state)
        write = backend_writes.get(self.node(node).backend_id, uuid)
        self.assertEqual('the node there is of some owner or lessee',
                         write.last_error)
        self.assertIsNone(self.store().nodes[node]['instance_uuid'])

    def test_nobody_looks_if_it_has_an_owner_itself(self):
        self.want_unowned()
        self.store().enrol(owner='p')
        self.look()
        uuid = self.allocate(owner='p')
        self.assertEqual('active', self.settle(uuid).state)
        self.assertEqual(0, self.reads())

    def test_one_that_got_an_owner_where_none_may_have_one(self):
        self.want_unowned()
        uuid, node = self.claim()
        self.store().change_node(node, owner='p')
        self.write()
        write = backend_writes.get(self.node(node).backend_id, uuid)
        self.assertIn('of some owner or lessee', write.last_error)

    def test_without_an_answer_it_stays_open(self):
        uuid, node = self.claim()
        self.proxy.cut_request(method='GET', path='/v1/nodes/' + node)
        self.write()
        self.assertEqual('confirming', allocations.get(uuid).state)
        self.assertIn(uuid, self.store().allocations)
        with session.writer() as connection:
            connection.execute(sa.update(models.BackendWrite).values(
                due_at=models.BackendWrite.created_at))
        self.write()
        found = allocations.get(uuid)
        self.assertEqual(('active', node), (found.state, found.node_uuid))

    def test_one_that_is_gone_by_then(self):
        uuid, node = self.claim()
        self.proxy.answer(404, method='GET', path='/v1/nodes/' + node)
        self.write()
        write = backend_writes.get(self.node(node).backend_id, uuid)
        self.assertEqual('the node there is gone', write.last_error)

    def test_released_in_vain_it_keeps_its_constraints(self):
        uuid, node = self.claim()
        self.write()
        self.store().change_node(node, provision_state='active')
        self.release(uuid)
        self.write()
        self.assertEqual(ASKED, allocations.get(uuid).constraints)
