import { equalBytes, type Logger } from "@kvts/common";
import { storeError } from "./io-error.ts";
import type { VersionSet } from "./manifest/version-set.ts";
import type { Settings } from "./options.ts";
import { ClockWatch } from "./retention/clock-watch.ts";
import type { Policy, RetentionState } from "./retention/horizon.ts";
import { Horizons, horizonAt } from "./retention/horizons.ts";
import { advanced, horizonStep, withoutPolicy, withPolicy } from "./retention/policies.ts";

/** Time between two looks at the clock, milliseconds: a step of the shortest policy, within these bounds. */
const TICK_MS_MIN = 1_000;
const TICK_MS_MAX = 60_000;
const MICROS_PER_MS = 1000;

/** What retention asks of the store around it. */
export interface RetentionHost {
  readonly settings: Settings;
  readonly versions: VersionSet;
  lastAssigned(): number;
  /** Writes below are refused from now on. */
  refuseBelow(horizons: Horizons | undefined): void;
  /** Does `step` in the order of commits: behind all writes that have been taken, and before all others. */
  behindTaken(step: () => Promise<void>): Promise<void>;
  /** Puts an edit into the manifest. */
  persist(state: RetentionState): Promise<void>;
  /** Horizons have moved: there may be something to merge. */
  moved(): void;
}

/** A policy, and how far history is cut. Times in microseconds. */
export interface PolicyInForce extends Policy {
  readonly horizon: number;
}

/** What a change of policies comes to. */
export interface RetentionPlan {
  readonly state: RetentionState;
  /** Of the prefix whose policy changes, microseconds. */
  readonly horizon: number;
}

/**
 * Owns policies and horizons. A horizon moves in this order: writes below it are refused; what had been taken is carried
 * out; the manifest has it; reads go by it; merges drop what it hides. So nothing comes to lie below a horizon in force.
 */
export class RetentionKeeper {
  readonly #host: RetentionHost;
  readonly #logger: Logger;
  readonly #clock: ClockWatch;
  readonly #closing: AbortController = new AbortController();
  #state: RetentionState;
  #horizons: Horizons | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #ticking: Promise<void> | undefined;

  constructor(host: RetentionHost) {
    const { components, logger } = host.settings;
    this.#host = host;
    this.#logger = logger;
    this.#clock = new ClockWatch({
      now: () => components.clock.now(),
      monotonicMs: () => components.scheduler.monotonicMs(),
      lastAssigned: () => host.lastAssigned(),
    });
    const { policies = [], horizons = [] } = host.versions.numbers;
    this.#state = { policies, horizons };
    this.#horizons = Horizons.of(horizons);
    host.refuseBelow(this.#horizons);
    this.#tick();
  }

  /** By which reads go from now on; undefined where no history is cut. */
  get horizons(): Horizons | undefined {
    return this.#horizons;
  }

  get state(): RetentionState {
    return this.#state;
  }

  /** In the order of their prefixes. */
  list(): PolicyInForce[] {
    const { policies, horizons } = this.#state;
    return policies.map((policy) => ({ ...policy, horizon: horizonAt(horizons, policy.prefix) }));
  }

  /** What {@link change} would do now. @throws INVALID_ARGUMENT */
  plan(prefix: Uint8Array, keepFor: number | undefined | "none"): RetentionPlan {
    const changed =
      keepFor === "none" ? withoutPolicy(this.#state, prefix) : withPolicy(this.#state, { prefix, keepFor });
    const now = this.#clock.trusted();
    const state = now === undefined ? changed : advanced(changed, now, false);
    return { state, horizon: horizonAt(state.horizons, prefix) };
  }

  /**
   * Sets the policy of a prefix, or takes it away, and moves horizons at once where the clock can be trusted.
   * @param keepFor microseconds, undefined for ever, "none" for no policy
   * @returns the prefix's horizon, microseconds
   */
  change(prefix: Uint8Array, keepFor: number | undefined | "none"): Promise<number> {
    return this.#inTurn(async () => {
      const { state, horizon } = this.plan(prefix, keepFor);
      await this.#apply(state);
      this.#tick();
      return horizon;
    });
  }

  /** Whether the prefix has a policy of its own. */
  has(prefix: Uint8Array): boolean {
    return this.#state.policies.some((policy) => equalBytes(policy.prefix, prefix));
  }

  /** Ends the ticking; what is under way is carried out. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#ticking;
    await this.#turn;
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #apply(state: RetentionState): Promise<void> {
    const horizons = Horizons.of(state.horizons);
    this.#host.refuseBelow(horizons);
    try {
      await this.#host.behindTaken(async () => {
        await this.#host.persist(state);
        this.#state = state;
        this.#horizons = horizons;
      });
    } catch (error) {
      this.#host.refuseBelow(this.#horizons);
      throw error;
    }
    this.#host.moved();
  }

  /** While a policy limits history, looks at the clock again and again. */
  #tick(): void {
    if (this.#tickMs() !== undefined) this.#ticking ??= this.#run().finally(() => (this.#ticking = undefined));
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let ms = this.#tickMs(); ms !== undefined && !signal.aborted; ms = this.#tickMs()) {
      await this.#host.settings.components.scheduler.delay(ms, signal);
      if (!signal.aborted) await this.#inTurn(() => this.#advance());
    }
  }

  async #advance(): Promise<void> {
    const now = this.#clock.trusted();
    const state = now === undefined ? this.#state : advanced(this.#state, now, true);
    if (state === this.#state) return;
    try {
      await this.#apply(state);
    } catch (error) {
      this.#logger.warn({ err: storeError(error) }, "horizons could not be moved; they will be tried again");
    }
  }

  /** Undefined where no policy limits history. */
  #tickMs(): number | undefined {
    const steps = this.#state.policies.flatMap(({ keepFor }) => (keepFor === undefined ? [] : [horizonStep(keepFor)]));
    if (steps.length === 0) return undefined;
    return Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, Math.min(...steps) / MICROS_PER_MS));
  }
}
