# SPDX-License-Identifier: Apache-2.0
"""What /healthcheck looks at, and its part that is about reads alone.

The checks are backends of oslo.middleware's healthcheck.

Anybody may ask, so the reasons name no host and no error; the log does.
"""

from oslo_config import cfg
from oslo_log import log
from oslo_middleware import healthcheck
from oslo_middleware.healthcheck import opts
from oslo_middleware.healthcheck import pluginbase

from allocator.conf import CONF
from allocator.db import conductors
from allocator.db import outages
from allocator.db import session

LOG = log.getLogger(__name__)

# Names of the backends, as setup.cfg has them.
DATABASE = 'allocator_database'
CONDUCTORS = 'allocator_conductors'

# Where a load balancer asks whether a process can answer GET.
READS = '/healthcheck/reads'


def set_defaults():
    """Have both backends in use unless an operator chooses others."""
    cfg.set_defaults(opts.HEALTHCHECK_OPTS, backends=[DATABASE, CONDUCTORS])


def applications():
    """Build what answers load balancers.

    :returns: dict of WSGI applications by path
    """
    return {'/healthcheck': healthcheck.Healthcheck(None, CONF),
            READS: Reads(None, CONF)}


class Reads(healthcheck.Healthcheck):
    """All that is looked at but the conductors: no GET needs one."""

    def _conf_get(self, key, group='healthcheck'):
        if key == 'path':  # which older releases of oslo.middleware compare
            return READS
        found = super()._conf_get(key, group)
        if key == 'backends':
            return [name for name in found if name != CONDUCTORS]
        return found


class Database(pluginbase.HealthcheckBaseExtension):
    """Whether the database answers."""

    def healthcheck(self, server_port):
        try:
            session.ping()
        except outages.ANY as exc:
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
        except outages.ANY:
            # The other backend has written the error to the log.
            return pluginbase.HealthcheckResult(
                False, 'No conductor can be asked for')
        return pluginbase.HealthcheckResult(
            alive, 'A conductor is alive' if alive
            else 'No conductor is alive')
