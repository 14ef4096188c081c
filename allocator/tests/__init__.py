# SPDX-License-Identifier: Apache-2.0
# Chooses oslo.service's backend before a test imports anything of it.
from allocator.common import service  # noqa: F401
