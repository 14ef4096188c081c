# SPDX-License-Identifier: Apache-2.0
"""What the service tells of itself: metrics and notifications."""
