import { ARENA_BYTES_DEFAULT, Arena } from "./arena.ts";
import { SLAB_BYTES, type SlabPool } from "./extents.ts";
import { Memtable } from "./memtable.ts";

export interface ArenaPoolOptions {
  /** Bytes in one arena. Default 32 MiB. */
  readonly arenaBytes?: number;
  /** Most arenas kept while no memtable uses them. Default 2: one is filled while another is flushed. */
  readonly idleArenasMax?: number;
  /** Most bytes of extent slabs kept while no memtable uses them. Default 96 MiB: what one memtable may hold. */
  readonly idleSlabBytesMax?: number;
}

/** Larger arenas are multiples of this, so that they too can be used again. */
const LARGE_ARENA_STEP_BYTES = 16 * 1024 * 1024;

/**
 * The memory of memtables, used again and again. A dropped SharedArrayBuffer is not freed before every thread that saw
 * it has collected its garbage, which under load is gigabytes too late: so nothing is dropped that a steady load uses.
 */
export class ArenaPool implements SlabPool {
  readonly arenaBytes: number;
  readonly #idleArenasMax: number;
  readonly #idleSlabsMax: number;
  /** Least recently used first. */
  readonly #arenas: Arena[] = [];
  readonly #slabs: SharedArrayBuffer[] = [];

  constructor(options: ArenaPoolOptions = {}) {
    this.arenaBytes = options.arenaBytes ?? ARENA_BYTES_DEFAULT;
    this.#idleArenasMax = options.idleArenasMax ?? 2;
    this.#idleSlabsMax = Math.ceil((options.idleSlabBytesMax ?? 96 * 1024 * 1024) / SLAB_BYTES);
  }

  /** Bytes kept for the next memtables. */
  get idleBytes(): number {
    return this.#arenas.reduce((sum, arena) => sum + arena.bytes, this.#slabs.length * SLAB_BYTES);
  }

  /**
   * An empty memtable in an arena of at least `bytesMin` bytes.
   * {@link give} it back.
   */
  take(bytesMin: number = this.arenaBytes): Memtable {
    return Memtable.create(this.#takeArena(bytesMin), this);
  }

  /** Takes a memtable's memory back. Nobody, on any thread, may read it any more. */
  give(memtable: Memtable): void {
    const { arena, slabs } = memtable.dissolve();
    this.#arenas.push(arena);
    if (this.#arenas.length > this.#idleArenasMax) this.#arenas.shift();
    // Many loads have long values only now and then: slabs that nobody took since the last memtable came back go by halves.
    this.#slabs.length >>>= 1;
    this.#slabs.push(...slabs.slice(0, this.#idleSlabsMax - this.#slabs.length));
  }

  acquireSlab(): SharedArrayBuffer {
    return this.#slabs.pop() ?? new SharedArrayBuffer(SLAB_BYTES);
  }

  /** The smallest idle arena that is large enough, or a new one. */
  #takeArena(bytesMin: number): Arena {
    let best: Arena | undefined;
    for (const arena of this.#arenas) {
      if (arena.bytes >= bytesMin && (best === undefined || arena.bytes < best.bytes)) best = arena;
    }
    if (best !== undefined) {
      this.#arenas.splice(this.#arenas.indexOf(best), 1);
      return best;
    }
    const steps = Math.ceil(bytesMin / LARGE_ARENA_STEP_BYTES);
    return Arena.allocate(bytesMin <= this.arenaBytes ? this.arenaBytes : steps * LARGE_ARENA_STEP_BYTES);
  }
}
