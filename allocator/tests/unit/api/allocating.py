# SPDX-License-Identifier: Apache-2.0
"""A test class with shortcuts to make allocations through the API."""

from oslotest import base
import sqlalchemy as sa

from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures

URL = '/v1/allocations'
OWN_URL = '/allocator/v1/allocations'


class AllocationTestCase(base.BaseTestCase):
    """Has the API on an empty database as ``self.api``.

    :cvar url: the collection that the shortcuts use
    """

    url = URL

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(fixtures.Api())

    def create(self, version=None, **values):
        """Create an allocation of resource class "metal"; return it."""
        answer = self.api.post(self.url, {'resource_class': 'metal'} | values,
                               version=version)
        self.assertEqual(201, answer.status, answer)
        return answer.body

    def create_active(self, node=None, **values):
        """Create an allocation and the node that it gets.

        :returns: allocation, row of the node
        """
        node = node or fixtures.add_node()
        created = self.create(**values)
        self.api.match()
        found = self.show(created['uuid'])
        self.assertEqual(('active', node.uuid),
                         (found['state'], found['node_uuid']))
        return found, fixtures.get_node(node.uuid)

    def show(self, ident, version=None):
        """Read an allocation."""
        return self.read('%s/%s' % (self.url, ident), version=version)

    def read(self, url, version=None):
        """GET something that is there; return the body."""
        answer = self.api.get(url, version=version)
        self.assertEqual(200, answer.status, answer)
        return answer.body

    def patch(self, ident, *operations, status=200, version=None):
        """Patch an allocation.

        :param operations: tuples of op, path and, but for remove, value
        :returns: Answer
        """
        body = [dict(zip(('op', 'path', 'value'), operation, strict=False))
                for operation in operations]
        answer = self.api.patch('%s/%s' % (self.url, ident), body,
                                version=version)
        self.assertEqual(status, answer.status, answer)
        return answer

    def refuse(self, status, answer, *words):
        """Check that an answer is an error that names something.

        :returns: the sentence
        """
        self.assertEqual(status, answer.status, answer)
        for word in words:
            self.assertIn(word, answer.fault)
        return answer.fault

    def rows(self):
        """Read the whole table of allocations, to see that it is as it was.

        :returns: list of rows
        """
        with session.reader() as connection:
            return connection.execute(sa.select(
                models.Allocation.__table__).order_by(
                models.Allocation.id)).all()
