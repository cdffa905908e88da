import { hashPair } from "../dataset/hash.ts";
import { isTagged, taggedVersion } from "../dataset/value.ts";
import type { OpenContender, Put } from "../stores/contender.ts";
import { WrongAnswer } from "./answers.ts";
import { PutChunk } from "./put-chunk.ts";
import type { Bench } from "./workload.ts";

const putSeed = 21;
const getSeed = 22;

/**
 * Waves of puts that give random keys one newer version after the other, and gets of random keys meanwhile, whose answers
 * lie between what has been acknowledged and what has been written.
 */
export class GrowingVersions {
  readonly #keys: readonly string[];
  readonly #chunk: PutChunk;
  readonly #wave: Uint32Array;
  /** Versions by key. */
  readonly #acknowledged: Uint32Array;
  readonly #written: Uint32Array;
  #putCount = 0;
  #getCount = 0;

  /**
   * @param versions that every key has at the start
   * @param wavePuts puts between two acknowledgements; fewer where there are fewer entries, or large ones
   */
  constructor({ dataset, keys }: Bench, versions: number, wavePuts: number) {
    this.#keys = keys;
    this.#chunk = new PutChunk(dataset, keys, wavePuts);
    this.#wave = new Uint32Array(this.#chunk.size);
    this.#acknowledged = new Uint32Array(keys.length).fill(versions);
    this.#written = this.#acknowledged.slice();
  }

  /** The puts of the next wave, valid until the one after it. */
  nextWave(): readonly Put[] {
    return Array.from(this.#wave, (_, at) => {
      const index = hashPair(this.#putCount++, putSeed) % this.#keys.length;
      this.#wave[at] = index;
      return this.#chunk.set(at, index, this.#written[index]!++);
    });
  }

  /** The wave has been acknowledged. */
  acknowledge(): void {
    for (const index of this.#wave) this.#acknowledged[index] = this.#written[index]!;
  }

  /**
   * Gets a random key's newest version.
   * @throws WrongAnswer
   */
  get({ sync, async }: OpenContender): Promise<void> | undefined {
    const index = hashPair(this.#getCount++, getSeed) % this.#keys.length;
    const key = this.#keys[index]!;
    if (sync === undefined) return async!.newest(key).then((found) => this.#check(found?.value, index));
    this.#check(sync.newest(key), index);
    return undefined;
  }

  #check(value: Uint8Array | undefined, index: number): void {
    const least = this.#acknowledged[index]!;
    const most = this.#written[index]!;
    if (value === undefined && least === 0) return;
    const versions = value === undefined ? 0 : taggedVersion(value) + 1;
    if (versions < least || versions > most || !isTagged(value!, index, versions - 1)) {
      throw new WrongAnswer(`key ${index}: expected version ${least - 1} to ${most - 1}, got ${versions - 1}`);
    }
  }
}
