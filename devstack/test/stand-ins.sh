#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Stand-ins for devstack's and grenade's functions, for the test of the plugin.
#
# Usage: stand-ins.sh TREE PHASE...    e.g. stand-ins.sh /tmp/x "stack install"
#
# Sourced, with TREE in the environment, it defines the stand-ins alone.
#
# Each call of a stand-in is a line in TREE/calls. What would stay on a machine
# (a process, a database, a virtual host, a site of Apache) is a
# file below TREE/made, which the call that removes the thing removes.
# ENABLED_SERVICES and the other variables of devstack come from the caller.
# IRONIC_PLUGIN=before or after has ironic's plugin be there, too: its line in
# local.conf, and so each of its phases, comes before this plugin's or after.
#
# shellcheck disable=SC2032  # sudo is a stand-in, too
set -o errexit -o pipefail

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    TREE=$1
    shift
fi
STAND_INS_PLUGIN=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "$TREE/made"

# What devstack defines before it sources a plugin.
export DEST=$TREE/dest STACK_USER=stack REGION_NAME=RegionOne
export SERVICE_PROTOCOL=http SERVICE_HOST=192.0.2.1 SERVICE_TIMEOUT=60
export ENABLE_DEBUG_LOG_LEVEL=True
# Who and where the database's user is, unstack.sh does not say.
export DATABASE_PASSWORD=secret
export SERVICE_PASSWORD=secret SERVICE_DOMAIN_NAME=Default
export KEYSTONE_SERVICE_URI=http://192.0.2.1/identity
export SSL_BUNDLE_FILE=/opt/stack/data/ca-bundle.pem
export DATABASE_TYPE=${DATABASE_TYPE:-mysql}
export TEMPEST_CONFIG=$TREE/tempest.conf
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

warn() {
    record warn "${@:2}"
}

die() {
    echo "died in line $*" >&2
    exit 1
}

# --- Installation ----------------------------------------------------------

setup_develop() {
    record setup_develop "$@"
}

pip_install() {
    record pip_install "$@"
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

initialize_database_backends() {
    export DATABASE_USER=root DATABASE_HOST=192.0.2.1
}

recreate_database() {
    record recreate_database "$@"
    make "database-$1"
}

mysql() {
    record mysql "$@"
    [[ $1 == -uroot && $3 == -h192.0.2.1 && -z ${SERVERS_ARE_DEAD:-} ]] \
        || return 1
    unmake "database-$(sed -E 's/.* (\w+);/\1/' <<< "${*: -1}")"
}

dropdb() {
    record dropdb "$@"
    [[ $1 == -h192.0.2.1 && $2 == -Uroot && -n $PGPASSWORD ]] || return 1
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

get_or_add_user_system_role() {
    record get_or_add_user_system_role "$@"
}

# Keystone, as far as the endpoints of "baremetal" go.
openstack() {
    local url=$TREE/endpoint
    [[ $1 == --os-cloud && $2 == devstack-system-admin ]] || return 1
    shift 2
    record openstack "$@"
    case "$1 $2 $6" in
        "endpoint list URL")
            cat "$url" 2>/dev/null || echo "${IRONIC_URL-}"
            ;;
        "endpoint list ID")
            echo e1
            echo e2
            ;;
        "endpoint set "*)
            echo "$4" > "$url"
            ;;
        *)
            return 1
            ;;
    esac
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
[ -z "\$DBSYNC_FAILS" ]
DBSYNC
chmod +x "$TREE/bin/allocator-dbsync"

# --- grenade ---------------------------------------------------------------

register_project_for_upgrade() {
    record register_project_for_upgrade "$@"
}

register_db_to_save() {
    record register_db_to_save "$@"
}

devstack_localrc() {
    record devstack_localrc "$@"
}

upgrade_project() {
    record upgrade_project "$1" "$3" "$4"
}

ensure_services_started() {
    record ensure_services_started "$@"
}

ensure_services_stopped() {
    record ensure_services_stopped "$@"
}

# --- The phases ------------------------------------------------------------

# What ironic's plugin does that meets this one: it enters its endpoint, and
# later enrols the nodes with whatever clients find by then.
ironic_plugin() {
    case "$*" in
        "stack post-config")
            echo "$IRONIC_URL" > "$TREE/endpoint"
            ;;
        "stack extra")
            record enroll_nodes "$(cat "$TREE/endpoint")"
            ;;
    esac
}

if [[ ${BASH_SOURCE[0]} != "$0" ]]; then
    return
fi
# shellcheck source=devstack/settings
source "$STAND_INS_PLUGIN/settings"
# Of a plugin whose enable_plugin line comes later.
read -r -a later <<< "${LATER_SERVICES:-}"
enable_service "${later[@]}"
for phase in "$@"; do
    # Two words, as devstack gives them; "unstack" and "clean" are one.
    read -r -a words <<< "$phase"
    record "# $phase"
    if [[ ${words[0]} == stack ]]; then
        initialize_database_backends
    else
        unset DATABASE_USER DATABASE_HOST
    fi
    if [[ ${IRONIC_PLUGIN:-} == before ]]; then
        ironic_plugin "${words[@]}"
    fi
    # shellcheck source=devstack/plugin.sh
    source "$STAND_INS_PLUGIN/plugin.sh" "${words[@]}"
    if [[ ${IRONIC_PLUGIN:-} == after ]]; then
        ironic_plugin "${words[@]}"
    fi
done
