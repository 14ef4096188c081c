# SPDX-License-Identifier: Apache-2.0
"""What needs no simulation: sizes and sums of a site."""


def sums(site, rate):
    """Reckon what a site needs besides processors.

    :param site: site.Site
    :param rate: allocations asked for in a second
    :returns: dict of figures
    """
    return {
        'connections': (site.api_hosts * site.api_processors
                        * site.api_threads
                        + site.conductors * site.conductor_connections),
        'table_gib': (site.allocations * site.allocation_bytes
                      + site.nodes * site.node_bytes) / 2 ** 30,
        'log_mib_per_s': rate * site.log_bytes / 2 ** 20,
        'replica_share': rate * site.replay * 100,
    }


def capacities(site, gets):
    """Reckon at which rate each part of a site has nothing left.

    :param gets: how often a client asks for its allocation
    :returns: dict of allocations a second by part
    """
    row_of_batch = 1 / site.batch
    # Batches are full by then, and a conductor waits for the database.
    batch = (site.conductor_batch + site.database_batch + site.flush
             + site.batch * (site.conductor_row + site.database_row)
             + (site.certify if site.writers > 1 else 0))
    return {
        'API': site.api_hosts * site.api_processors / (
            site.api_post + gets * site.api_get),
        'database': site.database_processors / (
            site.database_post + gets * site.database_get
            + site.database_row + row_of_batch * site.database_batch),
        'bus': 1 / site.bus,
        'conductors': site.conductors * site.batch / batch,
        'replica': 1 / site.replay,
    }
