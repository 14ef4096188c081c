# SPDX-License-Identifier: Apache-2.0
"""Signals that end the waiting."""

import os
import signal
from unittest import mock

import testtools

from allocatorclient.osc import interrupts


class InterruptTests(testtools.TestCase):

    def test_each_signal_is_an_exception_and_its_handler_comes_back(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # In the background of a script it may be ignored.
            self.addCleanup(signal.signal, number, signal.getsignal(number))
            signal.signal(number, signal.SIG_DFL)
            try:
                with interrupts.raised():
                    os.kill(os.getpid(), number)
                    signal.pause()
            except interrupts.Interrupted as exc:
                self.assertEqual(number, exc.number)
            else:
                self.fail('%s did nothing' % number)
            self.assertEqual(signal.SIG_DFL, signal.getsignal(number))

    def test_a_time_ends_and_what_was_to_come_then_comes_all_the_same(self):
        """A timer of the program around it goes on."""
        before = signal.signal(signal.SIGALRM, lambda *_: None)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL,
                        *signal.setitimer(signal.ITIMER_REAL, 1000))
        handler = signal.getsignal(signal.SIGALRM)
        try:
            with interrupts.raised(0.05):
                signal.pause()
        except interrupts.TimeOver:
            self.assertEqual(handler, signal.getsignal(signal.SIGALRM))
            self.assertLess(900, signal.getitimer(signal.ITIMER_REAL)[0])
        else:
            self.fail('The time went on')

    def test_a_signal_while_the_timer_is_set_leaves_none_behind(self):
        """It would end the program, minutes later."""
        for number in (signal.SIGINT, signal.SIGALRM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        real = signal.setitimer

        def setitimer(which, seconds, *interval):
            before = real(which, seconds, *interval)
            if seconds:
                os.kill(os.getpid(), signal.SIGINT)
            return before

        with mock.patch.object(signal, 'setitimer', setitimer):
            try:
                with interrupts.raised(1000):
                    self.fail('Nothing was raised')
            except interrupts.Interrupted:
                pass
        self.assertEqual((0, 0), signal.getitimer(signal.ITIMER_REAL))
        for number in (signal.SIGINT, signal.SIGALRM):
            self.assertEqual(signal.SIG_DFL, signal.getsignal(number))

    def test_a_signal_that_is_ignored_stays_so(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        with interrupts.raised():
            os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(signal.SIG_IGN, signal.getsignal(signal.SIGHUP))
