# SPDX-License-Identifier: Apache-2.0
"""What tools/quickstart shows; needs nothing but Python's own library."""
