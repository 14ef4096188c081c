# SPDX-License-Identifier: Apache-2.0
"""Serves next to nothing with the service's own HTTP server.

Run as a program, with "constant" or "insert" and the options of
allocator-api. POST /v1/allocations is answered with a constant; with "insert"
after one INSERT and COMMIT of the row that such a POST writes, through the
bare driver.
"""

import sys
import threading
import uuid

from allocator.common import service

ANSWER = b'{"uuid": "00000000-0000-4000-8000-000000000000"}'

# Not "allocating": the conductor of the measurement leaves it alone.
INSERT = ("INSERT INTO allocations (uuid, state, resource_class, traits, "
          "candidate_nodes, extra, created_at) VALUES (%s, 'error', "
          "'benchmark', '[]', '[]', '{}', CURRENT_TIMESTAMP)")


def _constant():
    """Do nothing before the answer."""


def _inserter(url):
    """Make what writes a row.

    :param url: SQLAlchemy URL of the database
    :returns: function
    """
    import sqlalchemy as sa
    dialect = sa.create_engine(url).dialect
    arguments, options = dialect.create_connect_args(sa.make_url(url))
    mine = threading.local()

    def insert():
        if not hasattr(mine, 'connection'):
            mine.connection = dialect.loaded_dbapi.connect(*arguments,
                                                           **options)
        cursor = mine.connection.cursor()
        cursor.execute(INSERT, (str(uuid.uuid4()),))
        mine.connection.commit()
        cursor.close()

    return insert


def _application(work):
    """Make the application.

    :param work: what is done before the answer
    :returns: WSGI application
    """
    import pecan

    class Allocations:

        @pecan.expose(content_type='application/json', generic=True)
        def index(self):
            return ANSWER

        @index.when(method='POST', content_type='application/json')
        def post(self, **kwargs):
            work()
            pecan.response.status = 201
            return ANSWER

    class V1:
        allocations = Allocations()

    class Root:
        v1 = V1()

    return pecan.make_app(Root(), force_canonical=False)


def main():
    kind = sys.argv.pop(1)
    service.prepare(sys.argv, auth_strategy='noauth')
    from allocator.api import server
    from allocator.conf import CONF
    server.serve(
        lambda: _application(_inserter(CONF.database.connection)
                             if kind == 'insert' else _constant),
        workers=server.default_workers, require=lambda: None)


if __name__ == '__main__':
    main()
