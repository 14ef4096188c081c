# SPDX-License-Identifier: Apache-2.0
"""/v1/nodes and all that lies below it."""
