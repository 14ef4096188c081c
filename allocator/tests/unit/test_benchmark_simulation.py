# SPDX-License-Identifier: Apache-2.0
"""How tools/benchmark simulates a site."""

import dataclasses
import pathlib
import sys

import testtools

TOOLS = pathlib.Path(__file__).parents[3] / 'tools'


class SimulationTestCase(testtools.TestCase):

    def setUp(self):
        super().setUp()
        sys.path.insert(0, str(TOOLS))
        self.addCleanup(sys.path.remove, str(TOOLS))


class EventsTests(SimulationTestCase):

    def setUp(self):
        super().setUp()
        from benchmarks.simulation import events
        self.events = events
        self.clock = events.Clock()
        self.ends = []

    def use(self, what):
        yield what
        self.ends.append(self.clock.now)

    def test_who_finds_all_servers_busy_waits_for_the_first_that_is_not(self):
        station = self.events.Station(self.clock, 2)
        for seconds in (3, 1, 1):
            self.clock.spawn(self.use(station.serve(seconds)))
        self.clock.run(10)
        self.assertEqual([1, 2, 3], self.ends)
        self.assertEqual((5, 3), (station.busy, station.begun))

    def test_those_that_come_while_the_log_is_written_share_the_next_one(self):
        log = self.events.Log(self.clock, 1)
        for start in (0, 0.2, 0.4):
            self.clock.at(start, self.clock.spawn, self.use(log))
        self.clock.run(10)
        self.assertEqual(([1, 2, 2], 2), (self.ends, log.busy))

    def test_a_bell_wakes_one_and_is_heard_by_who_comes_late(self):
        bell = self.events.Bell(self.clock)
        for _ in range(2):
            self.clock.spawn(self.use(bell))
        self.clock.at(1, bell.ring)
        self.clock.run(2)
        self.assertEqual([1], self.ends)
        self.clock.at(1, bell.ring)
        self.clock.at(2, bell.ring)
        self.clock.run(5)
        self.clock.spawn(self.use(bell))
        self.clock.run(6)
        self.assertEqual([1, 3, 5], self.ends)


class QueueTests(SimulationTestCase):

    def setUp(self):
        super().setUp()
        from benchmarks.simulation import queue
        from benchmarks.simulation import site
        self.queue = queue
        self.small = site.Site(
            api_hosts=1, api_processors=2, conductors=2,
            database_processors=2, batch=4)

    def simulate(self, rate, **changes):
        return self.queue.simulate(
            dataclasses.replace(self.small, **changes), rate, 5)

    def test_a_station_is_as_busy_as_its_work_says(self):
        found = self.simulate(100, bus=0.004)
        self.assertAlmostEqual(40, found['shares']['bus'], delta=4)
        self.assertTrue(found['is_steady'])

    def test_nobody_is_active_sooner_than_its_steps_take(self):
        found = self.simulate(1)
        site = self.small
        steps = (site.api_post + site.database_post + site.flush
                 + site.message + site.conductor_batch + site.database_batch)
        self.assertLess(steps * 1e3, found['active']['p50_ms'])
        self.assertEqual(0, found['conflicts'])

    def test_a_site_that_is_asked_for_too_much_does_not_keep_up(self):
        found = self.simulate(200, conductor_row=0.02)
        self.assertFalse(found['is_steady'])
        self.assertLess(90, found['shares']['conductors'])

    def test_batches_are_lost_only_where_several_servers_are_written_to(self):
        self.assertEqual(0, self.simulate(200)['conflicts'])
        self.assertLess(0, self.simulate(200, writers=2)['conflicts'])

    def test_a_single_conductor_loses_none(self):
        self.assertEqual(0, self.simulate(100, writers=2,
                                          conductors=1)['conflicts'])


class PaperTests(SimulationTestCase):

    def setUp(self):
        super().setUp()
        from benchmarks.simulation import paper
        from benchmarks.simulation import site
        self.paper = paper
        self.site = site

    def test_connections_are_those_of_all_threads_and_conductors(self):
        site = self.site.Site(api_hosts=2, api_processors=3, api_threads=4,
                              conductors=5, conductor_connections=6)
        self.assertEqual(54, self.paper.sums(site, 1)['connections'])

    def test_what_does_the_least_work_carries_the_most(self):
        site = self.site.Site()
        twice = dataclasses.replace(site, bus=site.bus / 2)
        before, after = (self.paper.capacities(one, 3)['bus']
                         for one in (site, twice))
        self.assertAlmostEqual(2 * before, after)

    def test_what_is_reckoned_is_what_the_simulation_breaks_at(self):
        from benchmarks.simulation import queue
        site = self.site.Site(
            api_hosts=1, api_processors=8, conductors=2,
            database_processors=4, batch=16, conductor_row=0.003)
        most = self.paper.capacities(site, 3)['conductors']
        self.assertEqual([True, False], [
            queue.simulate(site, most * share, 4)['is_steady']
            for share in (0.8, 1.5)])

    def test_a_site_is_changed_by_name_and_keeps_its_types(self):
        site = self.site.given(self.site.Site(),
                               ['conductors=3', 'flush=0.5'])
        self.assertEqual((3, 0.5), (site.conductors, site.flush))
        self.assertRaises(ValueError, self.site.given, site, ['moons=1'])
