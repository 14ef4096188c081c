# SPDX-License-Identifier: Apache-2.0
"""What every measurement needs: the service, the database, the sizes."""

import dataclasses

from benchmarks import client
from benchmarks import seeding


@dataclasses.dataclass(frozen=True)
class Scale:
    """How much is measured.

    :ivar sizes: numbers of nodes for time to active and throughput
    :ivar size: number of nodes of everything else
    :ivar runs: how often a measurement is repeated
    :ivar samples: requests of one run of a latency
    :ivar requests: requests of one run of a throughput
    :ivar clients: concurrent clients of a throughput
    :ivar rows: rows of the listed table of allocations
    :ivar page: rows of a page
    :ivar backlog: allocations that wait for the conductor alone
    :ivar overload: requests, clients and nodes of the overload
    :ivar idle: seconds for which idle processes are watched
    :ivar waiting: how many wait, and for how many different things
    :ivar deadlines: deadlines that are over together
    :ivar tables: allocations and nodes of the small table and of the large
    """

    sizes: tuple = (100, 1000, 10000, 100000)
    size: int = 10000
    runs: int = 3
    samples: int = 200
    requests: int = 1000
    clients: int = 32
    rows: int = 100000
    page: int = 1000
    backlog: int = 10000
    overload: tuple = (2000, 64, 1000)
    idle: float = 10
    waiting: tuple = ((100000, 20), (10000, 1000), (10000, 10000))
    deadlines: int = 10000
    tables: tuple = ((10000, 10000), (1000000, 100000))


TINY = Scale(sizes=(10, 20), size=200, runs=1, samples=5, requests=20,
             clients=4, rows=200, page=20, backlog=200, overload=(30, 8, 15),
             idle=0.2, waiting=((60, 3), (30, 30)), deadlines=50,
             tables=((1000, 700), (6000, 1500)))


@dataclasses.dataclass
class Bench:
    """The service under measurement.

    :ivar endpoint: URL of the API
    :ivar scale: Scale
    :ivar headers: dict of headers that each request carries
    :ivar service: Service, or None if somebody else's is measured
    :ivar engine: engine of the database, or None likewise
    :ivar body: what is asked for
    """

    endpoint: str
    scale: Scale
    headers: dict = dataclasses.field(default_factory=dict)
    service: object = None
    engine: object = None
    body: dict = dataclasses.field(default_factory=lambda: {
        'resource_class': seeding.RESOURCE_CLASS,
        'traits': [seeding.COMMON]})

    def connect(self):
        """Open a connection to the API."""
        return client.Client(self.endpoint, self.headers)

    def release(self, uuids):
        """Have the nodes of some allocations free again."""
        if self.engine is not None:
            seeding.give_back(self.engine, uuids)
            return
        connection = self.connect()
        for uuid in uuids:
            connection.request('DELETE', '/v1/allocations/' + uuid)
        connection.close()
