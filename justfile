# The npm package `node` (24) comes first on the PATH, so that tools need no particular Node on the machine.
export PATH := justfile_directory() / "node_modules/.bin" + ":" + env("PATH")
export TURBO_TELEMETRY_DISABLED := "1"

# pnpm as found, else through npx.
pnpm := `command -v pnpm || echo npx -y pnpm@12.21.0`

[private]
default:
    @just --list

# Install what the lockfile says; fails when a package.json no longer agrees with it
install:
    @{{ pnpm }} install --frozen-lockfile

# Build every package whose sources changed
build: install
    @turbo run build

# Generate the Connect types from the proto files
generate: install
    @buf generate

# Fails when the generated types are older than the proto files
check-generated: install
    @node scripts/check-generated.ts

# Formatting, lint and import rules, of TypeScript and of proto files, and whether these still serve older clients
lint: install
    @biome check --error-on-warnings .
    @buf lint
    @buf format --diff --exit-code
    @buf breaking --against packages/api/baseline.binpb

# Put formatting and import order right
format: install
    @biome check --write .
    @buf format --write

# Types of everything, tests and scripts included
typecheck: build
    @turbo run typecheck
    @tsc -p tsconfig.json

# On two cores vitest by itself uses one, and its projects do not take the number from the config that they share.
# Everything that must hold before a commit: the last line says how many tests passed and failed
[no-exit-message]
test: install check-generated build lint typecheck
    @vitest run --maxWorkers=100%

# kvts beside its peers, embedded: `just bench --help` lists what can be chosen
[no-exit-message]
bench *options: build
    @node bench/src/bench.ts {{ options }}

# kvts from one million entries to twenty, from one version a key to ten thousand, and with data of many shapes: `just bench-growth --help`
[no-exit-message]
bench-growth *options: build
    @node bench/src/growth.ts {{ options }}

# A kvts server beside Redis, etcd and PostgreSQL, as far as they are installed: `just bench-server --help`
[no-exit-message]
bench-server *options: build
    @node bench/src/server.ts {{ options }}

# One life of a store on a simulated disk for each seed: `just sim 42`, `just sim --seeds 1000`, `just sim --minutes 30`
[no-exit-message]
sim *options: build
    @node packages/db/src/testing/simulation/sim.ts {{ options }}

# What a server's memory is with ten thousand watches: `just watchers --help`
[no-exit-message]
watchers *options: build
    @node tests/src/soak/watchers.ts {{ options }}

# A store on this disk under load for two hours, its processes killed again and again: `just soak --help`
[no-exit-message]
soak *options: build
    @node tests/src/soak/soak.ts {{ options }}

# A server under load and under attack for an hour, on a disk that fills: `just soak-server --help`
[no-exit-message]
soak-server *options: build
    @node tests/src/soak/server-soak.ts {{ options }}
