/**
 * Loads a package that may be missing, as `T` describes the part of it that is used here: what is optional must not be
 * needed to check the types of everything else.
 */
export async function loadPackage<T>(name: string): Promise<T> {
  return (await import(name)) as T;
}
