# SPDX-License-Identifier: Apache-2.0
"""Galera: three MariaDB servers, an API and a conductor at each, all write."""
