# SPDX-License-Identifier: Apache-2.0
"""The outbox: nobody waits for the message bus."""

import threading

import fixtures
import testtools

from allocator.common import outbox
from allocator.tests.functional import waiting


class OutboxTests(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.logged = self.useFixture(fixtures.FakeLogger())
        self.sent = []
        self.bus = threading.Event()
        self.addCleanup(self.bus.set)

    def send(self, message):
        self.bus.wait(10)
        self.sent.append(message)

    def test_messages_are_sent_in_order(self):
        self.bus.set()
        box = outbox.Outbox('letters', self.send, 'too bad')
        for number in range(50):
            box.put(number)
        box.close(10)
        self.assertEqual(list(range(50)), self.sent)

    def test_what_is_too_much_is_dropped_with_one_warning(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.common.outbox.LENGTH', 3))
        lost = []
        box = outbox.Outbox('letters', self.send, 'too bad',
                            failed=lost.append)
        for number in range(10):
            box.put(number)
        # The thread may have taken the first one already.
        self.assertIn(lost, (list(range(3, 10)), list(range(4, 10))))
        self.assertEqual(1, self.logged.output.count('are dropped: too bad'))

    def test_an_error_loses_one_message_only(self):
        def send(message):
            if message == 1:
                raise RuntimeError('no bus')
            self.sent.append(message)

        lost = []
        box = outbox.Outbox('letters', send, 'too bad', failed=lost.append)
        for number in range(3):
            box.put(number)
        box.close(10)
        self.assertEqual(([0, 2], [1]), (self.sent, lost))
        self.assertIn('too bad: no bus', self.logged.output)

    def test_closing_does_not_wait_for_ever(self):
        box = outbox.Outbox('letters', self.send, 'too bad')
        box.put(1)
        box.close(0.01)
        self.assertEqual([], self.sent)

    def test_what_means_the_same_is_sent_once_while_it_waits(self):
        sending = threading.Event()

        def send(message):
            sending.set()
            self.send(message)

        box = outbox.Outbox('letters', send, 'too bad')
        box.put_once('look', 'first')
        self.assertTrue(sending.wait(10))
        # The first is on its way, so somebody must be told of the second.
        box.put_once('look', 'second')
        box.put_once('look', 'third')
        box.put_once('listen', 'fourth')
        self.bus.set()
        box.close(10)
        self.assertEqual(['first', 'second', 'fourth'], self.sent)

    def test_what_was_dropped_can_be_said_again(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.common.outbox.LENGTH', 1))
        sending = threading.Event()

        def send(message):
            sending.set()
            self.send(message)

        box = outbox.Outbox('letters', send, 'too bad')
        box.put('on its way')
        self.assertTrue(sending.wait(10))
        box.put('waits')
        box.put_once('look', 'dropped')
        self.bus.set()
        waiting.until(lambda: len(self.sent) == 2, 10, 'two are sent')
        box.put_once('look', 'sent')
        waiting.until(lambda: len(self.sent) == 3, 10, 'three are sent')
        self.assertEqual(['on its way', 'waits', 'sent'], self.sent)
