# SPDX-License-Identifier: Apache-2.0
"""What /healthcheck looks at: backends of oslo.middleware's healthcheck.

Anybody may ask, so the reasons name no host and no error; the log does.
"""

from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_log import log
from oslo_middleware.healthcheck import opts
from oslo_middleware.healthcheck import pluginbase
import sqlalchemy as sa

from allocator.db import conductors
from allocator.db import session

LOG = log.getLogger(__name__)

AWAY = (db_exc.DBError, sa.exc.SQLAlchemyError)


def set_defaults():
    """Have both backends in use unless an operator chooses others."""
    cfg.set_defaults(
        opts.HEALTHCHECK_OPTS,
        backends=['allocator_database', 'allocator_conductors'])


class Database(pluginbase.HealthcheckBaseExtension):
    """Whether the database answers."""

    def healthcheck(self, server_port):
        try:
            session.ping()
        except AWAY as exc:
            LOG.warning('The health check found no database: %s', exc)
            return pluginbase.HealthcheckResult(
                False, 'The database is away')
        return pluginbase.HealthcheckResult(True, 'The database answers')


class Conductors(pluginbase.HealthcheckBaseExtension):
    """Whether a conductor is alive; without one, no POST is taken."""

    def healthcheck(self, server_port):
        try:
            with session.reader() as connection:
                alive = conductors.is_any_alive(connection)
        except AWAY:
            # The other backend has written the error to the log.
            return pluginbase.HealthcheckResult(
                False, 'No conductor can be asked for')
        return pluginbase.HealthcheckResult(
            alive, 'A conductor is alive' if alive
            else 'No conductor is alive')
