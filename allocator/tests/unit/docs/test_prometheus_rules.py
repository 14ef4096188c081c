# SPDX-License-Identifier: Apache-2.0
"""The rules of etc/prometheus ask for what there is, and lead to the guide."""

import re

from oslotest import base
import yaml

from allocator.telemetry import metrics
from allocator.tests.unit.docs import checkout

RULES = checkout.ROOT / 'etc' / 'prometheus'

# What Prometheus makes of one histogram.
PARTS = ('_bucket', '_sum', '_count')

SEVERITIES = {'critical', 'warning', 'info'}

RUNBOOK = re.compile(r'admin/troubleshooting\.html#(alert-[a-z-]+)')


def rules_of(name):
    """List the rules of a file."""
    document = yaml.safe_load((RULES / name).read_text())
    return [rule for group in document['groups'] for rule in group['rules']]


def series_of(expression):
    """List the series of this service that an expression asks for.

    :returns: list of (name, names of the labels that select)
    """
    return [(name, re.findall(r'(\w+)\s*[=!]', labels or ''))
            for name, labels in re.findall(
                r'\b(allocator[_:][\w:]+)(?:\{([^}]*)\})?', expression)]


def metric_of(series):
    """Find the metric that a series is of.

    :returns: metrics.Metric
    :raises KeyError: there is none
    """
    name = series.removeprefix(metrics.PREFIX)
    if name in metrics.TABLE:
        if metrics.TABLE[name].kind == 'histogram':
            raise KeyError('%s is a histogram, of which this is no part'
                           % series)
        return metrics.TABLE[name]
    for part in PARTS:
        found = metrics.TABLE.get(name.removesuffix(part))
        if name.endswith(part) and found and found.kind == 'histogram':
            return found
    raise KeyError(series)


class RuleTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.recording = rules_of('recording.yaml')
        self.alerts = rules_of('alerts.yaml')
        self.recorded = {rule['record'] for rule in self.recording}

    def test_each_metric_is_one_that_the_service_shows(self):
        seen = 0
        for rule in self.recording + self.alerts:
            for name, labels in series_of(rule['expr']):
                if name.startswith(metrics.PREFIX):
                    seen += 1
                    self.assertLessEqual(set(labels),
                                         set(metric_of(name).labels), name)
                else:
                    self.assertIn(name, self.recorded)
        self.assertLess(15, seen)

    def test_a_metric_of_nobody_would_be_found(self):
        self.assertRaises(KeyError, metric_of, 'allocator_nothing_total')
        # Of a histogram alone there is no such series.
        self.assertRaises(KeyError, metric_of, 'allocator_batch_size')
        self.assertRaises(KeyError, metric_of, 'allocator_queue_length_count')

    def test_what_is_summed_by_is_a_label_of_the_metric(self):
        for rule in self.recording:
            kept = re.search(r'by \(([\w, ]+)\)', rule['expr'])
            for name, _labels in series_of(rule['expr']):
                labels = set(metric_of(name).labels) | {'le'}
                self.assertLessEqual(
                    set(kept[1].split(', ')) if kept else set(), labels)

    def test_what_the_tests_feed_in_is_what_the_service_shows(self):
        for name in ('recording_test.yaml', 'alerts_test.yaml'):
            document = yaml.safe_load((RULES / name).read_text())
            for test in document['tests']:
                for series in test['input_series']:
                    [(found, labels)] = series_of(series['series'])
                    self.assertLessEqual(
                        set(labels),
                        {'instance', 'le', *metric_of(found).labels}, series)

    def test_each_rule_is_tested(self):
        text = (RULES / 'recording_test.yaml').read_text()
        for name in self.recorded:
            self.assertRegex(text, r'%s\b' % name)
        text = (RULES / 'alerts_test.yaml').read_text()
        for rule in self.alerts:
            self.assertIn('alertname="%s"' % rule['alert'], text)

    def test_each_alert_says_what_to_do(self):
        for rule in self.alerts:
            self.assertIn(rule['labels']['severity'], SEVERITIES)
            for name in ('summary', 'action'):
                self.assertRegex(rule['annotations'][name], r'\.$')

    def test_each_alert_leads_to_a_section_of_its_own(self):
        text = (checkout.DOC / 'admin' / 'troubleshooting.rst').read_text()
        sections = re.findall(r'^\.\. _(alert-.*):\n\n(\w+)\n-', text, re.M)
        self.assertEqual(
            sections, [(RUNBOOK.fullmatch(rule['annotations']['runbook'])[1],
                        rule['alert']) for rule in self.alerts])

    def test_each_alert_is_listed_in_the_guide(self):
        text = (checkout.DOC / 'admin' / 'metrics.rst').read_text()
        self.assertEqual(
            [(rule['alert'], rule['labels']['severity'])
             for rule in self.alerts],
            re.findall(r'\* - :ref:`(Allocator\w+) <alert-[a-z-]+>`\n'
                       r'     - (\w+)\n', text))
