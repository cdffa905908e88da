import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk of its own, in memory, that a test may fill. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Leaves `bytes` free, about; what there is more goes to a file beside everything else. */
  fill(bytes: number): void;
  /** Removes that file. */
  makeRoom(): void;
  /** Allows reading alone. */
  makeReadOnly(): void;
}

/** A disk of `bytes`. Undefined where this user may not mount one. */
export function mountSmallDisk(bytes: number): SmallDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), "kvts-disk-"));
  const ballast = join(path, "ballast");
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path], { stdio: "ignore" });
  } catch {
    rmdirSync(path);
    return undefined;
  }
  return {
    path,
    fill(left) {
      const { bavail, bsize } = statfsSync(path);
      appendFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - left)));
    },
    makeRoom: () => rmSync(ballast),
    makeReadOnly: () => void execFileSync("mount", ["-o", "remount,ro", path]),
    [Symbol.dispose]() {
      execFileSync("umount", [path]);
      rmdirSync(path);
    },
  };
}
