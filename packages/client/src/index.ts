export { connect } from "./connect.ts";
export * from "./http.ts";
