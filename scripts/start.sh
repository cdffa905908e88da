#!/bin/sh
# start.sh <package> <file> [arguments]: builds what is stale of a package and its dependencies, then becomes node.
# Turbo's output goes to a file and is shown only when the build fails; `exec` lets signals arrive at the program itself.
package=$1 file=$2
shift 2
export TURBO_TELEMETRY_DISABLED=1
log=$(mktemp "${TMPDIR:-/tmp}/kvts-build.XXXXXX") || exit 1
if ! turbo run build --filter="$package..." --output-logs=errors-only >"$log" 2>&1; then
  cat "$log" >&2
  rm -f "$log"
  exit 1
fi
rm -f "$log"
exec node "$file" "$@"
