export type { Db, LocalReader, LocalSnapshot, Recovery } from "./db.ts";
export { open } from "./open.ts";
export type { Components, OpenOptions, Tuning } from "./options.ts";
export type { LocalEntries } from "./read/local-entries.ts";
