// Who the page's requests come from. Tokens and keys stay in this page's memory: nothing is stored, and a reload forgets them.
import { field, make } from "/docs/dom.js";

const held = { email: null, access: null, refresh: null, until: 0, key: null };
const listeners = [];

/** Calls back whenever what is held changes. */
export function onChange(listener) {
  listeners.push(listener);
}

function changed() {
  for (const listener of listeners) listener();
}

/** What is held: `{ token, key, email }`. */
export function holding() {
  return { token: held.access !== null, key: held.key !== null, email: held.email };
}

/** Takes a token answer. */
export function takeTokens(answer) {
  held.access = answer.access_token;
  held.refresh = answer.refresh_token ?? null;
  held.until = answer.expires_in ? Date.now() + answer.expires_in * 1000 : Infinity;
  held.email = answer.user?.email ?? held.email;
  changed();
}

/** Takes an API key. */
export function takeKey(key) {
  held.key = key;
  changed();
}

/** The headers of a kind of credential: `token`, `key` or `none`. A token that is about to end is renewed before. */
export async function headersOf(kind) {
  if (kind === "key" && held.key) return { "x-api-key": held.key };
  if (kind !== "token" || !held.access) return {};
  if (held.refresh && Date.now() > held.until - 10_000) await renew();
  return held.access ? { authorization: `Bearer ${held.access}` } : {};
}

async function ask(path, body) {
  const response = await fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), credentials: "omit", cache: "no-store",
  });
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) {
    const faults = (answer.errors ?? []).map((fault) => `${fault.field} ${fault.message}`);
    throw new Error(faults.join("; ") || answer.detail || `The server answered ${response.status}.`);
  }
  return answer;
}

async function renew() {
  try {
    takeTokens(await ask("/api/v1/auth/refresh", { refresh_token: held.refresh }));
  } catch {
    // The request is sent with what there is, and its answer says what is wrong.
    held.refresh = null;
  }
}

async function signOut() {
  const refresh = held.refresh;
  Object.assign(held, { email: null, access: null, refresh: null, until: 0, key: null });
  changed();
  if (refresh) await ask("/api/v1/auth/logout", { refresh_token: refresh }).catch(() => {});
}

/** Fills the dialog and binds it to its button. */
export function bindDialog(dialog, button) {
  const draw = () => {
    const { token, key, email } = holding();
    const what = [token && (email ?? "a token"), key && "a key"].filter(Boolean).join(", ");
    button.textContent = what ? `Signed in: ${what}` : "Sign in";
  };
  onChange(draw);
  draw();
  button.addEventListener("click", () => {
    dialog.replaceChildren(content(dialog));
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}

function content(dialog) {
  const told = make("p", { class: "told", role: "alert" });
  const email = make("input", { type: "email", autocomplete: "username", name: "email" });
  const password = make("input", { type: "password", autocomplete: "current-password", name: "password" });
  const token = make("input", { type: "password", autocomplete: "off", name: "token" });
  const key = make("input", { type: "password", autocomplete: "off", name: "key" });
  const attempt = (work) => async (event) => {
    event?.preventDefault();
    told.textContent = "";
    try {
      await work();
      dialog.close();
    } catch (error) {
      told.textContent = error.message;
    }
  };
  const enter = (path) => attempt(async () => takeTokens(await ask(path, { email: email.value, password: password.value })));
  const paste = attempt(async () => {
    if (token.value.trim()) takeTokens({ access_token: token.value.trim() });
    if (key.value.trim()) takeKey(key.value.trim());
  });
  const { token: hasToken, key: hasKey } = holding();
  return make("div", {},
    make("h2", { id: "credentials-title" }, "Who sends the requests"),
    make("p", { class: "quiet" }, "What you enter stays in this page until it is closed or loaded anew."),
    told,
    make("form", { submit: enter("/api/v1/auth/login") },
      field("login-email", "E-mail", email), field("login-password", "Password", password, ["10 to 72 bytes"]),
      make("p", { class: "buttons" },
        make("button", { class: "main" }, "Sign in"),
        make("button", { type: "button", id: "register", click: enter("/api/v1/auth/register") }, "Register"))),
    make("form", { submit: paste },
      field("paste-token", "or an access token", token), field("paste-key", "or an API key", key),
      make("p", { class: "buttons" }, make("button", {}, "Use"))),
    make("p", { class: "buttons end" },
      (hasToken || hasKey) && make("button", { type: "button", click: attempt(signOut) }, "Sign out and forget"),
      make("button", { type: "button", click: () => dialog.close() }, "Close")));
}
