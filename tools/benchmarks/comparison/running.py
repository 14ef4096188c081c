# SPDX-License-Identifier: Apache-2.0
"""The comparison from its beginning to its end."""

import contextlib
import dataclasses
import sys

from benchmarks.comparison import parts
from benchmarks.comparison import rounds
from benchmarks.comparison import sides

BEFORE = 'before'
AFTER = 'after'
AGAIN = 'again'


def compare(installations, setting, scale, names, pairs, figures):
    """Measure installations in turns.

    All of them run all the time, each on a database of its own: those that
    are not measured are idle.

    :param installations: dict of installation.Installation by the name of
        the side; BEFORE and AFTER, and AGAIN where the noise is wanted
    :param setting: sides.Setting
    :param scale: bench.Scale
    :param names: parts to measure, see parts.PARTS
    :param pairs: how often each side is measured
    :param figures: dict that what was measured is put into, for results()
    """
    scale = dataclasses.replace(scale, runs=1)
    figures.update({name: {} for name in installations})
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(sides.running(name, one, setting,
                                                     scale))
                   for name, one in installations.items()]
        for part in parts.chosen(names, scale):
            if part.needs_servers and running[0].bench.service.is_single:
                continue
            _measure(part, running, pairs, figures)


def _measure(part, running, pairs, figures):
    title = part.__doc__.splitlines()[0]
    print('comparing:', title, file=sys.stderr, flush=True)
    for side in running:
        part.prepare(side)
    for number in range(pairs):
        for side in rounds.order(running, number):
            for name, figure in part.measure(side).items():
                figures[side.name].setdefault(name, []).append(figure)


def results(figures):
    """Compare the figures of the sides.

    :param figures: dict of dicts of lists of figures by name of the measure,
        by name of the side; see compare()
    :returns: dict of the comparisons by name of the measure: "compared" and,
        with AGAIN, "noise", each a dict as rounds.Compared; beside them
        "shares" of the processors by name of the side
    """
    found = {'measures': {}, 'shares': {}}
    for name, before in figures.get(BEFORE, {}).items():
        if name == 'shares':
            continue
        measure = {}
        for key, other in (('compared', AFTER), ('noise', AGAIN)):
            after = figures.get(other, {}).get(name, ())
            # A comparison that was ended early has pairs by half.
            pairs = min(len(before), len(after))
            compared = rounds.compare(before[:pairs], after[:pairs])
            if compared:
                measure[key] = dataclasses.asdict(compared)
        if measure:
            found['measures'][name] = measure
    for side, of_side in figures.items():
        if 'shares' in of_side:
            found['shares'][side] = rounds.medians(of_side['shares'])
    return found
