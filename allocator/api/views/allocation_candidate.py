# SPDX-License-Identifier: Apache-2.0
"""What the answer to a dry run looks like."""


def serialize(found):
    """Show what would happen.

    :param found: allocation_candidates.Found
    :returns: dict
    """
    return {
        'candidates': [{
            'node_uuid': node.uuid, 'name': node.name, 'backend': backend,
        } for node, backend in found.candidates],
        'total': found.census.suitable,
        'eliminated': dict(found.census.kept),
        'waiting': found.waiting,
    }
