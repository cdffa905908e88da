export type { Role } from "./auth/grant.ts";
export { type CreatedToken, openTokens, type TokenAdmin, type TokenInfo, type TokenRequest } from "./auth/tokens.ts";
export { createLogger, type LoggerOptions } from "./logging.ts";
export type { ServeOptions, TlsOptions } from "./options.ts";
export { checkServeOptions, type Server, serve } from "./serve.ts";
