// What only the browser knows: light or dark, the size of a file before it is sent, and that the page is being printed.
// The page is light unless the reader of the page chose dark, whatever the operating system says.
(() => {
  const THEME_KEY = "ecgr1-theme";
  const applyTheme = () => {
    const asked = new URL(window.location.href).searchParams.get("__theme");
    document.body.classList.toggle("dark", (asked ?? localStorage.getItem(THEME_KEY)) === "dark");
  };

  window.ecgr1 = {
    refused: "",
    switchDark: () => localStorage.setItem(THEME_KEY, document.body.classList.toggle("dark") ? "dark" : "light"),
  };

  const begin = () => (document.querySelector("#trace-data") ? applyTheme() : window.setTimeout(begin, 50));
  begin();

  // A file over the limit is refused before it is sent; the server keeps the same limit and writes the sentence.
  const refuseTooBig = (event, files) => {
    const limit = Number(window.ecgr1MaxUploadBytes);
    const big = [...(files || [])].find((file) => file.size > limit);
    if (!big) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    window.ecgr1.refused = JSON.stringify({ name: big.name, size_bytes: big.size });
    document.querySelector("#too-big").click();
    if (event.target instanceof HTMLInputElement) event.target.value = "";
  };
  document.addEventListener("drop", (event) => {
    if (event.target.closest?.("#upload")) refuseTooBig(event, event.dataTransfer?.files);
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.closest?.("#upload")) refuseTooBig(event, event.target.files);
  }, true);

  // On paper the trace is light, whole whatever part of it the window shows, and drawn with more pixels than a screen has.
  const PRINTED_WIDTH_PX = 2200;
  const TALL = 0.6; // of its width: a sheet that is higher has its paper to itself
  let shown = null;
  window.addEventListener("beforeprint", () => {
    const [viewer, root] = [window.ecgr1Viewer, document.querySelector("#viewer")];
    const dark = document.body.classList.contains("dark");
    const state = viewer?.state();
    shown = { dark, view: state?.sheet ? { zoom: state.view.zoom, trueSize: state.view.trueSize } : null, scroll: state?.scroll };
    document.body.classList.remove("dark");
    if (!shown.view) return;
    root.style.width = `${PRINTED_WIDTH_PX}px`;
    queueMicrotask(() => { // after the viewer has seen that the page is light
      viewer.change({ zoom: 1 });
      const { sheet, px_per_mm: pxPerMm } = viewer.state();
      const share = root.clientWidth / (sheet.width * pxPerMm);
      viewer.change({ zoom: share > 0.98 ? 1 : share });
      root.classList.toggle("printed-tall", sheet.height > TALL * sheet.width);
    });
  });
  window.addEventListener("afterprint", () => {
    if (!shown) return;
    const { dark, view, scroll } = shown;
    shown = null;
    document.body.classList.toggle("dark", dark);
    if (!view) return;
    document.querySelector("#viewer").style.width = "";
    queueMicrotask(() => {
      window.ecgr1Viewer.change(view);
      document.querySelector("#v-scroll").scrollTo(...scroll);
    });
  });
})();
