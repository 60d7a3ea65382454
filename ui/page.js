// What only the browser knows: the width of the trace box, light or dark, and the size of a file before it is sent.
// The page is light unless the reader of the page chose dark, whatever the operating system says.
(() => {
  const THEME_KEY = "ecgr1-theme";
  const applyTheme = () => {
    const asked = new URL(window.location.href).searchParams.get("__theme");
    document.body.classList.toggle("dark", (asked ?? localStorage.getItem(THEME_KEY)) === "dark");
  };

  let drawnWidth = 0;
  const boxWidth = () => {
    const box = document.querySelector("#trace-box");
    return box ? Math.floor(box.clientWidth) : 0;
  };

  window.ecgr1 = {
    refused: "",
    // Replaces the last two inputs of an event, the width of the trace box and dark, by what they are now.
    view: (inputs) => {
      drawnWidth = boxWidth();
      return [...inputs.slice(0, -2), drawnWidth, document.body.classList.contains("dark")];
    },
    switchDark: (inputs) => {
      const dark = document.body.classList.toggle("dark");
      localStorage.setItem(THEME_KEY, dark ? "dark" : "light");
      return window.ecgr1.view(inputs);
    },
  };

  let waiting = 0;
  window.addEventListener("resize", () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      if (drawnWidth && Math.abs(boxWidth() - drawnWidth) > 8) document.querySelector("#redraw")?.click();
    }, 250);
  });

  // The server puts figures into #trace-data as JSON; they are drawn with the Plotly that Gradio carries.
  const plotly = async () => {
    while (!window.Plotly) await new Promise((resolve) => window.setTimeout(resolve, 20));
    return window.Plotly;
  };
  let drawn = "";
  const draw = async () => {
    const data = document.querySelector("#trace-data .figure")?.textContent;
    if (!data || data === drawn) return;
    drawn = data;
    const library = await plotly();
    if (data !== drawn) return;
    const figure = JSON.parse(data);
    const settings = { displayModeBar: false, doubleClick: false, responsive: false };
    await library.react(document.querySelector("#trace"), figure.data, figure.layout, settings);
  };
  const watch = () => {
    const holder = document.querySelector("#trace-data");
    if (!holder) return window.setTimeout(watch, 50);
    applyTheme();
    new MutationObserver(draw).observe(holder, { childList: true, subtree: true, characterData: true });
    draw();
  };
  watch();

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
})();
