#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# grenade's call to install the release that is upgraded to, on the data and
# the configuration of the one before, and to start it.
#
# shellcheck disable=SC1091  # grenade's and devstack's files are elsewhere
set -o errexit

source "$GRENADE_DIR/grenaderc"
source "$GRENADE_DIR/functions"

source "$TARGET_DEVSTACK_DIR/stackrc"
source "$TARGET_DEVSTACK_DIR/lib/tls"
source "$TARGET_DEVSTACK_DIR/lib/apache"

UPGRADE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=devstack/settings
source "$UPGRADE/../settings"
# shellcheck source=devstack/lib/allocator
source "$UPGRADE/../lib/allocator"

set -o xtrace

# As it was, for whoever looks for the reason of a failure.
[[ -d $SAVE_DIR/etc.allocator ]] \
    || cp -pr "$ALLOCATOR_CONF_DIR" "$SAVE_DIR/etc.allocator"

install_allocator
# New configuration that a release demands: from-RELEASE/upgrade-allocator.
upgrade_project allocator "$UPGRADE" "$BASE_DEVSTACK_BRANCH" \
    "$TARGET_DEVSTACK_BRANCH"
upgrade_allocator_schema || die $LINENO "allocator-dbsync failed"

start_allocator
ensure_services_started allocator-api allocator-cond
