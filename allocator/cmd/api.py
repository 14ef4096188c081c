# SPDX-License-Identifier: Apache-2.0
"""allocator-api: the REST API behind the built-in HTTP server."""

import sys

from allocator.common import service


def main():
    service.prepare(sys.argv, auth_strategy='keystone')
    from allocator.api import app
    from allocator.api import server
    app.require_configuration()
    server.require_configuration()
    server.serve(app.setup_app, workers=server.default_workers,
                 require=app.require_configuration)
