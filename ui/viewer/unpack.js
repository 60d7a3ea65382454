// Packed samples, as ecgr1_core/render/segments.py makes them, as numbers again. Knows nothing of recordings.

// The bytes of a zlib stream in base64.
async function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// One Float32Array in mV for each row; NaN where a sample is unknown.
async function unpacked({ data, planes, samples, steps_mv: steps, zeros_mv: zeros }) {
  const bytes = await bytesOf(data);
  const all = steps.length * samples;
  const unknown = planes * all; // where the bits of unknown samples begin
  return steps.map((step, number) => {
    const row = new Float32Array(samples);
    const zero = zeros[number];
    let count = 0;
    for (let i = 0, at = number * samples; i < samples; i += 1, at += 1) {
      let signed = bytes[at];
      for (let plane = 1; plane < planes; plane += 1) signed |= bytes[plane * all + at] << (8 * plane);
      count += (signed >>> 1) ^ -(signed & 1);
      row[i] = bytes[unknown + (at >> 3)] & (128 >> (at & 7)) ? NaN : zero + count * step;
    }
    return row;
  });
}
