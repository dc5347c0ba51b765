#!/usr/bin/env bash
# Runs a command with a PostgreSQL server of its own: agents/journal/tests/with-postgres.sh cargo test -p vagus-journal
#
# The server listens on a socket in a private folder only, and is gone with its data when the command ends or is
# interrupted. Its url is in VAGUS_TEST_POSTGRES_URL. With --if-present, a machine without PostgreSQL runs the command all the
# same and says so, unless VAGUS_POSTGRES=required.
set -euo pipefail

may_lack=
if [ "${1:-}" = --if-present ]; then
    [ "${VAGUS_POSTGRES:-}" = required ] || may_lack=yes
    shift
fi
if [ $# -eq 0 ]; then
    echo "usage: $0 [--if-present] COMMAND..." >&2
    exit 2
fi

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
initdb=$(PATH="$PATH:$bin" command -v initdb || true)
pg_ctl=$(PATH="$PATH:$bin" command -v pg_ctl || true)
if [ -z "$initdb" ] || [ -z "$pg_ctl" ]; then
    if [ -n "$may_lack" ]; then
        echo "PostgreSQL is not installed: what needs it is left out (Debian: apt-get install postgresql)" >&2
        exec "$@"
    fi
    echo "$0: initdb and pg_ctl not found; install PostgreSQL (Debian: postgresql)" >&2
    exit 2
fi

# PostgreSQL refuses to run as root.
as=()
folder=$(mktemp -d)
chmod 755 "$folder"
if [ "$(id -u)" -eq 0 ]; then
    as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    chown nobody:nogroup "$folder"
fi

command=
clean_up() {
    trap - EXIT INT TERM HUP
    # The command's whole group: it may have started others.
    if [ -n "$command" ] && kill -TERM -- "-$command" 2>/dev/null; then
        wait "$command" 2>/dev/null || true
    fi
    if [ -f "$folder/data/postmaster.pid" ]; then
        (cd / && "${as[@]}" "$pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1) || true
    fi
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'clean_up; exit 130' INT
trap 'clean_up; exit 143' TERM HUP

(
    cd /
    "${as[@]}" "$initdb" -D "$folder/data" -A trust -U postgres --no-sync >"$folder/initdb.log" 2>&1 ||
        { cat "$folder/initdb.log" >&2; exit 1; }
    # Throw-away data: what is tested is what is written, not the disk under the server. Every database is logged whole when
    # it is made, so the log is kept short.
    "${as[@]}" "$pg_ctl" -D "$folder/data" -l "$folder/data/server.log" -w \
        -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c fsync=off -c max_connections=200 \
            -c wal_level=minimal -c max_wal_senders=0 -c min_wal_size=32MB -c max_wal_size=64MB -c log_checkpoints=off" \
        start >/dev/null || { cat "$folder/data/server.log" >&2; exit 1; }
)

export VAGUS_TEST_POSTGRES_URL="postgres://postgres@localhost/postgres?host=$folder"
# In the background, so that an interrupt is heard while it runs, and in a group of its own, so that it can be ended whole.
set -m
"$@" &
command=$!
set +m
status=0
wait "$command" || status=$?
command=
# Whoever reads that every test failed at once wants to know what became of the server.
if [ "$status" -ne 0 ] && grep -E 'PANIC|terminated|crash|shutting down|No space|out of memory' "$folder/data/server.log" \
    >"$folder/trouble.log"; then
    { echo "the PostgreSQL server says:"; tail -n 20 "$folder/trouble.log"; df -h "$folder" /dev/shm; free -m; } >&2 || true
fi
exit "$status"
