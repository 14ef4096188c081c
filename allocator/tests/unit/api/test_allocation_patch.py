# SPDX-License-Identifier: Apache-2.0
"""PATCH of an allocation: JSON Patch, reduced to name and extra."""

import threading

from allocator.tests.unit.api import allocating

URL = allocating.URL
EXTRA = {'a': {'b': [1, 2, {'c': 3}]}, 'x/y': 1, 'm~n': 2}


class PatchTests(allocating.AllocationTestCase):

    def setUp(self):
        super().setUp()
        self.create(name='taken')
        self.uuid = self.create(name='one', extra=EXTRA)['uuid']

    def assert_extra(self, expected, *operations):
        """Apply a patch to a fresh allocation."""
        uuid = self.create(extra=EXTRA)['uuid']
        self.assertEqual(expected,
                         self.patch(uuid, *operations).body['extra'])
        self.assertEqual(expected, self.show(uuid)['extra'])

    def assert_refused(self, body, *words, status=400, **options):
        before = self.rows()
        self.refuse(status, self.api.patch(
            '%s/%s' % (URL, self.uuid), body, **options), *words)
        self.assertEqual(before, self.rows())

    def test_values_are_put_at_any_depth(self):
        for path, expected in (
                ('/extra/new', EXTRA | {'new': 0}),
                ('/extra/', EXTRA | {'': 0}),
                ('/extra/x~1y', EXTRA | {'x/y': 0}),
                ('/extra/m~0n', EXTRA | {'m~n': 0}),
                ('/extra/q~01', EXTRA | {'q~1': 0}),
                ('/extra/é😀', EXTRA | {'é😀': 0}),
                ('/extra/a/b/0', EXTRA | {'a': {'b': [0, 1, 2, {'c': 3}]}}),
                ('/extra/a/b/3', EXTRA | {'a': {'b': [1, 2, {'c': 3}, 0]}}),
                ('/extra/a/b/-', EXTRA | {'a': {'b': [1, 2, {'c': 3}, 0]}}),
                ('/extra/a/b/2/c', EXTRA | {'a': {'b': [1, 2, {'c': 0}]}})):
            self.assert_extra(expected, ('add', path, 0))

    def test_values_are_replaced(self):
        for path, expected in (
                ('/extra/a', EXTRA | {'a': 0}),
                ('/extra/a/b/1', EXTRA | {'a': {'b': [1, 0, {'c': 3}]}})):
            self.assert_extra(expected, ('replace', path, 0))

    def test_values_are_removed(self):
        for path, expected in (
                ('/extra', {}),
                ('/extra/a', {'x/y': 1, 'm~n': 2}),
                ('/extra/x~1y', {'a': EXTRA['a'], 'm~n': 2}),
                ('/extra/a/b/0', EXTRA | {'a': {'b': [2, {'c': 3}]}})):
            self.assert_extra(expected, ('remove', path))

    def test_what_is_removed_inside_of_extra_must_exist(self):
        # It was 200, against RFC 6902, 4.2.
        for path in ('/extra/no', '/extra/no/no', '/extra/a/b/9',
                     '/extra/a/b/no', '/extra/a/b/2/c/d', '/extra/a/b/-'):
            self.assert_refused([{'op': 'remove', 'path': path}], path)
        self.assert_refused([{'op': 'remove', 'path': '/extra'},
                             {'op': 'remove', 'path': '/extra/a'}],
                            '/extra/a')

    def test_a_name_that_is_not_set_can_be_removed(self):
        uuid = self.create()['uuid']
        for _ in range(2):
            self.patch(uuid, ('remove', '/name'), ('remove', '/extra'),
                       ('remove', '/name'), ('remove', '/extra'))

    def test_operations_build_on_each_other(self):
        self.assert_extra({'a': {'b': [1]}},
                          ('replace', '/extra', {}),
                          ('add', '/extra/a', {}),
                          ('add', '/extra/a/b', []),
                          ('add', '/extra/a/b/-', 2),
                          ('replace', '/extra/a/b/0', 1))

    def test_of_several_operations_all_or_none_are_done(self):
        self.assert_refused([
            {'op': 'add', 'path': '/name', 'value': 'two'},
            {'op': 'replace', 'path': '/extra/no', 'value': 1}])
        self.assert_refused([
            {'op': 'add', 'path': '/extra/new', 'value': 1},
            {'op': 'remove', 'path': '/extra/no'}])

    def test_null_empties(self):
        body = self.patch(self.uuid, ('add', '/name', None),
                          ('replace', '/extra', None)).body
        self.assertEqual((None, {}), (body['name'], body['extra']))

    def test_a_name_that_is_not_set_can_be_replaced(self):
        uuid = self.create()['uuid']
        self.assertEqual('two', self.patch(
            uuid, ('replace', '/name', 'two')).body['name'])

    def test_a_name_can_be_set_to_what_it_is(self):
        self.patch(self.uuid, ('add', '/name', 'one'))

    def test_a_taken_name_is_409(self):
        self.assert_refused([{'op': 'add', 'path': '/name',
                              'value': 'taken'}], 'taken', status=409)

    def test_names_follow_the_rules(self):
        for name in ('', ' ', 'a b', 'a/b', 'one\n', 'é', 'x' * 256, '.',
                     '..', self.uuid, self.uuid.upper(), '\x00', '\ud800',
                     1, 1.5, True, [], {}):
            for op in ('add', 'replace'):
                self.assert_refused(
                    [{'op': op, 'path': '/name', 'value': name}], 'name')

    def test_extra_is_an_object(self):
        for value in (1, 'x', True, [], 1.5):
            self.assert_refused(
                [{'op': 'add', 'path': '/extra', 'value': value}], 'extra')

    def test_a_patch_is_a_list_of_operations(self):
        for body in ({}, {'name': 'x'}, 'x', 1, False, [1], [None], [[]],
                     ['x'], [{}], [{'op': 'add'}], [{'path': '/name'}],
                     [{'op': 'add', 'path': '/name'}],
                     [{'op': 'replace', 'path': '/extra/a'}],
                     [{'op': 'add', 'path': '/name', 'value': 'x', 'y': 1}]):
            self.assert_refused(body)

    def test_there_are_three_operations(self):
        for op in ('move', 'copy', 'test', 'ADD', '', None, 1, [], {}):
            self.assert_refused([{'op': op, 'path': '/extra/a', 'value': 1,
                                  }], 'add, replace, remove')
        self.assert_refused([{'op': 'move', 'path': '/extra/z',
                              'from': '/extra/a'}], 'move')

    def test_paths_lead_to_name_or_extra(self):
        for path in ('', '/', 'name', 'extra/a', '/uuid', '/state', '/links',
                     '/node_uuid', '/owner', '/traits', '/resource_class',
                     '/candidate_nodes', '/created_at', '/Name', '//name',
                     '/nothing', '/extra/~', '/extra/~2', '/~1name', 1, None,
                     [], {}):
            for op in ('add', 'replace', 'remove'):
                self.assert_refused(
                    [{'op': op, 'path': path, 'value': 'x'}])

    def test_paths_lead_somewhere(self):
        for path in ('/extra/no/no', '/name/x', '/name/0', '/extra/a/b/4',
                     '/extra/a/b/01', '/extra/a/b/-1', '/extra/a/b/x',
                     '/extra/a/b/2/c/d', '/extra//'):
            self.assert_refused([{'op': 'add', 'path': path, 'value': 1}],
                                path)

    def test_what_is_replaced_must_exist(self):
        for path in ('/extra/no', '/extra/a/b/3', '/extra/a/b/-'):
            self.assert_refused(
                [{'op': 'replace', 'path': path, 'value': 1}], path)

    def test_a_document_does_not_grow_too_deep(self):
        def nested(depth):
            return [nested(depth - 1)] if depth else 1

        path = '/extra/d'
        for _ in range(2):
            self.patch(self.uuid, ('add', path, nested(14)))
            path += '/0' * 14
        self.assert_refused([{'op': 'add', 'path': path,
                              'value': nested(14)}], 'deep')

    def test_a_document_does_not_grow_too_large(self):
        self.api.configuration.set('max_request_body_size', 4096,
                                   group='api')
        # What counts is the length in UTF-8, not with escapes.
        answer = self.api.patch('%s/%s' % (URL, self.uuid), raw=(
            '[{"op": "add", "path": "/extra/1", "value": "%s"}]'
            % ('é' * 1900)).encode())
        self.assertEqual(200, answer.status, answer)
        self.patch(self.uuid, ('add', '/name', 'two'))
        self.assert_refused([{'op': 'add', 'path': '/extra/2',
                              'value': 'x' * 1900}], status=413)

    def test_a_refusal_is_short_whatever_was_sent(self):
        answer = self.api.patch('%s/%s' % (URL, self.uuid), [
            {'op': 'add', 'path': '/' + 'x' * 100000, 'value': 'y' * 100000}])
        fault = self.refuse(400, answer)
        self.assertLess(len(fault), 2100)

    def test_patches_at_the_same_time_lose_nothing(self):
        # A patch is applied to what is there, not to what was read.
        barrier = threading.Barrier(4)

        def change(worker):
            barrier.wait()
            for number in range(5):
                self.patch(self.uuid, (
                    'add', '/extra/%d-%d' % (worker, number), worker))

        threads = [threading.Thread(target=change, args=(worker,))
                   for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(EXTRA | {
            '%d-%d' % (worker, number): worker
            for worker in range(4) for number in range(5)},
            self.show(self.uuid)['extra'])
