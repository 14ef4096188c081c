# SPDX-License-Identifier: Apache-2.0
"""One claim alone: with one node after another, if some of them spoil it."""

import collections

from oslo_log import log

from allocator.db import claims
from allocator.db import failures
from allocator.db import flaws
from allocator.db import session

LOG = log.getLogger(__name__)

# How often an allocation is tried alone, [conductor] sweep_interval apart,
# before it fails.
TRIES = 5

# How many transactions one such try makes, and how many of them a node may
# spoil before the next node is taken.
ATTEMPTS = 6
ATTEMPTS_PER_NODE = 2

UNPROCESSABLE = ('The allocation could not be processed in %(tries)d tries, '
                 'the last of which ended with %(error)s. The log of the '
                 'conductors says more.')


class Spoilt(Exception):
    """No attempt to make a claim has come to its end.

    :ivar error: what the last one ended with
    :ivar claim: claims.Claim that was to be written then; None if it did not
        come as far as that
    """

    def __init__(self, error, claim):
        super().__init__(str(error))
        self.error = error
        self.claim = claim


def claim(transaction):
    """Run a transaction that makes one claim.

    :param transaction: function that is called with a set of ids of nodes to
        leave out, and with session.Attempts that learn the claims that are
        about to be written; it returns claims.Batch
    :returns: what it returned; or claims.Batch of an allocation that failed,
        as its UUID is taken
    :raises: Spoilt; an error of oslo.db if the database is away
    """
    spoilt: collections.Counter = collections.Counter()
    nodes: dict = {}
    error: Exception | None = None
    last = None
    for _ in range(ATTEMPTS):
        attempts = session.Attempts()
        useless = {node for node, count in spoilt.items()
                   if count >= ATTEMPTS_PER_NODE}
        try:
            batch = transaction(useless, attempts)
        except Exception as exc:
            require_database(exc)
            error = exc
        else:
            if error is not None and batch is not None and not batch.ids():
                # Of those that wait nobody has got one of the other nodes.
                break
            if batch is not None and batch.claims:
                # Without these it went well.
                batch.flaws |= {
                    node: flaws.Flaw(nodes[node], 'the database refuses it: '
                                                  '%s' % error)
                    for node in useless}
            return batch
        for last in attempts.last or ():
            nodes[last.node.id] = last.node
            spoilt[last.node.id] += 1
        if last is not None and isinstance(error, claims.DuplicateEntry) and (
                failed := failures.fail_taken(last.allocation.id)):
            return claims.Batch(failed=failed)
    raise Spoilt(error, last)


def give_up(id_, tries, error):
    """Turn an allocation to ``error``, even if its row cannot be read.

    :param id_: its id
    :param tries: how often it was tried
    :param error: what the last try ended with
    :returns: list of claims.Failure; empty if the row cannot be read, or is
        neither pending nor waits any more
    """
    reason = UNPROCESSABLE % {'tries': tries, 'error': type(error).__name__}
    try:
        return failures.fail(id_, reason)
    except claims.OUTAGES:
        raise
    except Exception as exc:
        LOG.error('Allocation %(uuid)s has failed, and its row cannot be '
                  'read: %(error)s',
                  {'uuid': failures.fail_unread(id_, reason), 'error': exc})
        return []


def require_database(exc):
    """Find out whether the database is to blame for an error.

    :param exc: the error
    :raises: an error of oslo.db if it does not take writes now
    """
    if isinstance(exc, claims.OUTAGES):
        claims.probe()
