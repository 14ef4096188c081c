# SPDX-License-Identifier: Apache-2.0
"""How much is measured."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Scale:
    """How much is measured.

    :ivar small: nodes of the small Bare Metal service
    :ivar large: nodes of the large one
    :ivar samples: allocations of each kind for a time to active
    :ivar runs: how often a throughput is measured, each kind in turns
    :ivar clients: clients at each Bare Metal service
    :ivar requests: allocations of one run at each Bare Metal service
    :ivar looks: looks without changes whose cost is counted
    :ivar changes: changes that are waited for
    :ivar flood: requests at once
    :ivar fleet: number of simulated services, and nodes of each
    :ivar sweeps: full comparisons between two looks at the memory
    :ivar idle: seconds for which idle processes are watched
    """

    small: int = 100
    large: int = 10000
    samples: int = 40
    runs: int = 3
    clients: int = 8
    requests: int = 40
    looks: int = 5
    changes: int = 6
    flood: int = 500
    fleet: tuple = (10, 10000)
    sweeps: int = 2
    idle: float = 20


TINY = Scale(small=20, large=60, samples=3, runs=1, clients=2, requests=4,
             looks=1, changes=1, flood=20, fleet=(2, 30), sweeps=1, idle=1)


def chosen(is_tiny, runs=None):
    """Choose how much is measured.

    :param is_tiny: just enough to see that it works
    :param runs: how often throughputs are measured, None for the usual
    :returns: Scale
    """
    found = TINY if is_tiny else Scale()
    return dataclasses.replace(found, runs=runs) if runs else found
