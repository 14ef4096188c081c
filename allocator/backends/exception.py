# SPDX-License-Identifier: Apache-2.0
"""How a request to a Bare Metal service can fail.

What matters to whoever sent it is whether it was, or still may be, carried
out::

    NotSent           certainly not: it never left
      Incompatible    the service is too old, or is none
    Refused           certainly not: the service said why
      Denied          401, 403
      NotFound        404
      Conflict        409
    OutcomeUnknown    perhaps, perhaps later, perhaps not: ask again
    Unsettled         it has answered, and that does not settle it: try again
"""

from allocator.common.i18n import _


class BackendError(Exception):
    """A request to a backend failed. It is no answer to a client of ours.

    :ivar backend: name of the backend
    :ivar reason: what happened, or what the backend said
    :ivar status: HTTP status of its answer, None if there was none
    """

    def __init__(self, backend, reason, status=None):
        super().__init__(_('Backend %(backend)s: %(reason)s')
                         % {'backend': backend, 'reason': reason})
        self.backend = backend
        self.reason = reason
        self.status = status


class Misconfigured(BackendError):
    """The options of the backend do not make a client."""


class NotSent(BackendError):
    """The request never left, so it is not carried out."""


class Incompatible(NotSent):
    """The service cannot do what is asked of it in any version."""


class Refused(BackendError):
    """The backend answered that it does not do it."""


class Denied(Refused):
    """The user of this service may not do it there."""


class NotFound(Refused):
    pass


class Conflict(Refused):
    pass


class OutcomeUnknown(BackendError):
    """No answer, or one that leaves open whether it was carried out.

    What timed out may be carried out later than the next question is
    answered: not to find it is no proof.
    """


class Unsettled(BackendError):
    """The backend answered, and what it said leaves to be tried again.

    A node that is locked is released later; nothing is wrong with the
    backend.
    """
