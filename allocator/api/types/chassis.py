# SPDX-License-Identifier: Apache-2.0
"""Request bodies of the chassis API."""

import wsme.types
from wsme.types import wsattr

from allocator.api.types import values


class ChassisPatch(wsme.types.Base):
    """What a patched chassis may look like; null stands for the default."""

    description = wsattr(values.String(max_length=255))
    extra = wsattr(values.Object())


class ChassisCreate(ChassisPatch):
    """Body of POST /v1/chassis.

    null means the same as leaving an attribute out.
    """

    uuid = wsattr(values.UUID())
