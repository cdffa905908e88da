// The page at /docs: every route of /openapi.json, with a form to call it. It needs nothing but the server it came from.

/** Makes an element; children are elements or text, which stays text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

function field(labelText, help, input) {
  return element("label", {}, labelText, input, element("small", {}, help ?? ""));
}

/** What a parameter is called in the form. */
function parameterField(parameter) {
  const { name, required, description, schema = {} } = parameter;
  const input = element("input", { name: `${parameter.in}:${name}`, autocomplete: "off" });
  if (required) input.required = true;
  return field(`${name} (${parameter.in})`, description ?? schema.description, input);
}

/** The request that a form stands for. */
function requestOf(method, path, form, token) {
  const query = new URLSearchParams();
  const headers = {};
  let target = path;
  let body;
  for (const { name, value } of form.querySelectorAll("input, textarea")) {
    const [place, key] = name.split(/:(.*)/s);
    if (place === "body") body = value === "" ? undefined : value;
    else if (place === "path") target = target.replace(`{${key}}`, encodeURIComponent(value));
    else if (value === "") continue;
    else if (place === "query") query.set(key, value);
    else headers[key] = value;
  }
  if (body !== undefined) headers["content-type"] = form.dataset.type;
  if (token !== "") headers.authorization = `Bearer ${token}`;
  const search = query.size === 0 ? "" : `?${query}`;
  return { url: `${target}${search}`, init: { method: method.toUpperCase(), headers, body, cache: "no-store" } };
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The same request for a shell; the token stays out of it. */
function curlOf({ url, init }) {
  const headers = Object.entries(init.headers).map(([name, value]) =>
    name === "authorization" ? ' -H "authorization: Bearer $KVTS_TOKEN"' : ` -H ${quoted(`${name}: ${value}`)}`,
  );
  const body = init.body === undefined ? "" : ` --data-binary ${quoted(init.body)}`;
  return `curl -X ${init.method}${headers.join("")}${body} ${quoted(new URL(url, location.href).href)}`;
}

async function answerOf({ url, init }) {
  const response = await fetch(url, init);
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  const text = await response.text();
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  const body = isJson && text !== "" ? JSON.stringify(JSON.parse(text), undefined, 2) : text;
  return `${response.status} ${response.statusText}\n${headers.join("\n")}\n\n${body}`;
}

function bodyField(form, content = {}) {
  const type = "application/json" in content ? "application/json" : "application/octet-stream";
  const chosen = "*/*" in content ? "application/octet-stream" : type;
  form.dataset.type = chosen;
  return field("body", chosen, element("textarea", { name: "body:", rows: "4" }));
}

function routeOf(method, path, operation) {
  const form = element("form");
  const output = element("pre");
  for (const parameter of operation.parameters ?? []) form.append(parameterField(parameter));
  if (operation.requestBody !== undefined) form.append(bodyField(form, operation.requestBody.content));
  form.append(element("button", {}, "Send"), output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = requestOf(method, path, form, document.getElementById("token").value);
    output.textContent = curlOf(request);
    answerOf(request).then(
      (text) => output.append(`\n\n${text}`),
      (error) => output.append(`\n\n${error}`),
    );
  });
  const title = element("summary", {}, element("code", {}, `${method.toUpperCase()} ${path}`), ` ${operation.summary}`);
  return element("details", { id: operation.operationId }, title, element("p", {}, operation.description ?? ""), form);
}

async function show() {
  const { info, paths } = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = `${info.description} Version ${info.version}.`;
  const groups = new Map();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "";
      if (!groups.has(tag)) groups.set(tag, element("section", {}, element("h2", {}, tag)));
      groups.get(tag).append(routeOf(method, path, operation));
    }
  }
  document.getElementById("routes").append(...groups.values());
}

show().catch((error) => {
  document.getElementById("about").textContent = `The description of the API could not be read: ${error}`;
});
