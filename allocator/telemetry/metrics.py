# SPDX-License-Identifier: Apache-2.0
"""Metrics: what Prometheus may ask of this service, and the counting.

They are off unless the [metrics] group says where they are shown; counting
is then one look at an empty dictionary. The worker processes of a service
count into files of a common directory, so each of them can show the sums.
"""

import atexit
from collections.abc import Callable
import dataclasses
import glob
import os
import shutil
import sys
import tempfile
from typing import Any

from oslo_db import exception as db_exc
from oslo_log import log

from allocator.conf import CONF

LOG = log.getLogger(__name__)

API = 'api'
CONDUCTOR = 'conductor'

PREFIX = 'allocator_'

# Upper bounds of the histograms' classes.
_SECONDS = (.005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 300)
_LONG = (.1, 1, 10, 60, 300, 900, 3600, 14400, 86400, 604800)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 500)


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric as it is made, and as the documentation lists it.

    :ivar name: its name without PREFIX
    :ivar kind: "counter", "histogram" or "gauge"
    :ivar text: what it tells
    :ivar labels: names of its labels
    :ivar buckets: upper bounds of a histogram's classes
    """

    name: str
    kind: str
    text: str
    labels: tuple = ()
    buckets: tuple = ()


TABLE = {metric.name: metric for metric in (
    Metric('api_requests_total', 'counter',
           'Requests that the API has answered.', ('method', 'status')),
    Metric('api_request_seconds', 'histogram',
           'Seconds from a request to its answer.', ('method',),
           buckets=_SECONDS),
    Metric('allocations_total', 'counter',
           'Allocations that have got their answer: active, error or '
           'backfilled.', ('result',)),
    Metric('time_to_active_seconds', 'histogram',
           'Seconds from the request of an allocation to its node.',
           buckets=_SECONDS),
    Metric('queue_length', 'gauge',
           'Allocations that a conductor is to decide on now.'),
    Metric('oldest_due_seconds', 'gauge',
           'Time since the creation of the oldest allocation that a conductor '
           'is to decide on now; 0 without one.'),
    Metric('waiting', 'gauge',
           'Allocations that wait for a node to become free.',
           ('resource_class',)),
    Metric('waiting_oldest_seconds', 'gauge',
           'Time since the creation of the oldest allocation that waits.',
           ('resource_class',)),
    Metric('nodes', 'gauge',
           'Nodes by what may be done with them: free, held or out_of_order.',
           ('resource_class', 'condition')),
    Metric('time_waited_seconds', 'histogram',
           'Seconds from the request of an allocation that might wait to its '
           'node.', buckets=_LONG),
    Metric('waiting_timeouts_total', 'counter',
           'Allocations that have waited for as long as they might.'),
    Metric('served_per_look', 'histogram',
           'Allocations that were served at one look for those that wait.',
           buckets=_ROWS),
    Metric('batch_size', 'histogram',
           'Allocations that one transaction of the matching loop looked at.',
           buckets=_ROWS),
    Metric('claim_retries_total', 'counter',
           'Times that an allocation was put off because other transactions '
           'had locked its nodes.'),
    Metric('sweep_finds_total', 'counter',
           'Allocations that a sweep found, rather than a message.'),
    Metric('database_errors_total', 'counter',
           'Transactions that the database gave up, most of which were '
           'repeated.', ('transaction', 'error')),
    Metric('rpc_errors_total', 'counter',
           'Messages that could not be sent.', ('method',)),
    Metric('backend_writes_total', 'counter',
           'Writes to a backend by what became of them: confirmed, refused, '
           'released, kept or, without an answer yet, unknown.',
           ('backend', 'outcome')),
    Metric('backend_write_retries_total', 'counter',
           'Times that a write to a backend was put off, for its outcome was '
           'not certain.', ('backend', 'wants')),
    Metric('backend_open_writes', 'gauge',
           'Writes to a backend that are not done.', ('backend',)),
    Metric('backend_oldest_write_seconds', 'gauge',
           'Age of the oldest write to a backend that is not done; 0 without '
           'one.', ('backend',)),
    Metric('backend_lag_seconds', 'gauge',
           'Seconds since the last look at a backend that came to its end '
           'began.', ('backend',)),
    Metric('backend_looks_total', 'counter',
           'Looks at a backend: full, changes or failed.',
           ('backend', 'kind')),
    Metric('backend_look_seconds', 'histogram',
           'Seconds that a look at a backend took.', ('backend',),
           buckets=_SECONDS),
    Metric('backend_nodes_read_total', 'counter',
           'Nodes that looks at a backend have read.', ('backend',)),
    Metric('backend_nodes_written_total', 'counter',
           'Nodes of a backend that looks found changed, and wrote.',
           ('backend',)),
    Metric('backend_requests_total', 'counter',
           'Requests that a backend was sent, by what it answered: a status, '
           'or none.', ('backend', 'method', 'status')),
    Metric('backend_imports_total', 'counter',
           'Allocations that were taken over from a backend.', ('backend',)),
    Metric('backend_ends_total', 'counter',
           'Allocations that ended at their backend.', ('backend',)),
    Metric('backend_releases_refused_total', 'counter',
           'Allocations that came back, for their backend refused to release '
           'the node.', ('backend',)),
)}

# What is counted in this process; empty while metrics are off.
_live: dict[str, Any] = {}

# [metrics] directory as it was when the counting began.
_chosen: str | None = None

# Functions that read a gauge, by its name.
_gauges: dict[str, Callable[[], float | dict]] = {}


def count(name, amount=1, **labels):
    """Add to a counter.

    :param name: its name in TABLE
    :param amount: what to add
    :param labels: value of each of its labels
    """
    if _live:
        metric = _live[name]
        (metric.labels(**labels) if labels else metric).inc(amount)


def observe(name, value, **labels):
    """Enter a value into a histogram.

    :param name: its name in TABLE
    :param value: the value, in the unit that the name tells
    :param labels: value of each of its labels
    """
    if _live:
        metric = _live[name]
        (metric.labels(**labels) if labels else metric).observe(value)


def set_gauge(name, read):
    """Say how a gauge of this process is read when Prometheus asks.

    :param name: its name in TABLE
    :param read: function that returns the value, or, of a metric with
        labels, a dict of values by that of the label, or by a tuple of those
        of the labels
    """
    _gauges[name] = read


def is_on():
    """Tell whether this process counts."""
    return bool(_live)


def prepare(program, is_master=True):
    """Begin to count, if the configuration wants it and it is not done yet.

    Ends the process, with a sentence, if that cannot be done. To be called
    before worker processes are forked, and before they are made anew.

    :param program: API or CONDUCTOR
    :param is_master: whether this process starts all others that share the
        directory; foreign HTTP servers start theirs as they please
    """
    global _chosen
    if not _is_wanted(program, is_master):
        return
    if is_on():
        if CONF.metrics.directory != _chosen:
            LOG.warning('[metrics] directory has changed: that takes effect '
                        'when the service is started anew')
        return
    if not is_master and not CONF.metrics.directory:
        LOG.error('There are no metrics: processes of this HTTP server can '
                  'only share them if [metrics] directory is set')
        return
    # The library looks for it when it is imported.
    os.environ['PROMETHEUS_MULTIPROC_DIR'] = _directory(program, is_master)
    try:
        import prometheus_client as client
    except ImportError:
        sys.exit('[metrics] is configured, but prometheus_client is not '
                 'installed. Install the extra "metrics" from a checkout of '
                 'this release: pip install ".[metrics]".')
    _chosen = CONF.metrics.directory
    start(client.CollectorRegistry())


def start(registry):
    """Begin to count.

    :param registry: prometheus_client.CollectorRegistry for the counters
    """
    import prometheus_client as client
    for metric in TABLE.values():
        name = PREFIX + metric.name
        if metric.kind == 'counter':
            _live[metric.name] = client.Counter(
                name, metric.text, metric.labels, registry=registry)
        elif metric.kind == 'histogram':
            _live[metric.name] = client.Histogram(
                name, metric.text, metric.labels, buckets=metric.buckets,
                registry=registry)


def stop():
    """Count no more."""
    _live.clear()
    _gauges.clear()


def _is_wanted(program, is_master):
    if program == CONDUCTOR:
        return CONF.metrics.conductor_port is not None
    if CONF.metrics.path:
        return True
    return is_master and CONF.metrics.api_port is not None


def _directory(program, is_master):
    """Make the directory that the worker processes share, or empty it.

    :returns: its path
    """
    if not CONF.metrics.directory:
        path = tempfile.mkdtemp(prefix='allocator-metrics-')
        atexit.register(_remove, path, os.getpid())
        return path
    path = os.path.join(CONF.metrics.directory, program)
    try:
        os.makedirs(path, exist_ok=True)
        if is_master:
            for pattern in ('*.db', '*.json'):
                for file in glob.glob(os.path.join(path, pattern)):
                    os.unlink(file)
        # What the library does at the first number that it counts.
        tempfile.TemporaryFile(dir=path).close()
    except OSError as exc:
        sys.exit('[metrics] directory cannot be used: %s. The user of the '
                 'service must be able to write there.' % exc)
    return path


def _remove(path, owner):
    # Worker processes inherit the duty, but not the directory.
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


class GaugeCollector:
    """Reads the gauges of this process when Prometheus asks."""

    def collect(self):
        from prometheus_client import core
        for name, read in _gauges.items():
            try:
                value = read()
            except db_exc.DBConnectionError as exc:
                # All others would wait for the database as long, and whoever
                # asks would give up before the counters, which tell a lot.
                LOG.warning('The levels cannot be read: %s', exc)
                return
            except Exception as exc:
                LOG.warning('Metric %(name)s cannot be read: %(error)s',
                            {'name': name, 'error': exc})
                continue
            family = core.GaugeMetricFamily(PREFIX + name, TABLE[name].text,
                                            labels=TABLE[name].labels)
            values = value if isinstance(value, dict) else {None: value}
            for labels, one in values.items():
                family.add_metric(_listed(labels), one)
            yield family


def _listed(labels):
    """List values of labels that are given alone, as a tuple, or not at all.
    """
    if labels is None:
        return []
    return list(labels) if isinstance(labels, tuple) else [labels]
