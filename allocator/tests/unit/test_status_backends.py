# SPDX-License-Identifier: Apache-2.0
"""allocator-status upgrade check: what it says of backends."""

from allocator.cmd import status
from allocator.conf import CONF
from allocator.tests.backends import simulator
from allocator.tests.unit.backends import mirroring
from allocator.tests.unit.backends import test_failures


class BackendCheckTests(mirroring.MirrorTestCase):

    names = ('east', 'west')

    def assert_result(self, code, *details):
        result = status.Checks()._backends()
        self.assertEqual(code, result.code, result.details)
        if not details:
            self.assertIsNone(result.details)
        for text in details:
            self.assertIn(text, result.details)

    def test_all_is_well(self):
        self.store().enrol()
        self.assert_result(status.SUCCESS)
        # Nothing is changed there.
        self.assertEqual({}, self.store().allocations)

    def test_without_backends_all_is_well(self):
        CONF.set_override('enabled_backends', [])
        self.assert_result(status.SUCCESS)

    def test_a_name_that_cannot_be_taken_is_a_failure(self):
        CONF.set_override('enabled_backends', ['database'])
        self.assert_result(status.FAILURE, 'enabled_backends')

    def test_one_that_is_unreachable_is_a_failure(self):
        self.options['west'].set(
            'endpoint_override',
            'http://127.0.0.1:%d' % test_failures.closed_port())
        self.assert_result(status.FAILURE, 'Backend west: ')

    def test_one_that_is_no_bare_metal_service_is_a_failure(self):
        self.options['west'].set('endpoint_override',
                                 self.services['east'].url + '/nowhere')
        self.assert_result(status.FAILURE, 'Backend west: ')

    def test_one_without_credentials_is_a_failure(self):
        self.options['west'].set('auth_type', None)
        self.assert_result(status.FAILURE, 'Backend west: ', 'auth_type')

    def test_one_that_is_too_old_is_a_failure(self):
        self.services['east'].max_version = (1, 64)
        self.assert_result(status.FAILURE, 'Backend east: ', '1.64', '1.65')

    def test_shards_of_one_that_knows_none_are_a_failure(self):
        self.services['east'].max_version = (1, 81)
        self.assert_result(status.SUCCESS)
        self.options['east'].set('shard', ['a'])
        self.assert_result(status.FAILURE, 'Backend east: ', '1.82')

    def test_each_list_that_the_mirror_reads_is_tried(self):
        self.options['east'].set('conductor_group', ['a', 'b'])
        self.options['east'].set('owner', ['p'])
        service = self.services['east']
        handle = service.handle

        def refuse(method, path, query, body):
            if query.get('owner') and query['conductor_group'] == 'b':
                raise simulator.Fault(400, 'No such group.')
            return handle(method, path, query, body)

        service.handle = refuse
        self.assert_result(status.FAILURE, 'Backend east: 400',
                           'No such group.')

    def test_a_user_that_may_not_allocate_is_a_failure(self):
        self.services['east'].may_allocate = False
        self.assert_result(status.FAILURE, 'Backend east: 403',
                           'role "member" on the system')

    def test_a_user_that_may_not_see_everything_is_a_warning(self):
        self.services['west'].is_full_reader = False
        self.assert_result(status.WARNING, 'Backend west: ', 'conductors')

    def test_the_worst_result_counts_and_all_are_told(self):
        self.services['east'].is_full_reader = False
        self.services['west'].may_allocate = False
        self.assert_result(status.FAILURE, 'Backend east: ',
                           'Backend west: ')
