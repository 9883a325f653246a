// Who looks at it shows the token of the state folder once.

import { useState } from "./vendor/hooks.js";
import { html, Icon } from "./words.js";
import { ask } from "./server.js";
import { named, name } from "./person.js";

export function Login({ done }) {
  const [refused, setRefused] = useState(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    named(fields.get("who"));
    setBusy(true);
    try {
      await ask("POST", "/session", { token: fields.get("token").trim() });
      done();
    } catch (error) {
      setRefused(error);
    } finally {
      setBusy(false);
    }
  };
  return html`<main class="login">
    <form onSubmit=${submit} aria-labelledby="login-title">
      <h1 id="login-title">cutline</h1>
      <p class="quiet">The proxy’s token is in <code>.cutline/admin.token</code>, in the folder of routes.toml.</p>
      <label>Token<input name="token" type="password" autocomplete="current-password" required autofocus
        spellcheck="false" aria-invalid=${refused ? "true" : null} aria-describedby=${refused ? "login-refused" : null} /></label>
      <label>Your name<input name="who" autocomplete="name" maxlength="100" defaultValue=${name()} aria-describedby="login-who" /></label>
      <p class="quiet" id="login-who">The journal keeps it beside what you change.</p>
      <button class="main" disabled=${busy}>Log in</button>
      <p id="login-refused" role="alert" class=${refused ? "bad refused" : "refused"}>${refused && html`<${Icon} name="warn" />${refused.message}: ${refused.mend}`}</p>
    </form>
  </main>`;
}
