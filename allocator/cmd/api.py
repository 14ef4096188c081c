# SPDX-License-Identifier: Apache-2.0
"""allocator-api: the REST API behind the built-in HTTP server."""

import sys

from allocator import metrics
from allocator.common import service


def main():
    service.prepare(sys.argv, auth_strategy='keystone')
    service.require_database()
    from allocator.api import app
    from allocator.api import server
    app.require_configuration()
    metrics.prepare(metrics.API)
    server.serve(app.setup_app, workers=server.default_workers())
