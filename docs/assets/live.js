// Start buttons of the live demonstrations. Nothing is loaded before a reader presses one.

for (const block of document.querySelectorAll("[data-live]")) {
  const start = block.querySelector(".live-start");
  const status = block.querySelector("[role='status']");
  const stage = block.querySelector(".live-stage");
  const words = JSON.parse(block.dataset.words);
  start.hidden = false;
  start.addEventListener("click", async () => {
    start.disabled = true;
    status.textContent = words.loading;
    try {
      const { demonstrate } = await import(`./live/${block.dataset.live}.js`);
      const content = await demonstrate({ words, facts: JSON.parse(block.dataset.facts), values: JSON.parse(block.dataset.values) });
      stage.replaceChildren(...content);
      start.hidden = true;
      status.className = "live-spoken";
      status.textContent = words.ready;
      stage.querySelector("input, select, button")?.focus();
    } catch (error) {
      status.textContent = `${words.failed} ${error.message}`;
      start.disabled = false;
    }
  });
}
