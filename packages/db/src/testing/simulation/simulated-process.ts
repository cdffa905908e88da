import { InlineRunner } from "../../compaction/runner.ts";
import type { OpenOptions } from "../../options.ts";
import { type CrashImage, crashImage } from "../crash-images.ts";
import { type Fault, FaultFileSystem, type FaultOptions } from "../fault-file-system.ts";
import type { FileCall } from "../file-call.ts";
import type { ManualClock } from "../manual-clock.ts";
import type { MemoryFileSystem } from "../memory-file-system.ts";
import type { Random } from "../random.ts";
import { TestStore } from "../test-store.ts";
import type { StoreSettings } from "../tiny-options.ts";
import { type Activity, ActivityWatch } from "./activity.ts";
import { SeededScheduler } from "./seeded-scheduler.ts";
import { SimulatedRunner } from "./simulated-runner.ts";
import type { Trace } from "./trace.ts";
import { TracedFileSystem } from "./traced-file-system.ts";

/** When the power goes, and what stays. */
export interface CutPlan {
  /** At the call of this number, from 1, among those of the activity, or of all. */
  readonly at: number;
  readonly activity: Activity | undefined;
  /** How much of what was not synced reaches the disk; with 1 only the process is killed. */
  readonly share: number;
}

/** A cut that has happened. */
export interface Cut {
  readonly activity: Activity;
  readonly share: number;
  readonly image: CrashImage;
}

export interface SimulatedProcessOptions {
  readonly random: Random;
  readonly disk: MemoryFileSystem;
  readonly clock: ManualClock;
  readonly settings: StoreSettings;
  readonly trace: Trace;
  readonly cut: CutPlan | undefined;
  /** Which calls to the disk may fail. */
  readonly faultKinds: NonNullable<FaultOptions["kinds"]>;
  /** See {@link SimulatedRunner}. */
  readonly workerDeathShare: number;
}

/** One process with a store on a simulated disk, from its start to its end, whichever that is. */
export class SimulatedProcess {
  readonly store: TestStore;
  readonly scheduler: SeededScheduler;
  readonly watch: ActivityWatch = new ActivityWatch();
  /** Set once the power was cut. */
  cut: Cut | undefined;
  /** What is in the store for certain even if the next power cut loses what was not synced. */
  durableBatches = 0;
  /** Something has gone wrong that is not the store's fault: it may refuse, with a reason. */
  workerDeaths = 0;
  readonly #options: SimulatedProcessOptions;
  readonly #faulty: FaultFileSystem;
  #calls = 0;

  constructor(options: SimulatedProcessOptions) {
    const { random, disk, clock, settings, trace, faultKinds } = options;
    this.#options = options;
    const scheduler = new SeededScheduler(random);
    this.scheduler = scheduler;
    disk.turn = () => scheduler.fileCall();
    disk.onCall = (call) => this.#called(call);
    this.#faulty = new FaultFileSystem(disk, {
      kinds: faultKinds,
      onFailedSync: (path) => disk.loseUnsynced(path, random.coin(0.5)),
    });
    this.store = new TestStore({
      settings,
      fileSystem: new TracedFileSystem(this.#faulty, trace, () => scheduler.monotonicMs()),
      clock,
      scheduler,
      runner: (fileSystem) => this.#runner(new InlineRunner(fileSystem, scheduler)),
      randomBytes: () => random.bytes(16),
    });
  }

  /** Lets the process live until `work` is done. Undefined where the power was cut. */
  run<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.scheduler.run(work());
  }

  /** Components for a repair in this process. */
  get components(): NonNullable<OpenOptions["components"]> {
    const { random, clock } = this.#options;
    const { fileSystem } = this.store;
    const { scheduler } = this;
    return {
      fileSystem,
      clock,
      scheduler,
      runner: this.#runner(new InlineRunner(fileSystem, scheduler)),
      randomBytes: () => random.bytes(16),
    };
  }

  /** Lets calls fail from one of the next on. */
  breakDisk(fault: Omit<Fault, "at">, inCalls: number): void {
    this.#faulty.fault = { ...fault, at: this.#faulty.calls + inCalls };
  }

  healDisk(): void {
    this.#faulty.fault = undefined;
  }

  /** Calls that have failed. */
  get faults(): number {
    return this.#faulty.hits;
  }

  #runner(inner: InlineRunner): SimulatedRunner {
    const { random, workerDeathShare } = this.#options;
    return new SimulatedRunner(inner, random, {
      scheduler: this.scheduler,
      watch: this.watch,
      deathShare: workerDeathShare,
      died: () => {
        this.workerDeaths++;
      },
    });
  }

  /** Cuts the power where it is time. */
  #called(call: FileCall): void {
    const activity = this.watch.of(call);
    const { cut: plan, trace } = this.#options;
    if (plan === undefined || this.cut !== undefined) return;
    if (plan.activity !== undefined && plan.activity !== activity) return;
    if (++this.#calls < plan.at) return;
    this.#cut(plan, activity, call);
    trace.note(`power cut: ${this.cut!.image.moment}`);
    this.scheduler.halt();
  }

  #cut({ share }: CutPlan, activity: Activity, { kind, path }: FileCall): void {
    const { random, disk, settings } = this.#options;
    // A failed sync may lose what a killed process leaves with the system, as a power cut does.
    const isLossy = settings.durability === "buffered" && (share < 1 || this.faults > 0);
    const durableBatches = isLossy ? this.durableBatches : undefined;
    const moment = `a ${share === 1 ? "kill" : "power cut"} in ${activity}, at ${kind} ${path}, with ${share} of what was not synced`;
    const image = crashImage(random, { store: this.store, fileSystem: disk, share, durableBatches, moment });
    this.cut = { activity, share, image };
  }
}
