// Public pages: the menu of small screens, and tabs. Both are readable without it.
const button = document.querySelector(".menu-button");
const menu = document.getElementById("mobile-menu");
if (button && menu) {
  const set = (open) => {
    menu.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => set(menu.hidden));
  menu.addEventListener("click", (event) => { if (event.target.closest("a")) { set(false); } });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.hidden) { set(false); button.focus(); }
  });
}

for (const list of document.querySelectorAll("[role=tablist]")) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
  };
  list.hidden = false;
  choose(tabs[0]);
  for (const [place, tab] of tabs.entries()) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) { return; }
      const next = tabs[(place + step + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  }
}

// The wiki is searched while it is typed; without this by its button.
const search = document.getElementById("wiki-search-form");
if (search) {
  const results = document.getElementById("wiki-results");
  let waiting = 0;
  const look = async () => {
    const asked = `/wiki?${new URLSearchParams(new FormData(search))}`;
    const answer = await fetch(asked, { headers: { Accept: "text/html" } });
    if (!answer.ok) { return; }
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("wiki-results");
    results.replaceChildren(...found.childNodes);
    history.replaceState(null, "", asked);
  };
  search.elements.q.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 300);
  });
}
