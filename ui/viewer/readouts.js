// What the viewer says in words: the text alternative, the legend, the list of calipers and QTc.

function tellSheet(viewer) {
  const { recording, view, words } = viewer;
  viewer.part("pages").hidden = !viewer.isLong || view.view !== "page";
  viewer.part("true").setAttribute("aria-pressed", String(view.trueSize));
  const rate = recording.marks?.heart_rate_bpm;
  const parts = [
    words.text.replace("{seconds}", tidy(recording.duration)).replace("{footer}", viewer.sheet.footer.replaceAll("    ", ", ")),
    viewer.part("layout").selectedOptions[0].textContent,
  ];
  if (rate) parts.push(words.text_rate.replace("{rate}", Math.round(rate)));
  if (recording.missing.size) parts.push(`${words.not_recorded}: ${[...recording.missing].join(", ")}`);
  viewer.part("text").textContent = `${parts.join(". ")}.`;
  const seen = new Set((recording.marks?.beats ?? []).map((beat) => beat[1]));
  const legend = Object.entries(words.kind_legend).filter(([kind]) => seen.has(kind)).map(([, text]) => text);
  if (recording.marks?.spikes_s.length) legend.push(words.spike_legend);
  if (view.marks && recording.marks) legend.unshift(words.marks_legend);
  viewer.part("legend").textContent = legend.join(" · ");
  tellCalipers(viewer);
}

function tellCalipers(viewer) {
  const { words, calipers, sheet } = viewer;
  const list = viewer.part("list");
  const rows = sheet ? calipers.list.map((caliper) => caliperRow(words, caliper, calipers.read(sheet, caliper))) : [];
  list.replaceChildren(...rows);
  list.hidden = !rows.length;
  const qt = sheet && calipers.corrected(sheet, viewer.recording.marks?.rr_ms);
  const sentence = !qt ? "" : qt.rr === null ? words.qtc_no_rr
    : words.qtc.replace("{rr_from}", qt.measured ? words.rr_measured : words.rr_caliper);
  viewer.part("qtc").textContent = ["qt", "rr", "bazett", "fridericia"].reduce((text, name) =>
    text.replace(`{${name}}`, Math.round(qt?.[name] ?? NaN)), sentence);
}

function caliperRow(words, caliper, read) {
  const row = document.createElement("li");
  row.dataset.id = caliper.id;
  const text = document.createElement("span");
  const parts = read === null ? [words.not_on_sheet] : [
    `${read.lead}   ${Math.round(read.ms)} ms`, read.bpm === null ? "" : `${Math.round(read.bpm)}/min`,
    read.mv === null ? "" : `${signed(read.mv)} mV`, `${read.across_mm.toFixed(1)} × ${read.up_mm.toFixed(1)} mm`,
  ];
  text.textContent = `${caliper.id}   ${parts.filter(Boolean).join("   ")}`;
  const role = document.createElement("select");
  role.setAttribute("aria-label", words.caliper_is.replace("{id}", caliper.id));
  for (const [value, label] of Object.entries(words.roles)) role.add(new Option(label, value, false, caliper.role === value));
  const gone = document.createElement("button");
  gone.type = "button";
  gone.textContent = "✕";
  gone.setAttribute("aria-label", words.remove.replace("{id}", caliper.id));
  row.append(text, role, gone);
  return row;
}
