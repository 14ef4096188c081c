# SPDX-License-Identifier: Apache-2.0
"""Marks the sentences that are translated."""

import oslo_i18n

_ = oslo_i18n.TranslatorFactory(domain='allocator').primary
