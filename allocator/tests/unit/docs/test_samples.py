# SPDX-License-Identifier: Apache-2.0
"""The samples of the API reference are what the service answers."""

import testtools

from allocator.tests import fixtures
from allocator.tests.unit.docs import api_ref
from allocator.tests.unit.docs import samples


class TestSamples(testtools.TestCase):

    def test_samples_are_what_the_service_answers(self):
        for scenario in samples.SCENARIOS:
            with fixtures.Api() as api:
                for name, text in samples.record(api, scenario).items():
                    sample = api_ref.SAMPLES / name
                    self.assertTrue(sample.exists(), name)
                    self.assertEqual(sample.read_text(), text, name)

    def test_every_sample_is_made_by_a_scenario(self):
        made = set()
        for scenario in samples.SCENARIOS:
            with fixtures.Api() as api:
                made.update(samples.record(api, scenario))
        self.assertEqual(
            made, {path.name for path in api_ref.SAMPLES.iterdir()})

    def test_every_sample_is_shown(self):
        self.assertEqual(
            {path.name for path in api_ref.SAMPLES.iterdir()},
            set(api_ref.samples()))
