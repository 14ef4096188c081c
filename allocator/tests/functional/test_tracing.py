# SPDX-License-Identifier: Apache-2.0
"""One trace leads from a request over message and claim to the node."""

import uuid as uuidlib

import testtools

from allocator.tests.backends import simulator
from allocator.tests.functional import collector
from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Seconds until all spans of a trace have been sent, on a busy machine.
SENT = 30

# A trace that a client has begun, and wants.
CLIENTS = uuidlib.uuid4().hex
CHOSEN = {'traceparent': '00-%s-00f067aa0ba902b7-01' % CLIENTS}


class OneWorker(fixtures.Service):
    """A service whose conductor is one process: it is told of what it claims.

    Another one might be faster, and nobody tells that one of the trace.
    """

    def _configuration(self):
        found = super()._configuration()
        found['conductor']['workers'] = 1
        return found

    def _workers(self):
        return sum(process.is_running for process in self.conductors)


class Traced:
    """A service that sends its traces to a collector of the test's."""

    def setUp(self):
        super().setUp()
        self.collector = collector.Collector()
        self.addCleanup(self.collector.stop)
        server = simulator.Simulator('east')
        server.start()
        self.addCleanup(server.stop)
        self.store = server.services['east'].store
        self.service = self.useFixture(OneWorker(
            self.kind, conductors=1,
            options={'tracing': self.options(),
                     'DEFAULT': {'enabled_backends': 'east'},
                     'conductor': {'sweep_interval': 60},
                     'east': {'auth_type': 'none', 'poll_interval': 1,
                              'endpoint_override':
                                  server.services['east'].url}},
            variables={'OTEL_BSP_SCHEDULE_DELAY': '200'}))
        self.client = self.service.client
        self.addOnException(lambda _exc_info: self.addDetail(
            'logs', testtools.content.text_content(self.service.logs())))

    def options(self):
        return {'enabled': True, 'endpoint': self.collector.url}

    def traced(self, uuid, *names):
        """Wait for the trace of an allocation.

        :param names: beginnings of names of spans that must have come
        :returns: list of spans
        """
        def is_there():
            found = self.collector.trace_of(uuid)
            return all(any(span.name.startswith(name) for span in found)
                       for name in names) and found

        try:
            return waiting.until(is_there, SENT, 'the trace is there',
                                 interval=0.2)
        except AssertionError:
            self.addDetail('trace', testtools.content.text_content('\n'.join(
                collector.rendered(self.collector.trace_of(uuid)))))
            raise

    def settled(self, resource_class, **options):
        """Request a node until there is one that suits.

        :returns: UUID of the allocation
        """
        uuid = self.client.post(
            '/v1/allocations', {'resource_class': resource_class},
            **options).json()['uuid']
        self.assertEqual('active', self.client.settled(uuid)['state'])
        return uuid

    @staticmethod
    def way(spans, span):
        """List the names of a span and what it is within, outermost first."""
        by_id = {span.id: span for span in spans}
        found = [span]
        while found[-1].parent in by_id:
            found.append(by_id[found[-1].parent])
        return [one.name.split(' ')[0] if one.kind == 'client' else one.name
                for one in reversed(found)]


def only(spans, name):
    """Get the one span of a name."""
    found = [span for span in spans if span.name == name]
    assert len(found) == 1, (name, [span.name for span in spans])
    return found[0]


@testcase.per_database(databases.MYSQL)
class BusTests(Traced):

    CAST = '.conductor.process_allocation'

    def test_a_request_is_one_trace_to_its_node(self):
        self.service.add_nodes(2)
        # Its backend rings as it begins; a transaction that is under way as
        # the conductor is told belongs to no trace.
        self.settled('baremetal')
        uuid = self.settled('baremetal', headers=CHOSEN)
        spans = self.traced(uuid, 'POST', 'claim transaction', 'UPDATE')
        self.assertEqual({CLIENTS}, {span.trace_id for span in spans})
        claim = only(spans, 'claim')
        way = self.way(spans, claim)
        self.assertTrue(way[0].startswith('POST'), way)
        self.assertTrue(way[1].endswith(self.CAST), way)
        self.assertEqual(['process_allocation receive', 'claim'], way[2:])
        self.assertEqual((only(spans, 'claim transaction').id,), claim.links)
        # What the database was told by either side.
        inserts, updates = ([self.way(spans, span) for span in spans
                             if span.name.startswith(verb)]
                            for verb in ('INSERT', 'UPDATE'))
        self.assertIn(way[:1] + ['INSERT'], inserts)
        self.assertIn([*way[:3], 'claim transaction', 'UPDATE'], updates)
        self.assertEqual({'allocator-api', 'allocator-conductor'},
                         {span.service for span in spans})

    def test_it_leads_on_to_the_backend(self):
        found = self.store.enrol(1, resource_class='mirrored')
        waiting.until(lambda: set(found) <= set(self.service.nodes()), SENT,
                      'the mirror has the node', interval=0.2)
        uuid = self.settled('mirrored')
        spans = self.traced(uuid, 'POST', 'write to backend')
        write = only(spans, 'write to backend')
        self.assertEqual(
            ('east', 'claim'), (write.attributes['allocator.backend'],
                                write.attributes['allocator.wants']))
        self.assertIn([*self.way(spans, write), 'POST'],
                      [self.way(spans, span) for span in spans])

    def test_nothing_but_requests_begins_a_trace(self):
        self.service.add_node()
        uuid = self.settled('baremetal')
        self.traced(uuid, 'POST', 'claim transaction')
        begun = {span.name.split(' ')[0] for span in self.collector.spans()
                 if not span.parent}
        self.assertLessEqual(begun, {'GET', 'POST'})


@testcase.per_database(databases.SQLITE)
class SingleTests(Traced):

    def test_the_single_process_traces_without_a_bus(self):
        self.service.add_node()
        uuid = self.settled('baremetal')
        spans = self.traced(uuid, 'POST', 'claim transaction', 'UPDATE')
        way = self.way(spans, only(spans, 'claim'))
        self.assertEqual(['claim'], way[1:])
        self.assertTrue(way[0].startswith('POST'), way)
        self.assertEqual({'allocator'}, {span.service for span in spans})

    def test_what_is_not_chosen_is_not_traced(self):
        self.service.add_nodes(2)
        self.settled('baremetal')
        uuid = self.settled('baremetal', headers=CHOSEN)
        # Sent after all that was done before.
        self.traced(uuid, 'POST', 'claim transaction')
        self.assertEqual({CLIENTS}, {span.trace_id for span
                                     in self.collector.spans()})

    def options(self):
        share = 0 if 'not_chosen' in self.id() else 1
        return super().options() | {'sample_ratio': share}
