# SPDX-License-Identifier: Apache-2.0
"""Traces cost nothing while they are off, and follow no more than they may."""

import sys
import timeit
from unittest import mock

import fixtures
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import export
from opentelemetry.sdk.trace.export import in_memory_span_exporter
import testtools

from allocator.api import app
from allocator.telemetry import tracing
from allocator.tests import fixtures as service_fixtures


class OffTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(service_fixtures.Api())

    def test_nothing_is_prepared(self):
        tracing.prepare('allocator-api')
        self.assertFalse(tracing.is_on())

    def test_requests_do_not_pass_the_middleware(self):
        self.assertNotIn('opentelemetry', type(app.setup_app()).__module__)

    def test_a_place_in_a_trace_takes_less_than_two_microseconds(self):
        def pass_by():
            with tracing.transaction():
                tracing.claimed('uuid', node='node')

        best = min(timeit.repeat(pass_by, number=1000, repeat=20))
        self.assertLess(best / 1000, 2e-6)

    def test_without_the_packages_the_start_ends_with_a_sentence(self):
        self.api.configuration.set('enabled', True, group='tracing')
        with mock.patch.dict(sys.modules,
                             {'opentelemetry.instrumentation.wsgi': None}):
            error = self.assertRaises(SystemExit, tracing.require)
        self.assertIn('".[tracing]"', str(error))


class RememberingTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        provider = sdk.TracerProvider()
        self.exporter = in_memory_span_exporter.InMemorySpanExporter()
        provider.add_span_processor(
            export.SimpleSpanProcessor(self.exporter))
        self.tracer = provider.get_tracer('test')
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.telemetry.tracing._tracer', self.tracer))
        self.addCleanup(tracing._traces.clear)
        self.addCleanup(tracing._unseen.clear)

    def tell(self, *uuids):
        for uuid in uuids:
            with self.tracer.start_as_current_span('POST ' + uuid):
                tracing.remember(uuid)

    def spans(self):
        return {span.name if span.name != 'claim'
                else 'claim ' + span.attributes['allocator.allocation']: span
                for span in self.exporter.get_finished_spans()}

    def test_many_claims_of_one_transaction_stay_in_their_own_traces(self):
        self.tell('a', 'b')
        with tracing.transaction():
            tracing.claimed('a', node='1')
            tracing.claimed('b', node='2')
        found = self.spans()
        transaction = found['claim transaction']
        for uuid in ('a', 'b'):
            claim = found['claim ' + uuid]
            self.assertEqual(found['POST ' + uuid].context, claim.parent)
            self.assertEqual([transaction.context],
                             [link.context for link in claim.links])
        self.assertEqual(found['POST a'].context, transaction.parent)

    def test_a_transaction_that_nobody_was_told_of_is_no_trace(self):
        with tracing.transaction():
            tracing.claimed('a', node='1')
        self.assertEqual({}, self.spans())

    def test_what_has_its_answer_is_forgotten(self):
        self.tell('a')
        tracing.ended('a')
        with tracing.work_for('a', 'write to backend'):
            self.assertEqual(['POST a'], list(self.spans()))
        self.assertEqual(['POST a'], list(self.spans()))

    def test_what_is_remembered_has_an_end(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.telemetry.tracing.REMEMBERED', 2))
        self.tell('a', 'b', 'c')
        self.assertEqual(['b', 'c'], list(tracing._traces))
        self.assertEqual(['b', 'c'], list(tracing._unseen))
