# SPDX-License-Identifier: Apache-2.0
"""What resources look like in answers."""
