// Small helpers of the pages; everything is readable without them.

const root = document.body;

document.querySelector("[data-scheme-switch]")?.addEventListener("click", () => {
  const scheme = root.dataset.mdColorScheme === "slate" ? "default" : "slate";
  root.dataset.mdColorScheme = scheme;
  try { localStorage.setItem("atlas-scheme", scheme); } catch { /* private browsing */ }
});

const menu = document.querySelector("[data-menu]");
const drawer = document.getElementById("__drawer");
menu?.addEventListener("click", () => drawer.click());
drawer?.addEventListener("change", () => menu?.setAttribute("aria-expanded", drawer.checked));
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && drawer?.checked) { drawer.click(); menu?.focus(); }
});

// Copy buttons: one for a whole source file, one for each listing.
const { words } = root.querySelector(".md-content")?.dataset ?? {};
const [copy, copied, failed] = (words ?? "Copy|Copied|Could not copy").split("|");

function copies(button, text) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(await text());
      button.textContent = copied;
    } catch {
      button.textContent = failed;
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

async function download(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

for (const button of document.querySelectorAll(".copy-file")) copies(button, () => download(button.dataset.source));
for (const code of document.querySelectorAll(".md-typeset pre > code")) {
  if (code.closest(".edition, .edition-code, .doc-signature")) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy-code";
  button.textContent = copy;
  copies(button, () => code.innerText);
  code.parentElement.append(button);
}

// A link into a closed table opens it.
function reveal() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const closed = target && target.closest("details:not([open])");
  if (closed) { closed.open = true; target.scrollIntoView(); }
}
addEventListener("hashchange", reveal);
reveal();

// Filters of the reading list; their state lies in the address.
const filters = document.querySelector(".filters");
if (filters) {
  const entries = [...document.querySelectorAll(".entries > .entry")];
  const output = filters.querySelector("output");
  const selects = [...filters.querySelectorAll("select")];
  const address = new URL(location.href);
  for (const select of selects) {
    const wanted = address.searchParams.get(select.name);
    if ([...select.options].some((option) => option.value === wanted)) select.value = wanted;
  }
  const apply = () => {
    let shown = 0;
    for (const entry of entries) {
      entry.hidden = selects.some((select) => select.value && entry.dataset[select.name] !== select.value);
      shown += entry.hidden ? 0 : 1;
    }
    for (const list of document.querySelectorAll(".entries")) {
      const empty = [...list.children].every((entry) => entry.hidden);
      list.hidden = empty;
      if (list.previousElementSibling?.tagName === "H3") list.previousElementSibling.hidden = empty;
    }
    output.textContent = output.dataset.text.replace("{shown}", shown).replace("{all}", entries.length);
  };
  filters.addEventListener("change", () => {
    const now = new URL(location.href);
    for (const select of selects) {
      if (select.value) now.searchParams.set(select.name, select.value);
      else now.searchParams.delete(select.name);
    }
    history.replaceState(null, "", now);
    apply();
  });
  filters.hidden = false;
  apply();
}
