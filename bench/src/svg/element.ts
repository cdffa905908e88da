export type Attributes = Readonly<Record<string, string | number>>;

/** An SVG element as text. Children are elements, or text that has been through {@link escapeText}. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(formatValue(value))}"`);
  const start = `<${name}${written.join("")}`;
  return children.length === 0 ? `${start}/>` : `${start}>${children.join("")}</${name}>`;
}

/** Text at a place, in a class of the style sheet. */
export function text(x: number, y: number, className: string, content: string): string {
  return element("text", { x, y, class: className }, escapeText(content));
}

export function escapeText(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A tenth of a pixel is enough, and keeps files small and their changes few. */
function formatValue(value: string | number): string {
  return typeof value === "string" ? value : String(Math.round(value * 10) / 10);
}
