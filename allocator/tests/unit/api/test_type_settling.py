# SPDX-License-Identifier: Apache-2.0
"""The types of WSME are ready before a process's first requests."""

import threading

from oslotest import base
import wsme.types

from allocator.api.types import settling
from allocator.api.types import values
from allocator.tests import fixtures

AT_ONCE = 8


class SettlingTests(base.BaseTestCase):

    def test_every_attribute_has_its_type_before_a_request_comes(self):
        self.useFixture(fixtures.Api())
        for datatype in wsme.types.registry.complex_types:
            for attribute in wsme.types.list_attributes(datatype):
                # Properties have a type of their own.
                found = getattr(attribute, '_datatype', None)
                self.assertNotIsInstance(found, tuple,
                                         (datatype, attribute.name))

    def test_threads_that_ask_at_once_get_the_type(self):
        """Some first requests of a process were answered 500."""
        class New(wsme.types.Base):
            label = wsme.types.wsattr(values.String())

        [attribute] = wsme.types.list_attributes(New)
        # What two threads would turn into the type at once.
        self.assertIsInstance(attribute._datatype, tuple)
        settling.settle()
        self.assertNotIsInstance(attribute._datatype, tuple)
        found = []
        barrier = threading.Barrier(AT_ONCE)

        def ask():
            barrier.wait(timeout=60)
            found.append(attribute.datatype)

        threads = [threading.Thread(target=ask) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(AT_ONCE, len(found))
        self.assertEqual(1, len(set(found)))
