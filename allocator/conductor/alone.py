# SPDX-License-Identifier: Apache-2.0
"""One claim alone: with one node after another, if some of them spoil it."""

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
BROKEN = ('The request cannot be read: something else than this service has '
          'changed it. Make it anew.')


class Spoilt(Exception):
    """No attempt to make a claim has come to its end.

    :ivar error: what the last one ended with
    :ivar claim: claims.Claim that was to be written then; None if it did not
        come as far as that
    :ivar nodes: number of nodes that have been tried
    """

    def __init__(self, error, claim, nodes):
        super().__init__(str(error))
        self.error = error
        self.claim = claim
        self.nodes = nodes


class _Tally:
    """What the attempts to make one claim have met.

    :ivar error: what the last one that failed ended with
    :ivar claim: claims.Claim that was to be written then, or None
    """

    def __init__(self):
        self.error: Exception | None = None
        self.claim: claims.Claim | None = None
        # Of whose claims a node has spoilt how many, by its id.
        self._spoilt: dict[int, list[claims.Claim]] = {}

    def note(self, error, made):
        """Note an attempt that failed.

        :param error: what it ended with
        :param made: list of claims that were to be written, one at most
        """
        self.error, self.claim = error, None
        for self.claim in made:
            self._spoilt.setdefault(self.claim.node.id, []).append(self.claim)

    def useless(self):
        """List the nodes that are not to be tried again."""
        return {id_ for id_, spoilt in self._spoilt.items()
                if len(spoilt) >= ATTEMPTS_PER_NODE}

    def flaws_beside(self, claim):
        """Find the nodes that are at fault, as another one did for the same.

        :param claim: claims.Claim that was made
        :returns: dict of flaws.Flaw by id of the node
        """
        return {id_: flaws.Flaw(self._spoilt[id_][0].node,
                                'the database refuses it: %s' % self.error)
                for id_ in self.useless()
                if {spoilt.allocation.id for spoilt in self._spoilt[id_]}
                == {claim.allocation.id}}

    def __len__(self):
        return len(self._spoilt)


def claim(transaction):
    """Run a transaction that makes one claim at most.

    :param transaction: function that is called with a set of ids of nodes to
        leave out, with session.Attempts that learn the claims that are about
        to be written, and with the claim of the attempt before or None; it
        returns claims.Batch
    :returns: what it returned; or claims.Batch of an allocation that failed,
        as its UUID is taken
    :raises: Spoilt; an error of oslo.db if the database is away
    """
    tally = _Tally()
    for _ in range(ATTEMPTS):
        attempts = session.Attempts()
        try:
            batch = transaction(tally.useless(), attempts, tally.claim)
        except Exception as exc:
            require_database(exc)
            tally.note(exc, attempts.last or ())
        else:
            if (tally.error is not None and batch is not None
                    and not batch.ids() and not batch.locked):
                # There is no other node for it.
                break
            for made in batch.claims if batch is not None else ():
                batch.flaws |= tally.flaws_beside(made)
            return batch
        if tally.claim is not None and isinstance(
                tally.error, claims.DuplicateEntry) and (
                failed := failures.fail_taken(tally.claim.allocation.id)):
            return claims.Batch(failed=failed)
    raise Spoilt(tally.error, tally.claim, len(tally))


def unprocessable(tries, error):
    """Say why an allocation fails that has been tried often enough.

    :param tries: how often
    :param error: what the last try ended with
    """
    return UNPROCESSABLE % {'tries': tries, 'error': type(error).__name__}


def give_up(id_, reason):
    """Turn an allocation to ``error``, even if its row cannot be read.

    :param id_: its id
    :param reason: why it fails
    :returns: list of claims.Failure; empty if the row cannot be read, is
        locked, or is neither pending nor waits any more
    """
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
