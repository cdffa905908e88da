import { resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The directory that the user typed in. A package script runs in its package's folder, and the package manager leaves
 * the folder that was meant in `INIT_CWD`. That variable is inherited by everything a script starts, so it counts only
 * where this process is itself the start script of this package.
 */
export function userDirectory(
  environment: Environment = process.env,
  workingDirectory: string = process.cwd(),
): string {
  const isStartScript = environment.npm_package_name === "@kvts/cmd" && environment.npm_lifecycle_event === "start";
  return (isStartScript ? environment.INIT_CWD : undefined) ?? workingDirectory;
}

/** A path as the user meant it. */
export function userPath(path: string): string {
  return resolve(userDirectory(), path);
}
