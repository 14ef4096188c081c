# SPDX-License-Identifier: Apache-2.0
"""A Bare Metal service is handed its allocations back."""

from allocator.tests.backends import test_through
from allocator.tests.functional import processes
from allocator.tests.functional import waiting


class HandBackTests(test_through.ThroughTestCase):

    def hand_back(self):
        """Have all handed back.

        :returns: exit status, and list of the lines that were printed
        """
        made = processes.run(
            'allocator-manage', '--config-file', self.service.config_file,
            'backend', 'hand-back', 'east')
        return made.returncode, made.stdout.splitlines()

    def there(self, uuid):
        found = self.operator.allocation(uuid)
        return found['name'], found['extra']

    def test_it_has_then_what_clients_have_given_them_here(self):
        waiting.until(
            lambda: self.client.get('/v1/allocations/theirs').ok,
            test_through.KNOWN, 'the allocation is taken over')
        self.operator.enrol(3, resource_class='handed')
        mine, nameless, taken = (
            self.settled(resource_class='handed', **body)['uuid']
            for body in ({'name': 'mine', 'extra': {'a': {'b': [1, None]}}},
                         {}, {'name': 'taken', 'extra': {'a': 2}}))
        # Somebody has taken the name there, past this service.
        in_the_way = self.operator._do('POST', '/v1/allocations', {
            'resource_class': 'nowhere', 'name': 'taken'})['uuid']
        code, lines = self.hand_back()
        self.assertEqual(1, code, lines)
        self.assertIn('%s  written' % mine, lines)
        self.assertIn('%s  written' % nameless, lines)
        [told] = [line for line in lines if line.startswith(taken)]
        self.assertIn('all but its name taken: 409', told)
        self.assertIn('2 allocations are handed back, 1 were so already.',
                      lines)
        self.assertEqual(
            [('mine', {'a': {'b': [1, None]}}), (None, {}),
             (None, {'a': 2}), ('theirs', {'a': 1})],
            [self.there(uuid) for uuid in (mine, nameless, taken,
                                           self.taken_over['uuid'])])
        self.operator.release(in_the_way)
        code, lines = self.hand_back()
        self.assertEqual((0, [
            '%s  written' % taken,
            '1 allocations are handed back, 3 were so already.']),
            (code, [line for line in lines if 'INFO' not in line]))
        self.assertEqual(('taken', {'a': 2}), self.there(taken))
        # What has no mark any more can be released here all the same.
        self.assertEqual(204, self.client.delete(
            '/v1/allocations/mine').status_code)
        self.assertIsNone(self.operator.allocation(mine))
