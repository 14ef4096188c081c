# SPDX-License-Identifier: Apache-2.0
"""allocator-api: the REST API behind the built-in HTTP server."""

import sys

from allocator.common import service
from allocator.telemetry import metrics
from allocator.telemetry import tracing


def main():
    service.prepare(sys.argv, auth_strategy='keystone')
    service.require_database()
    from allocator.api import app
    from allocator.api import server
    app.require_configuration()
    server.require_configuration()
    metrics.prepare(metrics.API)
    tracing.require()
    server.serve(app.setup_app, workers=server.default_workers,
                 require=app.require_configuration)
