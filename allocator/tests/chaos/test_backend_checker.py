# SPDX-License-Identifier: Apache-2.0
"""The checker of backends finds what it is there to find."""

import types

import sqlalchemy as sa
import testtools

from allocator.backends import marks
from allocator.tests.chaos import backend_checker
from allocator.tests.chaos import ledger

MINE = 'allocation-of-a-tenant'
THEIRS = 'allocation-of-others'


def node(instance=None, allocation=None):
    return {'instance_uuid': instance, 'allocation_uuid': allocation}


def allocation(node_uuid, is_ours=True, state='active'):
    return {'node_uuid': node_uuid, 'state': state,
            'extra': {marks.KEY: {'attempt': 1}} if is_ours else {}}


class CompareTests(testtools.TestCase):
    """A tenant has a node of east, others have one of west, all is well."""

    def setUp(self):
        super().setUp()
        self.active = {MINE: 'e1', THEIRS: 'w1'}
        self.east = backend_checker.There(
            {'e1': node(MINE, MINE), 'e2': node()}, {MINE: allocation('e1')})
        self.west = backend_checker.There(
            {'w1': node(THEIRS, THEIRS), 'w2': node()},
            {THEIRS: allocation('w1', is_ours=False)})
        self.foreign = {THEIRS: ('west', 'w1')}

    def compare(self):
        return backend_checker.compare(
            self.active, {'east': self.east, 'west': self.west},
            self.foreign)

    def assert_found(self, *parts):
        found = self.compare()
        for part in parts:
            self.assertTrue(any(part in sentence for sentence in found),
                            '%s is not in %s' % (part, found))

    def test_nothing_is_found_where_all_is_well(self):
        self.assertEqual([], self.compare())

    def test_active_without_an_allocation_there(self):
        del self.east.allocations[MINE]
        self.assert_found('no backend confirms it',
                          'of which there is no allocation')

    def test_active_with_another_node_there(self):
        self.east.allocations[MINE] = allocation('e2')
        self.assert_found('no backend confirms it', 'which nobody holds')

    def test_active_while_it_is_not_there(self):
        self.east.allocations[MINE] = allocation('e1', state='allocating')
        self.assert_found('no backend confirms it')

    def test_active_with_a_node_that_does_not_say_so(self):
        self.east.nodes['e1'] = node()
        self.assert_found('no backend confirms it')

    def test_ours_that_nobody_holds(self):
        self.east.allocations['left'] = allocation('e2')
        self.east.nodes['e2'] = node('left', 'left')
        self.assert_found('allocation left (active) of ours')

    def test_ours_that_has_failed_and_keeps_the_uuid(self):
        self.east.allocations['left'] = allocation(None, state='error')
        self.assert_found('allocation left (error) of ours')

    def test_an_instance_without_allocation(self):
        self.east.nodes['e2'] = node('left')
        self.assert_found('Node e2 of backend east has instance left')

    def test_a_node_given_twice_here(self):
        self.active['second'] = 'e1'
        self.assert_found('Node e1 is given to all of')

    def test_a_node_of_others_given_here(self):
        self.active['second'] = 'w1'
        self.assert_found('Node w1 is given to all of')

    def test_a_uuid_at_two_backends(self):
        self.west.allocations[MINE] = allocation('w2')
        self.west.nodes['w2'] = node(MINE, MINE)
        self.assert_found('Allocation %s is at 2 backends' % MINE,
                          'which nobody holds')

    def test_an_allocation_of_others_that_is_gone(self):
        del self.active[THEIRS]
        del self.west.allocations[THEIRS]
        self.west.nodes['w1'] = node()
        self.assert_found('others have made at west, has lost node w1')

    def test_an_allocation_of_others_whose_node_was_taken_away(self):
        self.west.nodes['w1'] = node(MINE, None)
        self.assert_found('others have made at west, has lost node w1')

    def test_an_allocation_of_others_that_is_another_here(self):
        self.foreign.clear()
        self.active[THEIRS] = 'w2'
        self.assert_found('of others with another node than here')


class SampleTests(testtools.TestCase):
    """What must hold of a backend's node here at any moment."""

    def setUp(self):
        super().setUp()
        self.ledger = ledger.Ledger(lambda line: None)
        self.checker = backend_checker.BackendChecker(
            types.SimpleNamespace(engine=sa.create_engine('sqlite://'),
                                  settle=0, ironics={}), self.ledger)

    def check(self, state='active', node_id=1, uuid=MINE, instance=MINE,
              allocation_id=7):
        self.checker._check_mirrored(
            types.SimpleNamespace(id=1, uuid='e1', instance_uuid=instance,
                                  allocation_id=allocation_id),
            state and types.SimpleNamespace(uuid=uuid, node_id=node_id,
                                            state=state))
        return len(self.ledger.violations)

    def test_taken_confirmed_or_given_to_others(self):
        self.assertEqual(0, self.check())
        self.assertEqual(0, self.check(state='confirming'))
        self.assertEqual(0, self.check(state=None, allocation_id=None))

    def test_an_allocation_that_does_not_exist(self):
        self.assertEqual(1, self.check(state=None))

    def test_an_allocation_without_the_node(self):
        self.assertEqual(1, self.check(node_id=2))

    def test_another_instance(self):
        self.assertEqual(1, self.check(instance=THEIRS))

    def test_an_allocation_that_has_failed(self):
        self.assertEqual(1, self.check(state='error'))
