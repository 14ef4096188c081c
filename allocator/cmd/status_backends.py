# SPDX-License-Identifier: Apache-2.0
"""Tries each backend: reachable, versions, rights."""

from concurrent import futures

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from allocator.backends import client
from allocator.backends import exception
from allocator.backends import looks
from allocator.db import backends

SUCCESS = upgradecheck.Code.SUCCESS
WARNING = upgradecheck.Code.WARNING
FAILURE = upgradecheck.Code.FAILURE

# Backends that are tried at once: one that is silent takes its time.
AT_ONCE = 8


def judge_all():
    """Try all configured backends.

    :returns: list of (upgradecheck.Code, sentence or None)
    """
    try:
        names = backends.names()
    except cfg.ConfigFileValueError as exc:
        return [(FAILURE, str(exc))]
    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(judge, names))


def judge(name):
    """Try one backend.

    Nothing is changed there.

    :param name: its name, whose options are registered
    :returns: (upgradecheck.Code, sentence or None)
    """
    try:
        found = client.Client(name).on_behalf_of()
        found.get_version()
        found.get_public_url()
        # As the mirror will, with the filters that are configured.
        for parameters in looks.filters(name):
            found.get_nodes_page(1, filters=parameters)
        next(found.list_allocations(limit=1), None)
        found.try_to_allocate()
    except exception.Denied as exc:
        return FAILURE, (
            '%s Its user needs the role "member" on the system.' % _said(exc))
    except exception.BackendError as exc:
        return FAILURE, _said(exc)
    return _judge_reading(found)


def _judge_reading(found):
    """Tell whether what a backend does not show is certainly not there."""
    try:
        found.get_conductors()
    except exception.Denied:
        return WARNING, (
            'Backend %s: its user may not read the conductors, so it may not '
            'see all nodes, and nodes that are deleted there stay here. It '
            'needs the role "member" on the system.' % found.name)
    except exception.BackendError as exc:
        return FAILURE, _said(exc)
    return SUCCESS, None


def _said(exc):
    return str(exc).rstrip('.') + '.'
