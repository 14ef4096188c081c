# SPDX-License-Identifier: Apache-2.0
"""The enforcer: its defaults, its files, and what equals nothing."""

import os
from unittest import mock

import fixtures as base_fixtures
from oslo_policy import policy as oslo_policy
from oslotest import base

from allocator.common import context
from allocator.common import policy
from allocator.common import rpc
from allocator.conf import CONF
from allocator.tests import fixtures

LIST = 'baremetal:allocation:list'
LIST_ALL = 'baremetal:allocation:list_all'
GET = 'baremetal:allocation:get'


def _service(**attributes):
    return context.RequestContext(roles=['service'], **attributes)


class TestEnforcement(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(fixtures.Configuration())

    def test_new_defaults_and_scopes_are_enforced(self):
        policy.get_enforcer()
        self.assertTrue(CONF.oslo_policy.enforce_new_defaults)
        # Newer releases have no such option: there is no other way.
        if 'enforce_scope' in CONF.oslo_policy:
            self.assertTrue(CONF.oslo_policy.enforce_scope)
        reader = context.RequestContext(roles=['reader'], domain_id='d')
        self.assertFalse(policy.is_allowed(LIST, reader))

    def test_an_unknown_rule_is_an_error_of_ours(self):
        self.assertRaises(oslo_policy.PolicyNotRegistered, policy.is_allowed,
                          'baremetal:nonsense', context.admin_context())

    def test_no_project_is_not_the_owner_called_none(self):
        reader = context.RequestContext(roles=['reader', 'service'])
        for target in ({'allocation.owner': 'None'}, {}):
            self.assertFalse(policy.is_allowed(GET, reader, target))

    def test_the_service_role_alone_is_no_more_than_a_member(self):
        service = _service(project_id='p', project_name='service',
                           project_domain_id='default')
        self.assertFalse(policy.is_allowed(LIST_ALL, service))
        self.assertTrue(policy.is_allowed(LIST, service))
        self.assertTrue(policy.is_allowed(GET, service,
                                          {'allocation.owner': 'p'}))

    def test_the_service_role_of_the_system_acts_for_everybody(self):
        self.assertTrue(policy.is_allowed(
            LIST_ALL, _service(system_scope='all')))

    def test_the_services_project_is_elevated_if_configured(self):
        self.configuration.set('rbac_service_role_elevated_access', True)
        self.configuration.set('rbac_service_project_name', 'infra')
        for name, domain, allowed in (('infra', 'default', True),
                                      ('infra', 'other', False),
                                      ('service', 'default', False)):
            self.assertEqual(allowed, policy.is_allowed(LIST_ALL, _service(
                project_id='p', project_name=name,
                project_domain_id=domain)))

    def test_what_crosses_the_bus_holds_no_secret(self):
        environ = {'HTTP_X_AUTH_TOKEN': 'user-token', 'HTTP_X_ROLES': 'a',
                   'HTTP_X_SERVICE_TOKEN': 'service-token',
                   'HTTP_X_PROJECT_ID': 'p', 'openstack.request_id': 'req-1'}
        found = context.authenticated_context(environ)
        self.assertNotIn('token', str(found.to_dict()).replace(
            "'auth_token': None", ''))
        sent = rpc.ContextSerializer().serialize_context(found)
        self.assertEqual('req-1', sent['request_id'])
        self.assertLessEqual(set(sent), {'request_id', 'global_request_id'})


class _PolicyFile(base.BaseTestCase):
    """There is a policy file, which each check looks at."""

    def setUp(self):
        super().setUp()
        self.configuration = self.useFixture(fixtures.Configuration())
        self.path = os.path.join(
            self.useFixture(base_fixtures.TempDir()).path, 'policy.yaml')
        policy.set_defaults()  # registers policy_file
        self.configuration.set('policy_file', self.path, group='oslo_policy')
        # A second's pause between two looks would only make the tests long.
        self.useFixture(base_fixtures.MockPatchObject(
            policy, 'LOOK_INTERVAL', 0))
        self.time = 1000000000

    def _write(self, text):
        with open(self.path, 'w') as file:
            file.write(text)
        self.time += 10
        os.utime(self.path, (self.time, self.time))


class TestPolicyFile(_PolicyFile):
    """Files that an operator changes while the service runs."""

    def _list_all(self):
        return policy.is_allowed(LIST_ALL, context.RequestContext(
            roles=['reader', 'auditor'], project_id='p'))

    def test_the_next_look_waits(self):
        self._write('"%s": "role:auditor"' % LIST_ALL)
        self.assertTrue(self._list_all())
        policy.LOOK_INTERVAL = 3600
        self._write('"%s": "role:nobody"' % LIST_ALL)
        self.assertTrue(self._list_all())

    def test_a_changed_file_counts_at_the_next_look(self):
        self._write('"%s": "role:auditor"' % LIST_ALL)
        self.assertTrue(self._list_all())
        self._write('"%s": "role:nobody"' % LIST_ALL)
        self.assertFalse(self._list_all())
        self._write('{}')
        self.assertFalse(self._list_all())

    def test_a_broken_file_changes_nothing(self):
        self._write('"%s": "role:auditor"' % LIST_ALL)
        self.assertTrue(self._list_all())
        self._write('"%s": [' % LIST_ALL)
        with mock.patch.object(policy.LOG, 'error', autospec=True) as log:
            self.assertTrue(self._list_all())
            self.assertTrue(self._list_all())
        self.assertIn(self.path, log.call_args.args)
        self._write('"%s": "!"' % LIST_ALL)
        self.assertFalse(self._list_all())

    def test_a_file_that_was_never_right_opens_nothing(self):
        self._write('[')
        self.assertFalse(policy.is_allowed(LIST_ALL,
                                           context.admin_context()))

    def test_a_broken_file_ends_the_start_with_a_sentence(self):
        self._write('[')
        error = self.assertRaises(SystemExit, policy.require_files)
        self.assertIn(self.path, str(error))

    def test_other_threads_never_see_half_of_the_rules(self):
        self._write('{}')
        self.assertFalse(self._list_all())
        enforcer = policy.get_enforcer()
        checked = enforcer.authorize

        def check(*args, **kwargs):
            self.assertIn(LIST, enforcer.rules)
            self.assertTrue(policy._lock.locked())
            return checked(*args, **kwargs)

        with mock.patch.object(enforcer, 'authorize', check):
            self._write('"%s": "role:auditor"' % LIST_ALL)
            self.assertTrue(self._list_all())


class _AskedElsewhere(oslo_policy.Check):
    """Stands for http: checks and the like: says what it is told to."""

    answer = False

    def __call__(self, target, creds, enforcer, current_rule=None):
        return type(self).answer


class TestRememberedAnswers(_PolicyFile):
    """What was answered once is not asked again, as long as it holds."""

    def setUp(self):
        super().setUp()
        self._write('{}')
        self.asked = self.useFixture(base_fixtures.MockPatchObject(
            oslo_policy.Enforcer, 'authorize', autospec=True,
            side_effect=oslo_policy.Enforcer.authorize)).mock

    def _reader(self, **attributes):
        return context.RequestContext(**{
            'roles': ['reader'], 'project_id': 'p', 'user_id': 'u'}
            | attributes)

    def test_the_same_client_is_answered_from_memory(self):
        for _ in range(3):
            self.assertTrue(policy.is_allowed(LIST, self._reader()))
            self.assertFalse(policy.is_allowed(LIST_ALL, self._reader()))
        self.assertEqual(2, self.asked.call_count)

    def test_other_credentials_are_another_question(self):
        self._write('"%s": "user_id:u and role:reader and project_id:p"'
                    % LIST)
        self.assertTrue(policy.is_allowed(LIST, self._reader()))
        for other in ({'user_id': 'v'}, {'roles': ['member']},
                      {'project_id': 'q'}, {'project_id': None}):
            self.assertFalse(policy.is_allowed(LIST, self._reader(**other)))

    def test_another_target_is_another_question(self):
        for owner, allowed in (('p', True), ('q', False), ('p', True)):
            self.assertEqual(allowed, policy.is_allowed(
                GET, self._reader(), {'allocation.owner': owner}))
        self.assertFalse(policy.is_allowed(GET, self._reader()))

    def test_elevated_access_counts_at_once(self):
        service = _service(project_id='p', project_name='service',
                           project_domain_id='default')
        self.assertFalse(policy.is_allowed(LIST_ALL, service))
        self.configuration.set('rbac_service_role_elevated_access', True)
        self.assertTrue(policy.is_allowed(LIST_ALL, service))

    def test_a_changed_rule_that_others_refer_to_counts(self):
        text = '"readers": "%%s"\n"%s": "rule:readers"' % LIST
        self._write(text % 'role:reader')
        self.assertTrue(policy.is_allowed(LIST, self._reader()))
        self._write(text % 'role:nobody')
        self.assertFalse(policy.is_allowed(LIST, self._reader()))

    def test_a_file_in_the_folder_of_policies_counts(self):
        folder = self.useFixture(base_fixtures.TempDir()).path
        self.configuration.set('policy_dirs', [folder], group='oslo_policy')
        policy.reset()
        self.assertTrue(policy.is_allowed(LIST, self._reader()))
        self.path = os.path.join(folder, 'site.yaml')
        # A folder counts as changed from its newest file on.
        self.time = 3000000000
        self._write('"%s": "!"' % LIST)
        self.assertFalse(policy.is_allowed(LIST, self._reader()))

    def test_what_is_asked_elsewhere_is_asked_each_time(self):
        checks = mock.patch.dict(oslo_policy._checks.registered_checks,
                                 {'elsewhere': _AskedElsewhere})
        checks.start()
        self.addCleanup(checks.stop)
        self.useFixture(base_fixtures.MockPatchObject(
            _AskedElsewhere, 'answer', False))
        for check in ('elsewhere:x', 'rule:remote', 'not rule:remote',
                      'role:reader and (role:nobody or rule:remote)'):
            _AskedElsewhere.answer = False
            self._write('"remote": "elsewhere:x"\n"%s": "%s"'
                        % (LIST, check))
            before = policy.is_allowed(LIST, self._reader())
            _AskedElsewhere.answer = True
            self.assertNotEqual(before,
                                policy.is_allowed(LIST, self._reader()))

    def test_rules_that_refer_to_each_other_are_answered(self):
        self._write('"a": "role:reader or rule:b"\n"b": "rule:a"\n'
                    '"%s": "rule:b"' % LIST)
        self.assertTrue(policy.is_allowed(LIST, self._reader()))

    def test_no_number_of_clients_fills_the_memory(self):
        self.useFixture(base_fixtures.MockPatchObject(
            policy, 'REMEMBERED', 10))
        for number in range(25):
            self.assertTrue(policy.is_allowed(
                LIST, self._reader(user_id=str(number))))
            self.assertLessEqual(len(policy._answers), 10)
