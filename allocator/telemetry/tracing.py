# SPDX-License-Identifier: Apache-2.0
"""Traces with OpenTelemetry: a request's way from HTTP to its node.

They are off unless [tracing] says otherwise; each function here is then one
look at a variable. What libraries do (HTTP, the message bus, requests to
backends) their instrumentations tell; this module leads the trace over the
places where a row of the table, not a call, hands the work on. It remembers
for each allocation that this process was told of where its trace was. An
allocation that another process claims than the one that was told is not
followed any further: nothing about tracing is kept in the database.
"""

import collections
import contextlib
import sys
import threading
import time
from typing import Any

from allocator.conf import CONF

# Allocations whose trace is remembered; older ones are not followed.
REMEMBERED = 1000

# Milliseconds that the last spans may take to be sent when a process ends.
FLUSH_TIMEOUT = 2000

_provider: Any = None
_tracer: Any = None
_nothing = contextlib.nullcontext()

_lock = threading.Lock()
# OpenTelemetry's context by UUID of the allocation, the oldest first, and
# UUIDs of those that no transaction has looked at yet.
_traces: collections.OrderedDict = collections.OrderedDict()
_unseen: dict[str, None] = {}

# The transaction that a thread is at: its context, and when it began.
_transaction = threading.local()


def require():
    """End the process, with a sentence, if it is to trace and cannot."""
    if not CONF.tracing.enabled:
        return
    try:
        from opentelemetry.exporter.otlp.proto import http  # noqa: F401
        from opentelemetry.instrumentation import requests  # noqa: F401
        from opentelemetry.instrumentation import wsgi  # noqa: F401
    except ImportError as exc:
        sys.exit('[tracing] enabled is set, but a package is missing (%s). '
                 'Install the extra "tracing" from a checkout of this '
                 'release: pip install ".[tracing]".' % exc)


def prepare(service_name):
    """Begin to trace, if the configuration wants it.

    To be called in the process that works, before it makes an engine.

    :param service_name: how the process is called in the traces
    """
    if not CONF.tracing.enabled or is_on():
        return
    from opentelemetry.exporter.otlp.proto.http import trace_exporter
    from opentelemetry.sdk import resources
    from opentelemetry.sdk import trace as sdk
    from opentelemetry.sdk.trace import export
    provider = sdk.TracerProvider(
        sampler=_sampler(CONF.tracing.sample_ratio),
        resource=resources.Resource.create({'service.name': service_name}))
    provider.add_span_processor(export.BatchSpanProcessor(
        trace_exporter.OTLPSpanExporter(
            endpoint=CONF.tracing.endpoint.rstrip('/') + '/v1/traces')))
    start(provider)


def start(provider):
    """Begin to trace.

    :param provider: opentelemetry.sdk.trace.TracerProvider
    """
    global _provider, _tracer
    from opentelemetry import trace
    from opentelemetry.instrumentation import requests
    import oslo_messaging  # noqa: F401 (registers the option)
    trace.set_tracer_provider(provider)
    _provider = provider
    requests.RequestsInstrumentor().instrument()
    CONF.set_default('tracing_enabled', True, group='oslo_messaging_tracing')
    _tracer = trace.get_tracer('allocator')


def close():
    """Send the last spans; for a process that ends."""
    if _provider is not None:
        _provider.force_flush(FLUSH_TIMEOUT)


def is_on():
    """Tell whether this process traces."""
    return _tracer is not None


def _sampler(ratio):
    """Make the sampler: a request begins a trace, and nothing else does.

    Sweeps, heartbeats and looks at backends would be traces of their own,
    far more than there are requests.

    :param ratio: share of the requests to be traced
    """
    from opentelemetry import trace
    from opentelemetry.sdk.trace import sampling

    class Requests(sampling.TraceIdRatioBased):
        def should_sample(self, parent_context, trace_id, name, kind=None,
                          *args, **kwargs):
            if kind != trace.SpanKind.SERVER:
                return sampling.SamplingResult(sampling.Decision.DROP)
            return super().should_sample(parent_context, trace_id, name, kind,
                                         *args, **kwargs)

    return sampling.ParentBased(Requests(ratio))


def application(app):
    """Have the requests to a WSGI application be traced.

    :param app: WSGI application
    :returns: the same one while traces are off
    """
    if not is_on():
        return app
    from opentelemetry.instrumentation import wsgi
    return wsgi.OpenTelemetryMiddleware(app)


def statement(verb, table, system, text):
    """Begin the span of a statement to the database.

    :param verb: first word of the statement
    :param table: name of the table that it is about, "" for none
    :param system: name of the kind of database
    :param text: the statement, without the values in it
    :returns: span, to be ended
    """
    from opentelemetry import trace
    return _tracer.start_span(
        ('%s %s' % (verb, table)).strip(), kind=trace.SpanKind.CLIENT,
        attributes={'db.system.name': system, 'db.operation.name': verb,
                    'db.query.text': text})


# --- From one thread to another --------------------------------------------

def current():
    """Get where this thread is in a trace.

    :returns: what continued() takes in another thread
    """
    if not is_on():
        return None
    from opentelemetry import context
    return context.get_current()


def continued(where):
    """Go on with a trace in this thread until the block ends.

    :param where: what current() has returned
    :returns: context manager
    """
    return _nothing if where is None else _attached(where)


@contextlib.contextmanager
def _attached(where):
    from opentelemetry import context
    token = context.attach(where)
    try:
        yield
    finally:
        context.detach(token)


# --- From a message to the claim, and on to the backend --------------------

def remember(uuid):
    """Remember where the trace of an allocation is.

    To be called where this process is told of the allocation: the claim, in
    another thread, goes on from here.

    :param uuid: UUID of the allocation
    """
    if not is_on() or not uuid:
        return
    from opentelemetry import trace
    if not trace.get_current_span().is_recording():
        return
    with _lock:
        _traces[uuid] = current()
        _unseen[uuid] = None
        if len(_traces) > REMEMBERED:
            gone, _where = _traces.popitem(last=False)
            _unseen.pop(gone, None)


def transaction():
    """Trace a transaction that claims nodes for many allocations at once.

    It belongs to the trace of the first one that this process was told of;
    the claims of the others, see claimed(), are linked to it.

    :returns: context manager
    """
    if not is_on():
        return _nothing
    with _lock:
        first = next(iter(_unseen), None)
        where = _traces.get(first)
        _unseen.clear()
    return _nothing if where is None else _claiming(where)


@contextlib.contextmanager
def _claiming(where):
    _transaction.begun = time.time_ns()
    try:
        with _tracer.start_as_current_span('claim transaction', where) as span:
            _transaction.context = span.get_span_context()
            yield
    finally:
        _transaction.context = _transaction.begun = None


def claimed(uuid, **attributes):
    """Trace what a transaction has done for an allocation, once committed.

    :param uuid: UUID of the allocation
    :param attributes: what is told besides
    """
    if not is_on():
        return
    with _lock:
        where = _traces.get(uuid)
    if where is None:
        return
    from opentelemetry import trace
    links = []
    if context := getattr(_transaction, 'context', None):
        links.append(trace.Link(context))
    _tracer.start_span(
        'claim', where, links=links,
        start_time=getattr(_transaction, 'begun', None),
        attributes={'allocator.allocation': uuid} | {
            'allocator.' + name: value
            for name, value in attributes.items()}).end()


def work_for(uuid, name, **attributes):
    """Trace what is done for one allocation until the block ends.

    :param uuid: UUID of the allocation
    :param name: name of the span
    :param attributes: what is told besides
    :returns: context manager
    """
    if not is_on():
        return _nothing
    with _lock:
        where = _traces.get(uuid)
    if where is None:
        return _nothing
    return _tracer.start_as_current_span(
        name, where, attributes={'allocator.allocation': uuid} | {
            'allocator.' + key: value for key, value in attributes.items()})


def ended(uuid):
    """Note that an allocation has got its answer: its trace ends.

    :param uuid: UUID of the allocation
    """
    if is_on():
        with _lock:
            _traces.pop(uuid, None)
            _unseen.pop(uuid, None)
