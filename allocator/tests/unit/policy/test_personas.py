# SPDX-License-Identifier: Apache-2.0
"""Every request of the tables, sent by every persona."""

import re

from oslotest import base

from allocator import policies
from allocator.tests import fixtures
from allocator.tests.unit.policy import tables
from allocator.tests.unit.policy import world

_TABLES = {name: tables.cases(name)
           for name in ('allocations', 'nodes', 'own')}


class _TestPersonas(base.BaseTestCase):
    """Sends the requests of one table."""

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(fixtures.Api())
        # The tokens come with the requests.
        self.api.act_as()
        self.api.configuration.set('rbac_service_role_elevated_access', True)

    def _check(self, case):
        statuses, contents, owners = {}, {}, {}
        world.make()
        for persona, headers in tables.PERSONAS.items():
            answer = self.api.request(
                case.method, case.path(), tables.with_uuids(case.body),
                version=case.version,
                headers=headers | {'Accept': 'application/json'})
            statuses[persona] = answer.status
            if persona in case.contains:
                contents[persona] = _names(answer)
            if persona in case.owner:
                owners[persona] = self._owner(case, answer)
            if case.method != 'GET' and answer.status < 400:
                world.make()
        self.assertEqual(case.statuses, statuses)
        self.assertEqual(case.contains, contents)
        self.assertEqual(case.owner, owners)

    def _owner(self, case, answer):
        """Find the owner of what was created, whatever the version shows."""
        path = '%s/%s' % (case.template, answer.body['uuid'])
        system = tables.PERSONAS['system-reader']
        return self.api.get(path, headers=system).body['owner']


def _names(answer):
    (rows,) = (value for value in answer.body.values()
               if isinstance(value, list))
    return {row['name'] for row in rows}


class TestAllocations(_TestPersonas):
    """The allocation API."""


class TestNodes(_TestPersonas):
    """The node API and what belongs to it."""


class TestOwn(_TestPersonas):
    """The own API."""


def _add_tests(class_, cases):
    for case in cases:
        name = 'test_' + case.name
        if hasattr(class_, name):
            raise ValueError('Two requests are called %s' % name)
        setattr(class_, name, lambda self, case=case: self._check(case))


_add_tests(TestAllocations, _TABLES['allocations'])
_add_tests(TestNodes, _TABLES['nodes'])
_add_tests(TestOwn, _TABLES['own'])


class TestTables(base.BaseTestCase):
    """The tables leave nothing out."""

    def test_every_documented_operation_is_in_a_table(self):
        asked = {'%s %s' % (case.method, case.template.partition('?')[0])
                 for cases in _TABLES.values() for case in cases}
        for rule in policies.list_rules():
            for operation in rule.operations:
                path = re.sub('{[a-z_]+}', '[^/]+', operation['path'])
                if not path.startswith('/allocator/'):
                    path = '/v1' + path
                pattern = '%s %s$' % (operation['method'], path)
                self.assertTrue(
                    any(re.match(pattern, request) for request in asked),
                    '%s of %s' % (pattern, rule.name))

    def test_every_persona_has_a_status_for_every_request(self):
        for cases in _TABLES.values():
            for case in cases:
                self.assertNotIn(None, case.statuses.values(), case.name)
