import { KvtsError } from "@kvts/common";

// As node-file-system.ts asks for node:fs.
const load = process.getBuiltinModule("node:module").createRequire(import.meta.url);

/**
 * Loads a package with native code when it is first needed, so that a platform without a build of it is told so in one
 * sentence instead of failing to import kvts.
 * @param binding its file with the native code, where that is known: the package then need not look for it. Where there
 *   is none, or it does not fit, the package has its turn.
 * @throws UNIMPLEMENTED
 */
export function loadNativePackage(name: string, binding?: string): unknown {
  try {
    if (binding !== undefined) return load(`${name}/${binding}`);
  } catch {
    // The package knows more places, and fails in its own words.
  }
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
