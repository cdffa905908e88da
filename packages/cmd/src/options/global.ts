/** Options that every command takes. */
export interface GlobalOptions {
  /** Answers as JSON, one object a line; failures too, on stderr. */
  json: boolean;
}
