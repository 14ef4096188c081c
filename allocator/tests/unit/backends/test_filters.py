# SPDX-License-Identifier: Apache-2.0
"""Backends of whose nodes filters select some."""

from allocator.backends import facts
from allocator.backends import looks
from allocator.common import exception
from allocator.db import allocations
from allocator.db import backend_status
from allocator.db import nodes
from allocator.tests.unit.backends import mirroring

OPTIONS = ('shard', 'conductor_group', 'owner', 'resource_class')


class FilteredTestCase(mirroring.MirrorTestCase):
    """A backend of whose nodes a filter selects some.

    :cvar option: name of the filter
    """

    option: str

    def enrol(self, value='A', count=1, **values):
        return self.store().enrol(count, **{self.option: value} | values)

    def is_known(self, uuid):
        try:
            nodes.get(uuid)
        except exception.NodeNotFound:
            return False
        return True


class EachFilter:
    """What holds for each of the filters."""

    def setUp(self):
        super().setUp()
        self.options['east'].set(self.option, ['A', 'B'])
        # Of what is allocated the class is that of the filter.
        self.kind = 'A' if self.option == 'resource_class' else 'metal'

    def allocate_there(self):
        """Have the backend give its nodes to an allocation.

        :returns: UUID of the allocation
        """
        made = self.store().allocate(self.kind)
        self.store()._decide()
        return made['uuid']

    def test_only_what_they_select_is_known(self):
        inside = self.enrol('A') + self.enrol('B')
        outside = self.enrol('C')
        self.look()
        self.store().change_node(*outside, extra={'a': 1})
        inside += self.enrol('A')
        outside += self.enrol('C')
        self.look()
        self.look(full=True)
        self.assertEqual(([True] * 3, [False] * 2), (
            [self.is_known(uuid) for uuid in inside],
            [self.is_known(uuid) for uuid in outside]))

    def test_what_leaves_them_is_not_free_at_the_next_look(self):
        uuid, = self.enrol()
        self.look()
        self.store().change_node(uuid, **{self.option: 'C'})
        self.look()
        self.assertFalse(self.is_known(uuid))

    def test_what_has_left_them_is_not_remembered(self):
        uuid, = self.enrol()
        self.look()
        self.store().change_node(uuid, **{self.option: 'C'})
        self.look()
        self.assertNotIn(uuid, self.mirrors['east']._comparison._digests)

    def test_what_enters_them_is_known_at_the_next_look(self):
        uuid, = self.enrol('C')
        self.look()
        self.store().change_node(uuid, **{self.option: 'B'})
        self.look()
        self.assertEqual(2, self.node(uuid).free)
        # Back and forth.
        for value, is_known in (('C', False), ('A', True)):
            self.store().change_node(uuid, **{self.option: value})
            self.look()
            self.assertEqual(is_known, self.is_known(uuid))

    def test_what_is_allocated_stays_until_it_ends(self):
        uuid, = self.enrol()
        made = self.allocate_there()
        self.look()
        self.store().change_node(uuid, **{self.option: 'C'})
        self.look()
        self.assertEqual('C', getattr(self.node(uuid), self.option))
        self.assertEqual(uuid, allocations.get(made).node_uuid)
        self.look(full=True)
        self.assertTrue(self.is_known(uuid))
        self.assertEqual(0, backend_status.get('east')['missing'])
        self.store().undeploy(uuid)
        self.look()
        self.assertFalse(self.is_known(uuid))
        self.assertRaises(exception.AllocationNotFound, allocations.get, made)

    def test_newcomers_that_were_never_touched_are_known(self):
        self.enrol()
        self.look()
        new = self.enrol('B', 2)
        self.enrol('C')
        self.look()
        self.assertEqual([2, 2], [self.node(uuid).free for uuid in new])


class ShardTests(EachFilter, FilteredTestCase):

    option = 'shard'


class ConductorGroupTests(EachFilter, FilteredTestCase):

    option = 'conductor_group'


class OwnerTests(EachFilter, FilteredTestCase):

    option = 'owner'


class ResourceClassTests(EachFilter, FilteredTestCase):

    option = 'resource_class'


class LeftTests(FilteredTestCase):
    """Many that have left the filters, and are allocated."""

    option = 'owner'

    def setUp(self):
        super().setUp()
        self.options['east'].set('owner', ['A'])
        self.left = self.enrol(count=10)
        for _uuid in self.left:
            self.store().allocate('metal')
        self.store()._decide()
        self.look()
        for uuid in self.left:
            self.store().change_node(uuid, owner='C')
        self.look()

    def test_a_full_look_reads_them_anew_however_many(self):
        # Unseen by looks for changes.
        for uuid in self.left:
            self.store().nodes[uuid].change({'maintenance': True})
        self.look(full=True)
        self.assertEqual({True}, {
            self.node(uuid).maintenance for uuid in self.left})
        self.assertEqual(0, backend_status.get('east')['missing'])

    def test_those_that_are_deleted_are_missing(self):
        for uuid in self.left[:2]:
            self.store().delete_node(uuid)
        self.look(full=True)
        self.assertEqual(2, backend_status.get('east')['missing'])
        self.assertTrue(self.is_known(self.left[0]))

    def test_one_that_is_deleted_goes_with_its_allocation(self):
        self.enrol(count=30)
        self.look()
        gone = self.left[0]
        allocation = self.node(gone).instance_uuid
        self.store().delete_node(gone)
        self.look(full=True)
        self.assertFalse(self.is_known(gone))
        self.assertRaises(exception.AllocationNotFound, allocations.get,
                          allocation)


class CostTests(FilteredTestCase):

    option = 'shard'

    def test_a_look_without_changes_is_a_page_and_a_newcomer(self):
        """Whatever else there is outside the filters."""
        self.options['east'].set('shard', ['A', 'B'])
        self.enrol('A', 3)
        outside = self.enrol('C', 40)
        for uuid in outside:
            self.store().change_node(uuid, extra={'a': 1})
        self.look()
        self.look()
        asked = self.services['east'].requests
        before = asked['GET', 'nodes']
        self.look()
        self.assertEqual(before + 2, asked['GET', 'nodes'])
        self.assertEqual(3, backend_status.get('east')['nodes'])


class AdmitTests(mirroring.MirrorTestCase):

    def admits(self, **values):
        return looks.admits(looks.selection('east'), facts.of_node(
            {'uuid': 'u'} | values))

    def test_without_filters_all_are_admitted(self):
        self.assertTrue(self.admits())

    def test_each_filter_admits_its_values(self):
        for option in OPTIONS:
            self.options['east'].set(option, ['A', 'B'])
            self.assertEqual(
                [True, True, False, False],
                [self.admits(**{option: value})
                 for value in ('A', 'B', 'C', None)])
            self.options['east'].set(option, [])

    def test_all_filters_must_admit_it(self):
        for option in OPTIONS:
            self.options['east'].set(option, ['A'])
        node = dict.fromkeys(OPTIONS, 'A')
        self.assertTrue(self.admits(**node))
        for option in OPTIONS:
            self.assertFalse(self.admits(**node | {option: 'B'}))

    def test_nodes_of_no_conductor_group_have_an_empty_one(self):
        self.options['east'].set('conductor_group', ['A', ''])
        self.assertTrue(self.admits(conductor_group=None))
