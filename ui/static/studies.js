// Small things of the pages of studies and people: work in the background that is looked at, copying, fields that belong
// to a choice.
(() => {
  "use strict";
  const LOOK_EVERY_MS = 1000;
  const job = document.querySelector("#job[data-running]");
  const look = async () => {
    const { status, data } = await window.ecgr1Send.send(job.dataset.job);
    if (status === 200) job.textContent = data.told;
    if (status === 200 && data.ended) location.reload();
    else window.setTimeout(look, LOOK_EVERY_MS);
  };
  if (job) look();

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const input = button.parentElement.querySelector("input");
    input.select();
    try { await navigator.clipboard.writeText(input.value); button.textContent = button.dataset.copied; } catch { /* it is selected: Ctrl+C */ }
  });

  const reader = document.querySelector("select[name=reader]");
  const elsewhere = document.querySelector("[data-elsewhere]");
  const show = () => { if (elsewhere) elsewhere.hidden = reader.value !== "elsewhere"; };
  reader?.addEventListener("change", show);
  show();
})();
