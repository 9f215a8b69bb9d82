// The code is in the fragment, which browsers send to no server. It leaves the address at once, and is exchanged when somebody
// presses the button: what only looks at links uses up nothing. Addresses are relative, for a server that is reached below a path.
"use strict";

const at = (id) => document.getElementById(id);
const code = location.hash.slice(1);
const say = (text) => { at("status").textContent = text; };

async function open() {
  at("open").disabled = true;
  say("One moment.");
  try {
    const body = new URLSearchParams({ grant_type: "urn:aftercare:grant:invitation", code });
    const answer = await fetch("oauth/token", { method: "POST", body, cache: "no-store", credentials: "omit" });
    if (answer.status === 400) {
      at("start").hidden = true;
      say("This link is not good any more. Ask whoever you are in touch with for a new one.");
      return;
    }
    if (!answer.ok) throw new Error();
    const keys = await answer.json();
    at("start").hidden = true;
    at("access").value = keys.access_token;
    at("refresh").value = keys.refresh_token;
    at("keys").hidden = false;
    say("It is open.");
  } catch {
    at("open").disabled = false;
    say("That did not work. Try again in a moment.");
  }
}

history.replaceState(null, "", location.pathname);
if (code) {
  at("start").hidden = false;
  at("open").addEventListener("click", open);
} else {
  say("Open this page with the whole link that was sent to you.");
}
