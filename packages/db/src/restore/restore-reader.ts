import type { Change, Entries, Entry, Key, ResolvedRange } from "@kvts/common";
import { NUMBER_MAX } from "../format/version-record.ts";
import { Diff } from "../read/diff.ts";
import { checkFloor } from "../read/floor.ts";
import type { KeyForm } from "../read/key-decoder.ts";
import { makeLocalEntries } from "../read/local-entries.ts";
import type { Pin } from "../read/pins.ts";
import type { ReadSource } from "../read/read-source.ts";
import { EngineReader } from "../read/reader.ts";
import { successor } from "../read/scan.ts";
import type { RestoreMoment } from "./operation.ts";

/** Finds out what has become of keys since the moment that a restore goes back to, at any pinned seq. */
export class RestoreReader<K extends Key> {
  /** The greatest timestamp seen of what came after that moment; 0 where nothing did. */
  newest = 0;
  readonly #source: (pin: Pin) => ReadSource;
  readonly #moment: RestoreMoment;
  readonly #form: KeyForm;
  readonly #signal: AbortSignal;

  constructor(source: (pin: Pin) => ReadSource, moment: RestoreMoment, form: KeyForm, signal: AbortSignal) {
    this.#form = form;
    this.#source = source;
    this.#moment = moment;
    this.#signal = signal;
  }

  /**
   * Every key of the range that does not look as it did, in order.
   * @param batchDone awaited now and then, when some have been told
   */
  async walk(
    range: ResolvedRange,
    pin: Pin,
    found: (change: Change<K>) => void,
    batchDone?: () => Promise<void>,
  ): Promise<void> {
    await using changes = this.#changes(range, pin);
    for (;;) {
      const batch = await changes.nextv(BATCH_ITEMS);
      if (batch.length === 0) return;
      for (const change of batch) found(change);
      await batchDone?.();
    }
  }

  /** What has become of one key; undefined where it looks as it did. */
  async changeOf(key: Uint8Array, pin: Pin): Promise<Change<K> | undefined> {
    await using changes = this.#changes({ start: key, end: successor(key) }, pin);
    return (await changes.nextv(1))[0];
  }

  /** What a key held at the moment. */
  stateOf(key: Uint8Array, pin: Pin): Promise<Entry<K> | undefined> {
    return new EngineReader<K>(this.#source(pin), this.#form).get(key, { asOf: this.#moment.to });
  }

  #changes(range: ResolvedRange, pin: Pin): Entries<Change<K>> {
    const { to, now } = this.#moment;
    return makeLocalEntries<Change<K>>(this.#source(pin), { signal: this.#signal }, () => ({
      limit: Number.POSITIVE_INFINITY,
      open: (seq, horizons) => {
        checkFloor(horizons, range, to);
        return new Diff<K>(range, to, NUMBER_MAX, seq, this.#form, {
          expiresBy: now,
          sawNewer: (timestamp) => {
            if (timestamp > this.newest) this.newest = timestamp;
          },
        });
      },
    }));
  }
}

const BATCH_ITEMS = 256;
