# SPDX-License-Identifier: Apache-2.0
"""The mirror of a simulated backend."""

import fixtures as base_fixtures

from allocator.backends import looks
from allocator.backends import marks
from allocator.backends import mirror
from allocator.common import exception
from allocator.db import allocations
from allocator.db import backend_status
from allocator.db import backends
from allocator.db import mirrored_nodes
from allocator.db import nodes
from allocator.tests import fixtures
from allocator.tests import statements
from allocator.tests.unit.backends import mirroring


class MirrorTests(mirroring.MirrorTestCase):

    def test_first_look_brings_all_nodes(self):
        uuids = self.store().enrol(
            3, traits=['CUSTOM_A'], properties={'cpus': '8'}, owner='p')
        self.look()
        found = self.node(uuids[0])
        self.assertEqual(('metal', 'available', 'power off', 'p', 2, 1),
                         (found.resource_class, found.provision_state,
                          found.power_state, found.owner, found.free,
                          found.trait_count))
        self.assertEqual(
            {'traits': ['CUSTOM_A'], 'backend': 'east'}, {
                name: nodes.show(uuids[1], ['traits', 'backend'])[name]
                for name in ('traits', 'backend')})

    def test_changes_are_seen(self):
        uuid, = self.store().enrol()
        self.look()
        self.store().change_node(uuid, maintenance=True, traits=['CUSTOM_B'])
        self.look()
        self.assertEqual((True, 0), (self.node(uuid).maintenance,
                                     self.node(uuid).free))
        self.assertEqual(['CUSTOM_B'],
                         nodes.show(uuid, ['traits'])['traits'])

    def test_never_touched_newcomers_are_seen(self):
        self.store().enrol(2)
        self.look()
        new = self.store().enrol(3)
        self.look()
        self.assertEqual({2}, {self.node(uuid).free for uuid in new})

    def test_so_are_those_that_were_enrolled_before_a_touched_one(self):
        self.look()
        new = self.store().enrol(2)
        touched, = self.store().enrol()
        self.store().change_node(touched, extra={'a': 1})
        self.look()
        self.assertEqual({2}, {self.node(uuid).free for uuid in new})

    def test_a_name_that_moves_is_known_within_the_look(self):
        """Newest first, it is met at its new node before the old one."""
        new, old = self.store().enrol(2)
        self.store().change_node(old, name='db')
        self.look()
        self.store().change_node(old, name=None)
        self.store().change_node(new, name='db')
        self.look()
        self.assertEqual(new, nodes.get('db').uuid)

    def test_names_that_change_places_are_known_within_the_look(self):
        for full in (False, True):
            one, other = self.store().enrol(2)
            self.store().change_node(one, name='a-%d' % full)
            self.store().change_node(other, name='b-%d' % full)
            self.look()
            self.store().change_node(one, name='b-%d' % full)
            self.store().change_node(other, name='a-%d' % full)
            self.look(full=full)
            self.assertEqual((other, one), (nodes.get('a-%d' % full).uuid,
                                            nodes.get('b-%d' % full).uuid))

    def test_an_instance_that_another_node_has_is_not_asked_for_again(self):
        """Each look asked five times more for the node."""
        uuid, other = self.store().enrol(2)
        self.look()
        instance = allocations.new_uuid()
        fixtures.change_node(other, instance_uuid=instance)
        asked = self.services['east'].requests

        def count_asked():
            before = asked['GET', 'nodes']
            self.look()
            return asked['GET', 'nodes'] - before

        usual = count_asked()
        self.store().change_node(uuid, instance_uuid=instance)
        self.assertEqual([usual] * 2, [count_asked(), count_asked()])
        self.assertIsNone(self.node(uuid).instance_uuid)
        fixtures.change_node(other, instance_uuid=None)
        self.look()
        self.assertEqual(instance, self.node(uuid).instance_uuid)

    def test_an_instance_that_changes_places_is_known_within_the_look(self):
        one, other = self.store().enrol(2)
        instance = allocations.new_uuid()
        for before, after in ((one, other), (other, one)):
            self.store().change_node(after, instance_uuid=None)
            self.store().change_node(before, instance_uuid=instance)
            self.look()
            self.store().change_node(before, instance_uuid=None)
            self.store().change_node(after, instance_uuid=instance)
            self.look()
            self.assertEqual((None, instance), (
                self.node(before).instance_uuid,
                self.node(after).instance_uuid))

    def test_a_look_without_changes_writes_nothing(self):
        uuid, = self.store().enrol()
        self.store().change_node(uuid, extra={'a': 1})
        self.look()
        before = self.node(uuid)
        self.look()
        self.look(full=True)
        self.assertEqual(before, self.node(uuid))

    def test_a_page_from_before_a_change_here_does_not_undo_it(self):
        uuid, = self.store().enrol()
        self.look()
        looking = self.mirrors['east']
        self.store().change_node(uuid, extra={'a': 1})
        # As a claim would, between the request and its answer.
        fixtures.change_node(uuid, generation=7, name='claimed')
        outcome = mirrored_nodes.apply(
            looking.hold, [_facts(self, uuid)],
            looking._comparison._generations)
        self.assertEqual([uuid], outcome.changed)
        self.assertEqual('claimed', self.node(uuid).name)
        # It is asked for anew.
        self.look()
        self.assertEqual({'a': 1}, self.node(uuid).extra)

    def test_a_holder_that_was_paused_writes_nothing(self):
        uuid, = self.store().enrol()
        self.look()
        looking = self.mirrors['east']
        old = looking.hold
        backends.let_go(old)
        backends.hold('east', 'another', 10)
        self.store().change_node(uuid, maintenance=True)
        self.assertRaises(
            backends.HoldLost, mirrored_nodes.apply, old,
            [_facts(self, uuid)], looking._comparison._generations)
        self.assertFalse(self.node(uuid).maintenance)

    def test_what_was_written_here_is_not_asked_for_node_by_node(self):
        self.store().enrol(3)
        self.look()
        for _ in range(3):
            self.settle(self.allocate())
        asked = self.services['east'].requests
        before = asked['GET', 'nodes']
        self.look()
        # The changes, and the newcomers.
        self.assertEqual(before + 2, asked['GET', 'nodes'])

    def test_a_full_look_without_changes_locks_no_node(self):
        self.store().enrol(30, traits=['CUSTOM_A'])
        self.look()
        counted = self.useFixture(statements.Statements())
        self.look(full=True)
        # What each transaction asks that locks nodes.
        self.assertEqual([], [text for text in counted.texts
                              if 'backend_writes.node_id IN' in text])

    def test_nodes_of_one_kind_are_one_look_up_of_their_profile(self):
        self.store().enrol(30, traits=['CUSTOM_A'])
        counted = self.useFixture(statements.Statements())
        self.look()
        self.assertLess(sum('FROM profiles' in text
                            for text in counted.texts), 5)

    def test_only_one_holds_a_backend(self):
        backends.ensure('east')
        first = backends.hold('east', 'first', 10)
        self.assertIsNone(backends.hold('east', 'second', 10))
        self.assertEqual(first, backends.hold('east', 'first', 10))
        backends.let_go(first)
        self.assertEqual(first.epoch + 1,
                         backends.hold('east', 'second', 10).epoch)

    def test_a_taken_node_is_not_free(self):
        uuid, = self.store().enrol()
        self.look()
        self.store().change_node(
            uuid, instance_uuid='7f9f4e1e-2b1b-4c8e-9a5e-3d9b6a1c2f10')
        self.look()
        self.assertEqual(0, self.node(uuid).free)
        self.store().change_node(uuid, instance_uuid=None)
        self.look()
        self.assertEqual(2, self.node(uuid).free)


class LongSweepTests(mirroring.MirrorTestCase):
    """A full look of so many pages that others are due meanwhile."""

    def sweep(self, between):
        """Look at everything, page by page.

        :param between: function called before the last page is answered
        """
        self.useFixture(base_fixtures.MockPatchObject(looks, 'PAGE', 2))
        service = self.services['east']
        handle = service.handle
        uuids = list(self.store().nodes)

        def watch(method, path, query, body):
            if 'sort_key' not in query:
                if query.get('marker') == uuids[1]:
                    between()
                elif query.get('marker') == uuids[-2]:
                    self.at_last = (self.node(uuids[0]).maintenance,
                                    backends.get_row('east').looked_at)
            return handle(method, path, query, body)

        service.handle = watch
        try:
            self.mirrors['east']._next_look = float('inf')
            self.mirrors['east']._next_sweep = 0
            self.mirrors['east']._step()
        finally:
            service.handle = handle

    def test_changes_are_known_before_it_ends(self):
        uuids = self.store().enrol(7)
        self.look()
        before = backends.get_row('east').looked_at

        def between():
            self.store().change_node(uuids[0], maintenance=True)
            self.mirrors['east']._next_look = 0

        self.sweep(between)
        was_known, looked_at = self.at_last
        self.assertTrue(was_known)
        # The backend was heard of, and that is not taken back.
        self.assertGreater(looked_at, before)
        row = backends.get_row('east')
        self.assertGreaterEqual(row.looked_at, looked_at)
        self.assertLess(row.swept_at, row.looked_at)

    def test_what_leaves_the_filters_meanwhile_is_not_missing(self):
        self.options['east'].set('owner', ['A'])
        uuids = self.store().enrol(7, owner='A')
        self.look()

        def between():
            for uuid in uuids[3:6]:
                self.store().change_node(uuid, owner='B')
            self.mirrors['east']._next_look = 0

        self.sweep(between)
        self.assertEqual((4, 0), tuple(backend_status.get('east')[name]
                                       for name in ('nodes', 'missing')))

    def test_a_first_one_is_not_interrupted(self):
        uuids = self.store().enrol(7)
        for uuid in uuids:
            self.store().change_node(uuid, extra={'a': 1})
        self.look('east')
        self.mirrors['east'] = mirror.Mirror('east')
        backends.let_go(backends.Hold(1, 'east', 1))

        def between():
            self.mirrors['east']._next_look = 0

        asked = self.services['east'].requests
        before = asked['GET', 'nodes']
        self.sweep(between)
        self.assertEqual(before + 4, asked['GET', 'nodes'])


def _facts(test, uuid):
    from allocator.backends import facts
    from allocator.backends import registry
    return facts.of_node(registry.get('east').get_node(uuid))


class MissingTests(mirroring.MirrorTestCase):

    def test_a_deleted_node_goes_at_the_next_full_look(self):
        uuids = self.store().enrol(30)
        self.look()
        self.store().delete_node(uuids[0])
        self.look()
        self.assertIsNotNone(self.node(uuids[0]))
        self.look(full=True)
        self.assertRaises(exception.NodeNotFound, nodes.get, uuids[0])

    def test_many_missing_at_once_stay_until_accepted(self):
        uuids = self.store().enrol(30)
        self.look()
        for uuid in uuids[:10]:
            self.store().delete_node(uuid)
        self.look(full=True)
        self.assertIsNotNone(nodes.get(uuids[0]))
        self.assertEqual(10, backend_status.get('east')['missing'])
        self.assertEqual(10, backends.accept('east'))
        self.look(full=True)
        self.assertRaises(exception.NodeNotFound, nodes.get, uuids[0])
        self.assertEqual(0, backend_status.get('east')['missing'])


class TwoBackendTests(mirroring.MirrorTestCase):

    names = ('east', 'west')

    def test_the_same_node_in_two_backends_is_the_firsts(self):
        uuid, = self.store('east').enrol(name='e')
        self.store('west').enrol(1, uuid=uuid, name='w')
        other, = self.store('west').enrol()
        self.look('east')
        self.look('west')
        self.assertEqual('e', self.node(uuid).name)
        self.assertEqual('west', nodes.show(other, ['backend'])['backend'])

    def test_a_name_that_two_nodes_bear_is_ambiguous(self):
        self.store('east').enrol(name='twin')
        self.store('west').enrol(name='twin')
        self.store('west').enrol(name='single')
        self.look()
        self.assertRaises(exception.NodeAmbiguous, nodes.get, 'twin')
        self.assertEqual('single', nodes.get('single').name)
        error = self.assertRaises(exception.NodeAmbiguous, allocations.create,
                                  mirroring.PENDING | {
                                      'uuid': allocations.new_uuid()},
                                  ['twin'])
        self.assertIn('UUID', str(error))


class ImportTests(mirroring.MirrorTestCase):

    def test_allocations_of_the_backend_are_taken_over(self):
        uuid, = self.store().enrol(traits=['CUSTOM_A'])
        made = self.store().allocate('metal', name='theirs',
                                     traits=['CUSTOM_A'], extra={'a': 1})
        self.store()._decide()
        self.look()
        found = allocations.get('theirs')
        self.assertEqual(
            (made['uuid'], 'active', uuid, ['CUSTOM_A'], {'a': 1}),
            (found.uuid, found.state, found.node_uuid, found.traits,
             found.extra))

    def test_a_name_that_is_taken_here_is_left_out(self):
        self.allocate(name='theirs', resource_class='none')
        self.store().enrol()
        made = self.store().allocate('metal', name='theirs')
        self.store()._decide()
        self.look()
        self.assertIsNone(allocations.get(made['uuid']).name)

    def test_the_name_of_an_attempt_is_never_taken_over(self):
        """Neither ours, nor where its mark is unknown here."""
        self.store().enrol(3)
        uuids = [allocations.new_uuid() for _ in range(3)]
        for uuid, extra in zip(uuids, (
                marks.make(2), {}, {marks.KEY: {
                    'installation': 'where it was before', 'attempt': 2}}),
                strict=True):
            self.store().allocate('metal', uuid=uuid, extra=extra,
                                  name=marks.name(uuid, 2))
        # Of another's UUID it is a name like any other.
        self.store().enrol()
        theirs = self.store().allocate('metal', name=marks.name(uuids[0], 3))
        self.store()._decide()
        self.look()
        self.assertEqual([None] * 3, [
            allocations.get(uuid).name for uuid in uuids])
        self.assertEqual(marks.name(uuids[0], 3),
                         allocations.get(theirs['uuid']).name)

    def test_who_is_given_a_node_at_once_is_known_at_once(self):
        node, = self.store().enrol()
        before = self.store().allocate('metal')['uuid']
        self.store()._decide()
        self.look()
        self.store().release(before)
        after = self.store().allocate('metal')['uuid']
        self.store()._decide()
        self.look()
        self.assertRaises(exception.AllocationNotFound, allocations.get,
                          before)
        self.assertEqual(node, allocations.get(after).node_uuid)

    def test_undeployed_there_the_allocation_ends(self):
        uuid, = self.store().enrol()
        made = self.store().allocate('metal')
        self.store()._decide()
        self.look()
        self.store().undeploy(uuid)
        self.look()
        self.assertRaises(exception.AllocationNotFound, allocations.get,
                          made['uuid'])
        self.assertEqual(2, self.node(uuid).free)
