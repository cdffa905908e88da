#!/bin/sh
# start.sh <package> <file> [arguments]: builds what is stale of a package and its dependencies, then becomes node.
# The output of pnpm and turbo goes to a file and is shown only when they fail; `exec` lets signals arrive at the program
# itself.
package=$1 file=$2
shift 2
export TURBO_TELEMETRY_DISABLED=1
log=$(mktemp "${TMPDIR:-/tmp}/kvts-build.XXXXXX") || exit 1
# pnpm installs no more than the package that it is told to start needs, and a script that another one starts is not
# looked at again: an example that comes after `pnpm --filter cmd start` finds nothing of its own installed.
if ! { [ -d node_modules ] || pnpm install --frozen-lockfile; } >"$log" 2>&1 ||
  ! turbo run build --filter="$package..." --output-logs=errors-only >>"$log" 2>&1; then
  cat "$log" >&2
  rm -f "$log"
  exit 1
fi
rm -f "$log"
exec node "$file" "$@"
