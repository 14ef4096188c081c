# SPDX-License-Identifier: Apache-2.0
"""allocator-conductor: matches allocations with nodes."""

import multiprocessing
import sys

import cotyledon

from allocator import metrics
from allocator import metrics_server
from allocator.common import service
from allocator.conf import CONF


class Worker(cotyledon.Service):
    """A worker process of the conductor.

    :param worker_id: number of the worker, from 0
    :param argv: the command line, parsed anew in each process
    """

    name = 'allocator-conductor'

    def __init__(self, worker_id, argv):
        super().__init__(worker_id)
        service.prepare(argv, auth_strategy='keystone')
        from allocator.conductor import service as conductor
        self._service = conductor.ConductorService(beats=worker_id == 0)
        service.settle()

    def run(self):
        metrics_server.listen(CONF.metrics.conductor_port)
        self._service.start()

    def terminate(self):
        self._service.stop()

    def reload(self):
        service.reload()


def main():
    service.prepare(sys.argv, auth_strategy='keystone')
    service.require_database()
    metrics.prepare(metrics.CONDUCTOR)
    workers = cotyledon.ServiceManager(
        # This process has no thread and no connection that a fork could
        # harm, and a forked worker starts in milliseconds.
        mp_context=multiprocessing.get_context('fork'),
        graceful_shutdown_timeout=CONF.graceful_shutdown_timeout)
    workers.add(Worker, CONF.conductor.workers or service.processors(),
                args=(sys.argv,))
    workers.run()
