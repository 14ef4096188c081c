# SPDX-License-Identifier: Apache-2.0
"""Time to active on an idle service, beside that of a bare client."""

from benchmarks import client
from benchmarks import load
from benchmarks.backends import figures
from benchmarks.backends import site

# Allocations of each kind before those that count.
WARM_UP = 3


def time_to_active(places, service, samples):
    """Measure it at several Bare Metal services, one sample of each in turn.

    :param places: list of site.BareMetal
    :param service: fixture of the service before them
    :param samples: number of samples of each kind
    :returns: dict by number of nodes of figures.compared()
    """
    own = client.Client(service.endpoint)
    bare = {place.name: place.connect() for place in places}
    found = {place.name: ([], []) for place in places}
    for number in range(WARM_UP + samples):
        for place in places:
            pair = (one(own, place.body()),
                    one(bare[place.name], place.bare_body()))
            if number >= WARM_UP:
                for times, seconds in zip(found[place.name], pair,
                                          strict=True):
                    times.append(seconds)
    for connection in (own, *bare.values()):
        connection.close()
    return {str(place.size): figures.compared(*found[place.name])
            for place in places}


def one(connection, body):
    """Allocate and release.

    :returns: seconds until it was seen to be active
    """
    sample = load.allocate(connection, body, closely=True)
    if sample.state != 'active':
        raise client.BadAnswer('Allocation %s is not active: %s' % (
            sample.uuid, connection.get('/v1/allocations/' + sample.uuid)))
    site.release(connection, [sample.uuid])
    return sample.settled
