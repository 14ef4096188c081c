# SPDX-License-Identifier: Apache-2.0
"""The table of transitions, against the drawing in the documentation."""

import os
import re

from oslotest import base

import allocator
from allocator.common import provisioning

_DRAWING = os.path.join(
    os.path.dirname(os.path.dirname(allocator.__file__)), 'doc', 'source',
    '_images', 'provision-states.dot')
_EDGE = re.compile(r'"([a-z ]+)" -> "([a-z ]+)" \[label = "([a-z, ]+)"\]')


class DrawingTest(base.BaseTestCase):

    def test_the_drawing_shows_the_table(self):
        with open(_DRAWING) as file:
            drawn = {(before, verb, after)
                     for before, after, verbs in _EDGE.findall(file.read())
                     for verb in verbs.split(', ')}
        table = {(before, verb, after)
                 for verb, edges in provisioning.TRANSITIONS.items()
                 for before, after in edges.items()}
        self.assertEqual(table, drawn)

    def test_every_state_is_known(self):
        for edges in provisioning.TRANSITIONS.values():
            self.assertLessEqual({*edges, *edges.values()},
                                 provisioning.KNOWN_STATES)
