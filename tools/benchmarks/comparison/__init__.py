# SPDX-License-Identifier: Apache-2.0
"""The comparison: two installations of the service measured in turns."""
