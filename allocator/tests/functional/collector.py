# SPDX-License-Identifier: Apache-2.0
"""A collector of traces that takes OTLP over HTTP, for the tests."""

import collections
import dataclasses
import gzip
import http.server
import threading

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

# Names of the kinds by their numbers in OTLP.
KINDS = ('unspecified', 'internal', 'server', 'client', 'producer',
         'consumer')


@dataclasses.dataclass(frozen=True)
class Span:
    """A span as it was sent.

    :ivar service: name of the service that sent it
    :ivar links: ids of the spans that it is linked to
    :ivar start: nanoseconds since 1970, as end
    """

    trace_id: str
    id: str
    parent: str
    service: str
    name: str
    kind: str
    attributes: dict
    links: tuple
    start: int
    end: int


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if self.headers.get('Content-Encoding') == 'gzip':
            body = gzip.decompress(body)
        if self.path == '/v1/traces':
            request = trace_service_pb2.ExportTraceServiceRequest()
            request.ParseFromString(body)
            self.server.spans.extend(_spans(request))
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()


def _spans(request):
    for resource in request.resource_spans:
        service = _attributes(resource.resource)['service.name']
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    span.trace_id.hex(), span.span_id.hex(),
                    span.parent_span_id.hex(), service, span.name,
                    KINDS[span.kind], _attributes(span),
                    tuple(link.span_id.hex() for link in span.links),
                    span.start_time_unix_nano, span.end_time_unix_nano)


def _attributes(of):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof('value'))
            for pair in of.attributes}


class Collector:
    """Takes traces at a port of 127.0.0.1, in a thread.

    :ivar url: its address
    """

    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0),
                                                       _Handler)
        self._server.daemon_threads = True
        self._server.spans = collections.deque()
        self.url = 'http://127.0.0.1:%d' % self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever,
                                        args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def spans(self):
        """List all spans that have been sent."""
        return list(self._server.spans)

    def trace_of(self, uuid):
        """List the spans of the trace in which an allocation was claimed.

        :param uuid: UUID of the allocation
        """
        spans = self.spans()
        ids = {span.trace_id for span in spans if span.name == 'claim'
               and span.attributes['allocator.allocation'] == uuid}
        return [span for span in spans if span.trace_id in ids]


def rendered(spans):
    """Render a trace as a tree, each line with milliseconds from its begin.

    :param spans: list of Span of one trace
    :returns: list of lines
    """
    begun = min((span.start for span in spans), default=0)
    known = {span.id for span in spans}

    def below(parent, depth):
        for span in sorted((span for span in spans
                            if (span.parent if span.parent in known
                                else None) == parent),
                           key=lambda span: span.start):
            yield '%7.1f %6.1f  %s%s  (%s, %s)' % (
                (span.start - begun) / 1e6, (span.end - span.start) / 1e6,
                '  ' * depth, span.name,
                span.service.removeprefix('allocator-'), span.kind)
            yield from below(span.id, depth + 1)

    return list(below(None, 0))
