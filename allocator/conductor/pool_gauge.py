# SPDX-License-Identifier: Apache-2.0
"""The gauge of the pool: nodes by class and condition."""

from allocator.db import pools
from allocator.telemetry import metrics
from allocator.telemetry import remembered

# How a node that is neither free nor held is called there.
CONDITIONS = ('free', 'held', 'out_of_order')


def show():
    """Have Prometheus told of the pool when it asks this process.

    The index is read as a whole, so one process of a host reads it.
    """
    found = remembered.Remembered('pool', _read)
    metrics.set_gauge('nodes', lambda: {
        (resource_class, condition): count
        for resource_class, condition, count in found.get()})


def _read():
    """Count the nodes.

    :returns: list of lists of class ("" for none), condition and number
    """
    return [[pool.resource_class or '', condition, getattr(pool, condition)]
            for pool in pools.count_by_class() for condition in CONDITIONS]
