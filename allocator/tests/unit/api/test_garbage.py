# SPDX-License-Identifier: Apache-2.0
"""What a request leaves behind in the memory of its process."""

import gc

import webob

from allocator.tests.unit.api import allocating


class GarbageTests(allocating.AllocationTestCase):

    def test_a_response_is_gone_with_its_request(self):
        # Pages stayed by the dozen until the garbage collector came by.
        self.create()
        self.api.get(allocating.URL)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        before = self.count_responses()
        for _ in range(5):
            self.api.get(allocating.URL)
        self.assertLessEqual(self.count_responses(), before + 1)

    @staticmethod
    def count_responses():
        return sum(isinstance(thing, webob.Response)
                   for thing in gc.get_objects())
