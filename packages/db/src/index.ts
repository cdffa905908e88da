export type { Db, LocalReader, LocalSnapshot } from "./db.ts";
export { open } from "./open.ts";
export type { Components, OpenOptions, Tuning } from "./options.ts";
export type { LocalEntries } from "./read/local-entries.ts";
export type { Recovery } from "./recovered.ts";
