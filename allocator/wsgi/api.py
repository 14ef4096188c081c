# SPDX-License-Identifier: Apache-2.0
"""The API for uWSGI, Apache's mod_wsgi, gunicorn and the like.

Use it as "allocator.wsgi.api:application". The configuration comes from
/etc/allocator, or from the files named in OS_ALLOCATOR_CONFIG_FILES.
"""

import os

from allocator.common import service


def _make():
    from allocator.api import app
    from allocator.telemetry import metrics
    from allocator.telemetry import tracing
    files = os.environ.get('OS_ALLOCATOR_CONFIG_FILES')
    service.prepare(['allocator-api'], auth_strategy='keystone',
                    config_files=files.split(',') if files else None)
    app.require_configuration()
    metrics.prepare(metrics.API, is_master=False)
    tracing.prepare('allocator-api')
    found = app.setup_app()
    service.settle()
    return found


application = _make()
