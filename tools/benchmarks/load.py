# SPDX-License-Identifier: Apache-2.0
"""Load: clients that wait for each answer before they ask again."""

import collections
import dataclasses
import json
import threading
import time

# Seconds after which a waiting client looks again, first and at most.
FIRST_LOOK = 0.005
LAST_LOOK = 0.08

# The same on an otherwise idle service.
CLOSE_LOOK = 0.002

# Seconds after which an allocation counts as stuck.
PATIENCE = 120


@dataclasses.dataclass
class Sample:
    """What happened to one request for an allocation.

    :ivar status: HTTP status code of the POST
    :ivar posted: seconds until the POST was answered
    :ivar settled: seconds until the allocation was seen to be settled
    :ivar uuid: UUID of the allocation
    :ivar state: its state in the end
    """

    status: int
    posted: float
    settled: float | None = None
    uuid: str | None = None
    state: str | None = None


def run(make_client, clients, jobs, work):
    """Do jobs, each client one after another.

    :param make_client: function that opens a connection
    :param clients: number of clients, each a thread with a connection
    :param jobs: list of what to do
    :param work: function of client and job
    :returns: list of results, seconds that all took
    """
    waiting, results, errors = collections.deque(jobs), [], []

    def go():
        client = make_client()
        try:
            while not errors:
                try:
                    job = waiting.popleft()
                except IndexError:
                    return
                results.append(work(client, job))
        except Exception as exc:
            errors.append(exc)
        finally:
            client.close()

    threads = [threading.Thread(target=go) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    if errors:
        raise errors[0]
    return results, seconds


def post(client, body):
    """Request an allocation.

    :returns: Sample
    """
    start = time.perf_counter()
    status, answer = client.request('POST', '/v1/allocations', body)
    sample = Sample(status, time.perf_counter() - start)
    if status == 201:
        sample.uuid = json.loads(answer)['uuid']
    return sample


def allocate(client, body, closely=False):
    """Request an allocation and wait until it is settled.

    :param closely: look again at once, rather than later and later
    :returns: Sample
    """
    start = time.perf_counter()
    sample = post(client, body)
    if sample.uuid is None:
        return sample
    pause = CLOSE_LOOK if closely else FIRST_LOOK
    while time.perf_counter() - start < PATIENCE:
        time.sleep(pause)
        sample.state = client.get('/v1/allocations/' + sample.uuid)['state']
        if sample.state != 'allocating':
            sample.settled = time.perf_counter() - start
            return sample
        if not closely:
            pause = min(pause * 2, LAST_LOOK)
    raise TimeoutError('allocation %s is stuck' % sample.uuid)


def timed(client, method, path):
    """Time a request.

    :returns: status code, seconds
    """
    start = time.perf_counter()
    status, _body = client.request(method, path)
    return status, time.perf_counter() - start
