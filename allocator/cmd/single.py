# SPDX-License-Identifier: Apache-2.0
"""allocator: API and conductor in one process, for a laptop or a small site.

Without a configuration file it keeps its database in an SQLite file below
the user's home, needs no message bus, and lets everybody on this machine in.
"""

import os
import sys
import threading

from oslo_log import log

from allocator.common import service
from allocator.conf import CONF

# Not really a transport: API and conductor call each other.
IN_PROCESS = 'fake://'

LOG = log.getLogger(__name__)


class SingleProcess:
    """The API's one worker process, with the conductor in its threads."""

    def __init__(self):
        self._conductor = None

    def start_conductor(self):
        from allocator.conductor import rpcapi
        from allocator.conductor import service as conductor
        bus = CONF.transport_url != IN_PROCESS
        self._conductor = conductor.ConductorService(listens=bus)
        if not bus:
            rpcapi.set_local(self._conductor.manager)
        # It waits for the database, and the HTTP server waits for nobody.
        threading.Thread(target=self._conductor.start, daemon=True).start()

    def stop_conductor(self):
        if self._conductor:
            self._conductor.stop()


def _default_database():
    state = os.environ.get('XDG_STATE_HOME') or os.path.expanduser(
        '~/.local/state')
    folder = os.path.join(state, 'allocator')
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return 'sqlite:///' + os.path.join(folder, 'allocator.sqlite')


def main():
    CONF.set_default('host_ip', '127.0.0.1', group='api')
    service.prepare(sys.argv, auth_strategy='noauth')
    CONF.set_default('transport_url', IN_PROCESS)
    if not CONF.database.connection:
        CONF.set_default('connection', _default_database(), group='database')
    from allocator.api import app
    from allocator.api import server
    app.require_configuration()
    server.require_configuration()
    if CONF.auth_strategy == 'noauth':
        LOG.warning('There is no authentication: everybody who can reach '
                    '%s:%d is administrator', CONF.api.host_ip,
                    CONF.api.port)
    if CONF.database.connection.startswith('sqlite'):
        from allocator.db import migration
        from allocator.db import session
        migration.upgrade()
        # The worker process must not share this process's connections.
        session.dispose()
    single = SingleProcess()
    server.serve(app.setup_app, workers=lambda: 1,
                 require=app.require_configuration,
                 worker_started=single.start_conductor,
                 worker_stopping=single.stop_conductor, name='allocator')
