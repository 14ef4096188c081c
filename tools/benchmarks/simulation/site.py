# SPDX-License-Identifier: Apache-2.0
"""What a site has, and how long each step takes."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Site:
    """A site, and how long each step takes there.

    Times are seconds of one processor, but for those of disk and network.
    The defaults say no more than their order of magnitude: measure, and give
    yours. "busy" of a comparison tells what an allocation takes of the API,
    the conductor, the database and the bus; "floor" what a POST takes of the
    API; "size" the bytes of a row.

    :ivar api_hosts: machines with an API
    :ivar api_processors: processors, and worker processes, of each of them
    :ivar api_threads: threads, thus connections to the database, of a process
    :ivar conductors: conductor processes
    :ivar conductor_connections: connections to the database of each
    :ivar database_processors: processors of the database
    :ivar writers: database servers that are written to (Galera); 1 for one
    :ivar nodes: nodes
    :ivar allocations: rows of the table of allocations
    :ivar batch: rows that a conductor takes at once
    :ivar api_post: API, a POST
    :ivar api_get: API, a GET of one allocation
    :ivar database_post: database, the INSERT of a POST
    :ivar database_get: database, a GET
    :ivar conductor_batch: conductor, a batch, whatever is in it
    :ivar conductor_row: conductor, each row of a batch
    :ivar database_batch: database, a batch, whatever is in it
    :ivar database_row: database, each row of a batch
    :ivar flush: disk, a commit; those that come meanwhile share the next one
    :ivar message: bus, a doorbell from the sender to a conductor
    :ivar bus: bus, processor of a doorbell
    :ivar certify: network, until all writers have a transaction (Galera)
    :ivar replay: replica, the changes of one allocation, in one thread
    :ivar allocation_bytes: table and indexes, a row of an allocation
    :ivar node_bytes: table and indexes, a row of a node
    :ivar log_bytes: binary log, from POST to active
    """

    api_hosts: int = 20
    api_processors: int = 16
    api_threads: int = 16
    conductors: int = 10
    conductor_connections: int = 5
    database_processors: int = 16
    writers: int = 1
    nodes: int = 1000000
    allocations: int = 10000000
    batch: int = 64
    api_post: float = 0.0018
    api_get: float = 0.0009
    database_post: float = 0.0003
    database_get: float = 0.0001
    conductor_batch: float = 0.004
    conductor_row: float = 0.0003
    database_batch: float = 0.002
    database_row: float = 0.00012
    flush: float = 0.001
    message: float = 0.0016
    bus: float = 0.0002
    certify: float = 0.001
    replay: float = 0.0003
    allocation_bytes: float = 1500
    node_bytes: float = 2000
    log_bytes: float = 2500


def given(site, texts):
    """Change a site.

    :param site: Site
    :param texts: list of "name=value"
    :returns: Site
    :raises: ValueError
    """
    types = {name: type(value) for name, value in vars(site).items()}
    changes = {}
    for text in texts:
        name, _, value = text.partition('=')
        if name not in types:
            raise ValueError('a site has no %s; it has %s' % (
                name, ', '.join('%s=%s' % pair
                                for pair in vars(site).items())))
        changes[name] = types[name](value)
    return dataclasses.replace(site, **changes)
