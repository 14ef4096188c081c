#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Stand-ins for devstack's functions, for the test of the plugin.
#
# Usage: stand-ins.sh TREE PHASE...    e.g. stand-ins.sh /tmp/x "stack install"
#
# Each call of a stand-in is a line in TREE/calls. What would stay on a machine
# (a process, a database, a virtual host, a site of Apache) is a
# file below TREE/made, which the call that removes the thing removes.
# ENABLED_SERVICES and the other variables of devstack come from the caller.
#
# shellcheck disable=SC2032  # sudo is a stand-in, too
set -o errexit -o pipefail

TREE=$1
shift
PLUGIN=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$TREE/made"

# What devstack defines before it sources a plugin.
export DEST=$TREE/dest STACK_USER=stack REGION_NAME=RegionOne
export SERVICE_PROTOCOL=http SERVICE_HOST=192.0.2.1 SERVICE_TIMEOUT=60
export ENABLE_DEBUG_LOG_LEVEL=True
export DATABASE_USER=root DATABASE_PASSWORD=secret DATABASE_HOST=192.0.2.1
export DATABASE_TYPE=${DATABASE_TYPE:-mysql}
ENABLED_SERVICES=${ENABLED_SERVICES:-}
DISABLED_SERVICES=${DISABLED_SERVICES:-}
export ALLOCATOR_CONF_DIR=$TREE/made/etc

record() {
    echo "$*" >> "$TREE/calls"
}

make() {
    touch "$TREE/made/$1"
}

unmake() {
    rm -f "$TREE/made/$1"
}

# --- Services and phases ---------------------------------------------------

is_service_enabled() {
    local service
    for service in "$@"; do
        if [[ ,$ENABLED_SERVICES, == *,$service,* ]]; then
            return 0
        fi
        if declare -F "is_${service}_enabled" >/dev/null \
                && "is_${service}_enabled"; then
            return 0
        fi
    done
    return 1
}

enable_service() {
    local service
    for service in "$@"; do
        if [[ ,$DISABLED_SERVICES, != *,$service,* ]]; then
            ENABLED_SERVICES+=,$service
        fi
    done
}

define_plugin() {
    record define_plugin "$@"
}

echo_summary() {
    record echo_summary "$@"
}

die() {
    echo "died in line $*" >&2
    exit 1
}

# --- Installation ----------------------------------------------------------

setup_develop() {
    record setup_develop "$@"
}

pip_install_gr() {
    record pip_install_gr "$@"
}

install_apache_uwsgi() {
    record install_apache_uwsgi
}

get_python_exec_prefix() {
    echo "$TREE/bin"
}

# --- Configuration ---------------------------------------------------------

iniset() {
    echo "$2.$3=$4" >> "$1"
}

iniset_rpc_backend() {
    iniset "$2" "$3" transport_url "rabbit://192.0.2.1/$4"
}

setup_logging() {
    record setup_logging "$@"
}

configure_keystone_authtoken_middleware() {
    iniset "$1" keystone_authtoken username "$2"
}

database_connection_url() {
    if [[ $DATABASE_TYPE == postgresql ]]; then
        echo "postgresql://root:secret@192.0.2.1/$1?client_encoding=utf8"
    else
        echo "mysql+pymysql://root:secret@192.0.2.1/$1?charset=utf8&plugin=x"
    fi
}

write_uwsgi_config() {
    record write_uwsgi_config "$2" "$3" "$4" "$5"
    make "site-$5"
    : > "$1"
}

remove_uwsgi_config() {
    record remove_uwsgi_config "$2"
    rm -f "$1"
}

apache_site_config_for() {
    echo "$TREE/made/site-$1"
}

# --- Databases, broker, Keystone -------------------------------------------

recreate_database() {
    record recreate_database "$@"
    make "database-$1"
}

mysql() {
    record mysql "${*: -1}"
    unmake "database-$(sed -E 's/.* (\w+);/\1/' <<< "${*: -1}")"
}

dropdb() {
    record dropdb "${*: -1}"
    unmake "database-${*: -1}"
}

rpc_backend_add_vhost() {
    record rpc_backend_add_vhost "$@"
    make "vhost-$1"
}

rabbitmqctl() {
    record rabbitmqctl "$@"
    [[ $1 == delete_vhost && -e $TREE/made/vhost-$2 ]] || return 1
    unmake "vhost-$2"
}

create_service_user() {
    record create_service_user "$@"
}

get_or_create_service() {
    record get_or_create_service "$@"
}

get_or_create_endpoint() {
    record get_or_create_endpoint "$@"
}

# --- Processes -------------------------------------------------------------

run_process() {
    if is_service_enabled "$1"; then
        record run_process "$@"
        make "process-$1"
    fi
}

stop_process() {
    record stop_process "$@"
    unmake "process-$1"
}

wait_for_service() {
    record wait_for_service "$@"
    [[ -z ${API_IS_DEAD:-} ]]
}

which() {
    echo "/usr/bin/$1"
}

sudo() {
    "$@"
}

install() {
    local arguments=()
    while [[ $# -gt 0 ]]; do
        # The user "stack" is not on this machine.
        if [[ $1 == -o ]]; then
            shift
        else
            arguments+=("$1")
        fi
        shift
    done
    command install "${arguments[@]}"
}

mkdir -p "$TREE/bin"
cat > "$TREE/bin/allocator-dbsync" <<DBSYNC
#!/bin/sh
echo allocator-dbsync "\$@" >> "$TREE/calls"
DBSYNC
chmod +x "$TREE/bin/allocator-dbsync"

# shellcheck source=devstack/settings
source "$PLUGIN/settings"
for phase in "$@"; do
    # Two words, as devstack gives them; "unstack" and "clean" are one.
    read -r -a words <<< "$phase"
    record "# $phase"
    # shellcheck source=devstack/plugin.sh
    source "$PLUGIN/plugin.sh" "${words[@]}"
done
