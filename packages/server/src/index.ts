export { createLogger, type LoggerOptions } from "./logging.ts";
export type { ServeOptions } from "./options.ts";
export { type Server, serve } from "./serve.ts";
