import { abortable, type CallOptions } from "@kvts/common";
import { readTarget, type TargetOptions } from "../options/target.ts";
import { askAdmin } from "./ask-admin.ts";
import { openDirectory } from "./open-directory.ts";

/** What can be asked of a store besides reading and writing. */
export type UpkeepTask = "flush" | "compact";

/**
 * Has the store that the options name do a task, and waits until it is done.
 * @throws CANCELLED once the call's signal has fired
 */
export async function runUpkeep(task: UpkeepTask, options: TargetOptions, call: CallOptions): Promise<void> {
  const target = readTarget(options);
  if ("url" in target) {
    await askAdmin(target, async (admin, options) => void (await admin[task]({}, options)), call);
    return;
  }
  await using store = await openDirectory(target.directory, "read");
  await abortable(store[task](), call.signal);
}
