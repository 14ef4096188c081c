# SPDX-License-Identifier: Apache-2.0
"""Counts requests and their answers for the metrics."""

import time

from allocator.telemetry import metrics

# Clients can think of any number of others.
METHODS = frozenset(('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE',
                     'OPTIONS'))


class RequestMetrics:
    """WSGI middleware that counts what passes."""

    def __init__(self, application):
        self._application = application

    def __call__(self, environ, start_response):
        method = environ['REQUEST_METHOD']
        if method not in METHODS:
            method = 'other'
        begun = time.perf_counter()

        def start(status, headers, exc_info=None):
            metrics.count('api_requests_total', method=method,
                          status=status[:3])
            return start_response(status, headers, exc_info)

        answer = self._application(environ, start)
        metrics.observe('api_request_seconds', time.perf_counter() - begun,
                        method=method)
        return answer
