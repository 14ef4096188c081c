# SPDX-License-Identifier: Apache-2.0
"""What both the API and the conductor stand on."""
