# SPDX-License-Identifier: Apache-2.0
"""The faults of Bare Metal services, and of the ways to them."""

from allocator.tests.chaos import backend_cluster
from allocator.tests.chaos import faults

_ALLOCATIONS = '^/v1/allocations'

# Seconds by which a request is later than whoever has sent it waits.
_LATE = backend_cluster.REQUEST_TIMEOUT + 2


class Faults(faults.Faults):
    """Faults of a short run: the parts of this service, the backends."""

    GROUPS = {
        'api': ('api_killed', 'api_paused'),
        'conductor': ('conductor_killed', 'conductor_worker_killed',
                      'conductor_paused', 'all_conductors_killed'),
        # Twice as often as the others.
        'ironic': 2 * ('ironic_cut', 'ironic_away', 'ironic_silent',
                       'answers_lost', 'answers_wrong', 'requests_late',
                       'ironic_paused', 'ironic_conductor_paused'),
    }

    def choose(self, number):
        """Choose some faults, two if that can be: one of a backend, mostly.

        :returns: list of functions without arguments
        """
        return super().choose(max(number, 2))

    def _choose_proxy(self):
        return self._random.choice(
            list(self._cluster.ironic_proxies.values()))

    def _heal(self, proxy, least, most):
        self._last(least, most)
        proxy.heal()

    def ironic_cut(self):
        proxy = self._choose_proxy()
        for _ in range(self._random.randint(1, 5)):
            proxy.cut()
            self._last(0, 0.5)

    def ironic_away(self):
        proxy = self._choose_proxy()
        proxy.refuse()
        self._heal(proxy, 1, 8)

    def ironic_silent(self):
        proxy = self._choose_proxy()
        proxy.swallow()
        self._heal(proxy, 1, 8)
        if self._random.random() < 0.5:
            proxy.cut()

    def answers_lost(self):
        """Requests are carried out, and nobody hears of it."""
        proxy = self._choose_proxy()
        proxy.cut_answer(part=self._random.choice([0, 0.8]), times=None,
                         method=self._random.choice(['POST', 'DELETE']),
                         path=_ALLOCATIONS)
        self._heal(proxy, 1, 4)

    def answers_wrong(self):
        """Requests are answered 500 or 503, carried out or not."""
        proxy = self._choose_proxy()
        proxy.answer(self._random.choice([500, 503]), times=None,
                     is_passed=self._random.random() < 0.5,
                     method=self._random.choice([None, 'POST', 'DELETE']))
        self._heal(proxy, 1, 4)

    def requests_late(self):
        """Requests are carried out when nobody waits for them any more."""
        proxy = self._choose_proxy()
        proxy.delay(_LATE, times=self._random.randint(1, 4),
                    method=self._random.choice(['POST', 'DELETE']),
                    path=_ALLOCATIONS)
        self._heal(proxy, _LATE, _LATE + 2)

    def _pause_ironic(self, there, process):
        there.pause(process)
        try:
            self._last(1, 12)
        finally:
            there.wake(process)

    def ironic_paused(self):
        there = self._cluster.ironics['west']
        self._pause_ironic(there, there.api)

    def ironic_conductor_paused(self):
        there = self._cluster.ironics['east']
        self._pause_ironic(there, there.conductor)


class AllFaults(Faults):
    """Faults of a long run: those of database and message bus, too."""

    GROUPS = faults.Faults.GROUPS | {
        'ironic': (*Faults.GROUPS['ironic'], 'ironic_killed',
                   'ironic_stopped')}

    def _choose_ironic(self):
        return self._random.choice(list(self._cluster.ironics.values()))

    def ironic_killed(self):
        there = self._choose_ironic()
        for process in there.processes:
            there.kill(process)
        self._last(0, 3)
        there.start()

    def ironic_stopped(self):
        there = self._choose_ironic()
        there.stop()
        self._last(0, 3)
        there.start()
