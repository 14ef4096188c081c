# SPDX-License-Identifier: Apache-2.0
"""A connection to MySQL or MariaDB that sends no COMMIT for nothing."""

import pymysql.connections
from pymysql.constants import SERVER_STATUS


class Connection(pymysql.connections.Connection):
    """Ends transactions only where there is one.

    The server says with the answers to BEGIN, COMMIT, ROLLBACK and whatever
    writes whether a transaction is open. The driver for PostgreSQL does the
    same by itself.
    """

    def _is_in_transaction(self):
        return bool(self.server_status
                    & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def commit(self):
        if self._is_in_transaction():
            super().commit()

    def rollback(self):
        if self._is_in_transaction():
            super().rollback()
