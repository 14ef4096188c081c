# SPDX-License-Identifier: Apache-2.0
"""The dashboard of etc/grafana asks for what there is."""

import json
import re

from oslotest import base

from allocator.tests.unit.docs import checkout
from allocator.tests.unit.docs import test_prometheus_rules as rules

DASHBOARD = checkout.ROOT / 'etc' / 'grafana' / 'allocator.json'

# What the page is to tell of.
ROWS = ['Pool', 'Queue', 'Time to active', 'Requests', 'Conductors',
        'Database and message bus', 'Backends']

# Grafana's grid.
WIDTH = 24

# What Prometheus knows each series by.
OWN = {'instance', 'job'}


class DashboardTests(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.panels = json.loads(DASHBOARD.read_text())['panels']
        self.recorded = {rule['record']: rule['expr']
                         for rule in rules.rules_of('recording.yaml')}

    def targets(self):
        return [(target['expr'], target['legendFormat'])
                for panel in self.panels
                for target in panel.get('targets', ())]

    def test_it_has_a_row_for_each_question(self):
        self.assertEqual(ROWS, [panel['title'] for panel in self.panels
                                if panel['type'] == 'row'])

    def test_each_query_asks_for_what_is_recorded_or_shown(self):
        for expression, _legend in self.targets():
            found = rules.series_of(expression)
            self.assertNotEqual([], found, expression)
            for name, labels in found:
                self.assertLessEqual(set(labels), self.labels_of(name), name)

    def test_each_legend_names_labels_that_the_query_gives(self):
        for expression, legend in self.targets():
            [name] = {name for name, _labels in rules.series_of(
                expression)} - {'allocator_batch_size_count'}
            kept = re.search(r'by \(([\w, ]+)\)', expression)
            given = (set(kept[1].split(', ')) - {'le'} if kept
                     else self.labels_of(name))
            self.assertLessEqual(
                set(re.findall(r'\{\{(\w+)\}\}', legend)), given, expression)

    def labels_of(self, name):
        """List the labels of a series.

        :raises KeyError: there is no such series
        """
        if name.startswith(rules.metrics.PREFIX):
            return set(rules.metric_of(name).labels) | OWN
        kept = re.search(r'by \(([\w, ]+)\)', self.recorded[name])
        return set(kept[1].split(', ')) - {'le'} if kept else set()

    def test_panels_do_not_overlap(self):
        taken = set()
        for panel in self.panels:
            place = panel['gridPos']
            self.assertLessEqual(place['x'] + place['w'], WIDTH)
            cells = {(x, y)
                     for x in range(place['x'], place['x'] + place['w'])
                     for y in range(place['y'], place['y'] + place['h'])}
            self.assertEqual(set(), cells & taken, panel['title'])
            taken |= cells

    def test_each_panel_says_what_it_shows(self):
        for panel in self.panels:
            if panel['type'] != 'row':
                self.assertRegex(panel['description'], r'\.$')
        self.assertEqual(len(self.panels),
                         len({panel['id'] for panel in self.panels}))
