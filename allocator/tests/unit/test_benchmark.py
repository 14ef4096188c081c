# SPDX-License-Identifier: Apache-2.0
"""How tools/benchmark reckons and reports what it measured with backends."""

import contextlib
import io
import pathlib
import sys

import testtools

TOOLS = pathlib.Path(__file__).parents[3] / 'tools'


class BenchmarkTestCase(testtools.TestCase):

    def setUp(self):
        super().setUp()
        sys.path.insert(0, str(TOOLS))
        self.addCleanup(sys.path.remove, str(TOOLS))


class FiguresTests(BenchmarkTestCase):

    def setUp(self):
        super().setUp()
        from benchmarks.backends import figures
        self.figures = figures

    def test_times_are_compared_by_their_medians_and_pair_by_pair(self):
        found = self.figures.compared([0.1, 0.2, 0.9], [0.1, 0.1, 0.1])
        self.assertEqual((2.0, 1.0, 9.0), (
            found['ratio'], found['ratio_p10'], found['ratio_p90']))
        self.assertEqual({'p10_ms': 100.0, 'p50_ms': 200.0, 'p90_ms': 900.0,
                          'count': 3}, found['service'])

    def test_throughputs_are_compared_run_by_run(self):
        """One run beside other load disturbs its pair alone."""
        found = self.figures.rates([9, 1, 10], [10, 1, 10])
        self.assertEqual((1.0, [0.9, 1.0, 1.0]),
                         (found['ratio'], found['ratios']))

    def test_pairs_that_are_none_are_an_error(self):
        self.assertRaises(ValueError, self.figures.compared, [1, 1], [1])


RUN = {'service': {'p50_ms': 130}, 'bare': {'p50_ms': 100}, 'ratio': 1.3,
       'ratio_p10': 1.1, 'ratio_p90': 1.6}

FLOOD = {'requests': 3, 'statuses': {'201': 3}, 'states': {'active': 3},
         'there': 3, 'seconds': 1, 'most_requests': 8, 'most_open': 8,
         'max_requests': 8}

FLEET = {'nodes': 20, 'backends': 2, 'first_look_s': 1, 'drained': RUN,
         'idle_percent': 2.5, 'memory': [{'largest_mib': 100},
                                         {'largest_mib': 101}]}


class GoalsTests(BenchmarkTestCase):

    def verdicts(self, **results):
        from benchmarks.backends import goals
        return [line.is_met for line in goals.compare(results)]

    def test_time_to_active_counts_at_each_size_and_between_them(self):
        slower = RUN | {'service': {'p50_ms': 160}, 'ratio': 1.6}
        self.assertEqual([True, True, True], self.verdicts(
            time_to_active={'100': RUN, '10000': RUN}))
        self.assertEqual([True, False, False], self.verdicts(
            time_to_active={'100': RUN, '10000': slower}))

    def test_a_lost_a_refused_and_a_missing_one_each_miss_the_goal(self):
        self.assertEqual([True, True], self.verdicts(flood=FLOOD))
        for other in ({'statuses': {'201': 2, '503': 1}},
                      {'states': {'active': 2, 'lost': 1}}, {'there': 2}):
            self.assertEqual([False, True],
                             self.verdicts(flood=FLOOD | other))

    def test_undecided_allocations_count_as_requests(self):
        for name in ('most_requests', 'most_open'):
            self.assertEqual([True, False],
                             self.verdicts(flood=FLOOD | {name: 9}))

    def test_a_fleet_is_to_cost_little(self):
        self.assertEqual([None, True, True, False],
                         self.verdicts(fleet=FLEET))
        grown = FLEET | {'idle_percent': 5, 'memory': [
            {'largest_mib': 100}, {'largest_mib': 110}]}
        self.assertEqual([None, False, False, False],
                         self.verdicts(fleet=grown))

    def test_looks_and_changes_have_their_times(self):
        look = {'nodes': 1, 'seconds': 25, 'ironic_cpu_s': 1,
                'conductor_cpu_s': 1}
        self.assertEqual([True, True, True], self.verdicts(
            first_look=look, look={'cpu_s': 0.2},
            change={'p50_ms': 2000, 'max_s': 6}))
        self.assertEqual([False, False, False], self.verdicts(
            first_look=look | {'seconds': 26}, look={'cpu_s': 0.21},
            change={'p50_ms': 2000, 'max_s': 6.1}))


class ArgumentTests(BenchmarkTestCase):

    def refused(self, *arguments):
        from benchmarks import command
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            self.assertRaises(SystemExit, command.main, arguments)
        return said.getvalue()

    def test_what_is_measured_with_backends_needs_them(self):
        self.assertIn('--measure flood is for --backends', self.refused(
            '--database', 'sqlite://', '--measure', 'flood'))

    def test_what_is_measured_without_backends_refuses_them(self):
        self.assertIn('--measure pages is not for --backends', self.refused(
            '--backends', '--measure', 'pages'))
