import { createRequire } from "node:module";
import { KvtsError } from "@kvts/common";

const load = createRequire(import.meta.url);

/**
 * Loads a package with native code when it is first needed, so that a platform without a build of it is told so in one
 * sentence instead of failing to import kvts.
 * @throws UNIMPLEMENTED
 */
export function loadNativePackage(name: string): unknown {
  try {
    return load(name);
  } catch (cause) {
    const { platform, arch } = process;
    throw new KvtsError(
      "UNIMPLEMENTED",
      `the package ${name} has no working build for ${platform}-${arch}; ` +
        `install it for this platform (npm install ${name}), or run kvts on one that it supports.`,
      { details: { package: name, platform, architecture: arch }, cause },
    );
  }
}
