# SPDX-License-Identifier: Apache-2.0
"""allocator-conductor: matches allocations with nodes."""

import multiprocessing
import sys

import cotyledon

from allocator.common import liveness
from allocator.common import reports
from allocator.common import service
from allocator.common import systemd
from allocator.conf import CONF
from allocator.telemetry import metrics
from allocator.telemetry import metrics_server
from allocator.telemetry import tracing


class Worker(cotyledon.Service):
    """A worker process of the conductor.

    :param worker_id: number of the worker, from 0
    :param argv: the command line, parsed anew in each process
    :param until: where the workers tell that they are alive
    """

    name = 'allocator-conductor'

    def __init__(self, worker_id, argv, until):
        super().__init__(worker_id)
        liveness.use(until, worker_id)
        service.prepare(argv, auth_strategy='keystone')
        tracing.prepare(self.name)
        reports.prepare(self.name)
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
    service.require_heartbeats()
    metrics.prepare(metrics.CONDUCTOR)
    tracing.require()
    # This process has no thread and no connection that a fork could harm, and
    # a forked worker starts in milliseconds.
    fork = multiprocessing.get_context('fork')
    workers = cotyledon.ServiceManager(
        mp_context=fork,
        graceful_shutdown_timeout=CONF.graceful_shutdown_timeout)
    count = CONF.conductor.workers or service.processors()
    # Without a lock: one that a killed worker held would never be let go.
    until = fork.RawArray('d', count)
    workers.add(Worker, count, args=(sys.argv, until))
    supervisor = systemd.Supervisor(until)
    workers.register_hooks(on_terminate=supervisor.stop)
    supervisor.start()
    reports.prepare(Worker.name)
    workers.run()
