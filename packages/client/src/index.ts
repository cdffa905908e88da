export { connect, type GrpcClientOptions } from "./connect.ts";
export * from "./http.ts";
export type { ClientTlsOptions } from "./tls.ts";
export { tlsFetch } from "./tls-fetch.ts";
