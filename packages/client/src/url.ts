import { invalidArgument } from "@kvts/common";

/**
 * A server's address, checked, without a slash at its end.
 * @param example shown to whoever wrote it wrongly
 * @throws INVALID_ARGUMENT
 */
export function checkUrl(url: string | URL, example: string): string {
  const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined;
  if (parsed !== undefined && (parsed.username !== "" || parsed.password !== "")) {
    throw invalidArgument("the server's URL must not hold a user name or password; pass them in the headers option");
  }
  if (parsed === undefined || (parsed.protocol !== "http:" && parsed.protocol !== "https:")) {
    throw invalidArgument(
      `the server's URL ${JSON.stringify(String(url))} cannot be used; write one such as ${example}`,
    );
  }
  if (parsed.search !== "" || parsed.hash !== "") {
    throw invalidArgument(`the server's URL ends after its path; write one such as ${example}`);
  }
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, "")}`;
}
