# SPDX-License-Identifier: Apache-2.0
"""The order of the measurements with backends."""

import contextlib
import os
import sys

from benchmarks.backends import fleet
from benchmarks.backends import flood
from benchmarks.backends import latency
from benchmarks.backends import mirroring
from benchmarks.backends import site
from benchmarks.backends import throughput

# Those that need real Bare Metal services and one service before them.
_TOGETHER = {'first-look', 'look', 'change', 'backend-latency',
             'backend-throughput'}

EAST, WEST = 'east', 'west'


def _say(text):
    print('measuring', text, file=sys.stderr, flush=True)


def measure(measures, scale, results):
    """Measure.

    :param measures: names out of benchmarks.backends.MEASURES
    :param scale: scale.Scale
    :param results: dict that is given what was found
    """
    results['load'] = {}
    with contextlib.ExitStack() as stack:
        if {*_TOGETHER, 'flood'} & set(measures):
            _say('how real Bare Metal services start')
            bare = min(scale.small // 2, 100)
            places = [stack.enter_context(site.BareMetal(name, size, bare))
                      for name, size in ((EAST, scale.small),
                                         (WEST, scale.large))]
            _measure_real(places, measures, scale, results)
    if 'fleet' in measures:
        _say('a fleet of simulated ones')
        results['fleet'] = fleet.fleet(scale)
        _note_load(results, 'fleet')


def _note_load(results, name):
    results['load'][name] = os.getloadavg()[0]


def _measure_real(places, measures, scale, results):
    if _TOGETHER & set(measures):
        _say('the first look')
        with site.service({place.name: place.backend_options()
                           for place in places}) as service:
            _measure_together(places, service, measures, scale, results)
    if 'flood' in measures:
        _say('%d requests at once' % scale.flood)
        # As many nodes as that has only the large one.
        results['flood'] = flood.flood(places[-1], site.service,
                                       min(scale.flood,
                                           len(places[-1].uuids)))
        _note_load(results, 'flood')


def _measure_together(places, service, measures, scale, results):
    large = places[-1]
    found = mirroring.first_look(service, large)
    mirroring.first_look(service, places[0])
    if 'first-look' in measures:
        results['first_look'] = found
        _note_load(results, 'first_look')
    if 'look' in measures:
        _say('looks without changes')
        results['look'] = mirroring.look(service, large, scale.looks)
    if 'change' in measures:
        _say('changes')
        results['change'] = mirroring.changes(service, places, scale.changes)
    if 'backend-latency' in measures:
        _say('time to active')
        results['time_to_active'] = latency.time_to_active(
            places, service, scale.samples)
        _note_load(results, 'time_to_active')
    if 'backend-throughput' in measures:
        _say('throughput')
        found = results['throughput'] = {}
        found['one'] = throughput.throughput([large], service, scale)
        found['two'] = throughput.throughput(places, service, scale)
        _note_load(results, 'throughput')
